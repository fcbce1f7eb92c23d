/* JSON read in one pass, for files whose shape is known: the caller asks for
 * what must come next. Each byte is looked at once and nothing recurses.
 * Written with printf, but for strings. */
#ifndef NACRE_SRC_JSON_H
#define NACRE_SRC_JSON_H

#include "failure.h"

#include <stdio.h>

/* Values nest at most this deep where nacre_json_skip steps over them. */
#define NACRE_JSON_DEPTH 64

typedef struct nacre_json {
  const char *what; /* what messages call the text: "header" */
  const unsigned char *begin, *at, *end;
  char *text;       /* room for end - begin + 1 bytes of decoded strings */
  size_t text_used; /* how many of them are taken */
  nacre_error *error;
} nacre_json;

/* "WHAT: expected EXPECTED at byte N"; NACRE_E_FORMAT. */
NACRE_PRIVATE nacre_status nacre_json_expected(const nacre_json *j,
                                               const char *expected);

/* Steps over `byte` if it comes next, after any space. */
NACRE_PRIVATE int nacre_json_accept(nacre_json *j, char byte);

/* A string, decoded to the end of `text`, with a zero byte; \u0000 is refused.
 */
NACRE_PRIVATE nacre_status nacre_json_string(nacre_json *j, const char **text);

/* Gives back the text of the latest string, if it need not be kept. */
NACRE_PRIVATE void nacre_json_forget(nacre_json *j, const char *text);

/* Digits only: what does not fit in 63 bits is refused. */
NACRE_PRIVATE nacre_status nacre_json_natural(nacre_json *j, int64_t *value);

/* `true` or `false`. */
NACRE_PRIVATE nacre_status nacre_json_flag(nacre_json *j, int *value);

/* Steps over any value; NACRE_E_LIMIT if it nests too deep. */
NACRE_PRIVATE nacre_status nacre_json_skip(nacre_json *j);

/* Only space is left. */
NACRE_PRIVATE nacre_status nacre_json_end(nacre_json *j);

/* Prints `text` as a string; a byte takes six at most. */
NACRE_PRIVATE void nacre_json_print(FILE *stream, const char *text);

#endif
