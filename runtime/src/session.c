/*===- session.c - one execution of a standalone executable --------------===*/
#include "session.h"
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int nacre_complain(const session *s, int code, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  nacre_print_plain(stderr, s->program);
  fputs(": error: ", stderr);
  nacre_print_plain(stderr, text);
  fputc('\n', stderr);
  return code;
}

int nacre_exit_code(nacre_status status) {
  switch (status) {
  case NACRE_OK:
    return exit_ok;
  case NACRE_E_NOMEM:
  case NACRE_E_LIMIT:
    return exit_limit;
  case NACRE_E_ARG:
  case NACRE_E_ABI:
    return exit_bug;
  default:
    return exit_data;
  }
}

int nacre_is_strings(const nacre_tensor *tensor) {
  return !strcmp(tensor->dtype, "string");
}

static void *zeroed(int64_t count, size_t size) {
  return calloc(count ? (size_t)count : 1, size);
}

int nacre_session_open(session *s) {
  const nacre_model *model = s->model;
  nacre_error error;
  nacre_status status = nacre_strings_create(
      model->strings, model->string_count, &s->strings, &error);
  if (status)
    return nacre_complain(s, nacre_exit_code(status), "%s", error.text);
  s->files = zeroed(model->input_count, sizeof *s->files);
  s->inputs = zeroed(model->input_count, sizeof *s->inputs);
  s->outputs = zeroed(model->output_count, sizeof *s->outputs);
  s->dims = zeroed(model->dim_count, sizeof *s->dims);
  if (!s->files || !s->inputs || !s->outputs || !s->dims)
    return nacre_complain(s, exit_limit, "out of memory");
  for (int64_t i = 0; i < model->dim_count; ++i)
    s->dims[i] = -1;
  return exit_ok;
}

void nacre_session_close(session *s) {
  for (int64_t i = 0; s->inputs && i < s->model->input_count; ++i)
    nacre_array_free(&s->inputs[i]);
  for (int64_t i = 0; s->outputs && i < s->model->output_count; ++i)
    nacre_array_free(&s->outputs[i]);
  nacre_pool_destroy(s->pool);
  nacre_safetensors_close(s->weights_file);
  nacre_strings_destroy(s->strings);
  free(s->files);
  free(s->inputs);
  free(s->outputs);
  free(s->dims);
}
