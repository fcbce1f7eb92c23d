/* What the standalone executable says about a model and its outputs. */
#ifndef NACRE_SRC_REPORT_H
#define NACRE_SRC_REPORT_H

#include "failure.h"

#include <stdio.h>

/* Text of a model or a user without control characters, so that a name cannot
 * move the cursor of a terminal. */
NACRE_PRIVATE void nacre_print_plain(FILE *stream, const char *text);

/* "[N<=8, 3]" */
NACRE_PRIVATE void nacre_print_model_shape(FILE *stream,
                                           const nacre_tensor *tensor);

/* Inputs, outputs, sizes and kernels, one a line. */
NACRE_PRIVATE void nacre_print_info(FILE *stream, const nacre_model *model);

/* The k largest elements, "INDEX VALUE" a line, the larger first, equal ones by
 * index; NaN counts as the smallest. The index is into the flattened array. */
NACRE_PRIVATE nacre_status nacre_print_top(FILE *stream,
                                           const nacre_array *array, int64_t k,
                                           nacre_error *error);

/* outputs.json: {"outputs": [{"name", "dtype", "shape", "file"}, ...]}. */
NACRE_PRIVATE nacre_status nacre_write_outputs_json(const char *path,
                                                    const nacre_model *model,
                                                    const nacre_array *outputs,
                                                    nacre_error *error);

#endif
