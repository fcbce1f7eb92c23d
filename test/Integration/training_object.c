/* training_object CHECKPOINT
 *
 * Trains LeNet on figures made by a formula and prints the loss of each step.
 * Knows lenet.h and nothing of the target. Then what a step and a checkpoint
 * promise: a bad label leaves every state as it was, and a loaded checkpoint
 * goes on with the same bits.
 */
#include "lenet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { batch = 16, pixels = 28 * 28, steps = 6 };
static float x[batch * pixels];
static int64_t label[batch];

/* A bright square whose place is the label's. */
static void draw(int step) {
  for (int i = 0; i < batch; ++i) {
    label[i] = (step * 7 + i * 3) % 10;
    for (int p = 0; p < pixels; ++p) {
      int row = p / 28, column = p % 28, at = 2 * (int)label[i];
      x[i * pixels + p] =
          row >= at && row < at + 8 && column >= at && column < at + 8
              ? 1.0f
              : (float)((p * 37 + i * 11) % 16) / 64.0f;
    }
  }
}

static void stop(const char *what, const nacre_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->text);
  exit(1);
}

static float step(nacre_trainer *trainer, int number) {
  nacre_error error = {{0}};
  float loss = -1, norm = -1;
  draw(number);
  lenet_step_data data = {.x = x, .label = label};
  lenet_step_results results = {.loss = &loss, .gradient_norm = &norm};
  if (lenet_step(trainer, &data, &results, &error))
    stop("lenet_step", &error);
  if (!(norm > 0))
    stop("gradient_norm", &error);
  return loss;
}

int main(int argc, char **argv) {
  nacre_error error = {{0}};
  nacre_trainer *trainer;
  if (argc != 2)
    return 2;
  if (lenet_create(NULL, &trainer, &error))
    stop("lenet_create", &error);
  if (lenet_init(trainer, 3, &error))
    stop("lenet_init", &error);
  for (int s = 0; s < steps; ++s)
    printf("%.9g\n", (double)step(trainer, s));

  const nacre_training *training = lenet_training();
  const nacre_state *state;
  unsigned char *first =
      nacre_trainer_state(trainer, training->states[0].name, &state);
  first -= state->offset;
  void *before = malloc(training->state_bytes);
  if (!before)
    return 1;
  memcpy(before, first, training->state_bytes);
  draw(0);
  label[5] = 10;
  lenet_step_data data = {.x = x, .label = label};
  lenet_step_results results = {0};
  nacre_status status = lenet_step(trainer, &data, &results, &error);
  printf("status %d, states %s\n", (int)status,
         memcmp(before, first, training->state_bytes) ? "changed" : "kept");

  if (lenet_save(trainer, argv[1], &error))
    stop("lenet_save", &error);
  float next = step(trainer, steps);
  memset(first, 0xff, training->state_bytes);
  if (lenet_load(trainer, argv[1], &error))
    stop("lenet_load", &error);
  /* Between states there is padding, which a checkpoint does not have. */
  int same = 1;
  for (int64_t i = 0; i < training->state_count; ++i)
    same &=
        !memcmp((char *)before + training->states[i].offset,
                first + training->states[i].offset, training->states[i].bytes);
  printf("checkpoint %s, next loss %s\n", same ? "same" : "differs",
         step(trainer, steps) == next ? "same" : "differs");

  float loss = -1, accuracy = -1;
  draw(0);
  lenet_eval_data examples = {.x = x, .label = label};
  lenet_eval_results metrics = {.loss = &loss, .accuracy = &accuracy};
  if (lenet_eval(trainer, &examples, &metrics, &error))
    stop("lenet_eval", &error);
  printf("eval %s\n",
         loss > 0 && accuracy >= 0 && accuracy <= 1 ? "ok" : "bad");
  free(before);
  nacre_trainer_free(trainer);
  return 0;
}
