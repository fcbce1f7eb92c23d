#pragma OPENCL FP_CONTRACT OFF

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void wrapping(
    __global uchar *x_base, ulong x_at,
    __global uchar *y_base, ulong y_at) {
  __global const int *x = (__global const int *)(x_base + x_at);
  __global int *y = (__global int *)(y_base + y_at);
  int x0 = x[0];
  int x1 = x[1];
  y[0] = (int)((uint)x0 * (uint)x1 + 2147483648u);
  y[1] = (int)((uint)x1 - (0u - (uint)x0));
  int n0 = (int)(((uint)((int)((uint)x0 / 5u) >> 5) << x1) | (uint)x0);
  y[2] = n0;
  int n1 = 0;
  int n2 = 0;
  y[3] = (int)((uint)(5 / n1) + (uint)(x0 % n2));
  y[4] = (int)(2147483647u + 5u);
}

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void floats(
    __global uchar *x_base, ulong x_at,
    __global uchar *y_base, ulong y_at) {
  __global const float *x = (__global const float *)(x_base + x_at);
  __global float *y = (__global float *)(y_base + y_at);
  int item = (int)get_local_id(0);
  float x0 = x[item];
  y[item] = 3.4028235e+38f / (x0 - (0.33333334f - -x0));
  bool is0 = x0 != x0;
  float t0 = is0 != !(x0 <= 1e-45f) ? (is0 ? as_float(0x7fc00000) : -INFINITY) : -0.0f;
  y[1] = t0;
  float t1 = pow(fabs(rint(exp(x0))), 0.33333334f);
  y[2] = t1;
  y[3] = (float)(uint)(int)t1;
  float t2 = (float)(x0 < 0.33333334f || x0 > 0.33333334f);
  y[as_int(x0)] = t2;
}

// a comment\.
__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void loops(
    __global uchar *v_float0_base, ulong v_float0_at,
    __global uchar *fn0_base, ulong fn0_at,
    int batch_size) {
  __global const float *v_float0 = (__global const float *)(v_float0_base + v_float0_at);
  __global float *fn0 = (__global float *)(fn0_base + fn0_at);
  float a0[8];
  float carry0 = 0.0f;
  float sum0 = 1.0f;
  for (int i = 0; i < batch_size; i++) {
    float t0 = carry0 + sum0;
    a0[i] = t0;
    carry0 = sum0;
    sum0 = t0;
  }
  for (int i = 1; i < min(batch_size, 8); i++) {
    float e0 = a0[i];
    carry0 = e0 > carry0 ? e0 : carry0;
  }
  int carry1 = 0;
  float carry2;
  int carry3;
  while (true) {
    int at0 = carry1 + 1;
    bool go0 = at0 < 8;
    carry2 = carry0 * sum0;
    carry3 = at0;
    if (!go0) {
      break;
    }
    float v_float0_0 = v_float0[carry3];
    carry0 = carry2 + v_float0_0;
    carry1 = carry3;
  }
  fn0[carry3] = carry2;
}

__attribute__((reqd_work_group_size(16, 1, 1)))
__kernel void vectors(
    __global uchar *x_base, ulong x_at,
    __global uchar *y_base, ulong y_at) {
  __global const float *x = (__global const float *)(x_base + x_at);
  __global float *y = (__global float *)(y_base + y_at);
  __local float shared0[64] __attribute__((aligned(16)));
  int item = (int)get_local_id(0);
  int at0 = item * 4;
  float4 x0 = *(__global const float4 *)(x + at0);
  *(__local float4 *)(shared0 + at0) = x0;
  barrier(CLK_LOCAL_MEM_FENCE);
  float4 s0 = vload4(0, shared0 + item);
  float4 v0 = select((float4)(1.0f, 2.0f, -3.0f, 4.5f), s0, s0 > (float4)(0.0f));
  float4 v1 = x0;
  v1.x = v0.z;
  *(__global float4 *)(y + at0) = v1 + (float4)(v0.z, v0.z, v0.z, v0.z);
}
