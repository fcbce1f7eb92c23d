/*===- run.c - copies in, launches, copies out ----------------------------===*/
#include "loaded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const nacre_model *nacre_opencl_signature(const nacre_opencl_model *model) {
  return &model->plan.signature;
}

int nacre_opencl_kernel_at(const nacre_opencl_model *model, int64_t index,
                           nacre_opencl_kernel *kernel) {
  const nacre_plan *plan = &model->plan;
  if (index < 0 || index >= plan->launches.count)
    return 0;
  const nacre_plan_launch *l = nacre_plan_launch_at(plan, index);
  int64_t bound = 0;
  nacre_plan_launch bounded = *l;
  if (l->task_dim >= 0) {
    bound = nacre_plan_dim_at(plan, l->task_dim)->bound;
    bounded.task_dim = 0;
  }
  *kernel =
      (nacre_opencl_kernel){.name = l->name,
                            .entry = l->entry,
                            .computes = l->computes,
                            .flops = (uint64_t)l->flops,
                            .bytes = (uint64_t)l->bytes,
                            .groups = nacre_plan_groups(&bounded, &bound),
                            .local = {l->local[0], l->local[1], l->local[2]}};
  return 1;
}

/*===- Arguments
 * -----------------------------------------------------------===*/

static nacre_status check_dims(const nacre_plan *plan, const int64_t *dims,
                               nacre_error *error) {
  if (plan->dims.count && !dims)
    return nacre_failure(error, NACRE_E_ARG, "model '%.64s': no dims",
                         plan->name);
  for (int64_t i = 0; i < plan->dims.count; ++i) {
    const nacre_plan_dim *dim = nacre_plan_dim_at(plan, i);
    if (dims[i] < 0 || dims[i] > dim->bound)
      return nacre_failure(
          error, NACRE_E_ARG,
          "model '%.64s': dim '%.64s' is %lld, not from 0 to %lld", plan->name,
          dim->name, (long long)dims[i], (long long)dim->bound);
  }
  return NACRE_OK;
}

static nacre_status check_pointers(const nacre_plan *plan, const char *kind,
                                   const nacre_list *list,
                                   const void *const *pointers,
                                   const int64_t *dims, nacre_error *error) {
  const nacre_plan_tensor *tensors = list->items;
  if (list->count && !pointers)
    return nacre_failure(error, NACRE_E_ARG, "model '%.64s': no %ss",
                         plan->name, kind);
  for (int64_t i = 0; i < list->count; ++i)
    if (!pointers[i] && nacre_plan_tensor_bytes(plan, &tensors[i], dims))
      return nacre_failure(error, NACRE_E_ARG,
                           "model '%.64s': no data for %s %lld '%.64s'",
                           plan->name, kind, (long long)i, tensors[i].name);
  return NACRE_OK;
}

/*===- One run
 * -------------------------------------------------------------===*/

typedef struct run {
  nacre_opencl_model *model;
  cl_command_queue queue;
  const int64_t *dims;
  cl_event *events; /* of the launches, NULL: not wanted */
  nacre_error *error;
} run;

static nacre_status failed_at(const run *r, int64_t kernel, const char *call,
                              cl_int code) {
  const nacre_plan *plan = &r->model->plan;
  char where[256];
  if (kernel < 0)
    snprintf(where, sizeof where, "model '%.64s'", plan->name);
  else
    snprintf(where, sizeof where, "model '%.64s', kernel %lld '%.64s'",
             plan->name, (long long)kernel,
             nacre_plan_launch_at(plan, kernel)->name);
  return nacre_cl_failure(r->error, where, call, code);
}

static nacre_status enqueue_launch(const run *r, int64_t index) {
  const nacre_plan *plan = &r->model->plan;
  const nacre_plan_launch *l = nacre_plan_launch_at(plan, index);
  const nacre_launch *launch = &r->model->launches[index];
  uint64_t groups = nacre_plan_groups(l, r->dims);
  if (!groups)
    return NACRE_OK;
  const int64_t *dims = nacre_plan_numbers(plan) + l->first_dim;
  for (int64_t i = 0; i < l->dim_count; ++i) {
    cl_int extent = (cl_int)r->dims[dims[i]];
    cl_int code =
        clSetKernelArg(launch->kernel, launch->first_dim_argument + (cl_uint)i,
                       sizeof extent, &extent);
    if (code)
      return failed_at(r, index, "clSetKernelArg", code);
  }
  size_t local[3] = {(size_t)l->local[0], (size_t)l->local[1],
                     (size_t)l->local[2]};
  size_t global[3] = {groups * local[0], local[1], local[2]};
  cl_int code = clEnqueueNDRangeKernel(
      r->queue, launch->kernel, local[1] == 1 && local[2] == 1 ? 1 : 3, NULL,
      global, local, 0, NULL, r->events ? &r->events[index] : NULL);
  return code ? failed_at(r, index, "clEnqueueNDRangeKernel", code) : NACRE_OK;
}

static nacre_status enqueue_launches(const run *r) {
  for (int64_t i = 0; i < r->model->plan.launches.count; ++i) {
    nacre_status status = enqueue_launch(r, i);
    if (status)
      return status;
  }
  return NACRE_OK;
}

static nacre_status clear_status(const run *r) {
  nacre_opencl_model *model = r->model;
  cl_int none = 0;
  size_t bytes = (size_t)model->status_count * model->status_stride;
  cl_int code = bytes
                    ? clEnqueueFillBuffer(r->queue, model->status, &none,
                                          sizeof none, 0, bytes, 0, NULL, NULL)
                    : CL_SUCCESS;
  return code ? failed_at(r, -1, "clEnqueueFillBuffer", code) : NACRE_OK;
}

static nacre_status read_status(const run *r) {
  nacre_opencl_model *model = r->model;
  size_t bytes = (size_t)model->status_count * model->status_stride;
  cl_int code =
      bytes ? clEnqueueReadBuffer(r->queue, model->status, CL_FALSE, 0, bytes,
                                  model->status_copy, 0, NULL, NULL)
            : CL_SUCCESS;
  return code ? failed_at(r, -1, "clEnqueueReadBuffer", code) : NACRE_OK;
}

static nacre_status enqueue_run(const run *r, const void *const *inputs,
                                void *const *outputs) {
  const nacre_plan *plan = &r->model->plan;
  nacre_status status = clear_status(r);
  for (int64_t i = 0; i < plan->inputs.count && !status; ++i) {
    const nacre_plan_tensor *t = nacre_plan_input(plan, i);
    uint64_t bytes = nacre_plan_tensor_bytes(plan, t, r->dims);
    cl_int code = bytes ? clEnqueueWriteBuffer(r->queue, r->model->memory,
                                               CL_FALSE, (size_t)t->offset,
                                               bytes, inputs[i], 0, NULL, NULL)
                        : CL_SUCCESS;
    if (code)
      status = failed_at(r, -1, "clEnqueueWriteBuffer", code);
  }
  if (!status)
    status = enqueue_launches(r);
  for (int64_t i = 0; i < plan->outputs.count && !status; ++i) {
    const nacre_plan_tensor *t = nacre_plan_output(plan, i);
    uint64_t bytes = nacre_plan_tensor_bytes(plan, t, r->dims);
    cl_int code = bytes ? clEnqueueReadBuffer(r->queue, r->model->memory,
                                              CL_FALSE, (size_t)t->offset,
                                              bytes, outputs[i], 0, NULL, NULL)
                        : CL_SUCCESS;
    if (code)
      status = failed_at(r, -1, "clEnqueueReadBuffer", code);
  }
  if (!status)
    status = read_status(r);
  /* What was enqueued before a failure still uses the caller's memory. */
  if (status)
    clFinish(r->queue);
  else
    clFlush(r->queue);
  return status;
}

/* Waits, and reads what the kernels reported: the first of them counts. */
static nacre_status finish(const run *r) {
  nacre_opencl_model *model = r->model;
  const nacre_plan *plan = &model->plan;
  cl_int code = clFinish(r->queue);
  if (code)
    return failed_at(r, -1, "clFinish", code);
  for (int64_t i = 0; i < plan->launches.count; ++i) {
    const nacre_launch *launch = &model->launches[i];
    cl_int status;
    if (!launch->status)
      continue;
    memcpy(&status,
           model->status_copy +
               (size_t)launch->status_slot * model->status_stride,
           sizeof status);
    if (status) {
      nacre_failure(r->error, NACRE_E_DEVICE,
                    "model '%.64s', kernel %lld '%.64s': %s", plan->name,
                    (long long)i, nacre_plan_launch_at(plan, i)->name,
                    nacre_status_text(status));
      return status > 0 && status <= NACRE_E_DEVICE ? (nacre_status)status
                                                    : NACRE_E_DEVICE;
    }
  }
  return NACRE_OK;
}

/* Locks the model for a run; the caller unlocks it if that succeeds. */
static nacre_status begin(nacre_opencl_model *model, const int64_t *dims,
                          nacre_error *error) {
  if (!model)
    return nacre_failure(error, NACRE_E_ARG, "no model");
  nacre_status status = check_dims(&model->plan, dims, error);
  if (status)
    return status;
  pthread_mutex_lock(&model->mutex);
  if (!model->in_flight)
    return NACRE_OK;
  pthread_mutex_unlock(&model->mutex);
  return nacre_failure(error, NACRE_E_ARG,
                       "model '%.64s': a run is not waited for yet",
                       model->plan.name);
}

static nacre_status begin_run(nacre_opencl_model *model,
                              const void *const *inputs, void *const *outputs,
                              const int64_t *dims, nacre_error *error) {
  nacre_status status = begin(model, dims, error);
  if (status)
    return status;
  status = check_pointers(&model->plan, "input", &model->plan.inputs, inputs,
                          dims, error);
  if (!status)
    status = check_pointers(&model->plan, "output", &model->plan.outputs,
                            (const void *const *)outputs, dims, error);
  if (status)
    pthread_mutex_unlock(&model->mutex);
  return status;
}

nacre_status nacre_opencl_run(nacre_opencl_model *model,
                              const void *const *inputs, void *const *outputs,
                              const int64_t *dims, nacre_error *error) {
  nacre_status status = begin_run(model, inputs, outputs, dims, error);
  if (status)
    return status;
  run r = {model, model->queue, dims, NULL, error};
  status = enqueue_run(&r, inputs, outputs);
  if (!status)
    status = finish(&r);
  pthread_mutex_unlock(&model->mutex);
  return status;
}

nacre_status nacre_opencl_enqueue(nacre_opencl_model *model,
                                  const void *const *inputs,
                                  void *const *outputs, const int64_t *dims,
                                  nacre_error *error) {
  nacre_status status = begin_run(model, inputs, outputs, dims, error);
  if (status)
    return status;
  run r = {model, model->queue, dims, NULL, error};
  status = enqueue_run(&r, inputs, outputs);
  model->in_flight = !status;
  pthread_mutex_unlock(&model->mutex);
  return status;
}

nacre_status nacre_opencl_wait(nacre_opencl_model *model, nacre_error *error) {
  if (!model)
    return nacre_failure(error, NACRE_E_ARG, "no model");
  run r = {model, model->queue, NULL, NULL, error};
  pthread_mutex_lock(&model->mutex);
  nacre_status status =
      model->in_flight
          ? finish(&r)
          : nacre_failure(error, NACRE_E_ARG,
                          "model '%.64s': there is no run to wait for",
                          model->plan.name);
  model->in_flight = 0;
  pthread_mutex_unlock(&model->mutex);
  return status;
}

nacre_status nacre_opencl_run_kernels(nacre_opencl_model *model,
                                      const int64_t *dims, int64_t times,
                                      nacre_error *error) {
  nacre_status status = begin(model, dims, error);
  if (status)
    return status;
  run r = {model, model->queue, dims, NULL, error};
  status = clear_status(&r);
  for (int64_t i = 0; i < times && !status; ++i) {
    status = enqueue_launches(&r);
    clFlush(r.queue);
  }
  if (!status)
    status = read_status(&r);
  if (status)
    clFinish(r.queue);
  else
    status = finish(&r);
  pthread_mutex_unlock(&model->mutex);
  return status;
}

/*===- Measuring
 * -----------------------------------------------------------===*/

static nacre_status read_times(const run *r, uint64_t *nanoseconds) {
  for (int64_t i = 0; i < r->model->plan.launches.count; ++i) {
    cl_ulong start = 0, end = 0;
    cl_int code = CL_SUCCESS;
    if (r->events[i])
      code = clGetEventProfilingInfo(r->events[i], CL_PROFILING_COMMAND_START,
                                     sizeof start, &start, NULL);
    if (r->events[i] && !code)
      code = clGetEventProfilingInfo(r->events[i], CL_PROFILING_COMMAND_END,
                                     sizeof end, &end, NULL);
    if (code)
      return failed_at(r, i, "clGetEventProfilingInfo", code);
    nanoseconds[i] = end > start ? end - start : 0;
  }
  return NACRE_OK;
}

static nacre_status profile(run *r, const void *const *inputs,
                            void *const *outputs, uint64_t *nanoseconds) {
  nacre_opencl_model *model = r->model;
  int64_t count = model->plan.launches.count;
  if (!model->profiling) {
    cl_int code;
    model->profiling =
        clCreateCommandQueue(model->device->context, model->device->id,
                             CL_QUEUE_PROFILING_ENABLE, &code);
    if (code) {
      model->profiling = NULL;
      return failed_at(r, -1, "clCreateCommandQueue", code);
    }
  }
  r->queue = model->profiling;
  r->events = calloc((size_t)count + 1, sizeof *r->events);
  if (!r->events)
    return nacre_failure(r->error, NACRE_E_NOMEM, "no memory for %lld events",
                         (long long)count);
  nacre_status status = enqueue_run(r, inputs, outputs);
  if (!status)
    status = finish(r);
  if (!status)
    status = read_times(r, nanoseconds);
  for (int64_t i = 0; i < count; ++i)
    if (r->events[i])
      clReleaseEvent(r->events[i]);
  free(r->events);
  return status;
}

nacre_status nacre_opencl_profile(nacre_opencl_model *model,
                                  const void *const *inputs,
                                  void *const *outputs, const int64_t *dims,
                                  uint64_t *nanoseconds, nacre_error *error) {
  nacre_status status = begin_run(model, inputs, outputs, dims, error);
  if (status)
    return status;
  run r = {model, NULL, dims, NULL, error};
  status = nanoseconds || !model->plan.launches.count
               ? profile(&r, inputs, outputs, nanoseconds)
               : nacre_failure(error, NACRE_E_ARG,
                               "model '%.64s': no room for the times",
                               model->plan.name);
  pthread_mutex_unlock(&model->mutex);
  return status;
}
