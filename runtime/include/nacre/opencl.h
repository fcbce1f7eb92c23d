/*===- nacre/opencl.h - models that run on an OpenCL device -----------------===
 *
 * Reads the bundles of docs/bundles.md: a manifest with the plan of a run, the
 * kernels as OpenCL C 1.2, the weights. A bundle comes from a folder, or lies
 * in a program; such a program calls NAME_run and may know nothing of OpenCL.
 *
 * Manifest and weights are untrusted: every size, offset and count is checked
 * when the bundle is loaded. The kernels are code, and as much to be trusted as
 * an object file: on a device that is the processor they can do what the
 * program can.
 *
 * Everything may be called from any thread. Runs of one model come one after
 * another, for they share its device memory; runs of two models may overlap.
 *
 * Functions that can fail return a nacre_status and leave a message as those of
 * nacre/runtime.h do. What OpenCL refuses names the call and OpenCL's error:
 * NACRE_E_NOMEM for memory, NACRE_E_FORMAT for kernels that do not compile,
 * NACRE_E_DEVICE for anything else, a device that is missing among them.
 *===-----------------------------------------------------------------------===*/
#ifndef NACRE_OPENCL_H
#define NACRE_OPENCL_H

#include <nacre/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/*===- Devices
 * -------------------------------------------------------------===*/

typedef struct nacre_opencl_device nacre_opencl_device;

/* Opens a device. The selector is "PLATFORM:DEVICE", two indices, or a part of
 * a platform's or device's name, in any case. NULL or "" means that of the
 * environment variable NACRE_OPENCL_DEVICE, and without it the first GPU, else
 * the first device.
 *
 * Compiled kernels are kept in the folder NACRE_CACHE_DIR, else
 * XDG_CACHE_HOME/nacre, else HOME/.cache/nacre; NACRE_CACHE_DIR="" keeps none.
 * PoCL, which keeps its own, gets one only where NACRE_CACHE_DIR says so.
 *
 * NACRE_E_DEVICE when there is none; the message lists those there are. */
nacre_status nacre_opencl_open(const char *selector,
                               nacre_opencl_device **device,
                               nacre_error *error);
/* Also frees the models that nacre_opencl_run_embedded loaded into it; those of
 * nacre_opencl_load are to be freed before. NULL is fine. */
void nacre_opencl_close(nacre_opencl_device *device);

/* Valid as long as the device. */
typedef struct nacre_opencl_info {
  const char *name, *platform, *platform_version, *driver_version;
  uint64_t global_bytes;     /* memory of the device */
  uint64_t max_buffer_bytes; /* the largest single buffer */
  uint64_t local_bytes;      /* memory of a work-group */
  uint64_t max_group;        /* work-items of a group */
  int64_t compute_units;
  int gpu, fp64;
  int exact_divide; /* divide and sqrt are correctly rounded, and asked to be */
} nacre_opencl_info;
const nacre_opencl_info *nacre_opencl_describe(const nacre_opencl_device *);

/* All that the compiler said when kernels last failed to build on this device,
 * "" if none did. Valid until the next load. */
const char *nacre_opencl_build_log(const nacre_opencl_device *device);

/*===- Models
 * --------------------------------------------------------------===*/

typedef struct nacre_opencl_model nacre_opencl_model;

/* A bundle in memory, as generated objects carry it. */
typedef struct nacre_opencl_bundle {
  const char *manifest; /* manifest.json */
  uint64_t manifest_bytes;
  const char *kernels; /* kernels.cl */
  uint64_t kernels_bytes;
  const void *weights; /* the image; NULL: not embedded */
  uint64_t weights_bytes;
} nacre_opencl_bundle;

/* Loads a bundle: builds the kernels, allocates device memory, copies the
 * weights there. Of a folder the files' sizes and SHA-256 are checked. On
 * failure *model is NULL. NACRE_E_IO, NACRE_E_FORMAT, NACRE_E_DTYPE,
 * NACRE_E_SHAPE, NACRE_E_ABI (version of the bundle), NACRE_E_LIMIT,
 * NACRE_E_NOMEM, NACRE_E_DEVICE. */
nacre_status nacre_opencl_load_folder(nacre_opencl_device *device,
                                      const char *path,
                                      nacre_opencl_model **model,
                                      nacre_error *error);
/* The bundle is not needed any more afterwards. NACRE_E_ARG if it has no
 * weights where the manifest wants them. */
nacre_status nacre_opencl_load(nacre_opencl_device *device,
                               const nacre_opencl_bundle *bundle,
                               nacre_opencl_model **model, nacre_error *error);
/* Waits for what is running. NULL is fine. */
void nacre_opencl_free(nacre_opencl_model *model);

/* The model's table, as of a native object: name, tensors, dims, kernels.
 * arena_bytes is the device memory of a run; weights, weights_file and run are
 * NULL. Valid as long as the model. */
const nacre_model *nacre_opencl_signature(const nacre_opencl_model *model);

/* One launch of a run. */
typedef struct nacre_opencl_kernel {
  const char *name, *entry, *computes;
  uint64_t flops, bytes; /* of one run, symbolic dims at their bounds */
  uint64_t groups;       /* work-groups, symbolic dims at their bounds */
  int64_t local[3];      /* work-items of a group */
} nacre_opencl_kernel;
/* False if there is no kernel of that index. */
int nacre_opencl_kernel_at(const nacre_opencl_model *model, int64_t index,
                           nacre_opencl_kernel *kernel);

/*===- Runs
 * ----------------------------------------------------------------===*/

/* Runs the model once and waits. Inputs, outputs and dims are those of
 * nacre_model.run; the pointers need no alignment, and that of a tensor without
 * elements may be NULL. NACRE_E_ARG for a NULL pointer or a dim outside its
 * bound; NACRE_E_INDEX and others from the kernels, with the kernel's name. */
nacre_status nacre_opencl_run(nacre_opencl_model *model,
                              const void *const *inputs, void *const *outputs,
                              const int64_t *dims, nacre_error *error);

/* The two halves of nacre_opencl_run. In between the caller leaves inputs and
 * outputs alone, and no other run of this model is accepted (NACRE_E_ARG);
 * `wait` without a run is NACRE_E_ARG too. When `enqueue` fails there is
 * nothing to wait for. */
nacre_status nacre_opencl_enqueue(nacre_opencl_model *model,
                                  const void *const *inputs,
                                  void *const *outputs, const int64_t *dims,
                                  nacre_error *error);
nacre_status nacre_opencl_wait(nacre_opencl_model *model, nacre_error *error);

/* Runs the kernels alone `times` times, on the inputs of the last run; copies
 * nothing. For measuring. */
nacre_status nacre_opencl_run_kernels(nacre_opencl_model *model,
                                      const int64_t *dims, int64_t times,
                                      nacre_error *error);

/* A run that measures: the nanoseconds of each kernel on the device, 0 for one
 * that had nothing to do. `nanoseconds` has kernel_count entries. */
nacre_status nacre_opencl_profile(nacre_opencl_model *model,
                                  const void *const *inputs,
                                  void *const *outputs, const int64_t *dims,
                                  uint64_t *nanoseconds, nacre_error *error);

/*===- Generated objects
 * ---------------------------------------------------===*/

/* What to pass as `executor` to NAME_run, to run on this device. Valid as long
 * as the device. Its parallel() runs the task on the calling thread. */
const nacre_executor *nacre_opencl_executor(const nacre_opencl_device *device);

/* The `run` of a generated object. The device is that of the executor; with
 * NULL or another executor it is one of the process, opened on first use as
 * nacre_opencl_open(NULL) does and never closed. The first run on a device
 * loads the bundle, the later ones find it by its address and that of the
 * weights: both must stay as they are while the device is open. */
int32_t nacre_opencl_run_embedded(const nacre_opencl_bundle *bundle,
                                  const void *const *inputs,
                                  void *const *outputs, const void *weights,
                                  const int64_t *dims,
                                  const nacre_executor *executor);

/* The message of the latest nacre_opencl_run_embedded on this thread that
 * failed, "" if none did. */
const char *nacre_opencl_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* NACRE_OPENCL_H */
