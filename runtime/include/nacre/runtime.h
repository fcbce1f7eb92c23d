/*===- nacre/runtime.h - what a caller of a compiled model may want ---------===
 *
 * A generated object needs none of this. The library adds, in plain C and
 * without globals: a thread pool, allocation of the arena, and readers for the
 * tensor files that a model is fed with.
 *
 * Files are untrusted. Every reader checks a size before it allocates, copies
 * or maps, and ends in a status and a message, never in a signal.
 *
 * Functions that can fail return a nacre_status and, when `error` is not NULL,
 * leave one line there: lower case, no final period. On success `error` is left
 * alone.
 *===-----------------------------------------------------------------------===*/
#ifndef NACRE_RUNTIME_H
#define NACRE_RUNTIME_H

#include <nacre/model.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits; a file or model beyond them is refused with NACRE_E_LIMIT. */
#define NACRE_MAX_RANK 64
#define NACRE_MAX_THREADS 1024

typedef struct nacre_error {
  char text[512]; /* cut at 511 bytes when longer */
} nacre_error;

/*===- Names and sizes
 * -----------------------------------------------------===*/

/* "ok", "index out of range", ...; "unknown status" for any other number. */
const char *nacre_status_text(int32_t status);

/* Bytes of one element of a dtype name of nacre_tensor; 0 if unknown or NULL.
 */
uint64_t nacre_dtype_bytes(const char *dtype);

/* Bits that count in an element of "i4", "f8e4m3fn" and the other types that
 * only low bits of a byte belong to; 0 of all other types. */
int nacre_dtype_bits(const char *dtype);

/* Elements and bytes of a tensor; the one place where extents are multiplied.
 * NACRE_E_DTYPE, NACRE_E_LIMIT (rank), NACRE_E_SHAPE (negative extent, or the
 * product of the extents, a zero among them or not, does not fit in 63 bits).
 */
nacre_status nacre_shape_bytes(const char *dtype, int64_t rank,
                               const int64_t *shape, uint64_t *elements,
                               uint64_t *bytes, nacre_error *error);

/* Is this a model of our version whose tables make sense (names, dtypes,
 * shapes, dim names, kernel tables)? NACRE_E_ABI if not. */
nacre_status nacre_check_model(const nacre_model *model, nacre_error *error);

/*===- Memory and running
 * --------------------------------------------------===*/

/* Memory aligned to NACRE_ALIGNMENT, of at least one byte; NULL when there is
 * none. nacre_free takes NULL too. */
void *nacre_alloc(uint64_t bytes);
void nacre_free(void *memory);

/* Checks the ABI version, allocates the arena, runs, frees the arena. The
 * arguments are those of nacre_model.run. A program that runs a model often
 * keeps an arena of its own instead. */
nacre_status nacre_run(const nacre_model *model, const void *const *inputs,
                       void *const *outputs, const void *weights,
                       const int64_t *dims, const nacre_executor *executor,
                       nacre_error *error);

/*===- Thread pool
 * ---------------------------------------------------------===*/

/* A fixed set of threads. parallel() cuts [0, count) into one contiguous range
 * per thread, the calling thread doing the first and then those that no worker
 * has begun; it allocates nothing. It may be called from several threads or
 * from inside a task: while the pool is busy with one call, the others do their
 * work on their own thread. Between calls the workers spin for half a
 * millisecond and then sleep. */
typedef struct nacre_pool nacre_pool;

/* threads counts the calling thread: threads - 1 workers are started. 0 means
 * one per processor that this process may use. NACRE_E_ARG, NACRE_E_LIMIT or
 * NACRE_E_NOMEM (also when a thread cannot be started). */
nacre_status nacre_pool_create(int64_t threads, nacre_pool **pool,
                               nacre_error *error);
/* Valid as long as the pool. */
const nacre_executor *nacre_pool_executor(const nacre_pool *pool);
/* Stops and joins the workers. No call may be in progress. NULL is fine. */
void nacre_pool_destroy(nacre_pool *pool);

/*===- Strings
 * -------------------------------------------------------------===*/

/* Texts and their codes. The elements of a tensor of dtype "string" are codes:
 * below nacre_model.string_count a place in nacre_model.strings, from there on
 * any other string, the same code for the same text. A table that begins with
 * the model's strings gives codes to the texts of a run's inputs, and texts to
 * those of its outputs. Not for several threads at once. */
typedef struct nacre_strings nacre_strings;

/* A table of `count` texts, different ones, with the codes 0, 1 and so on.
 * NACRE_E_NOMEM, NACRE_E_LIMIT, NACRE_E_ABI when a text is there twice. */
nacre_status nacre_strings_create(const char *const *texts, int64_t count,
                                  nacre_strings **strings, nacre_error *error);
void nacre_strings_destroy(nacre_strings *strings); /* NULL is fine */
/* The code of a text, which may hold zero bytes; a new one where there is none.
 * NACRE_E_NOMEM, NACRE_E_LIMIT. */
nacre_status nacre_strings_code(nacre_strings *strings, const char *text,
                                size_t length, int32_t *code,
                                nacre_error *error);
int64_t nacre_strings_count(const nacre_strings *strings);
/* The text of a code, which ends in a zero byte behind its length (`length` may
 * be NULL); NULL for a code that no text has. Valid as long as the table. */
const char *nacre_strings_text(const nacre_strings *strings, int32_t code,
                               size_t *length);

/*===- Tensor files
 * --------------------------------------------------------===*/

/* A tensor in memory: dense, row-major. `data` comes from nacre_alloc. */
typedef struct nacre_array {
  const char *dtype; /* a dtype name of nacre_tensor, static storage */
  int64_t rank;
  int64_t shape[NACRE_MAX_RANK];
  uint64_t elements, bytes;
  void *data;
} nacre_array;

/* Frees the data and clears the array. */
void nacre_array_free(nacre_array *array);

/* Whether the array has elements of `dtype` (static storage). Bytes ("u8") are
 * made elements of a type with nacre_dtype_bits, for which .npy files have no
 * name. */
int nacre_array_as(nacre_array *array, const char *dtype);

/* NumPy .npy, versions 1.0 and 2.0, little-endian, C order; '<V2' is bf16, as
 * the Python package ml_dtypes writes it, and its '<V1', any of the types of
 * nacre_dtype_bits, becomes "u8"; they are written so. Bytes of a bool become 0
 * or 1. On failure `array` is cleared. NACRE_E_IO, NACRE_E_FORMAT,
 * NACRE_E_DTYPE, NACRE_E_SHAPE, NACRE_E_LIMIT, NACRE_E_NOMEM. Format:
 * numpy.lib.format. */
nacre_status nacre_npy_read(const char *path, nacre_array *array,
                            nacre_error *error);
nacre_status nacre_npy_parse(const void *bytes, size_t size, nacre_array *array,
                             nacre_error *error);
/* Writes version 1.0. The file appears whole or not at all: temporary file,
 * fsync, rename, fsync of the folder. */
nacre_status nacre_npy_write(const char *path, const nacre_array *array,
                             nacre_error *error);

/* The same of strings, NumPy's types U (read and written) and S (read): the
 * array has codes, and its dtype is "string". Another file is NACRE_E_DTYPE;
 * what is no Unicode text is NACRE_E_FORMAT, and a code without a text
 * NACRE_E_INDEX. */
nacre_status nacre_npy_read_strings(const char *path, nacre_strings *strings,
                                    nacre_array *array, nacre_error *error);
nacre_status nacre_npy_write_strings(const char *path, const nacre_array *array,
                                     const nacre_strings *strings,
                                     nacre_error *error);

/* An ONNX TensorProto, as in the .pb files of ONNX test data: raw_data or the
 * typed fields, packed or not. Elements of 4 and 2 bits, which the file packs,
 * take a byte each. Strings, complex numbers, segments and external data are
 * refused. Errors as for .npy.
 * Format: onnx.proto and the protobuf wire encoding. */
nacre_status nacre_onnx_tensor_read(const char *path, nacre_array *array,
                                    nacre_error *error);
nacre_status nacre_onnx_tensor_parse(const void *bytes, size_t size,
                                     nacre_array *array, nacre_error *error);
/* The same of strings, as nacre_npy_read_strings. */
nacre_status nacre_onnx_tensor_read_strings(const char *path,
                                            nacre_strings *strings,
                                            nacre_array *array,
                                            nacre_error *error);
nacre_status nacre_onnx_tensor_parse_strings(const void *bytes, size_t size,
                                             nacre_strings *strings,
                                             nacre_array *array,
                                             nacre_error *error);

/*===- Side files of weights
 * -----------------------------------------------===*/

/* A safetensors file mapped read-only. The header is checked whole at opening:
 * every tensor's range fits its shape, the ranges cover the data without gap
 * or overlap, no name occurs twice. Who shortens the file while it is mapped
 * makes reads of it fault: keep side files as safe as the program itself. */
typedef struct nacre_safetensors nacre_safetensors;

/* One tensor of a mapped file; valid until the file is closed. */
typedef struct nacre_view {
  const char *name;
  const char
      *dtype; /* NULL for a type the runtime does not know (8-bit floats) */
  int64_t rank;
  const int64_t *shape;
  const void *data; /* not necessarily aligned */
  uint64_t bytes;
} nacre_view;

/* NACRE_E_IO, NACRE_E_FORMAT, NACRE_E_SHAPE, NACRE_E_LIMIT, NACRE_E_NOMEM. */
nacre_status nacre_safetensors_open(const char *path, nacre_safetensors **file,
                                    nacre_error *error);
void nacre_safetensors_close(nacre_safetensors *file); /* NULL is fine */
int64_t nacre_safetensors_count(const nacre_safetensors *file);
/* The tensor at `index` in the order of names (by bytes); false if none. */
int nacre_safetensors_at(const nacre_safetensors *file, int64_t index,
                         nacre_view *view);
/* The tensor of that name; false if there is none. */
int nacre_safetensors_find(const nacre_safetensors *file, const char *name,
                           nacre_view *view);
/* What to pass to nacre_model.run: the tensor "weights", or, in a file without
 * it, the whole data. NACRE_E_FORMAT unless it has model->weights_bytes bytes
 * and is aligned. */
nacre_status nacre_safetensors_weights(const nacre_safetensors *file,
                                       const nacre_model *model,
                                       const void **weights,
                                       nacre_error *error);

#ifdef __cplusplus
}
#endif

#endif /* NACRE_RUNTIME_H */
