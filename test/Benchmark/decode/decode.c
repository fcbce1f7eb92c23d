/*===- decode.c - time of a token of a compiled language model -------------===
 *
 *     decode WEIGHTS PAST STEPS
 *
 * Linked with an object of the model, compiled with --name net and --weights
 * file, and with libnacre_rt.a. Makes STEPS runs of
 * one token behind PAST others and prints the median, in milliseconds, of the
 * processor's time in a run. The model's dims are T, the new tokens, and P, the
 * past; a cache is a state, or an input past.. and an output present.. that
 * change places after each run.
 *===-----------------------------------------------------------------------===*/
#include <nacre/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const nacre_model net_model;

static void *room(uint64_t bytes) {
  void *p = aligned_alloc(NACRE_ALIGNMENT, (bytes + 63) / 64 * 64 + 64);
  if (!p)
    exit(1);
  return memset(p, 0, bytes);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  const nacre_model *m = &net_model;
  int64_t past = atoll(argv[2]), steps = atoll(argv[3]);
  const void **inputs = calloc((size_t)m->input_count, sizeof *inputs);
  void **outputs = calloc((size_t)m->output_count, sizeof *outputs);
  int64_t *next = calloc((size_t)m->input_count, sizeof *next);
  double *spent = calloc((size_t)steps, sizeof *spent);
  for (int64_t k = 0; k < m->output_count; ++k)
    outputs[k] = room(m->outputs[k].bytes);
  for (int64_t i = 0; i < m->input_count; ++i) {
    const char *name = m->inputs[i].name;
    inputs[i] = NULL;
    next[i] = -1;
    for (int64_t k = 0; k < m->output_count; ++k) {
      const char *other = m->outputs[k].name;
      if (!strcmp(name, other))
        inputs[i] = outputs[k]; /* a state */
      else if (!strncmp(name, "past", 4) && !strncmp(other, "present", 7) &&
               !strcmp(name + 4, other + 7))
        next[i] = k;
    }
    if (!inputs[i])
      inputs[i] = room(m->inputs[i].bytes);
  }
  nacre_safetensors *file;
  nacre_error error;
  const void *weights;
  if (nacre_safetensors_open(argv[1], &file, &error) ||
      nacre_safetensors_weights(file, m, &weights, &error)) {
    puts(error.text);
    return 1;
  }
  void *arena = room(m->arena_bytes);
  for (int64_t s = 0; s < steps; ++s) {
    int64_t dims[2];
    for (int64_t d = 0; d < m->dim_count && d < 2; ++d)
      dims[d] = m->dim_names[d][0] == 'T' ? 1 : past + s;
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    int32_t status = m->run(inputs, outputs, arena, weights, dims, NULL);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    if (status) {
      printf("status %d\n", status);
      return 1;
    }
    spent[s] = (double)(to.tv_sec - from.tv_sec) * 1e3 +
               (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    for (int64_t i = 0; i < m->input_count; ++i)
      if (next[i] >= 0) {
        void *was = (void *)inputs[i];
        inputs[i] = outputs[next[i]];
        outputs[next[i]] = was;
      }
  }
  qsort(spent, (size_t)steps, sizeof *spent, ascending);
  printf("%.1f\n", spent[steps / 2]);
  return 0;
}
