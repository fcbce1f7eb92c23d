/*===- nacre/model.h - the C ABI of a compiled model ------------------------===
 *
 * One compiled model is one object file and one constant of type nacre_model.
 * A caller that knows the model at build time includes the generated NAME.h
 * and calls NAME_run; a caller that does not (a loader, a test harness, the
 * standalone executable) reads the constant and calls its `run`. Both reach
 * the same code.
 *
 * What a generated object promises:
 *  - it has no mutable globals, allocates nothing and starts no thread, so
 *    `run` may be called from many threads at once, each with its own arena;
 *  - it writes to the outputs and the arena only, whatever the inputs hold;
 *  - it raises no signal: an index out of range, a division by zero or a wrong
 *    run-time shape comes back as a status;
 *  - when the status is not NACRE_OK the outputs are unspecified.
 *
 * The layout below is what generated code is emitted with on LP64 targets
 * (every field eight bytes, no padding). It changes only with
 * NACRE_ABI_VERSION. All text is UTF-8 and ends in a zero byte; all tables
 * live in the object's read-only data and need no release.
 *===-----------------------------------------------------------------------===*/
#ifndef NACRE_MODEL_H
#define NACRE_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the structs in this file; nacre_model.abi_version must equal it.
 */
#define NACRE_ABI_VERSION 2u

/* Alignment in bytes that `arena` and `weights` must have. */
#define NACRE_ALIGNMENT 64u

/* How a call ended. `run` returns one of these as an int32_t. The numbers are
 * part of the ABI. */
typedef enum nacre_status {
  NACRE_OK = 0,
  NACRE_E_ARG = 1,   /* a null or misaligned pointer, a dim outside its bound */
  NACRE_E_INDEX = 2, /* an index in the data is out of range (gather, ...) */
  NACRE_E_SHAPE =
      3, /* a shape does not fit: of a file, or computed at run time */
  NACRE_E_DTYPE = 4,  /* a file has another element type than the model */
  NACRE_E_NOMEM = 5,  /* memory could not be allocated */
  NACRE_E_IO = 6,     /* the operating system refused to open, read or write */
  NACRE_E_FORMAT = 7, /* a file is malformed or uses an unsupported feature */
  NACRE_E_ABI = 8,   /* the object was built for another version of this file */
  NACRE_E_ARITH = 9, /* integer division by zero or the like */
  NACRE_E_LIMIT =
      10, /* a stated limit is exceeded (loop steps, ranks, sizes) */
  NACRE_E_DEVICE = 11 /* an accelerator is missing or failed */
} nacre_status;

/* A piece of a kernel: does the iterations [begin, end). */
typedef void (*nacre_task)(void *arg, int64_t begin, int64_t end);

/* Where the work of a run is done. The caller owns it and it outlives the run.
 *
 * parallel() calls `task` on disjoint ranges that cover [0, count), from any
 * threads, and returns when all of them are done; what the tasks wrote is then
 * visible to the caller. Every kernel of a run goes through it, in kernel
 * order; count may be 1, and is never negative. One executor may serve several
 * runs at once if its parallel() allows that (the pool of nacre/runtime.h
 * does). */
typedef struct nacre_executor {
  void *ctx;       /* handed to parallel() untouched */
  int64_t threads; /* how many ranges may run at once, at least 1 */
  void (*parallel)(void *ctx, nacre_task task, void *arg, int64_t count);
} nacre_executor;

/* One input or output.
 *
 * Data is dense, in row-major (C) order and in the byte order of the machine.
 * A tensor with symbolic dims is dense in the extents of the run, not in the
 * bounds. A bool is one byte, 0 or 1. Integers and floats of 8 bits and fewer
 * take one byte each too, their bits in its low bits, the others 0: no two
 * elements share a byte. */
typedef struct nacre_tensor {
  const char *name;
  const char *dtype;    /* "f32","f64","f16","bf16","i8","u8","i16","u16","i32",
                           "u32","i64","u64","bool","i4","u4","i2","u2",
                           "f8e4m3fn","f8e4m3fnuz","f8e5m2","f8e5m2fnuz",
                           "f8e8m0","f4e2m1"; "string": an int32_t each, see
                           nacre_model.strings */
  int64_t rank;         /* 0 for a scalar */
  const int64_t *shape; /* rank extents in elements; of a symbolic dim its
                           bound, the largest extent it may have. May be NULL if
                           rank is 0 */
  const char *const *dim_names; /* rank entries, NULL for a static dim, else a
                                   name of nacre_model.dim_names, or of an
                                   output, an i64 scalar: then the run works the
                                   extent out and stores it there. NULL
                                   altogether when every dim is static */
  uint64_t bytes; /* size with every dim at its bound; buffers of this size fit
                     any run */
} nacre_tensor;

/* Everything a generic caller must know about a model. */
typedef struct nacre_model {
  uint64_t abi_version; /* NACRE_ABI_VERSION; check before any other field */
  const char *name;
  int64_t input_count, output_count;
  const nacre_tensor *inputs, *outputs; /* in the order of the source model */
  uint64_t arena_bytes;     /* scratch memory of one run; may be 0 */
  uint64_t weights_bytes;   /* size of the weights, embedded or not; may be 0 */
  const void *weights;      /* NULL: in a side file, the caller passes them */
  const char *weights_file; /* the side file's name without a folder; NULL when
                               the weights are embedded */
  int64_t kernel_count;
  const char *const *kernel_names; /* kernel_count entries, in run order */
  const uint64_t *kernel_flops;    /* floating-point operations of each kernel
                                      in one run, symbolic dims at their bounds */
  int64_t dim_count;               /* number of symbolic dims, often 0 */
  const char *const *dim_names;    /* dim_count distinct names */

  /* Runs the model once and returns a nacre_status.
   *
   * inputs    input_count pointers, each aligned to its element; read only.
   *           May be NULL if input_count is 0.
   * outputs   output_count pointers, each aligned to its element; they must
   *           not overlap one another, the inputs or the arena, and each has
   *           room for nacre_tensor.bytes bytes; but the
   *           output of a state (a parameter that a step changes, a cache) may
   *           be the same buffer as that state's input.
   * arena     arena_bytes bytes, aligned to NACRE_ALIGNMENT, for this run only;
   *           its content before and after means nothing. NULL if arena_bytes
   *           is 0.
   * weights   weights_bytes bytes aligned to NACRE_ALIGNMENT, read only; NULL
   *           means the embedded ones, and is NACRE_E_ARG for a model without.
   * dims      dim_count extents, in the order of dim_names, each from 0 to its
   *           bound; NULL if dim_count is 0.
   * executor  NULL runs everything on the calling thread. */
  int32_t (*run)(const void *const *inputs, void *const *outputs, void *arena,
                 const void *weights, const int64_t *dims,
                 const nacre_executor *executor);

  /* What an element of a "string" tensor means: below string_count a place in
   * this table of different texts, from there on any other string, as the
   * caller likes, the same number for the same string (nacre/runtime.h has
   * such a table). */
  int64_t string_count; /* often 0 */
  const char *const *strings;
} nacre_model;

#ifdef __cplusplus
}
#endif

#endif /* NACRE_MODEL_H */
