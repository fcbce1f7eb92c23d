// Ranking of outputs by value, for every element type.
#include "runtime_catch.h"
#include "runtime_faults.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

extern "C" {
#include "report.h"
}

namespace {
template <typename T>
std::string top(const char *dtype, std::vector<T> values, int64_t k) {
  nacre_array array = {};
  array.dtype = dtype;
  array.rank = 1;
  array.shape[0] = static_cast<int64_t>(values.size());
  array.elements = values.size();
  array.bytes = values.size() * sizeof(T);
  array.data = values.data();
  char text[512] = "";
  FILE *stream = fmemopen(text, sizeof text, "w");
  REQUIRE(nacre_print_top(stream, &array, k, nullptr) == NACRE_OK);
  std::fclose(stream);
  return text;
}
} // namespace

TEST_CASE("top: floats, equal ones by index, NaN last, zeros equal") {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  CHECK(top<float>("f32", {1, nan, -inf, 3, 3, inf}, 6) ==
        "5 inf\n3 3\n4 3\n0 1\n2 -inf\n1 nan\n");
  CHECK(top<float>("f32", {-0.f, 0.f, -1.f}, 2) == "0 -0\n1 0\n");
  CHECK(top<double>("f64", {0.1, -1e300, 1e300}, 5) ==
        "2 1e+300\n0 0.1\n1 -1e+300\n");
  CHECK(top<float>("f32", {}, 3) == "");
}

TEST_CASE("top: 16-bit floats") {
  // 1, -2, 65504 (largest), 2^-24 (smallest), infinity, NaN
  CHECK(top<uint16_t>("f16", {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00},
                      6) ==
        "4 inf\n2 65504\n0 1\n3 5.96046e-08\n1 -2\n5 nan\n");
  CHECK(top<uint16_t>("bf16", {0x3f80, 0xc000, 0x4049}, 3) ==
        "2 3.14062\n0 1\n1 -2\n");
}

TEST_CASE("top: floats and integers of 8 bits and fewer") {
  CHECK(top<uint8_t>("f8e4m3fn", {0x7e, 0x7f, 0x81, 0x38}, 4) ==
        "0 448\n3 1\n2 -0.00195312\n1 nan\n");
  CHECK(top<uint8_t>("f8e4m3fnuz", {0x7f, 0x80, 0xc0}, 3) ==
        "0 240\n2 -1\n1 nan\n");
  CHECK(top<uint8_t>("f8e5m2", {0x7b, 0x7c, 0x7d, 0xfc}, 4) ==
        "1 inf\n0 57344\n3 -inf\n2 nan\n");
  CHECK(top<uint8_t>("f8e5m2fnuz", {0x7f, 0x01}, 2) ==
        "0 57344\n1 7.62939e-06\n");
  CHECK(top<uint8_t>("f8e8m0", {0x00, 0x80, 0xff}, 3) ==
        "1 2\n0 5.87747e-39\n2 nan\n");
  CHECK(top<uint8_t>("f4e2m1", {0x0f, 0x07, 0x01, 0x00}, 4) ==
        "1 6\n2 0.5\n3 0\n0 -6\n");
  CHECK(top<uint8_t>("i4", {0x0f, 0x07, 0x08}, 3) == "1 7\n0 -1\n2 -8\n");
  CHECK(top<uint8_t>("u4", {0x0f, 0x07}, 2) == "0 15\n1 7\n");
  CHECK(top<uint8_t>("i2", {1, 2, 3}, 3) == "0 1\n2 -1\n1 -2\n");
}

TEST_CASE("top: integers keep all their digits") {
  CHECK(top<int64_t>("i64", {INT64_MAX - 1, INT64_MAX, INT64_MIN, -1}, 4) ==
        "1 9223372036854775807\n0 9223372036854775806\n3 -1\n"
        "2 -9223372036854775808\n");
  CHECK(top<uint64_t>("u64", {1, UINT64_MAX}, 1) == "1 18446744073709551615\n");
  CHECK(top<int8_t>("i8", {-128, 127, -1}, 3) == "1 127\n2 -1\n0 -128\n");
  CHECK(top<uint8_t>("u8", {0, 255}, 2) == "1 255\n0 0\n");
  CHECK(top<int16_t>("i16", {-300, 300}, 2) == "1 300\n0 -300\n");
  CHECK(top<uint32_t>("u32", {4294967295u}, 2) == "0 4294967295\n");
  CHECK(top<uint8_t>("bool", {0, 1}, 1) == "1 1\n");
}

TEST_CASE("top: without memory it says so") {
  nacre_array array = {};
  array.dtype = "f32";
  array.elements = UINT64_MAX / 8;
  nacre_error error;
  CHECK(nacre_print_top(stdout, &array, 1, &error) == NACRE_E_LIMIT);
  CHECK(error.text == std::string("too many elements to rank"));
  array.elements = 10;
  faults::failAllocation = 0;
  CHECK(nacre_print_top(stdout, &array, 1, &error) == NACRE_E_NOMEM);
  faults::none();
  CHECK(error.text == std::string("no memory to rank the output"));
}

TEST_CASE("text without control characters") {
  char text[64] = "";
  FILE *stream = fmemopen(text, sizeof text, "w");
  nacre_print_plain(stream, "a\x1b[2J\n\x7f\xc3\xa9");
  std::fclose(stream);
  CHECK(text == std::string("a?[2J??\xc3\xa9"));
}
