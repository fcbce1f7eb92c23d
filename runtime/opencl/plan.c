/*===- plan.c - what must hold of a manifest before it is believed --------===*/
#include "plan.h"

#include "manifest.h"

#include <stdlib.h>
#include <string.h>

/* Manifests beyond these are refused: they are mistakes or attacks. */
enum { max_manifest = 1 << 28, max_dims = 256, max_tensors = 1 << 16 };

typedef long long number; /* for printing */

static nacre_status malformed(nacre_error *error, const char *what,
                              const char *name, const char *why) {
  return nacre_failure(error, NACRE_E_FORMAT, "manifest.json: %s '%.64s' %s",
                       what, name, why);
}

static int is_identifier(const char *text) {
  static const char letters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  return *text && !(*text >= '0' && *text <= '9') &&
         !text[strspn(text, letters)];
}

/*===- Files
 * ---------------------------------------------------------------===*/

static nacre_status check_file(const char *what, const nacre_plan_file *file,
                               nacre_error *error) {
  if (!*file->name || strchr(file->name, '/') || !strcmp(file->name, ".") ||
      !strcmp(file->name, ".."))
    return malformed(error, what, file->name, "is no name of a file");
  if (strlen(file->sha256) != 64 ||
      file->sha256[strspn(file->sha256, "0123456789abcdef")])
    return malformed(error, what, file->name,
                     "has no SHA-256 of 64 lower-case hexadecimal digits");
  return NACRE_OK;
}

static nacre_status check_files(const nacre_plan *plan, nacre_error *error) {
  nacre_status status = check_file("file", &plan->kernels_file, error);
  if (status)
    return status;
  if (plan->weights_file.name)
    status = check_file("file", &plan->weights_file, error);
  return status;
}

/*===- Names
 * ---------------------------------------------------------------===*/

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The elements of `list` begin with their name. */
static nacre_status check_distinct(const char *what, const nacre_list *list,
                                   size_t size, nacre_error *error) {
  if (list->count < 2)
    return NACRE_OK;
  const char **names = malloc((size_t)list->count * sizeof *names);
  if (!names)
    return nacre_failure(error, NACRE_E_NOMEM, "manifest.json: no memory");
  for (int64_t i = 0; i < list->count; ++i)
    memcpy(&names[i], (const char *)list->items + (size_t)i * size,
           sizeof *names);
  qsort(names, (size_t)list->count, sizeof *names, by_text);
  nacre_status status = NACRE_OK;
  for (int64_t i = 1; i < list->count && !status; ++i)
    if (!strcmp(names[i - 1], names[i]))
      status = malformed(error, what, names[i], "occurs twice");
  free(names);
  return status;
}

static nacre_status check_dims(const nacre_plan *plan, nacre_error *error) {
  if (plan->dims.count > max_dims)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "manifest.json: %lld symbolic dims, at most %d",
                         (number)plan->dims.count, max_dims);
  for (int64_t i = 0; i < plan->dims.count; ++i) {
    const nacre_plan_dim *dim = nacre_plan_dim_at(plan, i);
    if (!*dim->name)
      return nacre_failure(error, NACRE_E_FORMAT,
                           "manifest.json: dim %lld has no name", (number)i);
    if (dim->bound > INT32_MAX) /* kernels take extents as int */
      return nacre_failure(error, NACRE_E_LIMIT,
                           "manifest.json: dim '%.64s': bound %lld is more "
                           "than %d",
                           dim->name, (number)dim->bound, INT32_MAX);
  }
  return check_distinct("dim", &plan->dims, sizeof(nacre_plan_dim), error);
}

/*===- Tensors
 * -------------------------------------------------------------===*/

static nacre_status tensor_failure(nacre_error *error, nacre_status status,
                                   const char *kind, const char *name,
                                   const char *why) {
  return nacre_failure(error, status, "manifest.json: %s '%.64s': %.300s", kind,
                       name, why);
}

static nacre_status check_axes(const nacre_plan *plan, const char *kind,
                               const nacre_plan_tensor *t, nacre_error *error) {
  const int64_t *shape = nacre_plan_numbers(plan) + t->first_extent;
  const int64_t *dims = nacre_plan_numbers(plan) + t->first_dim;
  nacre_error why;
  for (int64_t i = 0; t->first_dim >= 0 && i < t->rank; ++i) {
    if (dims[i] == -1)
      continue;
    if (dims[i] < 0 || dims[i] >= plan->dims.count) {
      nacre_failure(&why, NACRE_E_FORMAT, "axis %lld: there is no dim %lld",
                    (number)i, (number)dims[i]);
      return tensor_failure(error, NACRE_E_FORMAT, kind, t->name, why.text);
    }
    const nacre_plan_dim *dim = nacre_plan_dim_at(plan, dims[i]);
    if (shape[i] != dim->bound) {
      nacre_failure(&why, NACRE_E_FORMAT,
                    "axis %lld: extent %lld, the bound of dim '%.64s' is %lld",
                    (number)i, (number)shape[i], dim->name, (number)dim->bound);
      return tensor_failure(error, NACRE_E_FORMAT, kind, t->name, why.text);
    }
  }
  return NACRE_OK;
}

static nacre_status check_tensor(const nacre_plan *plan, const char *kind,
                                 nacre_plan_tensor *t, nacre_error *error) {
  uint64_t elements, bytes;
  nacre_error why;
  if (!*t->name)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "manifest.json: an %s has no name", kind);
  t->rank = t->shape_count;
  if (t->first_dim >= 0 && t->dims_count != t->rank)
    return tensor_failure(error, NACRE_E_FORMAT, kind, t->name,
                          "'dims' and 'shape' differ in length");
  nacre_status status = nacre_shape_bytes(
      t->dtype, t->rank,
      t->rank ? nacre_plan_numbers(plan) + t->first_extent : NULL, &elements,
      &bytes, &why);
  if (status)
    return tensor_failure(error, status, kind, t->name, why.text);
  status = check_axes(plan, kind, t, error);
  if (status)
    return status;
  if ((uint64_t)t->bytes != bytes) {
    nacre_failure(&why, NACRE_E_FORMAT, "has %lld bytes, its shape needs %llu",
                  (number)t->bytes, (unsigned long long)bytes);
    return tensor_failure(error, NACRE_E_FORMAT, kind, t->name, why.text);
  }
  if (t->offset % 256) {
    nacre_failure(&why, NACRE_E_FORMAT, "offset %lld is no multiple of 256",
                  (number)t->offset);
    return tensor_failure(error, NACRE_E_FORMAT, kind, t->name, why.text);
  }
  if (t->offset > plan->memory_bytes ||
      t->bytes > plan->memory_bytes - t->offset) {
    nacre_failure(&why, NACRE_E_FORMAT,
                  "%lld bytes at %lld are outside the %lld of memory",
                  (number)t->bytes, (number)t->offset,
                  (number)plan->memory_bytes);
    return tensor_failure(error, NACRE_E_FORMAT, kind, t->name, why.text);
  }
  return NACRE_OK;
}

static nacre_status check_tensors(const nacre_plan *plan, const char *kind,
                                  nacre_list *list, nacre_error *error) {
  if (list->count > max_tensors)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "manifest.json: %lld %ss, at most %d",
                         (number)list->count, kind, max_tensors);
  for (int64_t i = 0; i < list->count; ++i) {
    nacre_status status =
        check_tensor(plan, kind, (nacre_plan_tensor *)list->items + i, error);
    if (status)
      return status;
  }
  return check_distinct(kind, list, sizeof(nacre_plan_tensor), error);
}

/*===- Launches
 * ------------------------------------------------------------===*/

/* "manifest.json: kernel 3 'conv': " in front of the reason. */
static nacre_status launch_failure(nacre_error *error, nacre_status status,
                                   int64_t index,
                                   const nacre_plan_launch *launch,
                                   const char *why) {
  return nacre_failure(error, status,
                       "manifest.json: kernel %lld '%.64s': %.300s",
                       (number)index, launch->name, why);
}

static nacre_status check_buffer(const nacre_plan *plan,
                                 const nacre_plan_buffer *b, int64_t index,
                                 nacre_error *why) {
  int64_t room = b->in_weights ? plan->weights_bytes : plan->memory_bytes;
  if (b->in_weights && b->write)
    return nacre_failure(why, NACRE_E_FORMAT, "buffer %lld writes to weights",
                         (number)index);
  if (b->in_weights && !plan->weights_bytes)
    return nacre_failure(why, NACRE_E_FORMAT,
                         "buffer %lld: the model has no weights",
                         (number)index);
  if (b->offset > room || b->bytes > room - b->offset)
    return nacre_failure(
        why, NACRE_E_FORMAT,
        "buffer %lld: %lld bytes at %lld are outside the %lld of %s",
        (number)index, (number)b->bytes, (number)b->offset, (number)room,
        b->in_weights ? "weights" : "memory");
  return NACRE_OK;
}

/* Sizes of work: nothing a later product could overflow on. */
static nacre_status check_work(const nacre_plan *plan, nacre_plan_launch *l,
                               nacre_error *why) {
  l->group_size = 1;
  for (int i = 0; i < 3; ++i)
    if (l->local[i] < 1 ||
        __builtin_mul_overflow(l->group_size, l->local[i], &l->group_size))
      return nacre_failure(
          why, NACRE_E_FORMAT, "local [%lld, %lld, %lld] is no size of a group",
          (number)l->local[0], (number)l->local[1], (number)l->local[2]);
  if (l->tasks_per_group < 1)
    return nacre_failure(why, NACRE_E_FORMAT, "tasks_per_group is 0");
  if (l->task_dim != -1 && (l->task_dim < 0 || l->task_dim >= plan->dims.count))
    return nacre_failure(why, NACRE_E_FORMAT, "task_dim: there is no dim %lld",
                         (number)l->task_dim);
  int64_t bound =
      l->task_dim < 0 ? 1 : nacre_plan_dim_at(plan, l->task_dim)->bound;
  int64_t tasks, groups, items;
  if (__builtin_mul_overflow(l->tasks, bound, &tasks) ||
      __builtin_add_overflow(tasks / l->tasks_per_group, 1, &groups) ||
      __builtin_mul_overflow(groups, l->group_size, &items))
    return nacre_failure(why, NACRE_E_LIMIT, "%lld tasks are too many",
                         (number)l->tasks);
  return NACRE_OK;
}

static nacre_status check_launch(const nacre_plan *plan, nacre_plan_launch *l,
                                 nacre_error *why) {
  if (!is_identifier(l->entry))
    return nacre_failure(why, NACRE_E_FORMAT,
                         "entry '%.64s' is no name of a function", l->entry);
  const nacre_plan_buffer *buffers = nacre_plan_buffers(plan) + l->first_buffer;
  for (int64_t i = 0; i < l->buffer_count; ++i) {
    nacre_status status = check_buffer(plan, &buffers[i], i, why);
    if (status)
      return status;
  }
  const int64_t *dims = nacre_plan_numbers(plan) + l->first_dim;
  for (int64_t i = 0; i < l->dim_count; ++i)
    if (dims[i] < 0 || dims[i] >= plan->dims.count)
      return nacre_failure(why, NACRE_E_FORMAT, "dims: there is no dim %lld",
                           (number)dims[i]);
  return check_work(plan, l, why);
}

static nacre_status check_launches(const nacre_plan *plan, nacre_error *error) {
  for (int64_t i = 0; i < plan->launches.count; ++i) {
    nacre_plan_launch *l = (nacre_plan_launch *)plan->launches.items + i;
    nacre_error why;
    nacre_status status = check_launch(plan, l, &why);
    if (status)
      return launch_failure(error, status, i, l, why.text);
  }
  return NACRE_OK;
}

/*===- The public table
 * ----------------------------------------------------===*/

static void fill_tensors(nacre_plan *plan, const nacre_list *list,
                         nacre_tensor *tensors, const char ***dim_names) {
  const int64_t *numbers = nacre_plan_numbers(plan);
  for (int64_t i = 0; i < list->count; ++i) {
    const nacre_plan_tensor *from = (const nacre_plan_tensor *)list->items + i;
    nacre_tensor *to = &tensors[i];
    *to = (nacre_tensor){.name = from->name,
                         .dtype = from->dtype,
                         .rank = from->rank,
                         .shape =
                             from->rank ? numbers + from->first_extent : NULL,
                         .bytes = (uint64_t)from->bytes};
    for (int64_t d = 0; from->first_dim >= 0 && d < from->rank; ++d) {
      int64_t dim = numbers[from->first_dim + d];
      (*dim_names)[d] = dim < 0 ? NULL : nacre_plan_dim_at(plan, dim)->name;
      if (dim >= 0)
        to->dim_names = *dim_names;
    }
    if (to->dim_names)
      *dim_names += from->rank;
  }
}

static nacre_status fill_signature(nacre_plan *plan, nacre_error *error) {
  int64_t inputs = plan->inputs.count, dims = plan->dims.count;
  int64_t launches = plan->launches.count;
  /* One more of each, for calloc of nothing may give NULL. */
  plan->tensors =
      calloc((size_t)(inputs + plan->outputs.count + 1), sizeof *plan->tensors);
  plan->tensor_dims =
      calloc((size_t)plan->numbers.count + 1, sizeof *plan->tensor_dims);
  plan->names = calloc((size_t)(dims + launches + 1), sizeof *plan->names);
  plan->flops = calloc((size_t)launches + 1, sizeof *plan->flops);
  if (!plan->tensors || !plan->tensor_dims || !plan->names || !plan->flops)
    return nacre_failure(error, NACRE_E_NOMEM, "manifest.json: no memory");
  const char **tensor_dims = plan->tensor_dims;
  fill_tensors(plan, &plan->inputs, plan->tensors, &tensor_dims);
  fill_tensors(plan, &plan->outputs, plan->tensors + inputs, &tensor_dims);
  for (int64_t i = 0; i < dims; ++i)
    plan->names[i] = nacre_plan_dim_at(plan, i)->name;
  for (int64_t i = 0; i < launches; ++i) {
    plan->names[dims + i] = nacre_plan_launch_at(plan, i)->name;
    plan->flops[i] = (uint64_t)nacre_plan_launch_at(plan, i)->flops;
  }
  plan->signature = (nacre_model){
      .abi_version = NACRE_ABI_VERSION,
      .name = plan->name,
      .input_count = inputs,
      .output_count = plan->outputs.count,
      .inputs = plan->tensors,
      .outputs = plan->tensors + inputs,
      .arena_bytes = (uint64_t)plan->memory_bytes,
      .weights_bytes = (uint64_t)plan->weights_bytes,
      .kernel_count = launches,
      .kernel_names = plan->names + dims,
      .kernel_flops = plan->flops,
      .dim_count = dims,
      .dim_names = plan->names,
      .string_count = plan->strings.count,
      .strings = plan->strings.items,
  };
  return NACRE_OK;
}

nacre_status nacre_plan_read(const char *manifest, uint64_t bytes,
                             nacre_plan *plan, nacre_error *error) {
  memset(plan, 0, sizeof *plan);
  if (bytes > max_manifest)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "manifest.json: %llu bytes, at most %d",
                         (unsigned long long)bytes, max_manifest);
  nacre_status status = nacre_manifest_read(manifest, bytes, plan, error);
  if (!status && !is_identifier(plan->name))
    status = malformed(error, "name", plan->name, "is no C identifier");
  if (!status)
    status = check_files(plan, error);
  if (!status)
    status = check_dims(plan, error);
  if (!status)
    status = check_tensors(plan, "input", &plan->inputs, error);
  if (!status)
    status = check_tensors(plan, "output", &plan->outputs, error);
  if (!status)
    status = check_launches(plan, error);
  if (!status)
    status = fill_signature(plan, error);
  return status;
}

void nacre_plan_free(nacre_plan *plan) {
  nacre_list *lists[] = {&plan->inputs,   &plan->outputs, &plan->dims,
                         &plan->launches, &plan->buffers, &plan->numbers,
                         &plan->strings};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; ++i)
    free(lists[i]->items);
  free(plan->text);
  free(plan->tensors);
  free((void *)plan->tensor_dims);
  free((void *)plan->names);
  free(plan->flops);
  memset(plan, 0, sizeof *plan);
}

uint64_t nacre_plan_tensor_bytes(const nacre_plan *plan,
                                 const nacre_plan_tensor *tensor,
                                 const int64_t *dims) {
  const int64_t *numbers = nacre_plan_numbers(plan);
  uint64_t bytes = nacre_dtype_bytes(tensor->dtype);
  for (int64_t i = 0; i < tensor->rank; ++i) {
    int64_t dim = tensor->first_dim < 0 ? -1 : numbers[tensor->first_dim + i];
    bytes *=
        (uint64_t)(dim < 0 ? numbers[tensor->first_extent + i] : dims[dim]);
  }
  return bytes;
}

uint64_t nacre_plan_groups(const nacre_plan_launch *launch,
                           const int64_t *dims) {
  uint64_t tasks = (uint64_t)launch->tasks;
  if (launch->task_dim >= 0)
    tasks *= (uint64_t)dims[launch->task_dim];
  uint64_t each = (uint64_t)launch->tasks_per_group;
  return tasks / each + (tasks % each != 0);
}
