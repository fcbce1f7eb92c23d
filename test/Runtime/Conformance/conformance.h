/* What every runtime of Nacre is held to; docs/runtime.md has the rules. A
 * runtime is a table of functions, the suite knows nothing else of it. */
#ifndef NACRE_TEST_RUNTIME_CONFORMANCE_H
#define NACRE_TEST_RUNTIME_CONFORMANCE_H

#include <nacre/runtime.h>

typedef struct adapter {
  const char *name;
  /* A NULL among the pointers of inputs and outputs is NACRE_E_ARG; in a native
   * object it is the caller's mistake. */
  int checks_entries;
  /* Opens the model of that name in a folder, as often as one likes. */
  nacre_status (*open)(const char *folder, const char *name, void **opened,
                       nacre_error *error);
  const nacre_model *(*table)(void *opened); /* its `run` is not used */
  int32_t (*run)(void *opened, const void *const *inputs, void *const *outputs,
                 const int64_t *dims);
  void (*close)(void *opened);
} adapter;

extern const adapter native_adapter;
/* Bundles in folders, and the same handed over as generated objects do. */
extern const adapter opencl_adapter, opencl_embedded_adapter;

/* Runs every rule on the models of the folder; how many failed. */
int conformance(const adapter *runtime, const char *folder);

#endif
