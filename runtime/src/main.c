/*===- main.c - the main of a standalone executable -------------------------===
 *
 * Linked with a generated object and with one constant, `nacre_entry`, that
 * points at its model. Reads the inputs, runs the model once, writes the
 * outputs; how, --help says.
 *
 * Exit codes: 0 ok, 2 usage, 3 an input, weights or output file is at fault or
 * the model refused the data, 5 a limit or the memory is exceeded, 70 a bug of
 * the compiler. Every wrong input is reported, not only the first.
 *===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "dims.h"
#include "report.h"
#include "session.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const nacre_model *const nacre_entry;

/* Maps the side file: --weights, or the file next to the executable. */
static int open_weights(session *s) {
  const nacre_model *model = s->model;
  if (model->weights || !model->weights_bytes)
    return s->weights_path
               ? nacre_complain(s, exit_usage,
                                "--weights: the model holds its weights")
               : exit_ok;
  char path[4096];
  const char *file = s->weights_path;
  if (!file && model->weights_file) {
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    size_t room = sizeof path - (size_t)(name - path);
    if ((size_t)snprintf(name, room, "%s", model->weights_file) < room)
      file = path;
  }
  if (!file)
    return nacre_complain(s, exit_usage,
                          "the weights are needed, give --weights FILE");
  nacre_error error;
  nacre_status status = nacre_safetensors_open(file, &s->weights_file, &error);
  if (!status)
    status =
        nacre_safetensors_weights(s->weights_file, model, &s->weights, &error);
  return status ? nacre_complain(s, nacre_exit_code(status), "%s", error.text)
                : exit_ok;
}

/* Allocates each output in the extents of this run. */
static int make_outputs(session *s) {
  for (int64_t i = 0; i < s->model->output_count; ++i) {
    const nacre_tensor *tensor = &s->model->outputs[i];
    nacre_array *array = &s->outputs[i];
    array->dtype = tensor->dtype;
    array->rank = tensor->rank;
    for (int64_t d = 0; d < tensor->rank; ++d) {
      array->shape[d] = tensor->shape[d];
      int64_t dim = tensor->dim_names && tensor->dim_names[d]
                        ? nacre_dim_index(s->model, tensor->dim_names[d])
                        : -1;
      if (dim >= 0) {
        array->shape[d] = s->dims[dim];
        if (array->shape[d] > tensor->shape[d])
          return nacre_complain(
              s, exit_data, "dim %.100s is %lld, at most %lld",
              tensor->dim_names[d], (long long)array->shape[d],
              (long long)tensor->shape[d]);
      }
    }
    nacre_error error;
    nacre_status status =
        nacre_shape_bytes(array->dtype, array->rank, array->shape,
                          &array->elements, &array->bytes, &error);
    if (status)
      return nacre_complain(s, exit_bug, "output '%.200s': %s", tensor->name,
                            error.text);
    /* A run may write all that there is room for. */
    array->data = nacre_alloc(tensor->bytes);
    if (!array->data)
      return nacre_complain(s, exit_limit, "no memory for output '%.200s'",
                            tensor->name);
  }
  return exit_ok;
}

/* Gives the outputs the extents that the run has worked out: scalar outputs
 * under the dim's name hold them. */
static int settle_outputs(session *s) {
  const nacre_model *model = s->model;
  for (int64_t i = 0; i < model->output_count; ++i) {
    const nacre_tensor *tensor = &model->outputs[i];
    nacre_array *array = &s->outputs[i];
    for (int64_t d = 0; d < tensor->rank; ++d) {
      const char *name = tensor->dim_names ? tensor->dim_names[d] : NULL;
      if (!name || nacre_dim_index(model, name) >= 0)
        continue;
      memcpy(&array->shape[d], s->outputs[nacre_count_of(model, name)].data,
             sizeof array->shape[d]);
      if (array->shape[d] < 0 || array->shape[d] > tensor->shape[d])
        return nacre_complain(
            s, exit_data, "output '%.200s': dim %.100s is %lld, at most %lld",
            tensor->name, name, (long long)array->shape[d],
            (long long)tensor->shape[d]);
    }
    nacre_error error;
    if (nacre_shape_bytes(array->dtype, array->rank, array->shape,
                          &array->elements, &array->bytes, &error))
      return nacre_complain(s, exit_bug, "output '%.200s': %s", tensor->name,
                            error.text);
  }
  return exit_ok;
}

static int run_model(session *s) {
  const nacre_model *model = s->model;
  nacre_error error;
  nacre_status status = nacre_pool_create(s->threads, &s->pool, &error);
  if (status == NACRE_E_LIMIT)
    return nacre_complain(s, exit_usage, "--threads: %s", error.text);
  if (status)
    return nacre_complain(s, nacre_exit_code(status), "%s", error.text);
  const nacre_executor *executor = nacre_pool_executor(s->pool);
  if (!s->threads_given)
    fprintf(stderr, "threads: %lld (default, one per processor)\n",
            (long long)executor->threads);
  uint64_t pointers = (uint64_t)(model->input_count + model->output_count);
  void **data = nacre_alloc(pointers * sizeof *data);
  if (!data)
    return nacre_complain(s, exit_limit, "out of memory");
  for (int64_t i = 0; i < model->input_count; ++i)
    data[i] = s->inputs[i].data;
  for (int64_t i = 0; i < model->output_count; ++i)
    data[model->input_count + i] = s->outputs[i].data;
  status = nacre_run(model, (const void *const *)data,
                     data + model->input_count, s->weights,
                     model->dim_count ? s->dims : NULL, executor, &error);
  nacre_free(data);
  return status ? nacre_complain(s, nacre_exit_code(status), "%s", error.text)
                : settle_outputs(s);
}

/* mkdir -p; an error shows when the first file is written. */
static void make_folder(char *path) {
  for (char *c = path + (*path == '/'); *c; ++c)
    if (*c == '/') {
      *c = 0;
      mkdir(path, 0777);
      *c = '/';
    }
  mkdir(path, 0777);
}

static int write_outputs(session *s) {
  size_t room = strlen(s->output_dir) + 48;
  char *path = nacre_alloc(room);
  if (!path)
    return nacre_complain(s, exit_limit, "out of memory");
  strcpy(path, s->output_dir);
  make_folder(path);
  nacre_error error;
  nacre_status status = NACRE_OK;
  for (int64_t i = 0; i < s->model->output_count && !status; ++i) {
    snprintf(path, room, "%s/output_%lld.npy", s->output_dir, (long long)i);
    status =
        nacre_is_strings(&s->model->outputs[i])
            ? nacre_npy_write_strings(path, &s->outputs[i], s->strings, &error)
            : nacre_npy_write(path, &s->outputs[i], &error);
  }
  if (!status) {
    snprintf(path, room, "%s/outputs.json", s->output_dir);
    status = nacre_write_outputs_json(path, s->model, s->outputs, &error);
  }
  nacre_free(path);
  return status ? nacre_complain(s, nacre_exit_code(status), "%s", error.text)
                : exit_ok;
}

static int print_top(session *s) {
  if (!s->model->output_count)
    return nacre_complain(s, exit_usage, "--top: the model has no output");
  if (nacre_is_strings(&s->model->outputs[0]))
    return nacre_complain(s, exit_usage,
                          "--top: the first output is of strings");
  nacre_error error;
  nacre_status status = nacre_print_top(stdout, &s->outputs[0], s->top, &error);
  return status ? nacre_complain(s, nacre_exit_code(status), "%s", error.text)
                : exit_ok;
}

static int execute(session *s, int argc, char **argv) {
  int code = nacre_parse_arguments(s, argc, argv);
  if (code)
    return code;
  if (s->help) {
    nacre_print_help(s);
    return exit_ok;
  }
  if (s->info) {
    nacre_print_info(stdout, s->model);
    return exit_ok;
  }
  if (!s->output_dir && !s->top)
    return nacre_complain(s, exit_usage,
                          "nothing to do, give --output-dir DIR or --top K");
  if ((code = nacre_read_inputs(s)) || (code = open_weights(s)) ||
      (code = make_outputs(s)) || (code = run_model(s)))
    return code;
  if (s->output_dir && (code = write_outputs(s)))
    return code;
  return s->top ? print_top(s) : exit_ok;
}

int main(int argc, char **argv) {
  session s = {.model = nacre_entry, .program = argc > 0 ? argv[0] : "model"};
  nacre_error error;
  if (nacre_check_model(s.model, &error))
    return nacre_complain(&s, exit_bug, "%s", error.text);
  int code = nacre_session_open(&s);
  if (!code)
    code = execute(&s, argc, argv);
  nacre_session_close(&s);
  if (fflush(stdout) || ferror(stdout))
    code =
        code ? code : nacre_complain(&s, exit_data, "cannot write to stdout");
  return code;
}
