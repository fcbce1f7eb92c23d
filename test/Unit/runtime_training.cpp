// A training written by hand: w starts at the seed, a step adds its data to it
// and counts, unless the data is negative.
#include "runtime_catch.h"
#include "runtime_faults.h"
#include "runtime_files.h"

#include <cstring>
#include <nacre/training.h>

namespace {

const int64_t three[] = {3};
const nacre_tensor seedTensor = {"seed", "i64", 0, nullptr, nullptr, 8};
const nacre_tensor wTensor = {"w", "f32", 1, three, nullptr, 12};
const nacre_tensor countTensor = {"count", "i64", 0, nullptr, nullptr, 8};
const nacre_tensor xTensor = {"x", "f32", 1, three, nullptr, 12};
const nacre_tensor lossTensor = {"loss", "f32", 0, nullptr, nullptr, 4};

int32_t runInit(const void *const *in, void *const *out, void *, const void *,
                const int64_t *, const nacre_executor *) {
  for (int i = 0; i < 3; ++i)
    static_cast<float *>(out[0])[i] =
        float(*static_cast<const int64_t *>(in[0]) + i);
  *static_cast<int64_t *>(out[1]) = 0;
  return NACRE_OK;
}

int32_t runStep(const void *const *in, void *const *out, void *arena,
                const void *, const int64_t *, const nacre_executor *) {
  CHECK(arena != nullptr);
  CHECK(in[1] == out[1]);
  CHECK(in[2] == out[2]);
  const float *x = static_cast<const float *>(in[0]);
  float *w = static_cast<float *>(out[1]);
  float sum = 0;
  for (int i = 0; i < 3; ++i)
    if (x[i] < 0)
      return NACRE_E_ARITH;
  for (int i = 0; i < 3; ++i)
    sum += w[i] += x[i];
  ++*static_cast<int64_t *>(out[2]);
  *static_cast<float *>(out[0]) = sum;
  return NACRE_OK;
}

const nacre_tensor initOutputs[] = {wTensor, countTensor};
const nacre_tensor stepInputs[] = {xTensor, wTensor, countTensor};
const nacre_tensor stepOutputs[] = {lossTensor, wTensor, countTensor};
const nacre_model initModel = {NACRE_ABI_VERSION,
                               "t_init",
                               1,
                               2,
                               &seedTensor,
                               initOutputs,
                               0,
                               0,
                               nullptr,
                               nullptr,
                               0,
                               nullptr,
                               nullptr,
                               0,
                               nullptr,
                               runInit,
                               0,
                               nullptr};
const nacre_model stepModel = {NACRE_ABI_VERSION,
                               "t_step",
                               3,
                               3,
                               stepInputs,
                               stepOutputs,
                               256,
                               0,
                               nullptr,
                               nullptr,
                               0,
                               nullptr,
                               nullptr,
                               0,
                               nullptr,
                               runStep,
                               0,
                               nullptr};
const int64_t both[] = {0, 1};
const nacre_state states[] = {
    {"w", "parameter", "f32", 1, three, 12, 0},
    {"nacre.\"step\"\n", "counter", "i64", 0, nullptr, 8, 64}};
const nacre_training training = {NACRE_ABI_VERSION,
                                 "t",
                                 2,
                                 states,
                                 128,
                                 {&initModel, 1, 0, nullptr, both},
                                 {&stepModel, 1, 1, both, both},
                                 {nullptr, 0, 0, nullptr, nullptr},
                                 {nullptr, 0, 0, nullptr, nullptr},
                                 {nullptr, 0, 0, nullptr, nullptr}};

struct Trainer {
  Trainer() {
    REQUIRE(nacre_trainer_create(&training, nullptr, &trainer, &error) ==
            NACRE_OK);
  }
  ~Trainer() { nacre_trainer_free(trainer); }
  std::string w() {
    const auto *v =
        static_cast<const float *>(nacre_trainer_state(trainer, "w", nullptr));
    return std::to_string(int(v[0])) + " " + std::to_string(int(v[1])) + " " +
           std::to_string(int(v[2])) + " count " +
           std::to_string(*static_cast<const int64_t *>(
               nacre_trainer_state(trainer, "nacre.\"step\"\n", nullptr)));
  }
  nacre_status step(float a, float b, float c, float *loss = nullptr) {
    float x[] = {a, b, c};
    const void *data[] = {x};
    void *results[] = {loss};
    return nacre_trainer_run(trainer, &training.step, data,
                             loss ? results : nullptr, &error);
  }
  nacre_trainer *trainer = nullptr;
  nacre_error error = {};
};

std::string tensorJson(const char *name, const char *dtype, const char *shape,
                       int from, int to) {
  return std::string("\"") + name + "\":{\"dtype\":\"" + dtype +
         "\",\"shape\":" + shape + ",\"data_offsets\":[" +
         std::to_string(from) + "," + std::to_string(to) + "]}";
}

} // namespace

TEST_CASE("training: states live from step to step") {
  Trainer t;
  CHECK(t.w() == "0 0 0 count 0");
  REQUIRE(nacre_trainer_init(t.trainer, 5, &t.error) == NACRE_OK);
  CHECK(t.w() == "5 6 7 count 0");
  float loss = 0;
  REQUIRE(t.step(1, 2, 3, &loss) == NACRE_OK);
  CHECK(loss == 24);
  CHECK(t.w() == "6 8 10 count 1");
  CHECK(t.step(1, -2, 3) == NACRE_E_ARITH);
  CHECK(std::string(t.error.text) == "model 't_step': arithmetic error");
  CHECK(t.w() == "6 8 10 count 1");
  const void *data[] = {nullptr};
  CHECK(nacre_trainer_run(t.trainer, &training.eval, data, nullptr, &t.error) ==
        NACRE_E_ARG);
  CHECK(std::string(t.error.text) == "training 't' has no such program");
  const nacre_state *state;
  CHECK(nacre_trainer_state(t.trainer, "no", &state) == nullptr);
  CHECK(state == nullptr);
}

TEST_CASE("training: a step allocates nothing") {
  Trainer t;
  long before = faults::allocations;
  for (int i = 0; i < 10; ++i)
    REQUIRE(t.step(1, 2, 3) == NACRE_OK);
  CHECK(faults::allocations == before);
}

TEST_CASE("training: a checkpoint brings the states back") {
  Folder folder;
  std::string path = folder.file("c.safetensors");
  {
    Trainer t;
    nacre_trainer_init(t.trainer, 7, nullptr);
    t.step(1, 1, 1);
    REQUIRE(nacre_trainer_save(t.trainer, path.c_str(), &t.error) == NACRE_OK);
  }
  std::string bytes = folder.read("c.safetensors");
  uint64_t header;
  memcpy(&header, bytes.data(), 8);
  CHECK((header + 8) % NACRE_ALIGNMENT == 0);
  CHECK(bytes.size() == header + 8 + 20);
  Trainer t;
  REQUIRE(nacre_trainer_load(t.trainer, path.c_str(), &t.error) == NACRE_OK);
  CHECK(t.w() == "8 9 10 count 1");
  CHECK(folder.count() == 1);
  // Cut anywhere it is refused, and nothing has changed.
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = folder.write("cut", bytes.substr(0, size));
    CHECK(nacre_trainer_load(t.trainer, cut.c_str(), &t.error) != NACRE_OK);
  }
  CHECK(t.w() == "8 9 10 count 1");
}

TEST_CASE("training: checkpoints that do not fit are refused") {
  Folder folder;
  Trainer t;
  nacre_trainer_init(t.trainer, 1, nullptr);
  auto refused = [&](const std::string &json, size_t data, nacre_status status,
                     const std::string &text) {
    std::string path = folder.write("x", bytesOf(uint64_t(json.size())) + json +
                                             std::string(data, 'a'));
    CHECK(nacre_trainer_load(t.trainer, path.c_str(), &t.error) == status);
    CHECK(t.error.text == path + ": " + text);
    CHECK(t.w() == "1 2 3 count 0");
  };
  std::string step =
      tensorJson("nacre.\\u0022step\\\"\\n", "I64", "[]", 12, 20);
  refused("{" + tensorJson("w", "F32", "[3]", 0, 12) + "}", 12, NACRE_E_FORMAT,
          "has no tensor 'nacre.\"step\"\n'");
  refused("{" + tensorJson("w", "I32", "[3]", 0, 12) + "," + step + "}", 20,
          NACRE_E_DTYPE, "tensor 'w' is i32, expected f32");
  refused("{" + tensorJson("w", "F32", "[3,1]", 0, 12) + "," + step + "}", 20,
          NACRE_E_SHAPE, "tensor 'w' is [3, 1], expected [3]");
  refused("{" + tensorJson("w", "F32", "[3]", 0, 12) + "," + step + "," +
              tensorJson("v", "U8", "[1]", 20, 21) + "}",
          21, NACRE_E_FORMAT, "tensor 'v' is no state of 't'");
}

TEST_CASE("training: tables that make no sense are refused") {
  nacre_error error = {};
  nacre_trainer *trainer;
  auto refused = [&](const nacre_training &bad, nacre_status status,
                     const std::string &text) {
    CHECK(nacre_trainer_create(&bad, nullptr, &trainer, &error) == status);
    CHECK(std::string(error.text) == text);
    CHECK(trainer == nullptr);
  };
  nacre_training bad = training;
  bad.abi_version = 9;
  refused(bad, NACRE_E_ABI,
          "training 't' was built for version 9 of the interface, this is "
          "version 2");
  bad = training;
  bad.state_bytes = 64;
  refused(bad, NACRE_E_ARG,
          "state 'nacre.\"step\"\n' does not lie in the block of states");
  bad = training;
  const int64_t swapped[] = {1, 0};
  bad.step.state_inputs = swapped;
  refused(bad, NACRE_E_ARG, "model 't_step': 'w' is no state of that size");
  nacre_model side = stepModel;
  side.weights_bytes = 64;
  bad = training;
  bad.step.model = &side;
  refused(bad, NACRE_E_ARG, "model 't_step' has its weights in a side file");
}

TEST_CASE("training: without memory or a place to write") {
  nacre_trainer *trainer = nullptr;
  nacre_error error = {};
  long blocks = faults::blocks;
  for (long n = 0;; ++n) {
    faults::failAllocation = n;
    nacre_status status =
        nacre_trainer_create(&training, nullptr, &trainer, &error);
    faults::none();
    if (status == NACRE_OK)
      break;
    CHECK(status == NACRE_E_NOMEM);
    CHECK(trainer == nullptr);
    CHECK(faults::blocks == blocks);
  }
  for (long n = 0;; ++n) {
    Folder folder;
    faults::failAllocation = n;
    nacre_status status =
        nacre_trainer_save(trainer, folder.file("c").c_str(), &error);
    faults::none();
    if (status == NACRE_OK)
      break;
    CHECK(status == NACRE_E_NOMEM);
    CHECK(folder.count() == 0);
  }
  CHECK(nacre_trainer_save(trainer, "/nowhere/c", &error) == NACRE_E_IO);
  nacre_trainer_free(trainer);
  CHECK(faults::blocks == blocks);
}
