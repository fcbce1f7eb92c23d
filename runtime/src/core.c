/*===- core.c - statuses, sizes, checking and running a model -------------===*/
#define _DEFAULT_SOURCE
#include "dims.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

/* Generated code is emitted with this layout (LP64). */
_Static_assert(sizeof(nacre_executor) == 24, "nacre_executor is ABI");
_Static_assert(sizeof(nacre_tensor) == 48, "nacre_tensor is ABI");
_Static_assert(offsetof(nacre_tensor, bytes) == 40, "nacre_tensor is ABI");
_Static_assert(sizeof(nacre_model) == 144, "nacre_model is ABI");
_Static_assert(offsetof(nacre_model, arena_bytes) == 48, "nacre_model is ABI");
_Static_assert(offsetof(nacre_model, kernel_count) == 80, "nacre_model is ABI");
_Static_assert(offsetof(nacre_model, run) == 120, "nacre_model is ABI");

nacre_status nacre_failure(nacre_error *error, nacre_status status,
                           const char *format, ...) {
  if (error) {
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
  }
  return status;
}

nacre_shape_text nacre_shape_print(int64_t rank, const int64_t *shape) {
  nacre_shape_text result = {"["};
  size_t used = 1, room = sizeof result.text - sizeof "...]";
  for (int64_t i = 0; i < rank; ++i) {
    char extent[24];
    size_t length = (size_t)snprintf(extent, sizeof extent, "%s%lld",
                                     i ? ", " : "", (long long)shape[i]);
    if (used + length > room) {
      memcpy(result.text + used, "...", 3);
      used += 3;
      break;
    }
    memcpy(result.text + used, extent, length);
    used += length;
  }
  memcpy(result.text + used, "]", 2);
  return result;
}

const char *nacre_status_text(int32_t status) {
  switch (status) {
  case NACRE_OK:
    return "ok";
  case NACRE_E_ARG:
    return "wrong argument";
  case NACRE_E_INDEX:
    return "index out of range";
  case NACRE_E_SHAPE:
    return "wrong shape";
  case NACRE_E_DTYPE:
    return "wrong element type";
  case NACRE_E_NOMEM:
    return "out of memory";
  case NACRE_E_IO:
    return "input/output error";
  case NACRE_E_FORMAT:
    return "malformed file";
  case NACRE_E_ABI:
    return "wrong ABI version";
  case NACRE_E_ARITH:
    return "arithmetic error";
  case NACRE_E_LIMIT:
    return "limit exceeded";
  case NACRE_E_DEVICE:
    return "device failure";
  }
  return "unknown status";
}

uint64_t nacre_dtype_bytes(const char *dtype) {
  static const struct {
    char name[11];
    uint8_t bytes;
  } types[] = {
      {"f32", 4},        {"f64", 8},      {"f16", 2},        {"bf16", 2},
      {"i8", 1},         {"u8", 1},       {"i16", 2},        {"u16", 2},
      {"i32", 4},        {"u32", 4},      {"i64", 8},        {"u64", 8},
      {"bool", 1},       {"i4", 1},       {"u4", 1},         {"i2", 1},
      {"u2", 1},         {"f8e4m3fn", 1}, {"f8e4m3fnuz", 1}, {"f8e5m2", 1},
      {"f8e5m2fnuz", 1}, {"f8e8m0", 1},   {"f4e2m1", 1},     {"string", 4}};
  for (size_t i = 0; dtype && i < sizeof types / sizeof *types; ++i)
    if (!strcmp(dtype, types[i].name))
      return types[i].bytes;
  return 0;
}

int nacre_dtype_bits(const char *dtype) {
  if (!strcmp(dtype, "i4") || !strcmp(dtype, "u4") || !strcmp(dtype, "f4e2m1"))
    return 4;
  if (!strcmp(dtype, "i2") || !strcmp(dtype, "u2"))
    return 2;
  return !strncmp(dtype, "f8", 2) ? 8 : 0;
}

int nacre_array_as(nacre_array *array, const char *dtype) {
  int bits = nacre_dtype_bits(dtype);
  if (!strcmp(array->dtype, dtype))
    return 1;
  if (!bits || strcmp(array->dtype, "u8"))
    return 0;
  for (uint64_t i = 0; i < array->elements; ++i)
    ((unsigned char *)array->data)[i] &= (unsigned char)((1 << bits) - 1);
  array->dtype = dtype;
  return 1;
}

nacre_status nacre_shape_bytes(const char *dtype, int64_t rank,
                               const int64_t *shape, uint64_t *elements,
                               uint64_t *bytes, nacre_error *error) {
  uint64_t size = nacre_dtype_bytes(dtype);
  if (!size)
    return nacre_failure(error, NACRE_E_DTYPE, "unknown element type '%s'",
                         dtype ? dtype : "");
  if (rank < 0 || rank > NACRE_MAX_RANK)
    return nacre_failure(error, NACRE_E_LIMIT, "rank %lld is not in 0 to %d",
                         (long long)rank, NACRE_MAX_RANK);
  /* Zeros count as ones in the overflow check: strides of an empty tensor must
   * not overflow either. */
  int64_t product = (int64_t)size;
  int empty = 0;
  for (int64_t i = 0; i < rank; ++i) {
    if (shape[i] < 0)
      return nacre_failure(error, NACRE_E_SHAPE,
                           "dimension %lld is negative: %lld", (long long)i,
                           (long long)shape[i]);
    empty |= shape[i] == 0;
    if (__builtin_mul_overflow(product, shape[i] ? shape[i] : 1, &product))
      return nacre_failure(error, NACRE_E_SHAPE, "shape has too many elements");
  }
  *bytes = empty ? 0 : (uint64_t)product;
  *elements = *bytes / size;
  return NACRE_OK;
}

int64_t nacre_dim_index(const nacre_model *model, const char *name) {
  for (int64_t i = 0; i < model->dim_count; ++i)
    if (!strcmp(model->dim_names[i], name))
      return i;
  return -1;
}

int64_t nacre_count_of(const nacre_model *model, const char *name) {
  for (int64_t i = 0; i < model->output_count; ++i)
    if (model->outputs[i].rank == 0 && !strcmp(model->outputs[i].name, name) &&
        !strcmp(model->outputs[i].dtype, "i64"))
      return i;
  return -1;
}

static nacre_status check_tensors(const nacre_model *model, const char *kind,
                                  const nacre_tensor *tensors, int64_t count,
                                  nacre_error *error) {
  if (count < 0 || (count > 0 && !tensors))
    return nacre_failure(error, NACRE_E_ABI, "model has no table of %ss", kind);
  for (int64_t i = 0; i < count; ++i) {
    const nacre_tensor *tensor = &tensors[i];
    uint64_t elements, bytes;
    nacre_error why;
    if (!tensor->name || (tensor->rank && !tensor->shape))
      return nacre_failure(error, NACRE_E_ABI,
                           "%s %lld has no name or no shape", kind,
                           (long long)i);
    if (nacre_shape_bytes(tensor->dtype, tensor->rank, tensor->shape, &elements,
                          &bytes, &why))
      return nacre_failure(error, NACRE_E_ABI, "%s '%.64s': %.128s", kind,
                           tensor->name, why.text);
    if (bytes != tensor->bytes)
      return nacre_failure(
          error, NACRE_E_ABI,
          "%s '%.64s': %llu bytes stated, its shape makes %llu", kind,
          tensor->name, (unsigned long long)tensor->bytes,
          (unsigned long long)bytes);
    for (int64_t d = 0; tensor->dim_names && d < tensor->rank; ++d)
      if (tensor->dim_names[d] &&
          nacre_dim_index(model, tensor->dim_names[d]) < 0 &&
          (*kind == 'i' || nacre_count_of(model, tensor->dim_names[d]) < 0))
        return nacre_failure(error, NACRE_E_ABI,
                             "%s '%.64s': model has no dim '%.64s'", kind,
                             tensor->name, tensor->dim_names[d]);
  }
  return NACRE_OK;
}

static nacre_status check_version(const nacre_model *model,
                                  nacre_error *error) {
  if (!model)
    return nacre_failure(error, NACRE_E_ARG, "no model");
  if (model->abi_version != NACRE_ABI_VERSION)
    return nacre_failure(
        error, NACRE_E_ABI, "model has ABI version %llu, this runtime has %u",
        (unsigned long long)model->abi_version, NACRE_ABI_VERSION);
  return NACRE_OK;
}

nacre_status nacre_check_model(const nacre_model *model, nacre_error *error) {
  nacre_status status = check_version(model, error);
  if (status)
    return status;
  if (!model->name || !model->run)
    return nacre_failure(error, NACRE_E_ABI, "model has no name or no code");
  if (model->dim_count < 0 || (model->dim_count && !model->dim_names))
    return nacre_failure(error, NACRE_E_ABI, "model has no table of dims");
  for (int64_t i = 0; i < model->dim_count; ++i)
    if (!model->dim_names[i])
      return nacre_failure(error, NACRE_E_ABI, "dim %lld has no name",
                           (long long)i);
  if (model->string_count < 0 || (model->string_count && !model->strings))
    return nacre_failure(error, NACRE_E_ABI, "model has no table of strings");
  if (model->kernel_count < 0 ||
      (model->kernel_count && (!model->kernel_names || !model->kernel_flops)))
    return nacre_failure(error, NACRE_E_ABI, "model has no table of kernels");
  status =
      check_tensors(model, "input", model->inputs, model->input_count, error);
  if (!status)
    status = check_tensors(model, "output", model->outputs, model->output_count,
                           error);
  return status;
}

/* Much memory lies in large pages where the system has them: what reads it from
 * end to end, as a product of a matrix by a vector does, waits less. */
enum { large_page = 2 << 20, pages_that_pay = 2 };

void *nacre_alloc(uint64_t bytes) {
  uint64_t unit = NACRE_ALIGNMENT;
#ifdef MADV_HUGEPAGE
  if (bytes >= pages_that_pay * large_page)
    unit = large_page;
#endif
  /* aligned_alloc wants a multiple of the alignment; the sum must not wrap. */
  if (bytes > PTRDIFF_MAX - unit)
    return NULL;
  uint64_t whole = (bytes + unit - 1) & ~(unit - 1);
  void *memory = aligned_alloc(unit, whole ? whole : unit);
#ifdef MADV_HUGEPAGE
  if (memory && unit == large_page)
    madvise(memory, whole, MADV_HUGEPAGE); /* a wish; it may be refused */
#endif
  return memory;
}

void nacre_free(void *memory) { free(memory); }

nacre_status nacre_run(const nacre_model *model, const void *const *inputs,
                       void *const *outputs, const void *weights,
                       const int64_t *dims, const nacre_executor *executor,
                       nacre_error *error) {
  nacre_status status = check_version(model, error);
  if (status)
    return status;
  if (!weights && !model->weights && model->weights_bytes)
    return nacre_failure(error, NACRE_E_ARG,
                         "model '%.64s' needs the weights of its side file",
                         model->name);
  void *arena = NULL;
  if (model->arena_bytes && !(arena = nacre_alloc(model->arena_bytes)))
    return nacre_failure(error, NACRE_E_NOMEM,
                         "no memory for an arena of %llu bytes",
                         (unsigned long long)model->arena_bytes);
  int32_t result = model->run(inputs, outputs, arena, weights, dims, executor);
  nacre_free(arena);
  if (result)
    return nacre_failure(error, (nacre_status)result, "model '%.64s': %s",
                         model->name, nacre_status_text(result));
  return NACRE_OK;
}

void nacre_array_free(nacre_array *array) {
  nacre_free(array->data);
  memset(array, 0, sizeof *array);
}
