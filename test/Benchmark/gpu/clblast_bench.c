/* clblast_bench.c - CLBlast's sgemm on the first GPU: clblast_bench N... prints
 * a line of JSON for each N: median milliseconds of N x N x N, row-major. */
#include <CL/cl.h>
#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  cl_platform_id platform;
  cl_device_id device;
  cl_int status = clGetPlatformIDs(1, &platform, NULL);
  if (!status)
    status = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL);
  if (status) {
    fprintf(stderr, "no OpenCL device: %d\n", status);
    return 1;
  }
  cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  cl_command_queue queue = clCreateCommandQueue(context, device, 0, &status);
  char name[128] = "";
  clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof name, name, NULL);
  printf("{\"clblast device\": \"%s\"}\n", name);
  for (int arg = 1; arg < argc; ++arg) {
    size_t n = strtoul(argv[arg], NULL, 10), bytes = n * n * sizeof(float);
    float *data = malloc(bytes);
    for (size_t i = 0; i < n * n; ++i)
      data[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    cl_mem m[3];
    for (int i = 0; i < 3; ++i)
      m[i] = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                            bytes, data, &status);
    /* Without a buffer of its own CLBlast allocates one for each call. */
    size_t temporary = 0;
    if (CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, CLBlastTransposeNo,
                                   CLBlastTransposeNo, n, n, n, 0, n, 0, n, 0,
                                   n, &queue, &temporary) != CLBlastSuccess)
      return 1;
    cl_mem scratch = clCreateBuffer(context, CL_MEM_READ_WRITE,
                                    temporary ? temporary : 4, NULL, &status);
    double samples[30];
    int times = n <= 1024 ? 20 : 5;
    for (int round = 0; round < 30; ++round) {
      double start = now();
      for (int i = 0; i < times; ++i)
        if (CLBlastSgemmWithTempBuffer(
                CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo,
                n, n, n, 1, m[0], 0, n, m[1], 0, n, 0, m[2], 0, n, &queue, NULL,
                scratch) != CLBlastSuccess)
          return 1;
      clFinish(queue);
      samples[round] = (now() - start) / times;
    }
    qsort(samples, 30, sizeof *samples, ascending);
    printf("{\"clblast\": %zu, \"ms\": %.4f, \"gflops\": %.1f}\n", n,
           samples[15], 2e-6 * (double)n * (double)n * (double)n / samples[15]);
    for (int i = 0; i < 3; ++i)
      clReleaseMemObject(m[i]);
    clReleaseMemObject(scratch);
    free(data);
  }
  return 0;
}
