#pragma OPENCL FP_CONTRACT OFF

// scale: out = 1.5 * picture + 1
// of 1024 elements
__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void scale(
    __global uchar *picture_base, ulong picture_at,
    __global uchar *out_base, ulong out_at) {
  __global const float *restrict picture = (__global const float *)(picture_base + picture_at);
  __global float *restrict out = (__global float *)(out_base + out_at);
  int group = (int)get_group_id(0);
  int item = (int)get_local_id(0);
  int at0 = group * 64 + item;
  float picture0 = picture[at0];
  out[at0] = picture0 * 1.5f + 1.0f;
}

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void row_sums(
    __global uchar *x_base, ulong x_at,
    __global uchar *y_base, ulong y_at,
    int N) {
  __global const float *x = (__global const float *)(x_base + x_at);
  __global float *y = (__global float *)(y_base + y_at);
  __local float shared0[64] __attribute__((aligned(16)));
  int group = (int)get_group_id(0);
  int item = (int)get_local_id(0);
  bool is0 = group < N;
  if (is0) {
    float sum0 = 0.0f;
    for (int i = item; i < 64; i += 64) {
      for (int j = 0; j < 32; j++) {
        float x0 = x[group * 64 + i + j];
        sum0 += x0;
      }
    }
    shared0[item] = sum0;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  if (is0 && item == 0) {
    float sum0 = 0.0f;
    for (int i = 0; i < 64; i++) {
      float s0 = shared0[i];
      sum0 += s0;
    }
    y[group] = sum0;
  }
}

__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void gather(
    __global uchar *table_base, ulong table_at,
    __global uchar *indices_base, ulong indices_at,
    __global uchar *y_base, ulong y_at,
    volatile __global int *status) {
  __global const float *table = (__global const float *)(table_base + table_at);
  __global const int *indices = (__global const int *)(indices_base + indices_at);
  __global float *y = (__global float *)(y_base + y_at);
  int group = (int)get_group_id(0);
  int item = (int)get_local_id(0);
  int at0 = group * 256 + item;
  int indices0 = indices[at0];
  float t0;
  if ((uint)indices0 < 40u) {
    float table0 = table[indices0];
    t0 = table0;
  } else {
    atomic_xchg(status, 3);
    t0 = 0.0f;
  }
  y[at0] = t0;
}

__attribute__((reqd_work_group_size(16, 1, 1)))
__kernel void dot4(
    __global uchar *x_base, ulong x_at,
    __global uchar *w_base, ulong w_at,
    __global uchar *y_base, ulong y_at) {
  __global const float *x = (__global const float *)(x_base + x_at);
  __global const float *w = (__global const float *)(w_base + w_at);
  __global float *y = (__global float *)(y_base + y_at);
  int item = (int)get_local_id(0);
  int at0 = item * 64;
  float4 sum0 = (float4)(0.0f);
  for (int i = 0; i < 64; i += 4) {
    float4 x0 = *(__global const float4 *)(x + at0 + i);
    float4 w0 = vload4(0, w + i + 1023);
    sum0 = fma(x0, w0, sum0);
  }
  float4 v0 = (float4)(sum0.x + sum0.y + (sum0.z + sum0.w));
  vstore4(v0 * sum0, 0, y + item + 1);
}

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void quantized(
    __global uchar *x_base, ulong x_at,
    __global uchar *u_base, ulong u_at,
    __global uchar *y_base, ulong y_at) {
  __global const char *x = (__global const char *)(x_base + x_at);
  __global const short *u = (__global const short *)(u_base + u_at);
  __global char *y = (__global char *)(y_base + y_at);
  int group = (int)get_group_id(0);
  int item = (int)get_local_id(0);
  int at0 = group * 64 + item;
  int x0 = x[at0];
  int u0 = (ushort)u[at0];
  int n0 = max(min((int)((uint)x0 * (uint)u0 + 7u), 127), -128);
  y[at0] = (char)n0;
}

int halve(int x) {
  int carry0 = x;
  while (true) {
    if (!((carry0 & 1) == 0)) {
      break;
    }
    carry0 = (int)((uint)carry0 >> 1);
  }
  return carry0;
}

typedef struct { int r0; int r1; } divide_result;
divide_result divide(int x, int y) {
  int n0 = halve(y);
  divide_result result0;
  result0.r0 = (int)((uint)x / (uint)n0);
  result0.r1 = (int)((uint)x % (uint)n0);
  return result0;
}

__attribute__((reqd_work_group_size(64, 1, 1)))
__kernel void helpers(
    __global uchar *x_base, ulong x_at,
    __global uchar *y_base, ulong y_at) {
  __global const int *x = (__global const int *)(x_base + x_at);
  __global int *y = (__global int *)(y_base + y_at);
  int item = (int)get_local_id(0);
  int x0 = x[item];
  divide_result r0 = divide(x0, x0 | 1);
  y[item] = (int)(((uint)r0.r0 + (uint)r0.r1) * 12u);
}
