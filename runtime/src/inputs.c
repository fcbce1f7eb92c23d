/*===- inputs.c - the inputs of a standalone executable ------------------===*/
#define _GNU_SOURCE
#include "dims.h"
#include "report.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

static int ends_in(const char *text, const char *ending) {
  size_t length = strlen(text), tail = strlen(ending);
  return length >= tail && !strcmp(text + length - tail, ending);
}

/* Does the file's shape fit, binding symbolic dims? */
static int check_shape(session *s, const nacre_tensor *tensor,
                       const nacre_array *array) {
  int fits = array->rank == tensor->rank;
  for (int64_t d = 0; fits && d < tensor->rank; ++d) {
    int symbolic = tensor->dim_names && tensor->dim_names[d];
    fits = symbolic ? array->shape[d] <= tensor->shape[d]
                    : array->shape[d] == tensor->shape[d];
  }
  if (!fits) {
    char *needs = NULL;
    size_t size;
    FILE *stream = open_memstream(&needs, &size);
    if (stream) {
      nacre_print_model_shape(stream, tensor);
      fclose(stream);
    }
    nacre_complain(
        s, exit_data, "input '%.200s': file has shape %s, model needs %.300s",
        tensor->name, nacre_shape_print(array->rank, array->shape).text,
        needs ? needs : "another");
    free(needs);
    return exit_data;
  }
  for (int64_t d = 0; d < tensor->rank; ++d) {
    if (!tensor->dim_names || !tensor->dim_names[d])
      continue;
    int64_t *bound = &s->dims[nacre_dim_index(s->model, tensor->dim_names[d])];
    if (*bound >= 0 && *bound != array->shape[d])
      return nacre_complain(
          s, exit_data, "input '%.200s': dim %.100s is %lld, elsewhere %lld",
          tensor->name, tensor->dim_names[d], (long long)array->shape[d],
          (long long)*bound);
    *bound = array->shape[d];
  }
  return exit_ok;
}

static int read_input(session *s, int64_t i) {
  const nacre_tensor *tensor = &s->model->inputs[i];
  const char *file = s->files[i];
  if (!file)
    return nacre_complain(s, exit_usage, "input '%.200s' (%s) is not given",
                          tensor->name, tensor->dtype);
  int npy = ends_in(file, ".npy");
  if (!npy && !ends_in(file, ".pb"))
    return nacre_complain(s, exit_usage,
                          "input '%.200s': '%.200s' is neither .npy nor .pb",
                          tensor->name, file);
  nacre_error error;
  nacre_array *array = &s->inputs[i];
  nacre_status status =
      nacre_is_strings(tensor)
          ? npy ? nacre_npy_read_strings(file, s->strings, array, &error)
                : nacre_onnx_tensor_read_strings(file, s->strings, array,
                                                 &error)
      : npy ? nacre_npy_read(file, array, &error)
            : nacre_onnx_tensor_read(file, array, &error);
  if (status)
    return nacre_complain(s, nacre_exit_code(status), "input '%.200s': %s",
                          tensor->name, error.text);
  if (!nacre_array_as(&s->inputs[i], tensor->dtype))
    return nacre_complain(s, exit_data,
                          "input '%.200s': file has %s, model needs %s",
                          tensor->name, s->inputs[i].dtype, tensor->dtype);
  return check_shape(s, tensor, &s->inputs[i]);
}

int nacre_read_inputs(session *s) {
  int result = exit_ok;
  for (int64_t i = 0; i < s->model->input_count; ++i) {
    int code = read_input(s, i);
    if (!result)
      result = code;
  }
  for (int64_t i = 0; i < s->model->dim_count && !result; ++i)
    if (s->dims[i] < 0)
      result = nacre_complain(
          s, exit_usage,
          "no input determines dim '%.100s', give --dim %.100s=N",
          s->model->dim_names[i], s->model->dim_names[i]);
  return result;
}
