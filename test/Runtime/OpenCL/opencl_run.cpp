#include "bundles.h"

#include <atomic>
#include <cstring>
#include <thread>

TEST_CASE("a sum of two vectors") {
  Model model(addBundle());
  float a[5] = {1, 2, 3, 4, 5}, b[5] = {10, 20, 30, 40, 0.5f}, y[6] = {};
  y[5] = -1;
  const void *inputs[] = {a, b};
  void *outputs[] = {y};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(nacre_opencl_run(model, inputs, outputs, nullptr, nullptr) ==
            NACRE_OK);
    CHECK(std::vector<float>(y, y + 6) ==
          std::vector<float>{11, 22, 33, 44, 5.5f, -1});
    memset(y, 0, 20);
  }
}

TEST_CASE("kernels hand over through memory, and read weights") {
  Model model(chainBundle());
  float x[4] = {1, 2, 3, 4}, y[4] = {};
  const void *inputs[] = {x};
  void *outputs[] = {y};
  REQUIRE(nacre_opencl_run(model, inputs, outputs, nullptr, nullptr) ==
          NACRE_OK);
  CHECK(std::vector<float>(y, y + 4) == std::vector<float>{12, 24, 36, 48});
}

TEST_CASE("a symbolic dim runs at its extent, dense") {
  Model model(symbolicBundle());
  for (int64_t n : {0, 1, 3, 8}) {
    float x[24], y[24];
    for (int i = 0; i < 24; ++i) {
      x[i] = float(i);
      y[i] = -7;
    }
    const void *inputs[] = {x};
    void *outputs[] = {y};
    REQUIRE(nacre_opencl_run(model, inputs, outputs, &n, nullptr) == NACRE_OK);
    for (int i = 0; i < 24; ++i)
      CHECK(y[i] == (i < 3 * n ? float(i + 1) : -7));
  }
  float data[24] = {};
  const void *inputs[] = {data};
  void *outputs[] = {data};
  nacre_error error;
  int64_t n = 9;
  CHECK(nacre_opencl_run(model, inputs, outputs, &n, &error) == NACRE_E_ARG);
  CHECK(error.text ==
        std::string("model 'symbolic': dim 'N' is 9, not from 0 to 8"));
  n = -1;
  CHECK(nacre_opencl_run(model, inputs, outputs, &n, &error) == NACRE_E_ARG);
  CHECK(nacre_opencl_run(model, inputs, outputs, nullptr, &error) ==
        NACRE_E_ARG);
  CHECK(error.text == std::string("model 'symbolic': no dims"));
  // Without elements there need not be data.
  n = 0;
  void *none[] = {nullptr};
  CHECK(nacre_opencl_run(model, none, none, &n, &error) == NACRE_OK);
}

TEST_CASE("a kernel's status names the kernel, and is forgotten") {
  Model model(gatherBundle());
  float x[4] = {1, 2, 3, 4}, y[2] = {};
  int64_t good[2] = {3, 0}, bad[2] = {1, 4};
  void *outputs[] = {y};
  nacre_error error;
  const void *wrong[] = {x, bad}, *right[] = {x, good};
  for (int i = 0; i < 2; ++i) {
    CHECK(nacre_opencl_run(model, wrong, outputs, nullptr, &error) ==
          NACRE_E_INDEX);
    CHECK(error.text == std::string("model 'gather', kernel 0 'look up': index "
                                    "out of range"));
    CHECK(nacre_opencl_run(model, right, outputs, nullptr, &error) == NACRE_OK);
    CHECK((y[0] == 4 && y[1] == 1));
  }
}

TEST_CASE("a model without elements or kernels runs") {
  Model model(emptyBundle());
  void *none[] = {nullptr};
  CHECK(nacre_opencl_run(model, none, none, nullptr, nullptr) == NACRE_OK);
  CHECK(nacre_opencl_run_kernels(model, nullptr, 3, nullptr) == NACRE_OK);
  CHECK(nacre_opencl_profile(model, none, none, nullptr, nullptr, nullptr) ==
        NACRE_OK);
}

TEST_CASE("missing pointers are arguments at fault") {
  Model model(addBundle());
  float data[5] = {};
  const void *inputs[] = {data, data}, *hole[] = {data, nullptr};
  void *outputs[] = {data}, *none[] = {nullptr};
  nacre_error error;
  auto fails = [&](const void *const *in, void *const *out, const char *why) {
    CHECK(nacre_opencl_run(model, in, out, nullptr, &error) == NACRE_E_ARG);
    CHECK(error.text == std::string(why));
  };
  fails(nullptr, outputs, "model 'add': no inputs");
  fails(inputs, nullptr, "model 'add': no outputs");
  fails(hole, outputs, "model 'add': no data for input 1 'b'");
  fails(inputs, none, "model 'add': no data for output 0 'y'");
  CHECK(nacre_opencl_run(model, inputs, outputs, nullptr, &error) == NACRE_OK);
  CHECK(nacre_opencl_run(nullptr, inputs, outputs, nullptr, &error) ==
        NACRE_E_ARG);
  CHECK(nacre_opencl_profile(model, inputs, outputs, nullptr, nullptr,
                             &error) == NACRE_E_ARG);
  CHECK(error.text == std::string("model 'add': no room for the times"));
}

TEST_CASE("a run in two halves") {
  Model model(addBundle()), other(chainBundle());
  float a[5] = {1, 2, 3, 4, 5}, y[5] = {}, x[4] = {1, 1, 1, 1}, z[4] = {};
  const void *inputs[] = {a, a}, *otherInputs[] = {x};
  void *outputs[] = {y}, *otherOutputs[] = {z};
  nacre_error error;
  CHECK(nacre_opencl_wait(model, &error) == NACRE_E_ARG);
  CHECK(error.text == std::string("model 'add': there is no run to wait for"));
  REQUIRE(nacre_opencl_enqueue(model, inputs, outputs, nullptr, &error) ==
          NACRE_OK);
  CHECK(nacre_opencl_enqueue(model, inputs, outputs, nullptr, &error) ==
        NACRE_E_ARG);
  CHECK(error.text == std::string("model 'add': a run is not waited for yet"));
  CHECK(nacre_opencl_run(model, inputs, outputs, nullptr, &error) ==
        NACRE_E_ARG);
  CHECK(nacre_opencl_run(other, otherInputs, otherOutputs, nullptr, &error) ==
        NACRE_OK);
  CHECK(nacre_opencl_wait(model, &error) == NACRE_OK);
  CHECK(y[4] == 10);
  CHECK(z[3] == 42);
  CHECK(nacre_opencl_wait(model, &error) == NACRE_E_ARG);
  // Freed in flight: waits.
  {
    Model third(addBundle());
    REQUIRE(nacre_opencl_enqueue(third, inputs, outputs, nullptr, &error) ==
            NACRE_OK);
  }
}

TEST_CASE("kernels run again without copies, and are measured") {
  Model model(chainBundle());
  float x[4] = {1, 2, 3, 4}, y[4] = {};
  const void *inputs[] = {x};
  void *outputs[] = {y};
  CHECK(nacre_opencl_run_kernels(model, nullptr, 10, nullptr) == NACRE_OK);
  CHECK(nacre_opencl_run_kernels(model, nullptr, 0, nullptr) == NACRE_OK);
  uint64_t nanoseconds[3] = {0, 99, 0};
  REQUIRE(nacre_opencl_profile(model, inputs, outputs, nullptr, nanoseconds,
                               nullptr) == NACRE_OK);
  CHECK(y[3] == 48);
  CHECK(nanoseconds[0] > 0);
  CHECK(nanoseconds[1] == 0); // has no tasks
  CHECK(nanoseconds[2] > 0);
  CHECK(nanoseconds[0] < 60000000000);
}

TEST_CASE("a model describes itself") {
  Model chain(chainBundle()), symbolic(symbolicBundle());
  const nacre_model *m = nacre_opencl_signature(chain);
  CHECK(m->name == std::string("chain"));
  CHECK(m->input_count == 1);
  CHECK(m->inputs[0].name == std::string("x"));
  CHECK(m->inputs[0].rank == 2);
  CHECK(m->inputs[0].shape[1] == 2);
  CHECK(m->inputs[0].bytes == 16);
  CHECK(m->inputs[0].dim_names == nullptr);
  CHECK(m->arena_bytes == 768);
  CHECK(m->weights_bytes == 272);
  CHECK(m->kernel_count == 3);
  CHECK(m->kernel_names[2] == std::string("bias"));
  CHECK(m->kernel_flops[2] == 4);
  m = nacre_opencl_signature(symbolic);
  CHECK(m->dim_count == 1);
  CHECK(m->outputs[0].dim_names[0] == std::string("N"));
  CHECK(m->outputs[0].dim_names[1] == nullptr);
  nacre_opencl_kernel kernel;
  REQUIRE(nacre_opencl_kernel_at(symbolic, 0, &kernel));
  CHECK(kernel.entry == std::string("increment"));
  CHECK(kernel.groups == 4);
  CHECK(kernel.local[0] == 8);
  CHECK(kernel.computes == std::string("what the test says"));
  CHECK_FALSE(nacre_opencl_kernel_at(symbolic, 1, &kernel));
  CHECK_FALSE(nacre_opencl_kernel_at(symbolic, -1, &kernel));
  CHECK(m->string_count == 0);
  Bundle texts = addBundle();
  texts.manifest["strings"] = {"red", "", "gr\u00fcn"};
  Model ofStrings(texts);
  m = nacre_opencl_signature(ofStrings);
  REQUIRE(m->string_count == 3);
  CHECK(m->strings[0] == std::string("red"));
  CHECK(m->strings[1] == std::string());
  CHECK(m->strings[2] == std::string("gr\u00fcn"));
}

TEST_CASE("a folder") {
  Folder folder;
  chainBundle().writeTo(folder);
  nacre_opencl_model *model;
  nacre_error error = {};
  REQUIRE(nacre_opencl_load_folder(testDevice(), folder.path.c_str(), &model,
                                   &error) == NACRE_OK);
  float x[4] = {0, 0, 0, 1}, y[4] = {};
  const void *inputs[] = {x};
  void *outputs[] = {y};
  CHECK(nacre_opencl_run(model, inputs, outputs, nullptr, &error) == NACRE_OK);
  CHECK(y[3] == 42);
  nacre_opencl_free(model);
}

namespace {
void runMany(const nacre_opencl_bundle *bundle, const nacre_executor *executor,
             float scale, std::atomic<int> *wrong) {
  for (int i = 0; i < 50; ++i) {
    float x[4], y[4] = {};
    for (int k = 0; k < 4; ++k)
      x[k] = scale * float(i + k);
    const void *inputs[] = {x};
    void *outputs[] = {y};
    if (nacre_opencl_run_embedded(bundle, inputs, outputs, nullptr, nullptr,
                                  executor) != NACRE_OK)
      ++*wrong;
    for (int k = 0; k < 4; ++k)
      if (y[k] != 2 * x[k] + 10 * float(k + 1))
        ++*wrong;
  }
}
} // namespace

TEST_CASE("two threads run one embedded bundle") {
  Embedded embedded(chainBundle()), again(chainBundle());
  const nacre_executor *executors[] = {nacre_opencl_executor(testDevice()),
                                       nullptr};
  for (const nacre_executor *executor : executors) {
    std::atomic<int> wrong = 0;
    std::thread one(runMany, &embedded.bundle, executor, 1.f, &wrong);
    std::thread two(runMany, &embedded.bundle, executor, 0.5f, &wrong);
    std::thread three(runMany, &again.bundle, executor, 3.f, &wrong);
    one.join();
    two.join();
    three.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("an executor that is no device's leaves the choice to us") {
  nacre_pool *pool;
  REQUIRE(nacre_pool_create(2, &pool, nullptr) == NACRE_OK);
  static Embedded embedded(chainBundle()); // lives as long as the device
  std::atomic<int> wrong = 0;
  runMany(&embedded.bundle, nacre_pool_executor(pool), 1, &wrong);
  CHECK(wrong == 0);
  nacre_pool_destroy(pool);
}

TEST_CASE("weights of an embedded bundle may come from the caller") {
  Bundle b = chainBundle();
  Embedded embedded(b);
  nacre_opencl_bundle bundle = embedded.bundle;
  std::string weights = b.weights;
  bundle.weights = nullptr;
  // A device of its own: it finds bundles by address.
  nacre_opencl_device *device;
  REQUIRE(nacre_opencl_open(nullptr, &device, nullptr) == NACRE_OK);
  const nacre_executor *executor = nacre_opencl_executor(device);
  float x[4] = {}, y[4] = {};
  const void *inputs[] = {x};
  void *outputs[] = {y};
  CHECK(nacre_opencl_run_embedded(&bundle, inputs, outputs, nullptr, nullptr,
                                  executor) == NACRE_E_ARG);
  CHECK(nacre_opencl_last_error() ==
        std::string("model 'chain' needs the weights of its side file"));
  CHECK(nacre_opencl_run_embedded(&bundle, inputs, outputs, weights.data(),
                                  nullptr, executor) == NACRE_OK);
  CHECK(y[3] == 40);
  CHECK(nacre_opencl_run_embedded(&bundle, nullptr, outputs, weights.data(),
                                  nullptr, executor) == NACRE_E_ARG);
  CHECK(nacre_opencl_last_error() == std::string("model 'chain': no inputs"));
  std::string elsewhere = "?";
  std::thread([&] { elsewhere = nacre_opencl_last_error(); }).join();
  CHECK(elsewhere.empty());
  nacre_opencl_close(device);
}

TEST_CASE("a device's executor runs a task at once") {
  const nacre_executor *executor = nacre_opencl_executor(testDevice());
  int64_t sum = 0;
  executor->parallel(
      executor->ctx,
      [](void *arg, int64_t begin, int64_t end) {
        *static_cast<int64_t *>(arg) += end - begin;
      },
      &sum, 7);
  CHECK(sum == 7);
  CHECK(executor->threads == 1);
}
