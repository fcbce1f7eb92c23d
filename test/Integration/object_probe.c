/* Runs a linked model once on numbers made up here, prints its outputs, and
 * says how often memory was allocated between the start and the end of run().
 *
 *   object_probe        MODEL is the reflection table's symbol
 * (-DMODEL=net_model)
 */
#include <nacre/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const nacre_model MODEL;

/* Every allocation of the process comes by here. */
static volatile long allocations;
#if defined(__GLIBC__) && !defined(NO_HOOK)
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
void *malloc(size_t n) { return allocations++, __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return allocations++, __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return allocations++, __libc_realloc(p, n); }
void *memalign(size_t a, size_t n) {
  return allocations++, __libc_memalign(a, n);
}
void *aligned_alloc(size_t a, size_t n) {
  return allocations++, __libc_memalign(a, n);
}
int posix_memalign(void **p, size_t a, size_t n) {
  return allocations++, *p = __libc_memalign(a, n), *p ? 0 : 12;
}
#endif

static void *buffer(uint64_t bytes) {
  void *p =
      aligned_alloc(NACRE_ALIGNMENT, (bytes + NACRE_ALIGNMENT) /
                                         NACRE_ALIGNMENT * NACRE_ALIGNMENT);
  if (!p)
    exit(1);
  memset(p, 0, bytes);
  return p;
}

int main(void) {
  const void *inputs[16];
  void *outputs[16];
  uint32_t state = 1;
  if (MODEL.input_count > 16 || MODEL.output_count > 16 || MODEL.dim_count)
    return 1;
  for (int64_t i = 0; i < MODEL.input_count; ++i) {
    const nacre_tensor *t = &MODEL.inputs[i];
    uint8_t *p = buffer(t->bytes);
    for (uint64_t k = 0; k < t->bytes / (t->dtype[0] == 'f' ? 4 : 1); ++k) {
      state = state * 1664525u + 1013904223u;
      if (t->dtype[0] == 'f')
        ((float *)p)[k] = (float)(state >> 16) / 65536.0f - 0.5f;
      else
        p[k] = (uint8_t)(state >> 24);
    }
    inputs[i] = p;
  }
  for (int64_t i = 0; i < MODEL.output_count; ++i)
    outputs[i] = buffer(MODEL.outputs[i].bytes);
  void *arena = buffer(MODEL.arena_bytes);
  long before = allocations;
  int32_t status = MODEL.run(inputs, outputs, arena, NULL, NULL, NULL);
  long made = allocations - before;
  printf("status %d\nallocations %ld\n", (int)status, made);
  for (int64_t i = 0; i < MODEL.output_count; ++i) {
    const nacre_tensor *t = &MODEL.outputs[i];
    int real = t->dtype[0] == 'f';
    for (uint64_t k = 0; k < t->bytes / (real ? 4 : 1); ++k)
      printf("%.9g\n", real ? (double)((float *)outputs[i])[k]
                            : (double)((int8_t *)outputs[i])[k]);
  }
  return status == NACRE_OK && made == 0 ? 0 : 1;
}
