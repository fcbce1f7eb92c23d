/* A bundle on a device: what load.c and folder.c make and run.c runs. */
#ifndef NACRE_OPENCL_LOADED_H
#define NACRE_OPENCL_LOADED_H

#include "device.h"
#include "plan.h"

/* Of one launch. The kernel object is its own, so that all arguments but the
 * extents of symbolic dims are set once. */
typedef struct nacre_launch {
  cl_kernel kernel;
  cl_uint first_dim_argument;
  cl_mem status;       /* a part of the model's, NULL if it reports none */
  int64_t status_slot; /* which part */
} nacre_launch;

struct nacre_opencl_model {
  nacre_opencl_device *device;
  nacre_plan plan;
  cl_program program;
  cl_command_queue queue, profiling; /* in order; profiling: NULL until used */
  cl_mem memory, weights, status;    /* weights, status: NULL if none */
  nacre_launch *launches;
  /* The status of each launch that reports one is alone in `status_stride`
   * bytes: so its place says whose it is. */
  int64_t status_count;
  size_t status_stride;
  unsigned char *status_copy;
  pthread_mutex_t mutex; /* held by whoever runs the model */
  int in_flight;         /* enqueued and not waited for */
};

/* Builds and allocates everything. Takes the plan over, also when it fails; the
 * kernels' text and the weights are not needed afterwards. */
NACRE_PRIVATE nacre_status nacre_model_make(nacre_opencl_device *device,
                                            nacre_plan *plan,
                                            const char *kernels, uint64_t bytes,
                                            const void *weights,
                                            nacre_opencl_model **result,
                                            nacre_error *error);

/* "NAME: has N bytes, the manifest says M" */
NACRE_PRIVATE nacre_status nacre_wrong_size(const char *name, uint64_t has,
                                            int64_t wanted, nacre_error *error);

#endif
