/*===- embedded.c - the run of generated objects --------------------------===*/
#include "device.h"

#include <stdlib.h>

struct nacre_embedded {
  const nacre_opencl_bundle *bundle;
  const void *weights;
  nacre_opencl_model *model;
  nacre_embedded *next;
};

/* The device for callers that bring none. */
static pthread_once_t default_once = PTHREAD_ONCE_INIT;
static nacre_opencl_device *default_device;
static nacre_status default_status;
static nacre_error default_error;

static _Thread_local nacre_error last_error;

static void open_default(void) {
  default_status = nacre_opencl_open(NULL, &default_device, &default_error);
}

static nacre_status find_device(const nacre_executor *executor,
                                nacre_opencl_device **device) {
  if (nacre_executor_is_opencl(executor)) {
    *device = executor->ctx;
    return NACRE_OK;
  }
  pthread_once(&default_once, open_default);
  *device = default_device;
  return default_status ? nacre_failure(&last_error, default_status, "%s",
                                        default_error.text)
                        : NACRE_OK;
}

static nacre_status load(nacre_opencl_device *device,
                         const nacre_opencl_bundle *bundle, const void *weights,
                         nacre_opencl_model **model) {
  nacre_opencl_bundle with = *bundle;
  if (weights)
    with.weights = weights; /* of weights_bytes, as nacre_model.run says */
  nacre_embedded *entry = malloc(sizeof *entry);
  if (!entry)
    return nacre_failure(&last_error, NACRE_E_NOMEM, "no memory for a model");
  nacre_status status = nacre_opencl_load(device, &with, model, &last_error);
  if (status) {
    free(entry);
    return status;
  }
  *entry = (nacre_embedded){bundle, weights, *model, device->embedded};
  device->embedded = entry;
  return NACRE_OK;
}

static nacre_status find_model(nacre_opencl_device *device,
                               const nacre_opencl_bundle *bundle,
                               const void *weights,
                               nacre_opencl_model **model) {
  pthread_mutex_lock(&device->embedded_mutex);
  nacre_embedded *entry = device->embedded;
  while (entry && (entry->bundle != bundle || entry->weights != weights))
    entry = entry->next;
  nacre_status status = NACRE_OK;
  if (entry)
    *model = entry->model;
  else
    status = load(device, bundle, weights, model);
  pthread_mutex_unlock(&device->embedded_mutex);
  return status;
}

int32_t nacre_opencl_run_embedded(const nacre_opencl_bundle *bundle,
                                  const void *const *inputs,
                                  void *const *outputs, const void *weights,
                                  const int64_t *dims,
                                  const nacre_executor *executor) {
  nacre_opencl_device *device;
  nacre_opencl_model *model;
  if (!bundle)
    return nacre_failure(&last_error, NACRE_E_ARG, "no bundle");
  nacre_status status = find_device(executor, &device);
  if (!status)
    status = find_model(device, bundle, weights, &model);
  if (!status)
    status = nacre_opencl_run(model, inputs, outputs, dims, &last_error);
  return status;
}

const char *nacre_opencl_last_error(void) { return last_error.text; }

void nacre_embedded_free(nacre_embedded *list) {
  while (list) {
    nacre_embedded *next = list->next;
    nacre_opencl_free(list->model);
    free(list);
    list = next;
  }
}
