/* How the runtime's files report: one call writes the message and yields the
 * status, so that every failure reads `return nacre_failure(...)`. */
#ifndef NACRE_SRC_FAILURE_H
#define NACRE_SRC_FAILURE_H

#include <nacre/runtime.h>

#define NACRE_PRIVATE __attribute__((visibility("hidden")))

NACRE_PRIVATE nacre_status nacre_failure(nacre_error *error,
                                         nacre_status status,
                                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "[1, 8]" for messages; cut short with "..." when it does not fit. */
typedef struct nacre_shape_text {
  char text[128];
} nacre_shape_text;
NACRE_PRIVATE nacre_shape_text nacre_shape_print(int64_t rank,
                                                 const int64_t *shape);

#endif
