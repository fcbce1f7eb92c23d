/*===- report.c - --info, --top and outputs.json --------------------------===*/
#define _GNU_SOURCE
#include "report.h"

#include "file.h"
#include "json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void nacre_print_plain(FILE *stream, const char *text) {
  for (; *text; ++text)
    fputc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, stream);
}

void nacre_print_model_shape(FILE *stream, const nacre_tensor *tensor) {
  fputc('[', stream);
  for (int64_t i = 0; i < tensor->rank; ++i) {
    const char *dim = tensor->dim_names ? tensor->dim_names[i] : NULL;
    fputs(i ? ", " : "", stream);
    if (dim) {
      nacre_print_plain(stream, dim);
      fputs("<=", stream);
    }
    fprintf(stream, "%" PRId64, tensor->shape[i]);
  }
  fputc(']', stream);
}

void nacre_print_info(FILE *stream, const nacre_model *model) {
  fputs("model ", stream);
  nacre_print_plain(stream, model->name);
  fprintf(stream, "\narena %" PRIu64 " bytes\nweights %" PRIu64 " bytes",
          model->arena_bytes, model->weights_bytes);
  if (model->weights_file) {
    fputs(" in ", stream);
    nacre_print_plain(stream, model->weights_file);
  }
  for (int64_t i = 0; i < model->input_count + model->output_count; ++i) {
    int input = i < model->input_count;
    const nacre_tensor *tensor =
        input ? &model->inputs[i] : &model->outputs[i - model->input_count];
    fputs(input ? "\ninput " : "\noutput ", stream);
    nacre_print_plain(stream, tensor->name);
    fprintf(stream, " %s", tensor->dtype);
    nacre_print_model_shape(stream, tensor);
  }
  for (int64_t i = 0; i < model->kernel_count; ++i) {
    fputs("\nkernel ", stream);
    nacre_print_plain(stream, model->kernel_names[i]);
    fprintf(stream, " %" PRIu64 " flops", model->kernel_flops[i]);
  }
  fputc('\n', stream);
}

/*===- --top
 * ---------------------------------------------------------------===*/

static double half_value(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  double value = bits & 1023;
  if (exponent == 31)
    value = value != 0 ? __builtin_nan("") : __builtin_inf();
  else if (exponent)
    value = (value + 1024) * (double)(1 << exponent) / (1 << 25);
  else
    value /= 1 << 24;
  return bits >> 15 ? -value : value;
}

/* A float of 8 or 4 bits: a sign, an exponent and a mantissa, or an exponent
 * alone. */
static double narrow_value(const char *dtype, unsigned bits) {
  int scale = !strcmp(dtype, "f8e8m0"), four = !strcmp(dtype, "f4e2m1");
  int wide = dtype[3] == '4', unsigned_zero = strlen(dtype) == 10;
  int mantissa = scale ? 0 : four ? 1 : wide ? 3 : 2;
  int bias = scale ? 127 : four ? 1 : (wide ? 7 : 15) + unsigned_zero;
  unsigned sign = scale ? 256 : four ? 8 : 128, code = bits & (sign - 1);
  int exponent = (int)(code >> mantissa);
  double value = code & ((1u << mantissa) - 1);
  if (unsigned_zero ? bits == sign : !four && code == sign - 1)
    return __builtin_nan("");
  if (!unsigned_zero && !scale && !four && !wide && exponent == 31)
    value = value != 0 ? __builtin_nan("") : __builtin_inf();
  else {
    if (exponent || scale)
      value += 1u << mantissa;
    exponent = (exponent || scale ? exponent : 1) - bias - mantissa;
    for (; exponent > 0; --exponent)
      value *= 2;
    for (; exponent < 0; ++exponent)
      value /= 2;
  }
  return bits & sign ? -value : value;
}

/* An element as the number it is: a float, or an integer by sign. */
typedef struct number {
  char kind; /* 'f', 'i' or 'u' */
  double real;
  int64_t integer;
  uint64_t natural;
} number;

static number element(const nacre_array *array, uint64_t index) {
  size_t width = nacre_dtype_bytes(array->dtype);
  uint64_t bits = 0;
  memcpy(&bits, (const char *)array->data + index * width, width);
  number n = {.kind = 'f'};
  if (!strcmp(array->dtype, "f64")) {
    memcpy(&n.real, &bits, 8);
  } else if (!strcmp(array->dtype, "f32") || !strcmp(array->dtype, "bf16")) {
    uint32_t single = (uint32_t)(width == 2 ? bits << 16 : bits);
    float real;
    memcpy(&real, &single, 4);
    n.real = (double)real;
  } else if (!strcmp(array->dtype, "f16")) {
    n.real = half_value((uint16_t)bits);
  } else if (*array->dtype == 'f') {
    n.real = narrow_value(array->dtype, (unsigned)bits);
  } else if (*array->dtype == 'i') {
    int narrow = nacre_dtype_bits(array->dtype);
    unsigned unused = 64 - (narrow ? (unsigned)narrow : 8 * (unsigned)width);
    n.kind = 'i';
    n.integer = (int64_t)(bits << unused) >> unused;
  } else {
    n.kind = 'u';
    n.natural = bits;
  }
  return n;
}

/* A key that orders as the numbers do. */
typedef struct ranked {
  uint64_t key, index;
} ranked;

static uint64_t key_of(number n) {
  const uint64_t sign = UINT64_C(1) << 63;
  if (n.kind == 'u')
    return n.natural;
  if (n.kind == 'i')
    return (uint64_t)n.integer ^ sign;
  if (n.real != n.real)
    return 0;
  n.real += 0.0; /* -0 and 0 are equal */
  uint64_t bits;
  memcpy(&bits, &n.real, 8);
  return bits & sign ? ~bits : bits | sign;
}

static int larger_first(const void *a, const void *b) {
  const ranked *x = a, *y = b;
  if (x->key != y->key)
    return x->key > y->key ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

nacre_status nacre_print_top(FILE *stream, const nacre_array *array, int64_t k,
                             nacre_error *error) {
  uint64_t count = array->elements;
  if (count > UINT64_MAX / 64 / sizeof(ranked))
    return nacre_failure(error, NACRE_E_LIMIT, "too many elements to rank");
  ranked *order = nacre_alloc(count * sizeof(ranked));
  if (!order)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory to rank the output");
  for (uint64_t i = 0; i < count; ++i)
    order[i] = (ranked){key_of(element(array, i)), i};
  qsort(order, count, sizeof(ranked), larger_first);
  for (uint64_t i = 0; i < count && i < (uint64_t)k; ++i) {
    number n = element(array, order[i].index);
    fprintf(stream, "%" PRIu64 " ", order[i].index);
    if (n.kind == 'f')
      fprintf(stream, "%.6g\n", n.real);
    else if (n.kind == 'i')
      fprintf(stream, "%" PRId64 "\n", n.integer);
    else
      fprintf(stream, "%" PRIu64 "\n", n.natural);
  }
  nacre_free(order);
  return NACRE_OK;
}

/*===- outputs.json
 * --------------------------------------------------------===*/

nacre_status nacre_write_outputs_json(const char *path,
                                      const nacre_model *model,
                                      const nacre_array *outputs,
                                      nacre_error *error) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&text, &size);
  if (!stream)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for outputs.json");
  fputs("{\"outputs\": [", stream);
  for (int64_t i = 0; i < model->output_count; ++i) {
    fputs(i ? ",\n  {\"name\": " : "\n  {\"name\": ", stream);
    nacre_json_print(stream, model->outputs[i].name);
    fprintf(stream, ", \"dtype\": \"%s\", \"shape\": [", outputs[i].dtype);
    for (int64_t d = 0; d < outputs[i].rank; ++d)
      fprintf(stream, d ? ", %" PRId64 : "%" PRId64, outputs[i].shape[d]);
    fprintf(stream, "], \"file\": \"output_%" PRId64 ".npy\"}", i);
  }
  fputs("\n]}\n", stream);
  int lost = ferror(stream);
  lost |= fclose(stream);
  nacre_status status;
  if (lost) {
    status = nacre_failure(error, NACRE_E_NOMEM, "no memory for outputs.json");
  } else {
    nacre_piece piece = {text, size};
    status = nacre_file_write(path, &piece, 1, error);
  }
  free(text);
  return status;
}
