/* A plug-in of one rank that says on stderr what is asked of it. Built with
 * WRONG_VERSION it is of another version. */
#include <nacre/collective.h>
#include <stdio.h>
#include <string.h>

static nacre_status sum_begin(void *ctx, int64_t slot, float *values,
                              int64_t count, nacre_error *error) {
  (void)ctx, (void)values, (void)error;
  fprintf(stderr, "begin %d of %s\n", (int)slot,
          count * 4 >= 1 << 20 ? "a megabyte" : "less");
  return NACRE_OK;
}

static void progress(void *ctx) {
  (void)ctx;
  fprintf(stderr, "kernel\n");
}

static nacre_status sum_wait(void *ctx, int64_t slot, nacre_error *error) {
  (void)ctx, (void)error;
  fprintf(stderr, "wait %d\n", (int)slot);
  return NACRE_OK;
}

static nacre_status exchange(void *ctx, int64_t peer, const void *send,
                             void *receive, int64_t bytes, nacre_error *error) {
  (void)ctx, (void)peer, (void)send, (void)receive, (void)bytes, (void)error;
  return NACRE_E_DEVICE;
}

static nacre_status broadcast(void *ctx, int64_t root, void *bytes,
                              int64_t count, nacre_error *error) {
  (void)ctx, (void)root, (void)bytes, (void)count, (void)error;
  return NACRE_OK;
}

static nacre_status gather(void *ctx, const void *mine, void *all,
                           int64_t bytes, nacre_error *error) {
  (void)ctx, (void)error;
  memcpy(all, mine, (size_t)bytes);
  return NACRE_OK;
}

static void leave(void *ctx) {
  (void)ctx;
  fprintf(stderr, "close\n");
}

nacre_status nacre_collective_open(nacre_collective *collective,
                                   nacre_error *error) {
  (void)error;
  uint64_t version = NACRE_COLLECTIVE_VERSION;
#ifdef WRONG_VERSION
  version = 99;
#endif
  *collective = (nacre_collective){version,  NULL,      0,        1,
                                   4,        sum_begin, progress, sum_wait,
                                   exchange, broadcast, gather,   leave};
  return NACRE_OK;
}
