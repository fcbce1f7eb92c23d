/* Native objects as shared libraries: FOLDER/NAME.so. */
#include "conformance.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct native {
  void *library;
  const nacre_model *model;
} native;

static nacre_status fail(nacre_error *error) {
  const char *why = dlerror();
  snprintf(error->text, sizeof error->text, "%s", why ? why : "no memory");
  return NACRE_E_IO;
}

static nacre_status open_native(const char *folder, const char *name,
                                void **opened, nacre_error *error) {
  char path[4096], symbol[256];
  snprintf(path, sizeof path, "%s/%s.so", folder, name);
  snprintf(symbol, sizeof symbol, "%s_model", name);
  native *n = malloc(sizeof *n);
  if (!n)
    return fail(error);
  n->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  n->model = n->library ? dlsym(n->library, symbol) : NULL;
  if (!n->model) {
    nacre_status status = fail(error);
    if (n->library)
      dlclose(n->library);
    free(n);
    return status;
  }
  *opened = n;
  return nacre_check_model(n->model, error);
}

static const nacre_model *table(void *opened) {
  return ((native *)opened)->model;
}

static int32_t run(void *opened, const void *const *inputs,
                   void *const *outputs, const int64_t *dims) {
  return nacre_run(table(opened), inputs, outputs, NULL, dims, NULL, NULL);
}

static void close_native(void *opened) {
  dlclose(((native *)opened)->library);
  free(opened);
}

const adapter native_adapter = {"native", 0,   open_native,
                                table,    run, close_native};
