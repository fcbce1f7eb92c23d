/* Native objects as shared libraries: FOLDER/NAME/NAME.so, with their side file
 * of weights if they have one. */
#include "conformance.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct native {
  void *library;
  const nacre_model *model;
  nacre_safetensors *weights_file; /* NULL: weights inside */
  const void *weights;
} native;

static nacre_status fail(nacre_error *error) {
  const char *why = dlerror();
  snprintf(error->text, sizeof error->text, "%s", why ? why : "no memory");
  return NACRE_E_IO;
}

static void close_native(void *opened) {
  native *n = opened;
  nacre_safetensors_close(n->weights_file);
  if (n->library)
    dlclose(n->library);
  free(n);
}

static nacre_status open_weights(native *n, const char *folder,
                                 nacre_error *error) {
  char path[4096];
  if (n->model->weights || !n->model->weights_bytes)
    return NACRE_OK;
  snprintf(path, sizeof path, "%s/%s/%s", folder, n->model->name,
           n->model->weights_file);
  nacre_status status = nacre_safetensors_open(path, &n->weights_file, error);
  return status ? status
                : nacre_safetensors_weights(n->weights_file, n->model,
                                            &n->weights, error);
}

static nacre_status open_native(const char *folder, const char *name,
                                void **opened, nacre_error *error) {
  char path[4096], symbol[256];
  snprintf(path, sizeof path, "%s/%s/%s.so", folder, name, name);
  snprintf(symbol, sizeof symbol, "%s_model", name);
  native *n = calloc(1, sizeof *n);
  if (!n)
    return fail(error);
  n->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  n->model = n->library ? dlsym(n->library, symbol) : NULL;
  nacre_status status =
      n->model ? nacre_check_model(n->model, error) : fail(error);
  if (!status)
    status = open_weights(n, folder, error);
  if (status)
    close_native(n);
  else
    *opened = n;
  return status;
}

static const nacre_model *table(void *opened) {
  return ((native *)opened)->model;
}

static int32_t run(void *opened, const void *const *inputs,
                   void *const *outputs, const int64_t *dims) {
  const native *n = opened;
  return nacre_run(n->model, inputs, outputs, n->weights, dims, NULL, NULL);
}

const adapter native_adapter = {"native", 0,   open_native,
                                table,    run, close_native};
