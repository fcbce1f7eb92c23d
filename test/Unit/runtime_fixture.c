/* A model written by hand, as the compiler would emit one: the standalone
 * executable of runtime_program.cpp. y = x * w and z = n + 1, where w is 2 and
 * embedded, or, with NACRE_SIDE_WEIGHTS, in fixture.safetensors. */
#include <nacre/model.h>
#include <stddef.h>

static const int64_t x_shape[] = {8}, n_shape[] = {4, 2};
static const char *const n_dims[] = {"N", NULL};
static const char *const dims[] = {"N"};
static const nacre_tensor inputs[] = {{"x", "f32", 1, x_shape, NULL, 32},
                                      {"n", "i64", 2, n_shape, n_dims, 64}};
static const nacre_tensor outputs[] = {
    {"y", "f32", 1, x_shape, NULL, 32},
    {"z\n\"", "i64", 2, n_shape, n_dims, 64}};
static const char *const kernels[] = {"mul_0", "add_1"};
static const uint64_t flops[] = {8, 0};
static _Alignas(64) const float two[16] = {2};

typedef struct job {
  const float *x, *w;
  float *y;
  const int64_t *n;
  int64_t *z;
} job;

static void multiply(void *arg, int64_t begin, int64_t end) {
  job *j = arg;
  for (int64_t i = begin; i < end; ++i)
    j->y[i] = j->x[i] * *j->w;
}

static void add(void *arg, int64_t begin, int64_t end) {
  job *j = arg;
  for (int64_t i = begin; i < end; ++i)
    j->z[i] = j->n[i] + 1;
}

static int32_t run(const void *const *in, void *const *out, void *arena,
                   const void *weights, const int64_t *extents,
                   const nacre_executor *executor) {
  job j = {in[0], weights ? weights : two, out[0], in[1], out[1]};
  if (!arena || (uintptr_t)arena % 64)
    return NACRE_E_ARG;
  for (int64_t i = 0; i < extents[0] * 2; ++i)
    if (j.n[i] == 99)
      return NACRE_E_INDEX;
  if (executor) {
    executor->parallel(executor->ctx, multiply, &j, 8);
    executor->parallel(executor->ctx, add, &j, extents[0] * 2);
  } else {
    multiply(&j, 0, 8);
    add(&j, 0, extents[0] * 2);
  }
  return NACRE_OK;
}

static const nacre_model model = {
    .abi_version = NACRE_ABI_VERSION,
    .name = "fixture",
    .input_count = 2,
    .output_count = 2,
    .inputs = inputs,
    .outputs = outputs,
    .arena_bytes = 128,
    .weights_bytes = 64,
#ifdef NACRE_SIDE_WEIGHTS
    .weights_file = "fixture.safetensors",
#else
    .weights = two,
#endif
    .kernel_count = 2,
    .kernel_names = kernels,
    .kernel_flops = flops,
    .dim_count = 1,
    .dim_names = dims,
    .run = run,
};

extern const nacre_model *const nacre_entry;
const nacre_model *const nacre_entry = &model;
