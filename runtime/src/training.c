/*===- training.c - states, the programs on them, checkpoints -------------===*/
#define _GNU_SOURCE
#include "file.h"
#include "json.h"

#include <inttypes.h>
#include <nacre/training.h>
#include <stdlib.h>
#include <string.h>

struct nacre_trainer {
  const nacre_training *training;
  const nacre_executor *executor;
  unsigned char *states;
  void *arena, *unwanted; /* as large as the most demanding program needs */
  const void **inputs;
  void **outputs;
};

enum { program_count = 5 };

static const nacre_program *program_at(const nacre_training *training, int i) {
  const nacre_program *programs[program_count] = {
      &training->init, &training->step, &training->gradient, &training->apply,
      &training->eval};
  return programs[i];
}

/* The index of the state of that name, or -1. */
static int64_t find_state(const nacre_training *training, const char *name) {
  for (int64_t i = 0; i < training->state_count; ++i)
    if (!strcmp(training->states[i].name, name))
      return i;
  return -1;
}

static nacre_status check_states(const nacre_training *training,
                                 nacre_error *error) {
  for (int64_t i = 0; i < training->state_count; ++i) {
    const nacre_state *state = training->states + i;
    uint64_t elements, bytes;
    nacre_status status = nacre_shape_bytes(
        state->dtype, state->rank, state->shape, &elements, &bytes, error);
    if (status)
      return status;
    if (bytes != state->bytes || state->offset % NACRE_ALIGNMENT ||
        state->offset > training->state_bytes ||
        state->bytes > training->state_bytes - state->offset)
      return nacre_failure(error, NACRE_E_ARG,
                           "state '%.64s' does not lie in the block of states",
                           state->name);
  }
  return NACRE_OK;
}

static nacre_status check_program(const nacre_training *training,
                                  const nacre_program *program,
                                  nacre_error *error) {
  const nacre_model *model = program->model;
  nacre_status status = nacre_check_model(model, error);
  if (status)
    return status;
  if (model->weights_bytes && !model->weights)
    return nacre_failure(error, NACRE_E_ARG,
                         "model '%.64s' has its weights in a side file",
                         model->name);
  struct {
    const nacre_tensor *tensors;
    int64_t count, first;
    const int64_t *indices;
  } sides[2] = {{model->inputs, model->input_count, program->data_count,
                 program->state_inputs},
                {model->outputs, model->output_count, program->result_count,
                 program->state_outputs}};
  for (int side = 0; side < 2; ++side)
    for (int64_t i = sides[side].first; i < sides[side].count; ++i) {
      int64_t index = sides[side].indices[i - sides[side].first];
      const nacre_tensor *tensor = sides[side].tensors + i;
      if (index < 0 || index >= training->state_count ||
          training->states[index].bytes != tensor->bytes)
        return nacre_failure(error, NACRE_E_ARG,
                             "model '%.64s': '%.64s' is no state of that size",
                             model->name, tensor->name);
    }
  return NACRE_OK;
}

nacre_status nacre_trainer_create(const nacre_training *training,
                                  const nacre_executor *executor,
                                  nacre_trainer **result, nacre_error *error) {
  *result = NULL;
  if (training->abi_version != NACRE_ABI_VERSION)
    return nacre_failure(error, NACRE_E_ABI,
                         "training '%.64s' was built for version %llu of the "
                         "interface, this is version %u",
                         training->name,
                         (unsigned long long)training->abi_version,
                         NACRE_ABI_VERSION);
  nacre_status status = check_states(training, error);
  uint64_t arena = 0, unwanted = 0, inputs = 1, outputs = 1;
  for (int i = 0; i < program_count && !status; ++i) {
    const nacre_program *program = program_at(training, i);
    const nacre_model *model = program->model;
    if (!model)
      continue;
    if ((status = check_program(training, program, error)))
      break;
    if (model->arena_bytes > arena)
      arena = model->arena_bytes;
    if ((uint64_t)model->input_count > inputs)
      inputs = (uint64_t)model->input_count;
    if ((uint64_t)model->output_count > outputs)
      outputs = (uint64_t)model->output_count;
    uint64_t room = 0;
    for (int64_t k = 0; k < program->result_count; ++k)
      room += (model->outputs[k].bytes + 63) / 64 * 64;
    if (room > unwanted)
      unwanted = room;
  }
  if (status)
    return status;
  nacre_trainer *trainer = calloc(1, sizeof *trainer);
  if (trainer) {
    trainer->training = training;
    trainer->executor = executor;
    trainer->states = nacre_alloc(training->state_bytes);
    trainer->arena = nacre_alloc(arena);
    trainer->unwanted = nacre_alloc(unwanted);
    trainer->inputs = calloc(inputs, sizeof *trainer->inputs);
    trainer->outputs = calloc(outputs, sizeof *trainer->outputs);
  }
  if (!trainer || !trainer->states || !trainer->arena || !trainer->unwanted ||
      !trainer->inputs || !trainer->outputs) {
    nacre_trainer_free(trainer);
    return nacre_failure(error, NACRE_E_NOMEM,
                         "no memory for %llu bytes of states and %llu of "
                         "working memory",
                         (unsigned long long)training->state_bytes,
                         (unsigned long long)arena);
  }
  memset(trainer->states, 0, training->state_bytes);
  *result = trainer;
  return NACRE_OK;
}

void nacre_trainer_free(nacre_trainer *trainer) {
  if (!trainer)
    return;
  nacre_free(trainer->states);
  nacre_free(trainer->arena);
  nacre_free(trainer->unwanted);
  free(trainer->inputs);
  free(trainer->outputs);
  free(trainer);
}

nacre_status nacre_trainer_run(nacre_trainer *trainer,
                               const nacre_program *program,
                               const void *const *data, void *const *results,
                               nacre_error *error) {
  const nacre_model *model = program->model;
  const nacre_state *states = trainer->training->states;
  if (!model)
    return nacre_failure(error, NACRE_E_ARG,
                         "training '%.64s' has no such program",
                         trainer->training->name);
  for (int64_t i = 0; i < model->input_count; ++i)
    trainer->inputs[i] =
        i < program->data_count
            ? data[i]
            : trainer->states +
                  states[program->state_inputs[i - program->data_count]].offset;
  unsigned char *unwanted = trainer->unwanted;
  for (int64_t i = 0; i < model->output_count; ++i) {
    if (i >= program->result_count) {
      trainer->outputs[i] =
          trainer->states +
          states[program->state_outputs[i - program->result_count]].offset;
      continue;
    }
    trainer->outputs[i] = results && results[i] ? results[i] : unwanted;
    unwanted += (model->outputs[i].bytes + 63) / 64 * 64;
  }
  int32_t status = model->run(trainer->inputs, trainer->outputs, trainer->arena,
                              NULL, NULL, trainer->executor);
  return status
             ? nacre_failure(error, (nacre_status)status, "model '%.64s': %s",
                             model->name, nacre_status_text(status))
             : NACRE_OK;
}

nacre_status nacre_trainer_init(nacre_trainer *trainer, int64_t seed,
                                nacre_error *error) {
  const void *data[] = {&seed};
  return nacre_trainer_run(trainer, &trainer->training->init, data, NULL,
                           error);
}

void *nacre_trainer_state(nacre_trainer *trainer, const char *name,
                          const nacre_state **state) {
  int64_t i = find_state(trainer->training, name);
  if (state)
    *state = i < 0 ? NULL : trainer->training->states + i;
  return i < 0 ? NULL : trainer->states + trainer->training->states[i].offset;
}

/*===- Checkpoints
 * ----------------------------------------------------------===*/

/* The first bytes of a checkpoint: the length of the header, and the header,
 * which ends where data may begin. To be freed; NULL without memory. */
static char *make_header(const nacre_training *training, uint64_t *size) {
  size_t room = 256 + 6 * strlen(training->name);
  for (int64_t i = 0; i < training->state_count; ++i)
    room += 128 + 6 * strlen(training->states[i].name) +
            24 * (size_t)training->states[i].rank;
  char *text = malloc(room);
  FILE *stream = text ? fmemopen(text, room, "w") : NULL;
  if (!stream) {
    free(text);
    return NULL;
  }
  fprintf(stream,
          "%8s{\"__metadata__\":{\"format\":\"nacre.training\",\"model\":", "");
  nacre_json_print(stream, training->name);
  fputc('}', stream);
  uint64_t offset = 0;
  for (int64_t i = 0; i < training->state_count; ++i) {
    const nacre_state *state = training->states + i;
    fputc(',', stream);
    nacre_json_print(stream, state->name);
    fputs(":{\"dtype\":\"", stream);
    for (const char *c = state->dtype; *c; ++c) /* "f32" -> "F32" */
      fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, stream);
    fputs("\",\"shape\":[", stream);
    for (int64_t k = 0; k < state->rank; ++k)
      fprintf(stream, k ? ",%" PRId64 : "%" PRId64, state->shape[k]);
    fprintf(stream, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset,
            offset + state->bytes);
    offset += state->bytes;
  }
  fputc('}', stream);
  while (ftell(stream) % NACRE_ALIGNMENT)
    fputc(' ', stream);
  *size = (uint64_t)ftell(stream);
  int lost = ferror(stream);
  if (fclose(stream) || lost) {
    free(text);
    return NULL;
  }
  for (int i = 0; i < 8; ++i)
    text[i] = (char)((*size - 8) >> (8 * i));
  return text;
}

nacre_status nacre_trainer_save(const nacre_trainer *trainer, const char *path,
                                nacre_error *error) {
  const nacre_training *training = trainer->training;
  nacre_piece *pieces =
      calloc((size_t)training->state_count + 1, sizeof *pieces);
  char *header = pieces ? make_header(training, &pieces[0].size) : NULL;
  nacre_status status;
  if (!header) {
    status = nacre_failure(error, NACRE_E_NOMEM, "no memory for the header");
  } else {
    pieces[0].bytes = header;
    for (int64_t i = 0; i < training->state_count; ++i) {
      const nacre_state *state = training->states + i;
      pieces[i + 1] =
          (nacre_piece){trainer->states + state->offset, state->bytes};
    }
    status =
        nacre_file_write(path, pieces, (int)training->state_count + 1, error);
  }
  free(header);
  free(pieces);
  return status;
}

static nacre_status check_view(const nacre_training *training,
                               const nacre_view *view, const char *path,
                               nacre_error *error) {
  int64_t i = find_state(training, view->name);
  if (i < 0)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "%.200s: tensor '%.64s' is no state of '%.64s'", path,
                         view->name, training->name);
  const nacre_state *state = training->states + i;
  if (!view->dtype || strcmp(view->dtype, state->dtype))
    return nacre_failure(
        error, NACRE_E_DTYPE, "%.200s: tensor '%.64s' is %s, expected %s", path,
        view->name, view->dtype ? view->dtype : "a type unknown here",
        state->dtype);
  if (view->rank != state->rank ||
      (view->rank && memcmp(view->shape, state->shape,
                            (size_t)view->rank * sizeof *view->shape)))
    return nacre_failure(
        error, NACRE_E_SHAPE, "%.160s: tensor '%.64s' is %s, expected %s", path,
        view->name, nacre_shape_print(view->rank, view->shape).text,
        nacre_shape_print(state->rank, state->shape).text);
  return NACRE_OK;
}

nacre_status nacre_trainer_load(nacre_trainer *trainer, const char *path,
                                nacre_error *error) {
  const nacre_training *training = trainer->training;
  nacre_safetensors *file;
  nacre_status status = nacre_safetensors_open(path, &file, error);
  if (status)
    return status;
  nacre_view view;
  for (int64_t i = 0; !status && nacre_safetensors_at(file, i, &view); ++i)
    status = check_view(training, &view, path, error);
  for (int64_t i = 0; !status && i < training->state_count; ++i)
    if (!nacre_safetensors_find(file, training->states[i].name, &view))
      status =
          nacre_failure(error, NACRE_E_FORMAT, "%.200s: has no tensor '%.64s'",
                        path, training->states[i].name);
  for (int64_t i = 0; !status && i < training->state_count; ++i) {
    const nacre_state *state = training->states + i;
    nacre_safetensors_find(file, state->name, &view);
    if (state->bytes)
      memcpy(trainer->states + state->offset, view.data, state->bytes);
  }
  nacre_safetensors_close(file);
  return status;
}
