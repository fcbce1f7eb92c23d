/* one_program COUNT [WEIGHTS_FOLDER]
 *
 * Classifies COUNT pictures of 8x8 floats from stdin and prints a line of
 * probabilities each. Knows digits.h and nothing of the target: the same source
 * is linked with the object of any of them.
 *
 *   -DSIDE_FILE   the object is of --weights file
 *   -DOPEN        the object is of --dim 'N<=8', else of --dim N=1
 */
#include "digits.h"

#include <nacre/runtime.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  static float picture[8 * 64], probabilities[8 * 10];
  long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  if (count < 1 || count > 8 ||
      fread(picture, 256, (size_t)count, stdin) != (size_t)count)
    return 2;
  void *arena = nacre_alloc(digits_ARENA_BYTES);
#ifdef SIDE_FILE
  nacre_error error;
  nacre_safetensors *file;
  const void *weights;
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", argc > 2 ? argv[2] : ".",
           digits_model.weights_file);
  if (nacre_safetensors_open(path, &file, &error) ||
      nacre_safetensors_weights(file, &digits_model, &weights, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
#define WEIGHTS weights,
#else
#define WEIGHTS
#endif
#ifdef OPEN
  digits_dims dims = {.N = count};
  long step = count;
#define DIMS &dims,
#else
  long step = 1;
#define DIMS
#endif
  for (long at = 0; at < count; at += step) {
    digits_inputs in = {.picture = picture + 64 * at};
    digits_outputs out = {.probabilities = probabilities + 10 * at};
    int32_t status = digits_run(&in, &out, arena, WEIGHTS DIMS NULL);
    if (status) {
      fprintf(stderr, "digits_run: %s\n", nacre_status_text(status));
      return 1;
    }
  }
  for (long i = 0; i < 10 * count; ++i)
    printf("%.9g%c", (double)probabilities[i], i % 10 < 9 ? ' ' : '\n');
  nacre_free(arena);
#ifdef SIDE_FILE
  nacre_safetensors_close(file);
#endif
  return 0;
}
