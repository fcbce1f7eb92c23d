/* OpenCL bundles: FOLDER/NAME/manifest.json and so on. */
#include "conformance.h"

#include <nacre/opencl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PoCL and its LLVM keep memory to the end; LeakSanitizer asks this function.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libpocl\nleak:libLLVM\n";
}

/* One device for all; it is never closed. */
static nacre_opencl_device *device;
static nacre_status device_status;
static nacre_error device_error;

static void open_device(void) {
  device_status = nacre_opencl_open(NULL, &device, &device_error);
}

static nacre_status find_device(nacre_error *error) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, open_device);
  if (device_status)
    *error = device_error;
  return device_status;
}

/*===- Loaded from the folder
 * ----------------------------------------------===*/

static nacre_status open_folder(const char *folder, const char *name,
                                void **opened, nacre_error *error) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  nacre_opencl_model *model = NULL;
  nacre_status status = find_device(error);
  if (!status)
    status = nacre_opencl_load_folder(device, path, &model, error);
  *opened = model;
  return status;
}

static const nacre_model *folder_table(void *opened) {
  return nacre_opencl_signature(opened);
}

static int32_t run_folder(void *opened, const void *const *inputs,
                          void *const *outputs, const int64_t *dims) {
  return nacre_opencl_run(opened, inputs, outputs, dims, NULL);
}

static void close_folder(void *opened) { nacre_opencl_free(opened); }

const adapter opencl_adapter = {"opencl",     1,          open_folder,
                                folder_table, run_folder, close_folder};

/*===- As a generated object hands it over
 * ---------------------------------===*/

/* A device of its own, as the device remembers bundles by address. */
typedef struct embedded {
  nacre_opencl_device *device;
  nacre_opencl_model *model; /* for the table */
  nacre_opencl_bundle bundle;
  nacre_safetensors *weights_file;
  char *manifest, *kernels;
} embedded;

static char *read_whole(const char *folder, const char *name, const char *file,
                        uint64_t *bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
  FILE *in = fopen(path, "rb");
  char *text = malloc(1 << 20);
  *bytes = in && text ? fread(text, 1, 1 << 20, in) : 0;
  if (in)
    fclose(in);
  return text;
}

static void close_embedded(void *opened) {
  embedded *e = opened;
  nacre_opencl_free(e->model);
  nacre_opencl_close(e->device);
  nacre_safetensors_close(e->weights_file);
  free(e->manifest);
  free(e->kernels);
  free(e);
}

static nacre_status open_embedded(const char *folder, const char *name,
                                  void **opened, nacre_error *error) {
  embedded *e = calloc(1, sizeof *e);
  if (!e)
    return NACRE_E_NOMEM;
  char path[4096];
  snprintf(path, sizeof path, "%s/%s/weights.safetensors", folder, name);
  nacre_view weights = {0};
  if (!nacre_safetensors_open(path, &e->weights_file, error))
    nacre_safetensors_find(e->weights_file, "weights", &weights);
  e->bundle.weights = weights.data;
  e->bundle.weights_bytes = weights.bytes;
  e->bundle.manifest = e->manifest =
      read_whole(folder, name, "manifest.json", &e->bundle.manifest_bytes);
  e->bundle.kernels = e->kernels =
      read_whole(folder, name, "kernels.cl", &e->bundle.kernels_bytes);
  nacre_status status = nacre_opencl_open(NULL, &e->device, error);
  if (!status)
    status = nacre_opencl_load(e->device, &e->bundle, &e->model, error);
  if (status)
    close_embedded(e);
  else
    *opened = e;
  return status;
}

static const nacre_model *embedded_table(void *opened) {
  return nacre_opencl_signature(((embedded *)opened)->model);
}

static int32_t run_embedded(void *opened, const void *const *inputs,
                            void *const *outputs, const int64_t *dims) {
  embedded *e = opened;
  return nacre_opencl_run_embedded(&e->bundle, inputs, outputs, NULL, dims,
                                   nacre_opencl_executor(e->device));
}

const adapter opencl_embedded_adapter = {"opencl-embedded", 1,
                                         open_embedded,     embedded_table,
                                         run_embedded,      close_embedded};
