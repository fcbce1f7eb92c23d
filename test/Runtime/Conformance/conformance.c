/*===- conformance.c - the rules of docs/runtime.md -----------------------===
 *
 * Three models with numbers that are exact in f32, so that every runtime must
 * give the same bits: affine (weights, two outputs), batch (a symbolic dim),
 * lookup (an index that may be wrong). Every run, of whatever rule, is checked
 * for its numbers, its guard bytes and its inputs.
 *===-----------------------------------------------------------------------===*/
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { affine, batch, lookup, net_count };
static const char *const names[net_count] = {"affine", "batch", "lookup"};
enum { batch_bound = 9 };

static atomic_int failures;

static int check(int fine, const char *what) {
  if (!fine) {
    /* Of a rule that is broken in every run the first few say enough. */
    if (failures++ < 4)
      printf("  FAILED: %s\n", what);
  }
  return fine;
}

/*===- Buffers
 * -------------------------------------------------------------===*/

enum { guard_bytes = 64, guard = 0xA5, most_bytes = 256 };

/* Data between guards, at an address aligned to `alignment` and no more. */
typedef struct buffer {
  _Alignas(64) unsigned char bytes[guard_bytes + 2 * 64 + most_bytes];
  unsigned char *data;
  size_t size;
} buffer;

static void set_buffer(buffer *b, size_t size, size_t alignment) {
  memset(b->bytes, guard, sizeof b->bytes);
  b->data = b->bytes + guard_bytes + alignment;
  b->size = size;
}

static int guards_are_whole(const buffer *b) {
  for (const unsigned char *at = b->bytes; at < b->bytes + sizeof b->bytes;
       ++at)
    if ((at < b->data || at >= b->data + b->size) && *at != guard)
      return 0;
  return 1;
}

/* Inputs, outputs and what they must become, for one run. */
typedef struct exchange {
  buffer inputs[2], before[2], outputs[2], expected[2];
  const void *in[2];
  void *out[2];
  int input_count, output_count;
  int64_t n;
  size_t shift; /* of all data, in bytes */
} exchange;

static float *floats(buffer *b) { return (float *)b->data; }

static void set_input(exchange *x, int i, size_t size, size_t alignment) {
  set_buffer(&x->inputs[i], size, alignment + x->shift);
}

static void set_affine(exchange *x, int seed) {
  set_input(x, 0, 48, 4);
  set_buffer(&x->expected[0], 48, 4);
  set_buffer(&x->expected[1], 16, 4);
  for (int i = 0; i < 4; ++i) {
    float sum = 0;
    for (int j = 0; j < 3; ++j) {
      float value = (float)(seed + 3 * i - j);
      floats(&x->inputs[0])[3 * i + j] = value;
      floats(&x->expected[0])[3 * i + j] = 2 * value + 2 * (float)j;
      sum += 2 * value + 2 * (float)j;
    }
    floats(&x->expected[1])[i] = sum;
  }
  x->input_count = 1;
  x->output_count = 2;
}

static void set_batch(exchange *x, int seed) {
  size_t count = (size_t)x->n * 5;
  set_input(x, 0, count * 4, 4);
  set_buffer(&x->expected[0], count * 4, 4);
  set_buffer(&x->expected[1], 20, 4);
  for (int j = 0; j < 5; ++j)
    floats(&x->expected[1])[j] = 0;
  for (size_t i = 0; i < count; ++i) {
    float value = (float)seed - (float)i;
    floats(&x->inputs[0])[i] = value;
    floats(&x->expected[0])[i] = value + value;
    floats(&x->expected[1])[i % 5] += value;
  }
  x->input_count = 1;
  x->output_count = 2;
}

static void set_lookup(exchange *x, int seed) {
  set_input(x, 0, 16, 4);
  set_input(x, 1, 16, 8);
  set_buffer(&x->expected[0], 8, 4);
  for (int i = 0; i < 4; ++i)
    floats(&x->inputs[0])[i] = (float)(seed + 10 * i);
  int64_t *index = (int64_t *)x->inputs[1].data;
  index[0] = seed & 3;
  index[1] = -1; /* from the end */
  floats(&x->expected[0])[0] = (float)(seed + 10 * (seed & 3));
  floats(&x->expected[0])[1] = (float)(seed + 30);
  x->input_count = 2;
  x->output_count = 1;
}

static void set_exchange_at(exchange *x, int net, int seed, int64_t n,
                            size_t shift) {
  x->n = n;
  x->shift = shift;
  if (net == affine)
    set_affine(x, seed);
  else if (net == batch)
    set_batch(x, seed);
  else
    set_lookup(x, seed);
  for (int i = 0; i < x->input_count; ++i) {
    x->in[i] = x->inputs[i].data;
    /* Not a plain copy of the struct: `data` points into it. */
    memcpy(x->before[i].bytes, x->inputs[i].bytes, sizeof x->before[i].bytes);
  }
  for (int i = 0; i < x->output_count; ++i) {
    set_buffer(&x->outputs[i], x->expected[i].size, 4 + shift);
    /* What a run does not write is not the same after another seed. */
    memset(x->outputs[i].data, 0x11 + (seed & 15), x->outputs[i].size);
    x->out[i] = x->outputs[i].data;
  }
}

static void set_exchange(exchange *x, int net, int seed, int64_t n) {
  set_exchange_at(x, net, seed, n, 0);
}

static void check_intact(const exchange *x) {
  for (int i = 0; i < x->input_count; ++i)
    check(!memcmp(x->inputs[i].bytes, x->before[i].bytes,
                  sizeof x->before[i].bytes),
          "an input was changed");
  for (int i = 0; i < x->output_count; ++i)
    check(guards_are_whole(&x->outputs[i]),
          "bytes beside an output were changed");
}

static void check_numbers(const exchange *x) {
  for (int i = 0; i < x->output_count; ++i)
    check(!memcmp(x->outputs[i].data, x->expected[i].data, x->expected[i].size),
          "the numbers are wrong");
}

/*===- Runs
 * ----------------------------------------------------------------===*/

typedef struct session {
  const adapter *runtime;
  const char *folder;
  void *nets[net_count];
} session;

static void *open_net(const session *s, int net) {
  void *opened = NULL;
  nacre_error error = {""};
  if (!check(s->runtime->open(s->folder, names[net], &opened, &error) ==
                 NACRE_OK,
             "a model does not open"))
    printf("  %s\n", error.text);
  return opened;
}

static void run_well(const session *s, void *opened, int net, exchange *x) {
  check(s->runtime->run(opened, x->in, x->out, net == batch ? &x->n : NULL) ==
            NACRE_OK,
        "a good run fails");
  check_numbers(x);
  check_intact(x);
}

static void good_run_of(const session *s, void *opened, int net, int seed,
                        int64_t n) {
  exchange x;
  set_exchange(&x, net, seed, n);
  run_well(s, opened, net, &x);
}

static void good_run(const session *s, int net, int seed) {
  good_run_of(s, s->nets[net], net, seed, batch_bound);
}

/*===- The rules
 * -----------------------------------------------------------===*/

static void table(const session *s) {
  static const int64_t inputs[] = {1, 1, 2}, outputs[] = {2, 2, 1};
  for (int net = 0; net < net_count; ++net) {
    const nacre_model *m = s->runtime->table(s->nets[net]);
    check(m->abi_version == NACRE_ABI_VERSION, "ABI version");
    check(!strcmp(m->name, names[net]), "name");
    check(m->input_count == inputs[net] && m->output_count == outputs[net],
          "counts of tensors");
    check(m->dim_count == (net == batch), "count of dims");
    check(m->kernel_count > 0, "count of kernels");
  }
  const nacre_model *m = s->runtime->table(s->nets[batch]);
  const nacre_tensor *x = &m->inputs[0];
  check(!strcmp(m->dim_names[0], "N"), "name of the dim");
  check(!strcmp(x->dtype, "f32") && x->rank == 2 && x->bytes == 180,
        "the input");
  check(x->shape[0] == batch_bound && x->shape[1] == 5, "its shape");
  check(x->dim_names && !strcmp(x->dim_names[0], "N") && !x->dim_names[1],
        "its dims");
  m = s->runtime->table(s->nets[lookup]);
  check(!strcmp(m->inputs[1].dtype, "i64"), "type of the index");
}

static void repeated(const session *s) {
  for (int i = 0; i < 50; ++i)
    for (int net = 0; net < net_count; ++net)
      good_run(s, net, 7);
}

static void independent(const session *s) {
  for (int seed = -20; seed < 20; ++seed)
    for (int net = 0; net < net_count; ++net)
      good_run(s, net, seed);
}

static void reopened(const session *s) {
  for (int i = 0; i < 3; ++i) {
    void *second = open_net(s, affine);
    if (!second)
      return;
    good_run_of(s, second, affine, i, 0);
    good_run(s, affine, i + 1);
    s->runtime->close(second);
    good_run(s, affine, i + 2);
  }
}

typedef struct worker {
  const session *s;
  int net, seed;
  pthread_t thread;
} worker;

static void *work(void *argument) {
  const worker *w = argument;
  for (int i = 0; i < 40; ++i)
    good_run_of(w->s, w->s->nets[w->net], w->net, w->seed + i,
                i % (batch_bound + 1));
  return NULL;
}

static void concurrent(const session *s) {
  worker workers[6];
  for (int i = 0; i < 6; ++i) {
    workers[i] = (worker){.s = s, .net = i % net_count, .seed = 100 * i};
    if (!check(!pthread_create(&workers[i].thread, NULL, work, &workers[i]),
               "a thread does not start"))
      exit(1);
  }
  for (int i = 0; i < 6; ++i)
    pthread_join(workers[i].thread, NULL);
}

static void extents(const session *s) {
  static const int64_t some[] = {1, 0, batch_bound, 3, 0, 1};
  for (int i = 0; i < 6; ++i)
    good_run_of(s, s->nets[batch], batch, 5 + i, some[i]);
}

/* Refused with NACRE_E_ARG, nothing written; and a good run works after it. */
static void refused(const session *s, int net, exchange *x,
                    const void *const *in, void *const *out,
                    const int64_t *dims) {
  check(s->runtime->run(s->nets[net], in, out, dims) == NACRE_E_ARG,
        "is not NACRE_E_ARG");
  for (int i = 0; i < x->output_count; ++i)
    for (size_t b = 0; b < x->outputs[i].size; ++b)
      if (x->outputs[i].data[b] != 0x11 + 3) {
        check(0, "a refused run wrote");
        break;
      }
  check_intact(x);
  good_run(s, net, 4);
}

static void extents_outside(const session *s) {
  static const int64_t bad[] = {-1, batch_bound + 1, INT64_MIN, INT64_MAX,
                                (int64_t)1 << 32};
  for (int i = 0; i < 5; ++i) {
    exchange x;
    set_exchange(&x, batch, 3, batch_bound);
    refused(s, batch, &x, x.in, x.out, &bad[i]);
  }
}

static void no_tables(const session *s) {
  int64_t n = batch_bound;
  for (int net = 0; net < net_count; ++net) {
    exchange x;
    set_exchange(&x, net, 3, n);
    const int64_t *dims = net == batch ? &n : NULL;
    refused(s, net, &x, NULL, x.out, dims);
    refused(s, net, &x, x.in, NULL, dims);
    if (net == batch)
      refused(s, net, &x, x.in, x.out, NULL);
  }
}

static void no_entries(const session *s) {
  exchange x;
  set_exchange(&x, lookup, 3, 0);
  const void *in[] = {x.in[0], NULL};
  void *out[] = {NULL};
  refused(s, lookup, &x, in, x.out, NULL);
  refused(s, lookup, &x, x.in, out, NULL);
}

static const int64_t bad_indices[] = {4, -5, INT64_MAX, INT64_MIN,
                                      (int64_t)1 << 32};
enum { bad_index_count = 5 };

static void wrong_index_run(const session *s, int i) {
  exchange x;
  set_exchange(&x, lookup, i, 0);
  ((int64_t *)x.inputs[1].data)[i & 1] = bad_indices[i];
  ((int64_t *)(x.before[1].bytes +
               (x.inputs[1].data - x.inputs[1].bytes)))[i & 1] = bad_indices[i];
  check(s->runtime->run(s->nets[lookup], x.in, x.out, NULL) == NACRE_E_INDEX,
        "is not NACRE_E_INDEX");
  check_intact(&x);
}

static void wrong_index(const session *s) {
  for (int i = 0; i < bad_index_count; ++i) {
    wrong_index_run(s, i);
    good_run(s, lookup, i);
    good_run(s, affine, i);
  }
}

static void after_error(const session *s) {
  for (int i = 0; i < bad_index_count; ++i) {
    wrong_index_run(s, i);
    wrong_index_run(s, i);
    good_run(s, lookup, i);
    exchange x;
    set_exchange(&x, batch, 3, batch_bound);
    int64_t n = batch_bound + 1;
    check(s->runtime->run(s->nets[batch], x.in, x.out, &n) == NACRE_E_ARG,
          "is not NACRE_E_ARG");
    good_run_of(s, s->nets[batch], batch, i, i);
  }
}

/* The same data again and again: each run finds in it what was put there. */
static void inputs(const session *s) {
  for (int net = 0; net < net_count; ++net) {
    exchange x;
    set_exchange(&x, net, 11, batch_bound);
    for (int i = 0; i < 5; ++i)
      run_well(s, s->nets[net], net, &x);
  }
  wrong_index_run(s, 0);
}

static void outputs(const session *s) {
  for (int net = 0; net < net_count; ++net) {
    exchange kept;
    set_exchange(&kept, net, 1, batch_bound);
    run_well(s, s->nets[net], net, &kept);
    for (int i = 0; i < 3; ++i)
      good_run_of(s, s->nets[net], net, 20 + i, 4 * i);
    check_numbers(&kept); /* are no later run's affair */
    exchange x;
    set_exchange(&x, net, 3, batch_bound);
    refused(s, net, &x, NULL, x.out, &x.n);
  }
}

static void alignment(const session *s) {
  for (size_t shift = 0; shift < 64; shift += 8)
    for (int net = 0; net < net_count; ++net) {
      exchange x;
      set_exchange_at(&x, net, 9 + (int)shift, batch_bound, shift);
      run_well(s, s->nets[net], net, &x);
    }
}

typedef struct rule {
  const char *name;
  void (*run)(const session *s);
  int of_entries; /* only for runtimes that check entries */
} rule;

static const rule rules[] = {{"table", table, 0},
                             {"repeated", repeated, 0},
                             {"independent", independent, 0},
                             {"reopened", reopened, 0},
                             {"concurrent", concurrent, 0},
                             {"extents", extents, 0},
                             {"extents-outside", extents_outside, 0},
                             {"no-tables", no_tables, 0},
                             {"no-entries", no_entries, 1},
                             {"wrong-index", wrong_index, 0},
                             {"after-error", after_error, 0},
                             {"inputs", inputs, 0},
                             {"outputs", outputs, 0},
                             {"alignment", alignment, 0}};

int conformance(const adapter *runtime, const char *folder) {
  session s = {runtime, folder, {NULL}};
  int broken = 0, count = 0;
  printf("runtime %s\n", runtime->name);
  for (int net = 0; net < net_count; ++net)
    if (!(s.nets[net] = open_net(&s, net)))
      ++broken;
  size_t rule_count = broken ? 0 : sizeof rules / sizeof *rules;
  for (size_t i = 0; i < rule_count; ++i) {
    if (rules[i].of_entries && !runtime->checks_entries) {
      printf("does not apply: %s\n", rules[i].name);
      continue;
    }
    failures = 0;
    rules[i].run(&s);
    printf("%s: %s\n", failures ? "FAILED" : "passed", rules[i].name);
    ++count;
    broken += failures != 0;
  }
  for (int net = 0; net < net_count; ++net)
    if (s.nets[net])
      runtime->close(s.nets[net]);
  printf("%s: %d passed, %d failed\n", runtime->name,
         count > broken ? count - broken : 0, broken);
  return broken;
}
