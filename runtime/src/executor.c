/*===- executor.c - a pool of threads that wakes fast -----------------------===
 *
 * A net of small kernels calls parallel() every few microseconds, so waking a
 * worker through the kernel each time would cost more than the work. Workers
 * therefore watch a generation counter for a while before they sleep, and the
 * caller makes a system call only when somebody sleeps.
 *
 * One job at a time. The caller writes the job, then raises `generation`. Each
 * thread has a range of it and claims the range by raising its number in
 * `claimed` to the generation; the caller, done with its own range, claims what
 * nobody has begun. So it never waits for a worker that is still waking up, or
 * that the system runs something else in place of. At `pending` zero the caller
 * returns.
 *
 * A job is over only when every range, empty ones too, was claimed. Whoever
 * claims for a generation has thus read that generation's job: while the claim
 * was open, no other could be written. A worker that comes late has read
 * anything, but its claim fails.
 *
 * No wake-up is lost: a sleeper raises `sleepers` before it looks at the
 * counter a last time, and the waker changes the counter before it looks at
 * `sleepers`, all sequentially consistent; so one of the two sees the other
 * (Dekker's argument). The waker takes the mutex, hence cannot signal between
 * the sleeper's last look and its wait.
 *===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "failure.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a thread looks before it sleeps. Waking takes 5 to 70 microseconds,
 * the longer on virtual machines; between two jobs of a run there may be a few
 * hundred of a kernel with one task. After the first part of the time it offers
 * its processor to others between looks. */
enum { patience_ns = 500 * 1000, rounds_per_look_at_the_clock = 256 };

/* A counter that threads wait on; alone in its cache line. */
typedef struct event {
  _Alignas(64) atomic_uint_fast64_t value;
  atomic_int sleepers;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} event;

typedef struct worker {
  _Alignas(64)
      atomic_uint_fast64_t claimed; /* newest generation of its range */
  nacre_pool *pool;
  int64_t index;
  pthread_t thread;
} worker;

struct nacre_pool {
  event generation; /* raised once per job */
  event pending;    /* ranges of the workers that are not done */
  atomic_flag busy; /* a job is in progress */
  atomic_int stop;
  int patient; /* 0 where spinning would steal a processor */
  /* The job. Atomic, for a late worker may read while the next is written. */
  _Atomic(nacre_task) task;
  _Atomic(void *) arg;
  _Atomic(int64_t) count;
  nacre_executor executor;
  worker workers[];
};

static void event_init(event *e) {
  atomic_init(&e->value, 0);
  atomic_init(&e->sleepers, 0);
  pthread_mutex_init(&e->mutex, NULL); /* cannot fail with default attributes */
  pthread_cond_init(&e->changed, NULL);
}

static void event_destroy(event *e) {
  pthread_mutex_destroy(&e->mutex);
  pthread_cond_destroy(&e->changed);
}

static void event_wake(event *e) {
  if (!atomic_load(&e->sleepers))
    return;
  pthread_mutex_lock(&e->mutex);
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->mutex);
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Whether the value is `wanted` (or, with unequal, is not). */
static int event_is(event *e, uint64_t wanted, int unequal) {
  return (atomic_load(&e->value) == wanted) != unequal;
}

static void event_wait(event *e, uint64_t wanted, int unequal, int patient) {
  int64_t end = 0;
  for (int look = 0; patient; ++look) {
    for (int i = 0; i < rounds_per_look_at_the_clock; ++i) {
      if (event_is(e, wanted, unequal))
        return;
      relax();
    }
    int64_t now = now_ns();
    if (!look)
      end = now + patience_ns;
    else if (now >= end)
      break;
    if (look >= 4)
      sched_yield();
  }
  pthread_mutex_lock(&e->mutex);
  atomic_fetch_add(&e->sleepers, 1);
  while (!event_is(e, wanted, unequal))
    pthread_cond_wait(&e->changed, &e->mutex);
  atomic_fetch_sub(&e->sleepers, 1);
  pthread_mutex_unlock(&e->mutex);
}

/* The first iteration of range `index`; the first `count % threads` ranges are
 * one longer. */
static int64_t range_begin(int64_t count, int64_t threads, int64_t index) {
  int64_t each = count / threads, extra = count % threads;
  return each * index + (index < extra ? index : extra);
}

static void do_range(nacre_task task, void *arg, int64_t count, int64_t threads,
                     int64_t index) {
  int64_t begin = range_begin(count, threads, index);
  int64_t end = range_begin(count, threads, index + 1);
  if (begin < end)
    task(arg, begin, end);
}

/* Whether nobody else did. */
static int claim(worker *w, uint64_t generation) {
  uint64_t before = generation - 1;
  return atomic_load(&w->claimed) == before &&
         atomic_compare_exchange_strong(&w->claimed, &before, generation);
}

static void *work(void *argument) {
  worker *self = argument;
  nacre_pool *pool = self->pool;
  for (uint64_t seen = 0;;) {
    event_wait(&pool->generation, seen, 1, pool->patient);
    seen = atomic_load(&pool->generation.value);
    if (atomic_load(&pool->stop))
      return NULL;
    nacre_task task = atomic_load(&pool->task);
    void *arg = atomic_load(&pool->arg);
    int64_t count = atomic_load(&pool->count);
    if (!claim(self, seen))
      continue;
    do_range(task, arg, count, pool->executor.threads, self->index);
    if (atomic_fetch_sub(&pool->pending.value, 1) == 1)
      event_wake(&pool->pending);
  }
}

static void pool_parallel(void *ctx, nacre_task task, void *arg,
                          int64_t count) {
  nacre_pool *pool = ctx;
  int64_t threads = pool->executor.threads;
  if (count <= 0)
    return;
  if (count == 1 || threads == 1 || atomic_flag_test_and_set(&pool->busy)) {
    task(arg, 0, count);
    return;
  }
  atomic_store_explicit(&pool->task, task, memory_order_relaxed);
  atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
  atomic_store_explicit(&pool->count, count, memory_order_relaxed);
  atomic_store_explicit(&pool->pending.value, (uint64_t)threads - 1,
                        memory_order_relaxed);
  uint64_t generation = atomic_fetch_add(&pool->generation.value, 1) + 1;
  event_wake(&pool->generation);
  do_range(task, arg, count, threads, 0);
  for (int64_t i = 1; i < threads; ++i)
    if (claim(&pool->workers[i - 1], generation)) {
      do_range(task, arg, count, threads, i);
      atomic_fetch_sub(&pool->pending.value, 1);
    }
  event_wait(&pool->pending, 0, 0, pool->patient);
  atomic_flag_clear(&pool->busy);
}

static int64_t usable_processors(void) {
#ifdef __linux__
  cpu_set_t set;
  if (!sched_getaffinity(0, sizeof set, &set))
    return CPU_COUNT(&set);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? online : 1;
}

/* Stops the first `started` workers and frees the pool. */
static void stop_workers(nacre_pool *pool, int64_t started) {
  atomic_store(&pool->stop, 1);
  atomic_fetch_add(&pool->generation.value, 1);
  event_wake(&pool->generation);
  for (int64_t i = 0; i < started; ++i)
    pthread_join(pool->workers[i].thread, NULL);
  event_destroy(&pool->generation);
  event_destroy(&pool->pending);
  nacre_free(pool);
}

nacre_status nacre_pool_create(int64_t threads, nacre_pool **result,
                               nacre_error *error) {
  *result = NULL;
  if (threads < 0)
    return nacre_failure(error, NACRE_E_ARG, "%lld threads",
                         (long long)threads);
  int64_t processors = usable_processors();
  if (!threads)
    threads = processors < NACRE_MAX_THREADS ? processors : NACRE_MAX_THREADS;
  if (threads > NACRE_MAX_THREADS)
    return nacre_failure(error, NACRE_E_LIMIT, "%lld threads, at most %d",
                         (long long)threads, NACRE_MAX_THREADS);
  uint64_t bytes =
      sizeof(nacre_pool) + (uint64_t)(threads - 1) * sizeof(worker);
  nacre_pool *pool = nacre_alloc(bytes);
  if (!pool)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a thread pool");
  memset(pool, 0, bytes);
  event_init(&pool->generation);
  event_init(&pool->pending);
  atomic_flag_clear(&pool->busy);
  atomic_init(&pool->stop, 0);
  pool->patient = threads <= processors;
  pool->executor = (nacre_executor){pool, threads, pool_parallel};

  /* Signals belong to the threads of the application. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int64_t started = 0;
  for (; started < threads - 1; ++started) {
    worker *w = &pool->workers[started];
    w->pool = pool;
    w->index = started + 1;
    if (pthread_create(&w->thread, NULL, work, w))
      break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started < threads - 1) {
    stop_workers(pool, started);
    return nacre_failure(error, NACRE_E_NOMEM,
                         "cannot start thread %lld of %lld",
                         (long long)started + 2, (long long)threads);
  }
  *result = pool;
  return NACRE_OK;
}

const nacre_executor *nacre_pool_executor(const nacre_pool *pool) {
  return &pool->executor;
}

void nacre_pool_destroy(nacre_pool *pool) {
  if (pool)
    stop_workers(pool, pool->executor.threads - 1);
}
