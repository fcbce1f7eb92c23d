/* Extents that a run decides, by their names. */
#ifndef NACRE_SRC_DIMS_H
#define NACRE_SRC_DIMS_H

#include "failure.h"

/* The position of a name among the model's dims, or -1. */
NACRE_PRIVATE int64_t nacre_dim_index(const nacre_model *model,
                                      const char *name);

/* The output that holds an extent which the run works out, or -1. */
NACRE_PRIVATE int64_t nacre_count_of(const nacre_model *model,
                                     const char *name);

#endif
