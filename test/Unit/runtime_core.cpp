#include "runtime_catch.h"

#include <cstddef>
#include <cstdint>
#include <nacre/runtime.h>
#include <string>

namespace {
int32_t answer(const void *const *, void *const *outputs, void *arena,
               const void *weights, const int64_t *dims,
               const nacre_executor *) {
  auto *out = static_cast<int64_t *>(outputs[0]);
  out[0] = arena ? reinterpret_cast<intptr_t>(arena) % 64 : -1;
  out[1] = weights != nullptr;
  out[2] = dims ? dims[0] : -1;
  return NACRE_OK;
}

int32_t refuse(const void *const *, void *const *, void *, const void *,
               const int64_t *, const nacre_executor *) {
  return NACRE_E_INDEX;
}

// A correct model; the tests spoil one field each.
struct Model {
  int64_t shape[2] = {3, 4};
  const char *dimNames[1] = {"N"};
  const char *tensorDims[2] = {"N", nullptr};
  nacre_tensor tensor = {"y", "i64", 2, shape, tensorDims, 96};
  nacre_model model = {};
  nacre_error error = {};

  Model() {
    model.abi_version = NACRE_ABI_VERSION;
    model.name = "m";
    model.output_count = 1;
    model.outputs = &tensor;
    model.arena_bytes = 100;
    model.dim_count = 1;
    model.dim_names = dimNames;
    model.run = answer;
  }
  std::string check() {
    return nacre_check_model(&model, &error) == NACRE_E_ABI ? error.text : "";
  }
};
} // namespace

TEST_CASE("the ABI's layout is the one generated code is emitted with") {
  STATIC_REQUIRE(sizeof(nacre_executor) == 24);
  STATIC_REQUIRE(offsetof(nacre_executor, parallel) == 16);
  STATIC_REQUIRE(sizeof(nacre_tensor) == 48);
  STATIC_REQUIRE(offsetof(nacre_tensor, shape) == 24);
  STATIC_REQUIRE(sizeof(nacre_model) == 144);
  STATIC_REQUIRE(offsetof(nacre_model, weights_bytes) == 56);
  STATIC_REQUIRE(offsetof(nacre_model, dim_names) == 112);
}

TEST_CASE("statuses have texts") {
  CHECK(nacre_status_text(NACRE_OK) == std::string("ok"));
  CHECK(nacre_status_text(2) == std::string("index out of range"));
  CHECK(nacre_status_text(10) == std::string("limit exceeded"));
  CHECK(nacre_status_text(11) == std::string("device failure"));
  CHECK(nacre_status_text(12) == std::string("unknown status"));
  CHECK(nacre_status_text(-1) == std::string("unknown status"));
  for (int32_t i = 0; i <= 11; ++i)
    CHECK(nacre_status_text(i) != std::string("unknown status"));
}

TEST_CASE("element types have sizes") {
  CHECK(nacre_dtype_bytes("f32") == 4);
  CHECK(nacre_dtype_bytes("f64") == 8);
  CHECK(nacre_dtype_bytes("bf16") == 2);
  CHECK(nacre_dtype_bytes("bool") == 1);
  CHECK(nacre_dtype_bytes("u64") == 8);
  CHECK(nacre_dtype_bytes("f8e5m2fnuz") == 1);
  CHECK(nacre_dtype_bytes("i2") == 1);
  CHECK(nacre_dtype_bits("f8e5m2fnuz") == 8);
  CHECK(nacre_dtype_bits("f4e2m1") == 4);
  CHECK(nacre_dtype_bits("u4") == 4);
  CHECK(nacre_dtype_bits("i2") == 2);
  CHECK(nacre_dtype_bits("i8") == 0);
  CHECK(nacre_dtype_bits("f32") == 0);
  CHECK(nacre_dtype_bytes("f8") == 0);
  CHECK(nacre_dtype_bytes("") == 0);
  CHECK(nacre_dtype_bytes(nullptr) == 0);
}

TEST_CASE("bytes become elements of narrow types") {
  unsigned char data[] = {0xf9, 0x07};
  nacre_array array = {};
  array.dtype = "u8";
  array.elements = array.bytes = 2;
  array.data = data;
  CHECK_FALSE(nacre_array_as(&array, "i8"));
  CHECK(array.dtype == std::string("u8"));
  CHECK(nacre_array_as(&array, "u8"));
  CHECK(nacre_array_as(&array, "f8e8m0"));
  CHECK(data[0] == 0xf9);
  CHECK_FALSE(nacre_array_as(&array, "i4"));
  array.dtype = "u8";
  CHECK(nacre_array_as(&array, "i4"));
  CHECK(array.dtype == std::string("i4"));
  CHECK(data[0] == 0x09);
  CHECK(data[1] == 0x07);
}

TEST_CASE("the size of a shape is checked") {
  uint64_t elements = 7, bytes = 7;
  nacre_error error;
  int64_t shape[] = {2, 3, 5};
  CHECK(nacre_shape_bytes("f16", 3, shape, &elements, &bytes, &error) == 0);
  CHECK(elements == 30);
  CHECK(bytes == 60);
  CHECK(nacre_shape_bytes("f64", 0, nullptr, &elements, &bytes, &error) == 0);
  CHECK(elements == 1);
  CHECK(bytes == 8);
  int64_t empty[] = {5, 0};
  CHECK(nacre_shape_bytes("f64", 2, empty, &elements, &bytes, &error) == 0);
  CHECK(elements == 0);
  CHECK(bytes == 0);

  int64_t negative[] = {2, -3};
  CHECK(nacre_shape_bytes("f32", 2, negative, &elements, &bytes, &error) ==
        NACRE_E_SHAPE);
  CHECK(error.text == std::string("dimension 1 is negative: -3"));
  int64_t huge[] = {int64_t(1) << 32, int64_t(1) << 32};
  CHECK(nacre_shape_bytes("u8", 2, huge, &elements, &bytes, &error) ==
        NACRE_E_SHAPE);
  CHECK(error.text == std::string("shape has too many elements"));
  int64_t emptyHuge[] = {int64_t(1) << 32, 0, int64_t(1) << 32};
  CHECK(nacre_shape_bytes("u8", 3, emptyHuge, &elements, &bytes, &error) ==
        NACRE_E_SHAPE);
  int64_t edge[] = {INT64_MAX};
  CHECK(nacre_shape_bytes("u8", 1, edge, &elements, &bytes, &error) == 0);
  CHECK(nacre_shape_bytes("u16", 1, edge, &elements, &bytes, nullptr) ==
        NACRE_E_SHAPE);
  CHECK(nacre_shape_bytes("f32", 65, huge, &elements, &bytes, &error) ==
        NACRE_E_LIMIT);
  CHECK(error.text == std::string("rank 65 is not in 0 to 64"));
  CHECK(nacre_shape_bytes("f32", -1, huge, &elements, &bytes, &error) ==
        NACRE_E_LIMIT);
  CHECK(nacre_shape_bytes("c64", 1, shape, &elements, &bytes, &error) ==
        NACRE_E_DTYPE);
  CHECK(error.text == std::string("unknown element type 'c64'"));
}

TEST_CASE("memory is aligned, and a size that wraps gives none") {
  for (uint64_t size : {0, 1, 63, 64, 65, 4096}) {
    void *memory = nacre_alloc(size);
    CHECK(reinterpret_cast<uintptr_t>(memory) % 64 == 0);
    CHECK(memory != nullptr);
    nacre_free(memory);
  }
  // Memory that may lie in large pages begins with one.
  for (uint64_t size : {uint64_t(4) << 20, (uint64_t(4) << 20) + 1}) {
    auto *memory = static_cast<char *>(nacre_alloc(size));
    REQUIRE(memory != nullptr);
    CHECK(reinterpret_cast<uintptr_t>(memory) % (2 << 20) == 0);
    memory[0] = memory[size - 1] = 1;
    nacre_free(memory);
  }
  CHECK(nacre_alloc(UINT64_MAX) == nullptr);
  CHECK(nacre_alloc(UINT64_MAX - 62) == nullptr);
  CHECK(nacre_alloc(INT64_MAX) == nullptr);
}

TEST_CASE("a model is checked before it is trusted") {
  nacre_error error;
  Model m;
  CHECK(nacre_check_model(&m.model, &m.error) == NACRE_OK);
  CHECK(nacre_check_model(nullptr, &error) == NACRE_E_ARG);

  SECTION("version") {
    m.model.abi_version = 9;
    CHECK(m.check() == "model has ABI version 9, this runtime has 2");
  }
  SECTION("code") {
    m.model.run = nullptr;
    CHECK(m.check() == "model has no name or no code");
  }
  SECTION("outputs") {
    m.model.outputs = nullptr;
    CHECK(m.check() == "model has no table of outputs");
  }
  SECTION("inputs") {
    m.model.input_count = -1;
    CHECK(m.check() == "model has no table of inputs");
  }
  SECTION("name of a tensor") {
    m.tensor.name = nullptr;
    CHECK(m.check() == "output 0 has no name or no shape");
  }
  SECTION("element type") {
    m.tensor.dtype = "f7";
    CHECK(m.check() == "output 'y': unknown element type 'f7'");
  }
  SECTION("bytes") {
    m.tensor.bytes = 97;
    CHECK(m.check() == "output 'y': 97 bytes stated, its shape makes 96");
  }
  SECTION("dim of a tensor") {
    m.tensorDims[0] = "M";
    CHECK(m.check() == "output 'y': model has no dim 'M'");
  }
  SECTION("dims") {
    m.model.dim_names = nullptr;
    CHECK(m.check() == "model has no table of dims");
  }
  SECTION("name of a dim") {
    m.dimNames[0] = nullptr;
    CHECK(m.check() == "dim 0 has no name");
  }
  SECTION("kernels") {
    m.model.kernel_count = 1;
    CHECK(m.check() == "model has no table of kernels");
  }
}

TEST_CASE("nacre_run passes its arguments and an aligned arena") {
  Model m;
  int64_t out[3];
  void *outputs[] = {out};
  int64_t dims[] = {2};
  CHECK(nacre_run(&m.model, nullptr, outputs, nullptr, dims, nullptr,
                  &m.error) == NACRE_OK);
  CHECK(out[0] == 0);
  CHECK(out[1] == 0);
  CHECK(out[2] == 2);
  m.model.arena_bytes = 0;
  CHECK(nacre_run(&m.model, nullptr, outputs, &m, nullptr, nullptr, nullptr) ==
        NACRE_OK);
  CHECK(out[0] == -1);
  CHECK(out[1] == 1);
  CHECK(out[2] == -1);

  m.model.run = refuse;
  CHECK(nacre_run(&m.model, nullptr, outputs, nullptr, dims, nullptr,
                  &m.error) == NACRE_E_INDEX);
  CHECK(m.error.text == std::string("model 'm': index out of range"));
  m.model.weights_bytes = 4;
  CHECK(nacre_run(&m.model, nullptr, outputs, nullptr, dims, nullptr,
                  &m.error) == NACRE_E_ARG);
  CHECK(m.error.text ==
        std::string("model 'm' needs the weights of its side file"));
  m.model.weights_bytes = 0;
  m.model.arena_bytes = UINT64_MAX;
  CHECK(nacre_run(&m.model, nullptr, outputs, nullptr, dims, nullptr,
                  &m.error) == NACRE_E_NOMEM);
  CHECK(m.error.text ==
        std::string("no memory for an arena of 18446744073709551615 bytes"));
  m.model.abi_version = 0;
  CHECK(nacre_run(&m.model, nullptr, outputs, nullptr, dims, nullptr,
                  &m.error) == NACRE_E_ABI);
}

TEST_CASE("a long message is cut, not overrun") {
  Model m;
  std::string name(1000, 'n');
  m.model.name = name.c_str();
  m.model.run = refuse;
  CHECK(nacre_run(&m.model, nullptr, nullptr, nullptr, nullptr, nullptr,
                  &m.error) == NACRE_E_INDEX);
  CHECK(m.error.text ==
        "model '" + std::string(64, 'n') + "': index out of range");
}
