/* run BUNDLE: runs an OpenCL bundle once on numbers made up here.
 *
 * Linked with --wrap for clEnqueueWriteBuffer and clEnqueueFillBuffer: Oclgrind
 * 21.10 does not note that these define memory (it does for
 * CL_MEM_COPY_HOST_PTR and for kernels), so every read of an input would be
 * reported. Here both are copies by a kernel, of a buffer with defined content,
 * and what kernels then read undefined is exactly what nobody wrote. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <nacre/opencl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char source[] =
    "__kernel void copy(__global const uchar *from, __global uchar *to,\n"
    "                   ulong at, ulong period) {\n"
    "  ulong i = get_global_id(0);\n"
    "  to[at + i] = from[i % period];\n"
    "}\n";

static cl_int copy(cl_command_queue queue, cl_mem to, size_t at, size_t bytes,
                   const void *from, size_t period) {
  cl_context context;
  cl_device_id device;
  cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context,
                                      &context, NULL);
  if (!code)
    code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device,
                                 NULL);
  if (code || !bytes)
    return code;
  const char *text = source;
  cl_program program =
      clCreateProgramWithSource(context, 1, &text, NULL, &code);
  cl_mem buffer =
      clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, period,
                     (void *)from, &code);
  if (!code)
    code = clBuildProgram(program, 1, &device, "", NULL, NULL);
  cl_kernel kernel = code ? NULL : clCreateKernel(program, "copy", &code);
  cl_ulong place = at, length = period;
  if (!code) {
    clSetKernelArg(kernel, 0, sizeof buffer, &buffer);
    clSetKernelArg(kernel, 1, sizeof to, &to);
    clSetKernelArg(kernel, 2, sizeof place, &place);
    clSetKernelArg(kernel, 3, sizeof length, &length);
    code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &bytes, NULL, 0, NULL,
                                  NULL);
  }
  if (!code)
    code = clFinish(queue);
  clReleaseKernel(kernel);
  clReleaseMemObject(buffer);
  clReleaseProgram(program);
  return code;
}

cl_int __wrap_clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer,
                                   cl_bool blocking, size_t offset,
                                   size_t bytes, const void *data,
                                   cl_uint waits, const cl_event *wait,
                                   cl_event *event) {
  (void)blocking, (void)waits, (void)wait;
  if (event)
    abort(); /* the runtime asks for none */
  return copy(queue, buffer, offset, bytes, data, bytes);
}

cl_int __wrap_clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer,
                                  const void *pattern, size_t pattern_bytes,
                                  size_t offset, size_t bytes, cl_uint waits,
                                  const cl_event *wait, cl_event *event) {
  (void)waits, (void)wait;
  if (event)
    abort();
  return copy(queue, buffer, offset, bytes, pattern, pattern_bytes);
}

/* Floats in -0.5 to 0.5, integers 0 to 3: small enough to be indices. */
static void *made_up(const nacre_tensor *tensor) {
  static uint32_t state = 1;
  size_t size = 1;
  const char *digits = strpbrk(tensor->dtype, "0123456789");
  if (digits)
    size = strtoul(digits, NULL, 10) / 8;
  uint8_t *data = calloc(tensor->bytes + 1, 1);
  if (!data)
    abort();
  for (size_t i = 0; i < tensor->bytes / size; ++i) {
    state = state * 1664525u + 1013904223u;
    if (!strcmp(tensor->dtype, "f32"))
      ((float *)(void *)data)[i] = (float)(state >> 16) / 65536.0f - 0.5f;
    else
      data[i * size] = state >> 30;
  }
  return data;
}

int main(int argc, char **argv) {
  nacre_opencl_device *device;
  nacre_opencl_model *model;
  nacre_error error;
  if (argc != 2)
    return 2;
  if (nacre_opencl_open(NULL, &device, &error) ||
      nacre_opencl_load_folder(device, argv[1], &model, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  const nacre_model *table = nacre_opencl_signature(model);
  const void *inputs[8];
  void *outputs[8];
  int64_t dims[8];
  if (table->input_count > 8 || table->output_count > 8 || table->dim_count > 8)
    return 2;
  for (int64_t i = 0; i < table->input_count; ++i)
    inputs[i] = made_up(&table->inputs[i]);
  for (int64_t i = 0; i < table->output_count; ++i)
    outputs[i] = made_up(&table->outputs[i]);
  /* Symbolic dims at a part of their bound, which data is dense in. */
  for (int64_t i = 0; i < table->dim_count; ++i)
    dims[i] = 3;
  if (nacre_opencl_run(model, inputs, outputs, dims, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  printf("ran on %s\n", nacre_opencl_describe(device)->name);
  for (int64_t i = 0; i < table->input_count; ++i)
    free((void *)inputs[i]);
  for (int64_t i = 0; i < table->output_count; ++i)
    free(outputs[i]);
  nacre_opencl_free(model);
  nacre_opencl_close(device);
  return 0;
}
