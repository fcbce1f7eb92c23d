/* consumer W B: runs the model on 0 to 7 and checks that y = x * W + B, called
 * through the typed header and through the reflection table. */
#include "net.h"

#include <nacre/runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  float w = strtof(argv[1], NULL), b = strtof(argv[2], NULL);
  float x[8], typed[8], generic[8];
  for (int i = 0; i < 8; ++i)
    x[i] = (float)i;

  nacre_error error;
  nacre_pool *pool;
  if (nacre_check_model(&net_model, &error) ||
      nacre_pool_create(2, &pool, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }

  void *arena = nacre_alloc(net_model.arena_bytes);
  net_inputs inputs = {.x = x};
  net_outputs outputs = {.y = typed};
  int32_t status = net_run(&inputs, &outputs, arena, nacre_pool_executor(pool));
  nacre_free(arena);
  if (status) {
    fprintf(stderr, "net_run: %s\n", nacre_status_text(status));
    return 1;
  }

  const void *in[] = {x};
  void *out[] = {generic};
  if (nacre_run(&net_model, in, out, NULL, NULL, NULL, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  nacre_pool_destroy(pool);

  for (int i = 0; i < 8; ++i)
    printf("%g%c", (double)typed[i], i < 7 ? ' ' : '\n');
  if (memcmp(typed, generic, sizeof typed)) {
    fprintf(stderr, "net_run and net_model.run differ\n");
    return 1;
  }
  for (int i = 0; i < 8; ++i)
    if (typed[i] != x[i] * w + b) {
      fprintf(stderr, "y[%d] is %g, expected %g\n", i, (double)typed[i],
              (double)(x[i] * w + b));
      return 1;
    }
  return 0;
}
