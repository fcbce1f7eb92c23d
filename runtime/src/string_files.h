/* Tensors of strings in files: what npy.c and onnx_tensor.c share. */
#ifndef NACRE_SRC_STRING_FILES_H
#define NACRE_SRC_STRING_FILES_H

#include "failure.h"

#include <stdio.h>

/* Takes memory for the codes of an array whose shape is known. */
NACRE_PRIVATE nacre_status nacre_codes_alloc(nacre_array *array,
                                             nacre_error *error);

/* The codes of elements of `width` characters, of four bytes if `wide`; there
 * are as many as the array's shape says. */
NACRE_PRIVATE nacre_status nacre_codes_of_characters(const unsigned char *data,
                                                     uint64_t width, int wide,
                                                     nacre_strings *strings,
                                                     nacre_array *array,
                                                     nacre_error *error);

/* Writes a .npy file of that element type. */
NACRE_PRIVATE nacre_status nacre_npy_write_data(
    const char *path, int64_t rank, const int64_t *shape, const char *descr,
    const void *data, uint64_t bytes, nacre_error *error);

#endif
