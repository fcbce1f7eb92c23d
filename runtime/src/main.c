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

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const nacre_model *const nacre_entry;

enum {
  exit_ok = 0,
  exit_usage = 2,
  exit_data = 3,
  exit_limit = 5,
  exit_bug = 70
};

static const char help[] =
    "  --input NAME=FILE   value of one input, FILE is .npy or .pb (ONNX\n"
    "                      TensorProto); every input is needed\n"
    "  --output-dir DIR    write DIR/output_N.npy in model order and\n"
    "                      DIR/outputs.json (names, dtypes, shapes)\n"
    "  --top K             print index and value of the K largest elements of\n"
    "                      the first output\n"
    "  --threads N         threads to run on, 0 for one per processor (0)\n"
    "  --dim NAME=N        extent of a symbolic dim that no input determines\n"
    "  --weights FILE      the weights, when they are in a side file "
    "(default:\n"
    "                      the file next to this program)\n"
    "  --info              print the model's inputs, outputs, sizes and "
    "kernels\n"
    "  --help              print this\n";

/* Everything of one execution; freed by `release`. */
typedef struct session {
  const nacre_model *model;
  const char *program;
  const char **files; /* of each input, NULL until given */
  nacre_array *inputs, *outputs;
  int64_t *dims; /* -1 until bound */
  const char *output_dir, *weights_path;
  int64_t threads, top;
  int threads_given, info, help;
  nacre_pool *pool;
  nacre_safetensors *weights_file;
  const void *weights;
  nacre_strings *strings; /* the model's, then the inputs' */
} session;

/* Prints "PROGRAM: error: ..." without control characters; returns `code`. */
static int complain(const session *s, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(const session *s, int code, const char *format, ...) {
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

static int exit_code(nacre_status status) {
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

/*===- The command line
 * ----------------------------------------------------===*/

static const char *const options[] = {"--input", "--output-dir", "--threads",
                                      "--top",   "--dim",        "--weights",
                                      "--info",  "--help"};
enum { option_count = sizeof options / sizeof *options };

/* Edits (insert, drop, change a byte) that turn a into b; both are short. */
static size_t edit_distance(const char *a, const char *b) {
  size_t row[32], columns = strlen(b);
  for (size_t j = 0; j <= columns; ++j)
    row[j] = j;
  for (size_t i = 1; a[i - 1]; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= columns; ++j) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best)
        best = row[j] + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[columns];
}

static int unknown_option(const session *s, const char *name) {
  const char *nearest = NULL;
  size_t best = 4; /* three edits are a slip, four another word */
  for (int i = 0; i < option_count && strlen(name) < 64; ++i) {
    size_t distance = edit_distance(name, options[i]);
    if (distance < best) {
      best = distance;
      nearest = options[i];
    }
  }
  if (nearest)
    return complain(s, exit_usage, "unknown option '%s', did you mean '%s'?",
                    name, nearest);
  return complain(s, exit_usage, "unknown option '%.200s', see --help", name);
}

static int parse_count(const session *s, const char *option, const char *text,
                       int64_t low, int64_t *value) {
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (errno || end == text || *end || text[0] < '0' || text[0] > '9' ||
      number < low)
    return complain(s, exit_usage, "%s: '%.100s' is not a number from %lld",
                    option, text, (long long)low);
  *value = number;
  return exit_ok;
}

/* Finds the name before "=" among `count` names; a name may hold "=" too, so
 * the longest that fits is meant. Returns its index or -1. */
static int64_t split_name(const char *text, int64_t count,
                          const char *(*name_of)(const nacre_model *, int64_t),
                          const nacre_model *model, const char **value) {
  int64_t found = -1;
  size_t longest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const char *name = name_of(model, i);
    size_t length = strlen(name);
    if (!strncmp(text, name, length) && text[length] == '=' &&
        (found < 0 || length > longest)) {
      found = i;
      longest = length;
      *value = text + length + 1;
    }
  }
  return found;
}

static const char *input_name(const nacre_model *model, int64_t i) {
  return model->inputs[i].name;
}

static const char *dim_name(const nacre_model *model, int64_t i) {
  return model->dim_names[i];
}

static int take_input(session *s, const char *text) {
  const char *file = NULL;
  int64_t i =
      split_name(text, s->model->input_count, input_name, s->model, &file);
  if (i < 0) {
    const char *equals = strchr(text, '=');
    if (!equals)
      return complain(s, exit_usage, "--input: '%.200s' is not NAME=FILE",
                      text);
    return complain(s, exit_usage,
                    "--input: model has no input '%.*s', see --info",
                    (int)(equals - text < 200 ? equals - text : 200), text);
  }
  if (s->files[i])
    return complain(s, exit_usage, "input '%.200s' is given twice",
                    input_name(s->model, i));
  s->files[i] = file;
  return exit_ok;
}

static int take_dim(session *s, const char *text) {
  const char *value = NULL;
  int64_t i = split_name(text, s->model->dim_count, dim_name, s->model, &value);
  if (i < 0)
    return complain(s, exit_usage,
                    "--dim: '%.200s' is not NAME=N with a dim of the model",
                    text);
  return parse_count(s, "--dim", value, 0, &s->dims[i]);
}

static int parse_arguments(session *s, int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    const char *argument = argv[i];
    if (strncmp(argument, "--", 2))
      return argument[0] == '-'
                 ? unknown_option(s, argument)
                 : complain(s, exit_usage,
                            "unexpected argument '%.200s', see --help",
                            argument);
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63),
             argument);
    int which = 0;
    while (which < option_count && strcmp(name, options[which]))
      ++which;
    if (which == option_count)
      return unknown_option(s, name);
    if (!strcmp(name, "--info") || !strcmp(name, "--help")) {
      if (equals)
        return complain(s, exit_usage, "%s takes no value", name);
      *(name[2] == 'i' ? &s->info : &s->help) = 1;
      continue;
    }
    const char *value = equals ? equals + 1 : ++i < argc ? argv[i] : NULL;
    if (!value)
      return complain(s, exit_usage, "%s needs a value", name);
    int code = exit_ok;
    if (!strcmp(name, "--input")) {
      code = take_input(s, value);
    } else if (!strcmp(name, "--dim")) {
      code = take_dim(s, value);
    } else if (!strcmp(name, "--threads")) {
      code = parse_count(s, name, value, 0, &s->threads);
      s->threads_given = 1;
    } else if (!strcmp(name, "--top")) {
      code = parse_count(s, name, value, 1, &s->top);
    } else if (!strcmp(name, "--weights")) {
      s->weights_path = value;
    } else {
      s->output_dir = value;
    }
    if (code)
      return code;
  }
  return exit_ok;
}

/*===- Inputs
 * --------------------------------------------------------------===*/

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
    complain(s, exit_data,
             "input '%.200s': file has shape %s, model needs %.300s",
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
      return complain(s, exit_data,
                      "input '%.200s': dim %.100s is %lld, elsewhere %lld",
                      tensor->name, tensor->dim_names[d],
                      (long long)array->shape[d], (long long)*bound);
    *bound = array->shape[d];
  }
  return exit_ok;
}

static int is_strings(const nacre_tensor *tensor) {
  return !strcmp(tensor->dtype, "string");
}

static int read_input(session *s, int64_t i) {
  const nacre_tensor *tensor = &s->model->inputs[i];
  const char *file = s->files[i];
  if (!file)
    return complain(s, exit_usage, "input '%.200s' (%s) is not given",
                    tensor->name, tensor->dtype);
  int npy = ends_in(file, ".npy");
  if (!npy && !ends_in(file, ".pb"))
    return complain(s, exit_usage,
                    "input '%.200s': '%.200s' is neither .npy nor .pb",
                    tensor->name, file);
  nacre_error error;
  nacre_array *array = &s->inputs[i];
  nacre_status status =
      is_strings(tensor)
          ? npy ? nacre_npy_read_strings(file, s->strings, array, &error)
                : nacre_onnx_tensor_read_strings(file, s->strings, array,
                                                 &error)
      : npy ? nacre_npy_read(file, array, &error)
            : nacre_onnx_tensor_read(file, array, &error);
  if (status)
    return complain(s, exit_code(status), "input '%.200s': %s", tensor->name,
                    error.text);
  if (!nacre_array_as(&s->inputs[i], tensor->dtype))
    return complain(s, exit_data, "input '%.200s': file has %s, model needs %s",
                    tensor->name, s->inputs[i].dtype, tensor->dtype);
  return check_shape(s, tensor, &s->inputs[i]);
}

/* Reads all inputs, reports all that is wrong; the first code counts. */
static int read_inputs(session *s) {
  int result = exit_ok;
  for (int64_t i = 0; i < s->model->input_count; ++i) {
    int code = read_input(s, i);
    if (!result)
      result = code;
  }
  for (int64_t i = 0; i < s->model->dim_count && !result; ++i)
    if (s->dims[i] < 0)
      result = complain(s, exit_usage,
                        "no input determines dim '%.100s', give --dim %.100s=N",
                        s->model->dim_names[i], s->model->dim_names[i]);
  return result;
}

/*===- Weights, run, outputs
 * -----------------------------------------------===*/

/* Maps the side file: --weights, or the file next to the executable. */
static int open_weights(session *s) {
  const nacre_model *model = s->model;
  if (model->weights || !model->weights_bytes)
    return s->weights_path ? complain(s, exit_usage,
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
    return complain(s, exit_usage,
                    "the weights are needed, give --weights FILE");
  nacre_error error;
  nacre_status status = nacre_safetensors_open(file, &s->weights_file, &error);
  if (!status)
    status =
        nacre_safetensors_weights(s->weights_file, model, &s->weights, &error);
  return status ? complain(s, exit_code(status), "%s", error.text) : exit_ok;
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
          return complain(s, exit_data, "dim %.100s is %lld, at most %lld",
                          tensor->dim_names[d], (long long)array->shape[d],
                          (long long)tensor->shape[d]);
      }
    }
    nacre_error error;
    nacre_status status =
        nacre_shape_bytes(array->dtype, array->rank, array->shape,
                          &array->elements, &array->bytes, &error);
    if (status)
      return complain(s, exit_bug, "output '%.200s': %s", tensor->name,
                      error.text);
    /* A run may write all that there is room for. */
    array->data = nacre_alloc(tensor->bytes);
    if (!array->data)
      return complain(s, exit_limit, "no memory for output '%.200s'",
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
        return complain(s, exit_data,
                        "output '%.200s': dim %.100s is %lld, at most %lld",
                        tensor->name, name, (long long)array->shape[d],
                        (long long)tensor->shape[d]);
    }
    nacre_error error;
    if (nacre_shape_bytes(array->dtype, array->rank, array->shape,
                          &array->elements, &array->bytes, &error))
      return complain(s, exit_bug, "output '%.200s': %s", tensor->name,
                      error.text);
  }
  return exit_ok;
}

static int run_model(session *s) {
  const nacre_model *model = s->model;
  nacre_error error;
  nacre_status status = nacre_pool_create(s->threads, &s->pool, &error);
  if (status == NACRE_E_LIMIT)
    return complain(s, exit_usage, "--threads: %s", error.text);
  if (status)
    return complain(s, exit_code(status), "%s", error.text);
  const nacre_executor *executor = nacre_pool_executor(s->pool);
  if (!s->threads_given)
    fprintf(stderr, "threads: %lld (default, one per processor)\n",
            (long long)executor->threads);
  uint64_t pointers = (uint64_t)(model->input_count + model->output_count);
  void **data = nacre_alloc(pointers * sizeof *data);
  if (!data)
    return complain(s, exit_limit, "out of memory");
  for (int64_t i = 0; i < model->input_count; ++i)
    data[i] = s->inputs[i].data;
  for (int64_t i = 0; i < model->output_count; ++i)
    data[model->input_count + i] = s->outputs[i].data;
  status = nacre_run(model, (const void *const *)data,
                     data + model->input_count, s->weights,
                     model->dim_count ? s->dims : NULL, executor, &error);
  nacre_free(data);
  return status ? complain(s, exit_code(status), "%s", error.text)
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
    return complain(s, exit_limit, "out of memory");
  strcpy(path, s->output_dir);
  make_folder(path);
  nacre_error error;
  nacre_status status = NACRE_OK;
  for (int64_t i = 0; i < s->model->output_count && !status; ++i) {
    snprintf(path, room, "%s/output_%lld.npy", s->output_dir, (long long)i);
    status =
        is_strings(&s->model->outputs[i])
            ? nacre_npy_write_strings(path, &s->outputs[i], s->strings, &error)
            : nacre_npy_write(path, &s->outputs[i], &error);
  }
  if (!status) {
    snprintf(path, room, "%s/outputs.json", s->output_dir);
    status = nacre_write_outputs_json(path, s->model, s->outputs, &error);
  }
  nacre_free(path);
  return status ? complain(s, exit_code(status), "%s", error.text) : exit_ok;
}

static int print_top(session *s) {
  if (!s->model->output_count)
    return complain(s, exit_usage, "--top: the model has no output");
  if (is_strings(&s->model->outputs[0]))
    return complain(s, exit_usage, "--top: the first output is of strings");
  nacre_error error;
  nacre_status status = nacre_print_top(stdout, &s->outputs[0], s->top, &error);
  return status ? complain(s, exit_code(status), "%s", error.text) : exit_ok;
}

static int execute(session *s, int argc, char **argv) {
  int code = parse_arguments(s, argc, argv);
  if (code)
    return code;
  if (s->help) {
    fputs("usage: ", stdout);
    nacre_print_plain(stdout, s->program);
    printf(" --input NAME=FILE ... --output-dir DIR\n\n%s", help);
    return exit_ok;
  }
  if (s->info) {
    nacre_print_info(stdout, s->model);
    return exit_ok;
  }
  if (!s->output_dir && !s->top)
    return complain(s, exit_usage,
                    "nothing to do, give --output-dir DIR or --top K");
  if ((code = read_inputs(s)) || (code = open_weights(s)) ||
      (code = make_outputs(s)) || (code = run_model(s)))
    return code;
  if (s->output_dir && (code = write_outputs(s)))
    return code;
  return s->top ? print_top(s) : exit_ok;
}

static void *zeroed(int64_t count, size_t size) {
  return calloc(count ? (size_t)count : 1, size);
}

static void release(session *s) {
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

int main(int argc, char **argv) {
  session s = {.model = nacre_entry, .program = argc > 0 ? argv[0] : "model"};
  nacre_error error;
  if (nacre_check_model(s.model, &error))
    return complain(&s, exit_bug, "%s", error.text);
  s.files = zeroed(s.model->input_count, sizeof *s.files);
  s.inputs = zeroed(s.model->input_count, sizeof *s.inputs);
  s.outputs = zeroed(s.model->output_count, sizeof *s.outputs);
  s.dims = zeroed(s.model->dim_count, sizeof *s.dims);
  int code;
  nacre_status strings = nacre_strings_create(
      s.model->strings, s.model->string_count, &s.strings, &error);
  if (strings) {
    code = complain(&s, exit_code(strings), "%s", error.text);
  } else if (s.files && s.inputs && s.outputs && s.dims) {
    for (int64_t i = 0; i < s.model->dim_count; ++i)
      s.dims[i] = -1;
    code = execute(&s, argc, argv);
  } else {
    code = complain(&s, exit_limit, "out of memory");
  }
  release(&s);
  if (fflush(stdout) || ferror(stdout))
    code = code ? code : complain(&s, exit_data, "cannot write to stdout");
  return code;
}
