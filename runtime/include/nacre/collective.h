/*===- nacre/collective.h - how the ranks of a training talk ---------------===
 *
 * Data-parallel training runs one process a rank. What they exchange goes
 * through this table, so that the trainer knows no message-passing library: a
 * plug-in is a shared library that defines `nacre_collective_open`. The one
 * that comes with Nacre is libnacre_mpi.so.
 *
 * Every rank makes the same calls in the same order, from one thread.
 *===-----------------------------------------------------------------------===*/
#ifndef NACRE_COLLECTIVE_H
#define NACRE_COLLECTIVE_H

#include <nacre/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NACRE_COLLECTIVE_VERSION 1u

typedef struct nacre_collective {
  uint64_t version; /* NACRE_COLLECTIVE_VERSION */
  void *ctx;        /* first argument of every call */
  int64_t rank, ranks;

  /* Begins to replace `values` of every rank by their sum over the ranks, added
   * in whatever order is fastest. The values are not to be touched until
   * sum_wait returns. At most `in_flight` sums at once, numbered 0 to
   * in_flight - 1 by `slot`. NACRE_E_LIMIT, NACRE_E_DEVICE. */
  int64_t in_flight;
  nacre_status (*sum_begin)(void *ctx, int64_t slot, float *values,
                            int64_t count, nacre_error *error);
  /* Lets the library work on what is in flight; to be called now and then. */
  void (*progress)(void *ctx);
  nacre_status (*sum_wait)(void *ctx, int64_t slot, nacre_error *error);

  /* Sends bytes to another rank and receives as many from it. Sums that must
   * not depend on the number of ranks are made of these. */
  nacre_status (*exchange)(void *ctx, int64_t peer, const void *send,
                           void *receive, int64_t bytes, nacre_error *error);
  /* The bytes of rank `root` to all. */
  nacre_status (*broadcast)(void *ctx, int64_t root, void *bytes, int64_t count,
                            nacre_error *error);
  /* Every rank's `bytes` bytes, one after another, to all; `all` has room for
   * ranks * bytes. */
  nacre_status (*gather)(void *ctx, const void *mine, void *all, int64_t bytes,
                         nacre_error *error);
  void (*close)(void *ctx);
} nacre_collective;

/* Joins the other ranks. NACRE_E_DEVICE when the process was not started as
 * one of several, or the library fails. */
nacre_status nacre_collective_open(nacre_collective *collective,
                                   nacre_error *error);

#ifdef __cplusplus
}
#endif

#endif /* NACRE_COLLECTIVE_H */
