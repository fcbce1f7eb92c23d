/*===- device.c - choosing and opening a device ---------------------------===*/
#define _GNU_SOURCE
#include "device.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One device of the list that a selector chooses from. */
typedef struct candidate {
  cl_platform_id platform;
  cl_device_id device;
  unsigned platform_index, device_index;
  char *platform_name, *name;
  cl_device_type type;
} candidate;

typedef struct candidates {
  candidate *items;
  size_t count;
} candidates;

enum { max_platforms = 64, max_devices = 64 }; /* of a platform */

static char *platform_text(cl_platform_id platform, cl_platform_info what) {
  size_t size = 0;
  char *text = NULL;
  if (!clGetPlatformInfo(platform, what, 0, NULL, &size))
    text = calloc(1, size + 1);
  if (text && size && clGetPlatformInfo(platform, what, size, text, NULL))
    text[0] = 0;
  return text ? text : calloc(1, 1);
}

static char *device_text(cl_device_id device, cl_device_info what) {
  size_t size = 0;
  char *text = NULL;
  if (!clGetDeviceInfo(device, what, 0, NULL, &size))
    text = calloc(1, size + 1);
  if (text && size && clGetDeviceInfo(device, what, size, text, NULL))
    text[0] = 0;
  return text ? text : calloc(1, 1);
}

/* A number of the device; 0 if it does not say. */
#define DEVICE_NUMBER(type, device, what)                                      \
  ((type)device_number(device, what, sizeof(type)))

static uint64_t device_number(cl_device_id device, cl_device_info what,
                              size_t size) {
  uint64_t value = 0; /* little-endian: a shorter number is its low bytes */
  if (clGetDeviceInfo(device, what, size, &value, NULL))
    return 0;
  return value;
}

static void free_candidates(candidates *all) {
  for (size_t i = 0; i < all->count; ++i) {
    free(all->items[i].platform_name);
    free(all->items[i].name);
  }
  free(all->items);
}

static nacre_status list_devices(candidates *all, nacre_error *error) {
  cl_platform_id platforms[max_platforms];
  cl_uint platform_count = 0;
  cl_int code = clGetPlatformIDs(max_platforms, platforms, &platform_count);
  if (code || !platform_count)
    return nacre_failure(error, NACRE_E_DEVICE,
                         "no OpenCL platform is installed; Debian's package "
                         "pocl-opencl-icd brings one for the processor");
  if (platform_count > max_platforms)
    platform_count = max_platforms;
  all->items = calloc((size_t)platform_count * max_devices, sizeof(candidate));
  if (!all->items)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a list");
  for (cl_uint p = 0; p < platform_count; ++p) {
    cl_device_id devices[max_devices];
    cl_uint count = 0;
    if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, max_devices, devices,
                       &count))
      continue;
    for (cl_uint d = 0; d < count && d < max_devices; ++d) {
      candidate *c = &all->items[all->count++];
      *c = (candidate){
          platforms[p],
          devices[d],
          p,
          d,
          platform_text(platforms[p], CL_PLATFORM_NAME),
          device_text(devices[d], CL_DEVICE_NAME),
          DEVICE_NUMBER(cl_device_type, devices[d], CL_DEVICE_TYPE)};
      if (!c->platform_name || !c->name)
        return nacre_failure(error, NACRE_E_NOMEM, "no memory for a list");
    }
  }
  return NACRE_OK;
}

static int contains(const char *text, const char *part) {
  size_t length = strlen(part);
  for (; *text; ++text)
    if (!strncasecmp(text, part, length))
      return 1;
  return 0;
}

/* "1:0"; false if the selector is anything else. */
static int parse_indices(const char *selector, unsigned *platform,
                         unsigned *device) {
  int end = 0;
  return isdigit((unsigned char)selector[0]) &&
         sscanf(selector, "%4u:%4u%n", platform, device, &end) == 2 && end &&
         !selector[end] && !strpbrk(selector, "+- \t\n");
}

static const candidate *choose(const candidates *all, const char *selector) {
  unsigned platform, device;
  int by_index = selector && parse_indices(selector, &platform, &device);
  for (int pass = 0; pass < 2; ++pass)
    for (size_t i = 0; i < all->count; ++i) {
      const candidate *c = &all->items[i];
      int fits = !selector  ? pass || c->type & CL_DEVICE_TYPE_GPU
                 : by_index ? c->platform_index == platform &&
                                  c->device_index == device
                            : contains(c->platform_name, selector) ||
                                  contains(c->name, selector);
      if (fits)
        return c;
    }
  return NULL;
}

static nacre_status none_chosen(const candidates *all, const char *selector,
                                nacre_error *error) {
  if (!all->count)
    return nacre_failure(error, NACRE_E_DEVICE,
                         "the OpenCL platforms have no device");
  nacre_error list;
  size_t used = 0;
  list.text[0] = 0;
  for (size_t i = 0; i < all->count && used < sizeof list.text; ++i) {
    const candidate *c = &all->items[i];
    used += (size_t)snprintf(list.text + used, sizeof list.text - used,
                             "%s%u:%u '%.64s' of '%.64s'", i ? ", " : "",
                             c->platform_index, c->device_index, c->name,
                             c->platform_name);
  }
  return nacre_failure(error, NACRE_E_DEVICE,
                       "no OpenCL device is '%.64s'; there are %.400s",
                       selector, list.text);
}

/* The work of a generated object is a single call; it is done here. */
static void run_here(void *ctx, nacre_task task, void *arg, int64_t count) {
  (void)ctx;
  if (count > 0)
    task(arg, 0, count);
}

int nacre_executor_is_opencl(const nacre_executor *executor) {
  return executor && executor->parallel == run_here;
}

static nacre_status describe(nacre_opencl_device *device, const candidate *c,
                             nacre_error *error) {
  cl_device_id id = c->device;
  nacre_opencl_info *info = &device->info;
  info->name = device_text(id, CL_DEVICE_NAME);
  info->platform = platform_text(c->platform, CL_PLATFORM_NAME);
  info->platform_version = platform_text(c->platform, CL_PLATFORM_VERSION);
  info->driver_version = device_text(id, CL_DRIVER_VERSION);
  device->version = device_text(id, CL_DEVICE_VERSION);
  if (!info->name || !info->platform || !info->platform_version ||
      !info->driver_version || !device->version)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a device");
  info->global_bytes = DEVICE_NUMBER(cl_ulong, id, CL_DEVICE_GLOBAL_MEM_SIZE);
  info->max_buffer_bytes =
      DEVICE_NUMBER(cl_ulong, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  info->local_bytes = DEVICE_NUMBER(cl_ulong, id, CL_DEVICE_LOCAL_MEM_SIZE);
  info->max_group = DEVICE_NUMBER(size_t, id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  info->compute_units = DEVICE_NUMBER(cl_uint, id, CL_DEVICE_MAX_COMPUTE_UNITS);
  info->gpu = (c->type & CL_DEVICE_TYPE_GPU) != 0;
  info->fp64 =
      DEVICE_NUMBER(cl_device_fp_config, id, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
  info->exact_divide =
      (DEVICE_NUMBER(cl_device_fp_config, id, CL_DEVICE_SINGLE_FP_CONFIG) &
       CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
  device->base_alignment =
      DEVICE_NUMBER(cl_uint, id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
  size_t items[16] = {0}; /* at least three dimensions; more are left out */
  cl_uint dimensions =
      DEVICE_NUMBER(cl_uint, id, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS);
  if (dimensions >= 3 && dimensions <= 16)
    clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES,
                    dimensions * sizeof *items, items, NULL);
  memcpy(device->max_items, items, sizeof device->max_items);

  if (!DEVICE_NUMBER(cl_bool, id, CL_DEVICE_ENDIAN_LITTLE))
    return nacre_failure(error, NACRE_E_DEVICE,
                         "device '%.64s' is not little-endian", info->name);
  if (!DEVICE_NUMBER(cl_bool, id, CL_DEVICE_AVAILABLE) ||
      !DEVICE_NUMBER(cl_bool, id, CL_DEVICE_COMPILER_AVAILABLE))
    return nacre_failure(error, NACRE_E_DEVICE,
                         "device '%.64s' is not available, or has no compiler",
                         info->name);
  return NACRE_OK;
}

static nacre_status open_candidate(const candidate *c,
                                   nacre_opencl_device **result,
                                   nacre_error *error) {
  nacre_opencl_device *device = calloc(1, sizeof *device);
  if (!device)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a device");
  pthread_mutex_init(&device->log_mutex, NULL);
  pthread_mutex_init(&device->embedded_mutex, NULL);
  device->id = c->device;
  device->executor = (nacre_executor){device, 1, run_here};
  nacre_status status = describe(device, c, error);
  if (!status) {
    cl_int code;
    cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)c->platform, 0};
    device->context =
        clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    if (code) {
      char where[128];
      snprintf(where, sizeof where, "device '%.64s'", device->info.name);
      device->context = NULL;
      status = nacre_cl_failure(error, where, "clCreateContext", code);
    }
  }
  if (status) {
    nacre_opencl_close(device);
    return status;
  }
  /* PoCL has a cache of its own, and takes seconds to make a binary: for each
   * kernel it compiles several variants. */
  device->cache = nacre_cache_folder(
      strcmp(device->info.platform, "Portable Computing Language") != 0);
  *result = device;
  return NACRE_OK;
}

nacre_status nacre_opencl_open(const char *selector,
                               nacre_opencl_device **device,
                               nacre_error *error) {
  if (!device)
    return nacre_failure(error, NACRE_E_ARG, "no place for a device");
  *device = NULL;
  if (!selector || !*selector)
    selector = getenv("NACRE_OPENCL_DEVICE");
  if (selector && !*selector)
    selector = NULL;
  candidates all = {0};
  nacre_status status = list_devices(&all, error);
  if (!status) {
    const candidate *c = choose(&all, selector);
    status = c ? open_candidate(c, device, error)
               : none_chosen(&all, selector, error);
  }
  free_candidates(&all);
  return status;
}

void nacre_opencl_close(nacre_opencl_device *device) {
  if (!device)
    return;
  nacre_embedded_free(device->embedded);
  if (device->context)
    clReleaseContext(device->context);
  free((void *)device->info.name);
  free((void *)device->info.platform);
  free((void *)device->info.platform_version);
  free((void *)device->info.driver_version);
  free(device->version);
  free(device->cache);
  free(device->build_log);
  pthread_mutex_destroy(&device->log_mutex);
  pthread_mutex_destroy(&device->embedded_mutex);
  free(device);
}

const nacre_opencl_info *
nacre_opencl_describe(const nacre_opencl_device *device) {
  return &device->info;
}

const char *nacre_opencl_build_log(const nacre_opencl_device *device) {
  return device->build_log ? device->build_log : "";
}

const nacre_executor *nacre_opencl_executor(const nacre_opencl_device *device) {
  return &device->executor;
}
