/* One execution of a standalone executable: what was asked for, what is held,
 * and how it ends. */
#ifndef NACRE_SRC_SESSION_H
#define NACRE_SRC_SESSION_H

#include "failure.h"

/* Exit codes. */
enum {
  exit_ok = 0,
  exit_usage = 2,
  exit_data = 3,
  exit_limit = 5,
  exit_bug = 70
};

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

/* Makes room for what the model needs; returns an exit code. To be closed in
 * either case. */
NACRE_PRIVATE int nacre_session_open(session *s);
NACRE_PRIVATE void nacre_session_close(session *s);

/* Prints "PROGRAM: error: ..." without control characters; returns `code`. */
NACRE_PRIVATE int nacre_complain(const session *s, int code, const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));

/* The exit code of what the runtime said. */
NACRE_PRIVATE int nacre_exit_code(nacre_status status);

/* Whether the elements of a tensor are strings. */
NACRE_PRIVATE int nacre_is_strings(const nacre_tensor *tensor);

/* The command line into files, dims and wishes; returns an exit code. */
NACRE_PRIVATE int nacre_parse_arguments(session *s, int argc, char **argv);
/* What --help says. */
NACRE_PRIVATE void nacre_print_help(const session *s);

/* Reads all inputs and binds the dims that they determine. Reports all that is
 * wrong; the first exit code counts. */
NACRE_PRIVATE int nacre_read_inputs(session *s);

#endif
