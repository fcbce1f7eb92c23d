#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#pragma OPENCL FP_CONTRACT OFF

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void wide(
    __global uchar *x_base, ulong x_at,
    __global uchar *d_base, ulong d_at,
    __global uchar *y_base, ulong y_at) {
  __global const long *x = (__global const long *)(x_base + x_at);
  __global double *d = (__global double *)(d_base + d_at);
  __global long *y = (__global long *)(y_base + y_at);
  int item = (int)get_local_id(0);
  long x0 = x[item];
  long n0 = (long)(((ulong)x0 * 3ul + 9223372036854775808ul) / 3ul);
  y[item] = n0;
  double d0 = d[(int)n0];
  double t0 = d0 * 0.1;
  double t1 = t0 < (double)x0 ? as_double(0x7ff8000000000000l) : t0;
  d[item] = erf(t1 + (double)(ulong)(uint)(int)x0);
}
