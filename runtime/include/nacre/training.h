/*===- nacre/training.h - training steps of a compiled model ---------------===
 *
 * `nacre compile MODEL.ngl --train` makes programs that share states: tensors
 * that outlive a run, such as parameters, running statistics and the
 * optimizer's moments. The generated NAME.h has their table and typed calls;
 * this library keeps the states, runs the programs on them, and reads and
 * writes checkpoints.
 *
 * A trainer allocates when it is created; init, step and eval allocate nothing.
 * A step that fails (a number that is not finite, an index out of range) leaves
 * every state as it was.
 *
 * Functions that can fail return a nacre_status and leave a message as those of
 * nacre/runtime.h do. One trainer is used by one thread at a time.
 *===-----------------------------------------------------------------------===*/
#ifndef NACRE_TRAINING_H
#define NACRE_TRAINING_H

#include <nacre/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One state. It lies at `offset`, a multiple of NACRE_ALIGNMENT, of the block
 * of all states. */
typedef struct nacre_state {
  const char *name;
  const char *kind;  /* "parameter", "frozen", "buffer", "optimizer", "gradient"
                        or "counter" */
  const char *dtype; /* as of nacre_tensor */
  int64_t rank;
  const int64_t *shape; /* rank extents */
  uint64_t bytes, offset;
} nacre_state;

/* One program and which states it takes and gives: inputs and outputs of the
 * model from `data_count` and `result_count` on are the states of these
 * indices. */
typedef struct nacre_program {
  const nacre_model *model; /* NULL: there is no such program */
  int64_t data_count, result_count;
  const int64_t *state_inputs, *state_outputs;
} nacre_program;

/* Everything a training object holds. Either `step`, or `gradient` and
 * `apply`. */
typedef struct nacre_training {
  uint64_t abi_version; /* NACRE_ABI_VERSION */
  const char *name;
  int64_t state_count;
  const nacre_state *states;
  uint64_t state_bytes;
  nacre_program init, step, gradient, apply, eval;
} nacre_training;

typedef struct nacre_trainer nacre_trainer;

/* Allocates the states, zeroed, and the working memory of every program.
 * `training` and `executor` (NULL: the calling thread) must outlive it.
 * NACRE_E_ABI, NACRE_E_NOMEM, NACRE_E_ARG (tables that make no sense, weights
 * in a side file). */
nacre_status nacre_trainer_create(const nacre_training *training,
                                  const nacre_executor *executor,
                                  nacre_trainer **trainer, nacre_error *error);
/* NULL is fine. */
void nacre_trainer_free(nacre_trainer *trainer);

/* Sets every state to its initial value; parameters that start at random are a
 * function of the seed. */
nacre_status nacre_trainer_init(nacre_trainer *trainer, int64_t seed,
                                nacre_error *error);

/* Runs one program of the training: `data` has data_count pointers, `results`
 * result_count, of which NULL ones are not wanted. As nacre_model.run, with the
 * states of the trainer. */
nacre_status nacre_trainer_run(nacre_trainer *trainer,
                               const nacre_program *program,
                               const void *const *data, void *const *results,
                               nacre_error *error);

/* The memory of a state, to be read, or written between runs; NULL if there is
 * none of that name. */
void *nacre_trainer_state(nacre_trainer *trainer, const char *name,
                          const nacre_state **state);

/* Writes all states as a safetensors file, so that a crash at any moment leaves
 * the old file or the new one. NACRE_E_IO, NACRE_E_NOMEM. */
nacre_status nacre_trainer_save(const nacre_trainer *trainer, const char *path,
                                nacre_error *error);
/* Reads such a file. It must have every state with its type and shape, and
 * nothing else; on failure no state has changed. NACRE_E_IO, NACRE_E_FORMAT,
 * NACRE_E_DTYPE, NACRE_E_SHAPE, NACRE_E_NOMEM. */
nacre_status nacre_trainer_load(nacre_trainer *trainer, const char *path,
                                nacre_error *error);

#ifdef __cplusplus
}
#endif

#endif /* NACRE_TRAINING_H */
