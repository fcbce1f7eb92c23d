/*===- bundle_bench.c - times an OpenCL bundle on a device ------------------===
 *
 *   bundle_bench FOLDER [--seconds S] [--weights random] [--kernels N]
 *                [--check DATA]
 *
 * Prints one line of JSON: median milliseconds of a run host to host, of the
 * kernels alone (enqueued back to back, as other frameworks are measured with
 * their data on the device), GFLOP/s, and with --kernels the N longest kernels
 * of a profiled run. --weights random makes up weights of a bundle whose
 * weights.safetensors was left behind. --check DATA reads DATA/input_N.bin and
 * compares with DATA/output_N.bin (raw elements of f32).
 *===-----------------------------------------------------------------------===*/
#include <math.h>
#include <nacre/opencl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static nacre_error error;

static void require(nacre_status status, const char *what) {
  if (!status)
    return;
  fprintf(stderr, "%s: %s: %s\n", what, nacre_status_text(status), error.text);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *samples, size_t count) {
  qsort(samples, count, sizeof *samples, ascending);
  return samples[count / 2];
}

static char *read_file(const char *folder, const char *name, size_t *size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*size + 1);
  if (!text || fread(text, 1, *size, file) != *size)
    exit(1);
  text[*size] = 0;
  fclose(file);
  return text;
}

/* Numbers in [-0.04, 0.06), the same everywhere. */
static void fill(float *to, uint64_t count, uint32_t seed) {
  for (uint64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    to[i] = (float)(seed >> 8) / 16777216.0f * 0.1f - 0.04f;
  }
}

struct slow {
  double ms;
  int64_t index;
};
static int slowest(const void *a, const void *b) {
  double x = ((const struct slow *)a)->ms, y = ((const struct slow *)b)->ms;
  return (x < y) - (x > y);
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : NULL, *check = NULL;
  double seconds = 1;
  int random = 0;
  int64_t shown = 0;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--seconds"))
      seconds = atof(argv[i + 1]);
    else if (!strcmp(argv[i], "--weights"))
      random = !strcmp(argv[i + 1], "random");
    else if (!strcmp(argv[i], "--kernels"))
      shown = atoll(argv[i + 1]);
    else if (!strcmp(argv[i], "--check"))
      check = argv[i + 1];
  }
  if (!folder) {
    fprintf(stderr, "usage: bundle_bench FOLDER [--seconds S] ...\n");
    return 2;
  }
  nacre_opencl_device *device;
  nacre_opencl_model *model;
  require(nacre_opencl_open(NULL, &device, &error), "open");
  double start = now();
  if (random) {
    nacre_opencl_bundle bundle = {0};
    size_t size;
    bundle.manifest = read_file(folder, "manifest.json", &size);
    bundle.manifest_bytes = size;
    bundle.kernels = read_file(folder, "kernels.cl", &size);
    bundle.kernels_bytes = size;
    if (!bundle.manifest || !bundle.kernels)
      return 1;
    char *at = strstr((char *)bundle.manifest, "\"weights_bytes\":");
    bundle.weights_bytes = at ? strtoull(at + 16, NULL, 10) : 0;
    float *weights = malloc(bundle.weights_bytes);
    fill(weights, bundle.weights_bytes / 4, 1);
    bundle.weights = weights;
    /* The weights' file was left behind. */
    require(nacre_opencl_load(device, &bundle, &model, &error), folder);
    free(weights);
  } else {
    require(nacre_opencl_load_folder(device, folder, &model, &error), folder);
  }
  double load_ms = now() - start;
  const nacre_model *table = nacre_opencl_signature(model);
  const void *inputs[64];
  void *outputs[64];
  for (int64_t i = 0; i < table->input_count; ++i) {
    size_t size;
    char name[64];
    snprintf(name, sizeof name, "input_%d.bin", (int)i);
    void *data = check ? read_file(check, name, &size) : NULL;
    if (!data) {
      data = malloc(table->inputs[i].bytes);
      fill(data, table->inputs[i].bytes / 4, (uint32_t)i + 7);
    }
    inputs[i] = data;
  }
  for (int64_t i = 0; i < table->output_count; ++i)
    outputs[i] = malloc(table->outputs[i].bytes);
  require(nacre_opencl_run(model, inputs, outputs, NULL, &error), "run");
  if (check) {
    double worst = 0;
    for (int64_t i = 0; i < table->output_count; ++i) {
      size_t size;
      char name[64];
      snprintf(name, sizeof name, "output_%d.bin", (int)i);
      float *want = (float *)read_file(check, name, &size), *got = outputs[i];
      double largest = 0, error = 0;
      for (size_t k = 0; k < size / 4; ++k) {
        largest = fmax(largest, fabs(want[k]));
        double d = fabs((double)want[k] - got[k]);
        error = d == d ? fmax(error, d) : INFINITY;
      }
      worst = fmax(worst, error / fmax(largest, 1e-30));
    }
    printf("{\"model\": \"%s\", \"error\": %.3g}\n", table->name, worst);
    return worst < 1e-3 ? 0 : 4;
  }
  double sum = 0;
  for (uint64_t k = 0; k < table->outputs[0].bytes / 4; ++k)
    sum += ((float *)outputs[0])[k];

  enum { most = 20000 };
  static double host[most], kernels[most];
  size_t runs = 0, rounds = 0;
  for (start = now(); runs < 5 || (now() - start < seconds * 500 && runs < most);
       ++runs) {
    double before = now();
    require(nacre_opencl_run(model, inputs, outputs, NULL, &error), "run");
    host[runs] = now() - before;
  }
  require(nacre_opencl_run_kernels(model, NULL, 1, &error), "kernels");
  double before = now();
  require(nacre_opencl_run_kernels(model, NULL, 3, &error), "kernels");
  double once = (now() - before) / 3;
  /* As many runs between two waits as hide the wait. */
  int64_t times = once < 1 ? 20 : once < 10 ? 5 : 2;
  for (start = now();
       rounds < 5 || (now() - start < seconds * 500 && rounds < most);
       ++rounds) {
    before = now();
    require(nacre_opencl_run_kernels(model, NULL, times, &error), "kernels");
    kernels[rounds] = (now() - before) / times;
  }
  double flops = 0;
  for (int64_t k = 0; k < table->kernel_count; ++k)
    flops += (double)table->kernel_flops[k];
  double kernel_ms = median(kernels, rounds);
  printf("{\"model\": \"%s\", \"device\": \"%s\", \"host_ms\": %.4f, "
         "\"kernels_ms\": %.4f, \"gflops\": %.1f, \"launches\": %d, "
         "\"load_ms\": %.0f, \"sum\": %.6g}\n",
         table->name, nacre_opencl_describe(device)->name, median(host, runs),
         kernel_ms, flops / kernel_ms * 1e-6, (int)table->kernel_count, load_ms,
         sum);
  if (shown > 0) {
    uint64_t *ns = calloc((size_t)table->kernel_count, sizeof *ns);
    struct slow *list = calloc((size_t)table->kernel_count, sizeof *list);
    for (int round = 0; round < 3; ++round)
      require(nacre_opencl_profile(model, inputs, outputs, NULL, ns, &error),
              "profile");
    double all = 0;
    for (int64_t k = 0; k < table->kernel_count; ++k) {
      list[k] = (struct slow){(double)ns[k] * 1e-6, k};
      all += list[k].ms;
    }
    qsort(list, (size_t)table->kernel_count, sizeof *list, slowest);
    printf("  kernels together %.4f ms\n", all);
    for (int64_t k = 0; k < table->kernel_count && k < shown; ++k) {
      nacre_opencl_kernel info;
      nacre_opencl_kernel_at(model, list[k].index, &info);
      printf("  %8.4f ms %8.0f GFLOP/s %7.0f GB/s %6d groups x %d  %s: %.70s\n",
             list[k].ms, (double)info.flops / list[k].ms * 1e-6,
             (double)info.bytes / list[k].ms * 1e-6, (int)info.groups,
             (int)info.local[0], info.name, info.computes);
    }
  }
  nacre_opencl_free(model);
  nacre_opencl_close(device);
  return 0;
}
