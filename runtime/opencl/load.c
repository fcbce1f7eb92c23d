/*===- load.c - from a bundle to a model on a device ----------------------===*/
#include "loaded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long count; /* for printing */

/*===- Does the device suffice?
 * --------------------------------------------===*/

/* "model 'digits'" or "model 'digits', kernel 3 'conv'", for messages. */
typedef struct place {
  char text[256];
} place;

static place in_model(const nacre_plan *plan) {
  place p;
  snprintf(p.text, sizeof p.text, "model '%.64s'", plan->name);
  return p;
}

static place in_kernel(const nacre_plan *plan, int64_t index) {
  place p;
  snprintf(p.text, sizeof p.text, "model '%.64s', kernel %lld '%.64s'",
           plan->name, (long long)index,
           nacre_plan_launch_at(plan, index)->name);
  return p;
}

static nacre_status check_memory(const nacre_opencl_device *device,
                                 const nacre_plan *plan, nacre_error *error) {
  const nacre_opencl_info *info = &device->info;
  count memory = (count)plan->memory_bytes,
        weights = (count)plan->weights_bytes;
  if (memory > info->max_buffer_bytes || weights > info->max_buffer_bytes)
    return nacre_failure(
        error, NACRE_E_LIMIT,
        "model '%.64s': %s of %llu bytes is one buffer, device '%.64s' allows "
        "%llu",
        plan->name, memory > info->max_buffer_bytes ? "memory" : "weights",
        memory > info->max_buffer_bytes ? memory : weights, info->name,
        (count)info->max_buffer_bytes);
  if (memory + weights > info->global_bytes) /* each has 63 bits at most */
    return nacre_failure(
        error, NACRE_E_NOMEM,
        "model '%.64s': needs %llu bytes of memory, device '%.64s' has %llu",
        plan->name, memory + weights, info->name, (count)info->global_bytes);
  if ((count)plan->group_bytes > info->local_bytes)
    return nacre_failure(
        error, NACRE_E_LIMIT,
        "model '%.64s': needs %llu bytes of a group's memory, device '%.64s' "
        "has %llu",
        plan->name, (count)plan->group_bytes, info->name,
        (count)info->local_bytes);
  return NACRE_OK;
}

static nacre_status check_groups(const nacre_opencl_device *device,
                                 const nacre_plan *plan, nacre_error *error) {
  for (int64_t i = 0; i < plan->launches.count; ++i) {
    const nacre_plan_launch *l = nacre_plan_launch_at(plan, i);
    if ((uint64_t)l->group_size > device->info.max_group)
      return nacre_failure(error, NACRE_E_LIMIT,
                           "%s: %lld work-items in a group, device '%.64s' "
                           "allows %llu",
                           in_kernel(plan, i).text, (long long)l->group_size,
                           device->info.name, (count)device->info.max_group);
    for (int d = 0; d < 3; ++d)
      if ((uint64_t)l->local[d] > device->max_items[d])
        return nacre_failure(error, NACRE_E_LIMIT,
                             "%s: %lld work-items along dimension %d, device "
                             "'%.64s' allows %llu",
                             in_kernel(plan, i).text, (long long)l->local[d], d,
                             device->info.name, (count)device->max_items[d]);
  }
  return NACRE_OK;
}

/*===- Kernels
 * -------------------------------------------------------------===*/

/* Is argument `index` of this type? An implementation that does not keep the
 * argument info (with a cached program, say) is believed. */
static nacre_status check_argument(const nacre_plan *plan, int64_t launch,
                                   cl_kernel kernel, cl_uint index, int buffer,
                                   const char *type, nacre_error *error) {
  cl_kernel_arg_address_qualifier space;
  char name[32] = "";
  if (clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER,
                         sizeof space, &space, NULL))
    return NACRE_OK;
  int fits = buffer ? space == CL_KERNEL_ARG_ADDRESS_GLOBAL ||
                          space == CL_KERNEL_ARG_ADDRESS_CONSTANT
                    : space == CL_KERNEL_ARG_ADDRESS_PRIVATE;
  if (fits && !buffer) {
    cl_int code = clGetKernelArgInfo(kernel, index, CL_KERNEL_ARG_TYPE_NAME,
                                     sizeof name - 1, name, NULL);
    /* A longer name does not fit the room: another type. */
    fits = code ? code != CL_INVALID_VALUE : !strcmp(name, type);
  }
  if (fits)
    return NACRE_OK;
  return nacre_failure(
      error, NACRE_E_FORMAT, "%s: argument %u of function '%.64s' is not %s",
      in_kernel(plan, launch).text, index,
      nacre_plan_launch_at(plan, launch)->entry, buffer ? "a buffer" : type);
}

typedef struct arguments {
  nacre_opencl_model *model;
  int64_t launch;
  cl_kernel kernel;
  cl_uint next;
  nacre_error *error;
} arguments;

/* type NULL: a buffer. */
static nacre_status set_argument(arguments *a, const char *type, size_t size,
                                 const void *value) {
  const nacre_plan *plan = &a->model->plan;
  nacre_status status = check_argument(plan, a->launch, a->kernel, a->next,
                                       !type, type, a->error);
  if (status)
    return status;
  cl_int code = clSetKernelArg(a->kernel, a->next++, size, value);
  return code ? nacre_cl_failure(a->error, in_kernel(plan, a->launch).text,
                                 "clSetKernelArg", code)
              : NACRE_OK;
}

static nacre_status set_arguments(nacre_opencl_model *model, int64_t index,
                                  nacre_error *error) {
  const nacre_plan *plan = &model->plan;
  const nacre_plan_launch *l = nacre_plan_launch_at(plan, index);
  nacre_launch *launch = &model->launches[index];
  int64_t wanted = 2 * l->buffer_count + (l->status != 0) + l->dim_count;
  cl_uint has = 0;
  clGetKernelInfo(launch->kernel, CL_KERNEL_NUM_ARGS, sizeof has, &has, NULL);
  if ((int64_t)has != wanted)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "%s: passes %lld arguments, function '%.64s' takes %u",
                         in_kernel(plan, index).text, (long long)wanted,
                         l->entry, has);
  arguments a = {model, index, launch->kernel, 0, error};
  const nacre_plan_buffer *buffers = nacre_plan_buffers(plan) + l->first_buffer;
  nacre_status status = NACRE_OK;
  for (int64_t i = 0; i < l->buffer_count && !status; ++i) {
    cl_mem memory = buffers[i].in_weights ? model->weights : model->memory;
    cl_ulong offset = (cl_ulong)buffers[i].offset;
    status = set_argument(&a, NULL, sizeof memory, &memory);
    if (!status)
      status = set_argument(&a, "ulong", sizeof offset, &offset);
  }
  if (!status && launch->status)
    status = set_argument(&a, NULL, sizeof launch->status, &launch->status);
  launch->first_dim_argument = a.next;
  for (int64_t i = 0; i < l->dim_count && !status; ++i) {
    cl_int none = 0;
    status = set_argument(&a, "int", sizeof none, &none);
  }
  return status;
}

/* What only the built kernel knows. */
static nacre_status check_kernel(nacre_opencl_model *model, int64_t index,
                                 nacre_error *error) {
  const nacre_plan *plan = &model->plan;
  const nacre_plan_launch *l = nacre_plan_launch_at(plan, index);
  cl_kernel kernel = model->launches[index].kernel;
  cl_device_id id = model->device->id;
  size_t fixed[3] = {0}, most = 0;
  if (!clGetKernelWorkGroupInfo(kernel, id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                sizeof fixed, fixed, NULL) &&
      fixed[0])
    for (int d = 0; d < 3; ++d)
      if (fixed[d] != (size_t)l->local[d])
        return nacre_failure(
            error, NACRE_E_FORMAT,
            "%s: local is [%lld, %lld, %lld], function '%.64s' requires [%llu, "
            "%llu, %llu]",
            in_kernel(plan, index).text, (long long)l->local[0],
            (long long)l->local[1], (long long)l->local[2], l->entry,
            (count)fixed[0], (count)fixed[1], (count)fixed[2]);
  if (!clGetKernelWorkGroupInfo(kernel, id, CL_KERNEL_WORK_GROUP_SIZE,
                                sizeof most, &most, NULL) &&
      most && most < (size_t)l->group_size)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "%s: %lld work-items in a group, the device runs this "
                         "kernel with %llu",
                         in_kernel(plan, index).text, (long long)l->group_size,
                         (count)most);
  return NACRE_OK;
}

static nacre_status make_launch(nacre_opencl_model *model, int64_t index,
                                nacre_error *error) {
  const nacre_plan *plan = &model->plan;
  const nacre_plan_launch *l = nacre_plan_launch_at(plan, index);
  nacre_launch *launch = &model->launches[index];
  cl_int code;
  launch->kernel = clCreateKernel(model->program, l->entry, &code);
  if (code) {
    launch->kernel = NULL;
    if (code == CL_INVALID_KERNEL_NAME)
      return nacre_failure(error, NACRE_E_FORMAT,
                           "%s: the kernels have no function '%.64s'",
                           in_kernel(plan, index).text, l->entry);
    return nacre_cl_failure(error, in_kernel(plan, index).text,
                            "clCreateKernel", code);
  }
  if (l->status) {
    cl_buffer_region part = {(size_t)launch->status_slot * model->status_stride,
                             sizeof(cl_int)};
    launch->status =
        clCreateSubBuffer(model->status, CL_MEM_READ_WRITE,
                          CL_BUFFER_CREATE_TYPE_REGION, &part, &code);
    if (code) {
      launch->status = NULL;
      return nacre_cl_failure(error, in_kernel(plan, index).text,
                              "clCreateSubBuffer", code);
    }
  }
  nacre_status status = set_arguments(model, index, error);
  return status ? status : check_kernel(model, index, error);
}

/*===- Memory
 * --------------------------------------------------------------===*/

static nacre_status make_buffer(nacre_opencl_model *model, cl_mem_flags flags,
                                uint64_t bytes, const void *data,
                                cl_mem *result, nacre_error *error) {
  cl_int code;
  *result = clCreateBuffer(model->device->context,
                           data ? flags | CL_MEM_COPY_HOST_PTR : flags, bytes,
                           (void *)data, &code);
  if (!code)
    return NACRE_OK;
  *result = NULL;
  char where[sizeof(place) + 32];
  snprintf(where, sizeof where, "%s: %llu bytes", in_model(&model->plan).text,
           (count)bytes);
  return nacre_cl_failure(error, where, "clCreateBuffer", code);
}

static nacre_status make_memory(nacre_opencl_model *model, const void *weights,
                                nacre_error *error) {
  const nacre_plan *plan = &model->plan;
  /* OpenCL has no buffer of no bytes. */
  uint64_t memory = plan->memory_bytes ? (uint64_t)plan->memory_bytes : 256;
  nacre_status status = make_buffer(model, CL_MEM_READ_WRITE, memory, NULL,
                                    &model->memory, error);
  if (!status && plan->weights_bytes)
    status = make_buffer(model, CL_MEM_READ_ONLY, (uint64_t)plan->weights_bytes,
                         weights, &model->weights, error);
  for (int64_t i = 0; i < plan->launches.count; ++i)
    if (nacre_plan_launch_at(plan, i)->status)
      model->launches[i].status_slot = model->status_count++;
  if (status || !model->status_count)
    return status;
  size_t alignment = model->device->base_alignment;
  model->status_stride =
      alignment > sizeof(cl_int) ? alignment : sizeof(cl_int);
  size_t bytes = (size_t)model->status_count * model->status_stride;
  model->status_copy = calloc(1, bytes);
  if (!model->status_copy)
    return nacre_failure(error, NACRE_E_NOMEM, "%s: no memory",
                         in_model(plan).text);
  return make_buffer(model, CL_MEM_READ_WRITE, bytes, NULL, &model->status,
                     error);
}

/*===- Loading
 * -------------------------------------------------------------===*/

static nacre_status build(nacre_opencl_model *model, const char *kernels,
                          uint64_t bytes, const void *weights,
                          nacre_error *error) {
  const nacre_plan *plan = &model->plan;
  place where = in_model(plan);
  nacre_status status = check_memory(model->device, plan, error);
  if (!status)
    status = check_groups(model->device, plan, error);
  if (status)
    return status;
  if (plan->launches.count && !bytes) /* OpenCL would look for a zero byte */
    return nacre_failure(error, NACRE_E_FORMAT, "%s: kernels are empty",
                         where.text);
  const char *zero = memchr(kernels, 0, bytes);
  if (zero)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "%s: kernels have a zero byte at %llu", where.text,
                         (count)(zero - kernels));
  model->launches =
      calloc((size_t)plan->launches.count + 1, sizeof *model->launches);
  if (!model->launches)
    return nacre_failure(error, NACRE_E_NOMEM, "%s: no memory", where.text);
  if (plan->launches.count) { /* without launches the text may well be empty */
    status = nacre_program_build(model->device, where.text, kernels, bytes,
                                 &model->program, error);
    if (status)
      return status;
  }
  cl_int code;
  model->queue =
      clCreateCommandQueue(model->device->context, model->device->id, 0, &code);
  if (code) {
    model->queue = NULL;
    return nacre_cl_failure(error, where.text, "clCreateCommandQueue", code);
  }
  status = make_memory(model, weights, error);
  for (int64_t i = 0; i < plan->launches.count && !status; ++i)
    status = make_launch(model, i, error);
  return status;
}

nacre_status nacre_model_make(nacre_opencl_device *device, nacre_plan *plan,
                              const char *kernels, uint64_t bytes,
                              const void *weights, nacre_opencl_model **result,
                              nacre_error *error) {
  nacre_opencl_model *model = calloc(1, sizeof *model);
  if (!model) {
    nacre_plan_free(plan);
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a model");
  }
  pthread_mutex_init(&model->mutex, NULL);
  model->device = device;
  model->plan = *plan;
  nacre_status status = build(model, kernels, bytes, weights, error);
  if (status) {
    nacre_opencl_free(model);
    return status;
  }
  *result = model;
  return NACRE_OK;
}

nacre_status nacre_wrong_size(const char *name, uint64_t has, int64_t wanted,
                              nacre_error *error) {
  return nacre_failure(error, NACRE_E_FORMAT,
                       "%.200s: has %llu bytes, the manifest says %lld", name,
                       (count)has, (long long)wanted);
}

nacre_status nacre_opencl_load(nacre_opencl_device *device,
                               const nacre_opencl_bundle *bundle,
                               nacre_opencl_model **model, nacre_error *error) {
  if (!model)
    return nacre_failure(error, NACRE_E_ARG, "no place for a model");
  *model = NULL;
  if (!device || !bundle || !bundle->manifest || !bundle->kernels)
    return nacre_failure(error, NACRE_E_ARG, "no device, or no bundle");
  nacre_plan plan;
  nacre_status status =
      nacre_plan_read(bundle->manifest, bundle->manifest_bytes, &plan, error);
  if (!status && (int64_t)bundle->kernels_bytes != plan.kernels_file.bytes)
    status = nacre_wrong_size("kernels", bundle->kernels_bytes,
                              plan.kernels_file.bytes, error);
  if (!status && plan.weights_bytes && !bundle->weights)
    status = nacre_failure(error, NACRE_E_ARG,
                           "model '%.64s' needs the weights of its side file",
                           plan.name);
  if (!status && bundle->weights &&
      bundle->weights_bytes != (uint64_t)plan.weights_bytes)
    status = nacre_wrong_size("weights", bundle->weights_bytes,
                              plan.weights_bytes, error);
  if (status) {
    nacre_plan_free(&plan);
    return status;
  }
  return nacre_model_make(device, &plan, bundle->kernels, bundle->kernels_bytes,
                          bundle->weights, model, error);
}

void nacre_opencl_free(nacre_opencl_model *model) {
  if (!model)
    return;
  if (model->queue)
    clFinish(model->queue);
  for (int64_t i = 0; model->launches && i < model->plan.launches.count; ++i) {
    if (model->launches[i].kernel)
      clReleaseKernel(model->launches[i].kernel);
    if (model->launches[i].status)
      clReleaseMemObject(model->launches[i].status);
  }
  cl_mem buffers[] = {model->memory, model->weights, model->status};
  for (int i = 0; i < 3; ++i)
    if (buffers[i])
      clReleaseMemObject(buffers[i]);
  if (model->program)
    clReleaseProgram(model->program);
  if (model->queue)
    clReleaseCommandQueue(model->queue);
  if (model->profiling)
    clReleaseCommandQueue(model->profiling);
  free(model->launches);
  free(model->status_copy);
  nacre_plan_free(&model->plan);
  pthread_mutex_destroy(&model->mutex);
  free(model);
}
