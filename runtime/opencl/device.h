/* What the parts of the OpenCL runtime share: a device, how OpenCL's errors are
 * reported, and built programs. */
#ifndef NACRE_OPENCL_DEVICE_H
#define NACRE_OPENCL_DEVICE_H

#define CL_TARGET_OPENCL_VERSION 120
#include "../src/failure.h"

#include <CL/cl.h>
#include <nacre/opencl.h>
#include <pthread.h>

typedef struct nacre_embedded nacre_embedded; /* of embedded.c */

struct nacre_opencl_device {
  nacre_opencl_info info; /* its text is owned */
  char *version;          /* of OpenCL on the device; with the driver's */
  cl_device_id id;
  cl_context context;
  size_t max_items[3];   /* of a group, per dimension */
  size_t base_alignment; /* of sub-buffers, bytes */
  char *cache;           /* folder of built programs, NULL for none */
  nacre_executor executor;
  pthread_mutex_t log_mutex;
  char *build_log;
  pthread_mutex_t embedded_mutex; /* also held while one is loaded */
  nacre_embedded *embedded;
};

NACRE_PRIVATE void nacre_embedded_free(nacre_embedded *list);

/* Was the executor made by nacre_opencl_executor? Then its ctx is a device. */
NACRE_PRIVATE int nacre_executor_is_opencl(const nacre_executor *executor);

/* "WHERE: CALL: CL_OUT_OF_RESOURCES"; the status that fits the code. */
NACRE_PRIVATE nacre_status nacre_cl_failure(nacre_error *error,
                                            const char *where, const char *call,
                                            cl_int code);
/* "CL_OUT_OF_RESOURCES", or "error -9999". */
typedef struct nacre_cl_name {
  char text[48];
} nacre_cl_name;
NACRE_PRIVATE nacre_cl_name nacre_cl_error_name(cl_int code);

/* Builds kernels, or takes them from the cache. `where` is for messages. */
NACRE_PRIVATE nacre_status nacre_program_build(nacre_opencl_device *device,
                                               const char *where,
                                               const char *text, uint64_t bytes,
                                               cl_program *program,
                                               nacre_error *error);

/* The folder programs are cached in, from the environment; NULL for none. Only
 * NACRE_CACHE_DIR counts if not `by_default`. To be freed with free. */
NACRE_PRIVATE char *nacre_cache_folder(int by_default);
/* The payload cached under the key, to be freed with nacre_free; false if there
 * is none or it is damaged. */
NACRE_PRIVATE int nacre_cache_read(const char *folder, const char *key,
                                   void **file, const unsigned char **payload,
                                   size_t *size);
/* A cache that cannot be written is no failure. */
NACRE_PRIVATE void nacre_cache_write(const char *folder, const char *key,
                                     const void *payload, size_t size);

#endif
