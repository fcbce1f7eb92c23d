/*===- folder.c - bundles in folders --------------------------------------===*/
#define _GNU_SOURCE
#include "../src/file.h"
#include "loaded.h"
#include "../src/sha256.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long long count; /* for printing */

/* Manifests and kernels beyond this are refused unread. */
enum { max_text = 1 << 28 };

static nacre_status check_hash(const char *path, nacre_sha256 *hash,
                               const nacre_plan_file *file,
                               nacre_error *error) {
  nacre_sha256_text has = nacre_sha256_end(hash);
  if (strcmp(has.text, file->sha256))
    return nacre_failure(error, NACRE_E_FORMAT,
                         "%.200s: SHA-256 is %s, the manifest says %s", path,
                         has.text, file->sha256);
  return NACRE_OK;
}

/* A file may be too large to hold it twice: it is read in pieces. */
static nacre_status check_large_file(const char *path,
                                     const nacre_plan_file *file,
                                     nacre_error *error) {
  int descriptor;
  uint64_t size;
  nacre_status status = nacre_file_open(path, &descriptor, &size, error);
  if (status)
    return status;
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  enum { piece = 1 << 16 };
  unsigned char *bytes = malloc(piece);
  if (size != (uint64_t)file->bytes)
    status = nacre_wrong_size(path, size, file->bytes, error);
  else if (!bytes)
    status =
        nacre_failure(error, NACRE_E_NOMEM, "no memory for '%.200s'", path);
  while (!status) {
    ssize_t got = read(descriptor, bytes, piece);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      status = nacre_failure(error, NACRE_E_IO, "cannot read '%.200s': %s",
                             path, strerror(errno));
    if (got <= 0)
      break;
    nacre_sha256_add(&hash, bytes, (uint64_t)got);
  }
  free(bytes);
  close(descriptor);
  return status ? status : check_hash(path, &hash, file, error);
}

static nacre_status read_text(const char *path, void **text, size_t *size,
                              nacre_error *error) {
  int descriptor;
  uint64_t bytes;
  nacre_status status = nacre_file_open(path, &descriptor, &bytes, error);
  if (status)
    return status;
  close(descriptor);
  if (bytes > max_text)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "%.200s: has %llu bytes, at most %d", path,
                         (count)bytes, max_text);
  return nacre_file_read(path, text, size, error);
}

/* A folder being loaded; what is open is closed by close_folder. */
typedef struct folder {
  char *path; /* room for the longest name behind it */
  size_t length;
  nacre_plan plan;
  void *kernels;
  size_t kernels_size;
  nacre_safetensors *weights_file;
  const void *weights;
} folder;

static const char *file_in(folder *f, const char *name) {
  f->path[f->length] = '/';
  strcpy(f->path + f->length + 1, name);
  return f->path;
}

static nacre_status read_plan(folder *f, const char *path, nacre_error *error) {
  void *manifest;
  size_t size;
  nacre_error why;
  f->length = strlen(path);
  f->path = malloc(f->length + sizeof "/manifest.json");
  if (!f->path)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a file name");
  memcpy(f->path, path, f->length + 1);
  nacre_status status =
      read_text(file_in(f, "manifest.json"), &manifest, &size, error);
  if (status)
    return status;
  status = nacre_plan_read(manifest, size, &f->plan, &why);
  nacre_free(manifest);
  if (status)
    return nacre_failure(error, status, "%.200s/%.300s", path, why.text);
  size_t longest = sizeof "manifest.json";
  if (strlen(f->plan.kernels_file.name) > longest)
    longest = strlen(f->plan.kernels_file.name);
  if (f->plan.weights_file.name && strlen(f->plan.weights_file.name) > longest)
    longest = strlen(f->plan.weights_file.name);
  char *larger = realloc(f->path, f->length + longest + 2);
  if (!larger)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a file name");
  f->path = larger;
  return NACRE_OK;
}

static nacre_status read_kernels(folder *f, nacre_error *error) {
  const nacre_plan_file *file = &f->plan.kernels_file;
  const char *path = file_in(f, file->name);
  nacre_status status = read_text(path, &f->kernels, &f->kernels_size, error);
  if (status)
    return status;
  if (f->kernels_size != (uint64_t)file->bytes)
    return nacre_wrong_size(path, f->kernels_size, file->bytes, error);
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  nacre_sha256_add(&hash, f->kernels, f->kernels_size);
  return check_hash(path, &hash, file, error);
}

static nacre_status read_weights(folder *f, nacre_error *error) {
  if (!f->plan.weights_bytes)
    return NACRE_OK;
  const nacre_plan_file *file = &f->plan.weights_file;
  if (!file->name)
    return nacre_failure(
        error, NACRE_E_FORMAT, "%.200s: %lld bytes of weights without a file",
        file_in(f, "manifest.json"), (long long)f->plan.weights_bytes);
  const char *path = file_in(f, file->name);
  nacre_status status = check_large_file(path, file, error);
  if (!status)
    status = nacre_safetensors_open(path, &f->weights_file, error);
  nacre_error why;
  if (!status) {
    status = nacre_safetensors_weights(f->weights_file, &f->plan.signature,
                                       &f->weights, &why);
    if (status)
      nacre_failure(error, status, "%.200s: %.300s", path, why.text);
  }
  return status;
}

nacre_status nacre_opencl_load_folder(nacre_opencl_device *device,
                                      const char *path,
                                      nacre_opencl_model **model,
                                      nacre_error *error) {
  if (!model)
    return nacre_failure(error, NACRE_E_ARG, "no place for a model");
  *model = NULL;
  if (!device || !path)
    return nacre_failure(error, NACRE_E_ARG, "no device, or no folder");
  folder f = {0};
  nacre_status status = read_plan(&f, path, error);
  if (!status)
    status = read_kernels(&f, error);
  if (!status)
    status = read_weights(&f, error);
  if (!status) {
    status = nacre_model_make(device, &f.plan, f.kernels, f.kernels_size,
                              f.weights, model, error);
    memset(&f.plan, 0, sizeof f.plan);
  }
  nacre_plan_free(&f.plan);
  nacre_free(f.kernels);
  nacre_safetensors_close(f.weights_file);
  free(f.path);
  return status;
}
