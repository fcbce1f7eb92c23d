/* Whole files: read into memory, written so that a crash leaves the old one. */
#ifndef NACRE_SRC_FILE_H
#define NACRE_SRC_FILE_H

#include "failure.h"

/* Opens a regular file for reading; the caller closes the descriptor. A pipe or
 * a device is refused, without waiting for its other end. */
NACRE_PRIVATE nacre_status nacre_file_open(const char *path, int *descriptor,
                                           uint64_t *size, nacre_error *error);

/* The bytes are released with nacre_free. */
NACRE_PRIVATE nacre_status nacre_file_read(const char *path, void **bytes,
                                           size_t *size, nacre_error *error);

typedef struct nacre_piece {
  const void *bytes;
  uint64_t size;
} nacre_piece;

/* Writes the pieces one after another, atomically and durably. */
NACRE_PRIVATE nacre_status nacre_file_write(const char *path,
                                            const nacre_piece *pieces,
                                            int count, nacre_error *error);

/* Makes an array of the bytes of a file, one of strings if `strings` is given;
 * on failure the array is cleared. */
typedef nacre_status (*nacre_parser)(const void *bytes, size_t size,
                                     nacre_strings *strings, nacre_array *array,
                                     nacre_error *error);

/* Reads a file and hands its bytes to `parse`, whose message gets "PATH: " in
 * front. */
NACRE_PRIVATE nacre_status nacre_file_parse(const char *path,
                                            nacre_parser parse,
                                            nacre_strings *strings,
                                            nacre_array *array,
                                            nacre_error *error);

#endif
