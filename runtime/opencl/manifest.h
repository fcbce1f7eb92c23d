/* The JSON of a manifest; only plan.c uses it. */
#ifndef NACRE_OPENCL_MANIFEST_H
#define NACRE_OPENCL_MANIFEST_H

#include "../src/json.h"
#include "plan.h"

/* Fills the plan as far as it can, unchecked. */
NACRE_PRIVATE nacre_status nacre_manifest_read(const char *manifest,
                                               uint64_t bytes, nacre_plan *plan,
                                               nacre_error *error);

#endif
