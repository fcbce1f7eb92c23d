/* A bundle's plan, read from its manifest and checked; docs/bundles.md. */
#ifndef NACRE_OPENCL_PLAN_H
#define NACRE_OPENCL_PLAN_H

#include "../src/failure.h"

/* A range of device memory or of the weights that a kernel is handed. */
typedef struct nacre_plan_buffer {
  int in_weights, write;
  int64_t offset, bytes;
} nacre_plan_buffer;

typedef struct nacre_plan_launch {
  const char *name, *entry, *computes;
  int64_t flops, bytes;
  int64_t tasks, task_dim, tasks_per_group;
  int64_t local[3], group_size; /* group_size: their product */
  int status;                   /* takes the status buffer */
  int64_t first_buffer, buffer_count;
  int64_t first_dim, dim_count; /* in nacre_plan.numbers */
} nacre_plan_launch;

/* Where an input or output is in device memory. */
typedef struct nacre_plan_tensor {
  const char *name, *dtype;
  int64_t rank, first_extent; /* in nacre_plan.numbers */
  int64_t first_dim;          /* likewise, `rank` of them; -1: all static */
  int64_t offset, bytes;
  int64_t shape_count, dims_count; /* as read; both are rank afterwards */
} nacre_plan_tensor;

typedef struct nacre_plan_dim {
  const char *name;
  int64_t bound;
} nacre_plan_dim;

typedef struct nacre_plan_file {
  const char *name, *sha256;
  int64_t bytes;
} nacre_plan_file;

typedef struct nacre_list {
  void *items;
  int64_t count, room;
} nacre_list;

/* Everything points into memory of the plan; nacre_plan_free frees it. */
typedef struct nacre_plan {
  const char *name, *target;
  int64_t version;
  int64_t memory_bytes, weights_bytes;
  int64_t group_bytes, invocations;           /* the most that a kernel needs */
  nacre_plan_file kernels_file, weights_file; /* name NULL: no such file */
  nacre_list inputs, outputs;                 /* nacre_plan_tensor */
  nacre_list dims;                            /* nacre_plan_dim */
  nacre_list launches;                        /* nacre_plan_launch */
  nacre_list buffers;                         /* nacre_plan_buffer */
  nacre_list numbers;                         /* int64_t */
  nacre_list strings;                         /* const char *, by codes */
  char *text;
  /* The same as tables of the public kind. */
  nacre_model signature;
  nacre_tensor *tensors;    /* inputs, then outputs */
  const char **tensor_dims; /* dim names of their axes */
  const char **names;       /* of dims, then of kernels */
  uint64_t *flops;
} nacre_plan;

/* Reads and checks a manifest; messages begin with "manifest.json: ". What
 * holds afterwards: tensors and buffers lie within memory or weights; indices
 * of dims are in range; products of tasks, dims and group sizes fit in 63
 * bits. The plan is to be freed in any case. */
NACRE_PRIVATE nacre_status nacre_plan_read(const char *manifest, uint64_t bytes,
                                           nacre_plan *plan,
                                           nacre_error *error);
NACRE_PRIVATE void nacre_plan_free(nacre_plan *plan);

static inline const nacre_plan_tensor *nacre_plan_input(const nacre_plan *p,
                                                        int64_t i) {
  return (const nacre_plan_tensor *)p->inputs.items + i;
}
static inline const nacre_plan_tensor *nacre_plan_output(const nacre_plan *p,
                                                         int64_t i) {
  return (const nacre_plan_tensor *)p->outputs.items + i;
}
static inline const nacre_plan_dim *nacre_plan_dim_at(const nacre_plan *p,
                                                      int64_t i) {
  return (const nacre_plan_dim *)p->dims.items + i;
}
static inline const nacre_plan_launch *nacre_plan_launch_at(const nacre_plan *p,
                                                            int64_t i) {
  return (const nacre_plan_launch *)p->launches.items + i;
}
static inline const nacre_plan_buffer *nacre_plan_buffers(const nacre_plan *p) {
  return (const nacre_plan_buffer *)p->buffers.items;
}
static inline const int64_t *nacre_plan_numbers(const nacre_plan *p) {
  return (const int64_t *)p->numbers.items;
}

/* Elements times element size of a tensor, its symbolic dims being `dims`. */
NACRE_PRIVATE uint64_t nacre_plan_tensor_bytes(const nacre_plan *plan,
                                               const nacre_plan_tensor *tensor,
                                               const int64_t *dims);
/* Work-groups of a launch, the symbolic dims being `dims`. */
NACRE_PRIVATE uint64_t nacre_plan_groups(const nacre_plan_launch *launch,
                                         const int64_t *dims);

#endif
