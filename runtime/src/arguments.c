/*===- arguments.c - the command line of a standalone executable ---------===*/
#include "report.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

void nacre_print_help(const session *s) {
  fputs("usage: ", stdout);
  nacre_print_plain(stdout, s->program);
  printf(" --input NAME=FILE ... --output-dir DIR\n\n%s", help);
}

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
    return nacre_complain(s, exit_usage,
                          "unknown option '%s', did you mean '%s'?", name,
                          nearest);
  return nacre_complain(s, exit_usage, "unknown option '%.200s', see --help",
                        name);
}

static int parse_count(const session *s, const char *option, const char *text,
                       int64_t low, int64_t *value) {
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (errno || end == text || *end || text[0] < '0' || text[0] > '9' ||
      number < low)
    return nacre_complain(s, exit_usage,
                          "%s: '%.100s' is not a number from %lld", option,
                          text, (long long)low);
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
      return nacre_complain(s, exit_usage, "--input: '%.200s' is not NAME=FILE",
                            text);
    return nacre_complain(
        s, exit_usage, "--input: model has no input '%.*s', see --info",
        (int)(equals - text < 200 ? equals - text : 200), text);
  }
  if (s->files[i])
    return nacre_complain(s, exit_usage, "input '%.200s' is given twice",
                          input_name(s->model, i));
  s->files[i] = file;
  return exit_ok;
}

static int take_dim(session *s, const char *text) {
  const char *value = NULL;
  int64_t i = split_name(text, s->model->dim_count, dim_name, s->model, &value);
  if (i < 0)
    return nacre_complain(
        s, exit_usage, "--dim: '%.200s' is not NAME=N with a dim of the model",
        text);
  return parse_count(s, "--dim", value, 0, &s->dims[i]);
}

int nacre_parse_arguments(session *s, int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    const char *argument = argv[i];
    if (strncmp(argument, "--", 2))
      return argument[0] == '-'
                 ? unknown_option(s, argument)
                 : nacre_complain(s, exit_usage,
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
        return nacre_complain(s, exit_usage, "%s takes no value", name);
      *(name[2] == 'i' ? &s->info : &s->help) = 1;
      continue;
    }
    const char *value = equals ? equals + 1 : ++i < argc ? argv[i] : NULL;
    if (!value)
      return nacre_complain(s, exit_usage, "%s needs a value", name);
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
