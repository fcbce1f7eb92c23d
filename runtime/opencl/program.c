/*===- program.c - kernels from text, or from the cache -------------------===*/
#define _GNU_SOURCE
#include "device.h"
#include "../src/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing that lets the compiler change results. The argument info is what the
 * manifest's arguments are checked against. */
static const char *build_options(const nacre_opencl_device *device) {
  return device->info.exact_divide ? "-cl-std=CL1.2 -cl-kernel-arg-info "
                                     "-cl-fp32-correctly-rounded-divide-sqrt"
                                   : "-cl-std=CL1.2 -cl-kernel-arg-info";
}

static void add_part(nacre_sha256 *hash, const char *text, uint64_t bytes) {
  nacre_sha256_add(hash, &bytes, sizeof bytes);
  nacre_sha256_add(hash, text, bytes);
}

static nacre_sha256_text cache_key(const nacre_opencl_device *device,
                                   const char *text, uint64_t bytes) {
  const char *parts[] = {build_options(device),
                         device->info.platform,
                         device->info.platform_version,
                         device->info.name,
                         device->version,
                         device->info.driver_version};
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  add_part(&hash, text, bytes);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i)
    add_part(&hash, parts[i], strlen(parts[i]));
  return nacre_sha256_end(&hash);
}

static cl_program from_cache(nacre_opencl_device *device, const char *key) {
  void *file;
  const unsigned char *binary;
  size_t size;
  if (!nacre_cache_read(device->cache, key, &file, &binary, &size))
    return NULL;
  cl_int each = CL_SUCCESS, code;
  cl_program program = clCreateProgramWithBinary(
      device->context, 1, &device->id, &size, &binary, &each, &code);
  nacre_free(file);
  if (code)
    return NULL;
  if (each || clBuildProgram(program, 1, &device->id, build_options(device),
                             NULL, NULL)) {
    clReleaseProgram(program);
    return NULL;
  }
  return program;
}

static void to_cache(nacre_opencl_device *device, cl_program program,
                     const char *key) {
  size_t size = 0;
  if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size,
                       NULL) ||
      !size)
    return;
  unsigned char *binary = malloc(size);
  if (binary && !clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary,
                                  &binary, NULL))
    nacre_cache_write(device->cache, key, binary, size);
  free(binary);
}

/* The log's first lines on one line, for the message. */
static void first_lines(const char *log, char *out, size_t room) {
  size_t used = 0;
  int lines = 0;
  for (; *log && used + 3 < room; ++log) {
    if (*log != '\n')
      out[used++] = *log;
    else if (++lines == 4)
      break;
    else if (log[1] && log[1] != '\n')
      used += (size_t)sprintf(out + used, "; ");
  }
  out[used] = 0;
}

static nacre_status build_failure(nacre_opencl_device *device,
                                  cl_program program, const char *where,
                                  cl_int code, nacre_error *error) {
  size_t size = 0;
  char *log = NULL;
  if (!clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL,
                             &size))
    log = calloc(1, size + 1);
  if (log && size)
    clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, size, log,
                          NULL);
  char lines[300] = "the compiler says nothing";
  if (log && *log)
    first_lines(log, lines, sizeof lines);
  pthread_mutex_lock(&device->log_mutex);
  free(device->build_log);
  device->build_log = log;
  pthread_mutex_unlock(&device->log_mutex);
  if (code == CL_OUT_OF_HOST_MEMORY || code == CL_OUT_OF_RESOURCES)
    return nacre_cl_failure(error, where, "clBuildProgram", code);
  return nacre_failure(error, NACRE_E_FORMAT,
                       "%.128s: kernels do not compile: %s: %s", where,
                       nacre_cl_error_name(code).text, lines);
}

nacre_status nacre_program_build(nacre_opencl_device *device, const char *where,
                                 const char *text, uint64_t bytes,
                                 cl_program *result, nacre_error *error) {
  nacre_sha256_text key = {""};
  if (device->cache) {
    key = cache_key(device, text, bytes);
    *result = from_cache(device, key.text);
    if (*result)
      return NACRE_OK;
  }
  cl_int code;
  size_t size = bytes;
  cl_program program =
      clCreateProgramWithSource(device->context, 1, &text, &size, &code);
  if (code)
    return nacre_cl_failure(error, where, "clCreateProgramWithSource", code);
  code = clBuildProgram(program, 1, &device->id, build_options(device), NULL,
                        NULL);
  if (code) {
    nacre_status status = build_failure(device, program, where, code, error);
    clReleaseProgram(program);
    return status;
  }
  if (device->cache)
    to_cache(device, program, key.text);
  *result = program;
  return NACRE_OK;
}
