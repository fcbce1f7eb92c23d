// Literal numbers for views, joins and sources.

#include "InterpretText.h"
#include <catch2/catch.hpp>

using namespace nacre;
using namespace nacre::test;

static const Tensor &matrix() {
  static Tensor made = tensor("2x3xi32", "1 2 3 4 5 6");
  return made;
}

TEST_CASE("splat holds one value of any type") {
  CHECK(apply("lazy.splat 1.5 : f32 : tensor<2x2xf32>", {}) ==
        "1.5 1.5 1.5 1.5");
  CHECK(apply("lazy.splat 1.0e-07 : f16 : tensor<f16>", {}) == "1e-07");
  CHECK(apply("lazy.splat 0x7FC0 : bf16 : tensor<1xbf16>", {}) == "nan");
  CHECK(apply("lazy.splat 0xFFF0000000000000 : f64 : tensor<1xf64>", {}) ==
        "-inf");
  CHECK(apply("lazy.splat -1 : i8 : tensor<2xi8>", {}) == "-1 -1");
  CHECK(apply("lazy.splat 255 : ui8 : tensor<2xui8>", {}) == "255 255");
  CHECK(apply("lazy.splat 18446744073709551615 : ui64 : tensor<1xui64>", {}) ==
        "18446744073709551615");
  CHECK(apply("lazy.splat -9223372036854775808 : i64 : tensor<1xi64>", {}) ==
        "-9223372036854775808");
  CHECK(apply("lazy.splat true : tensor<2xi1>", {}) == "1 1");
  CHECK(apply("lazy.splat 1.0 : f32 : tensor<0xf32>", {}) == "");
}

TEST_CASE("iota counts along its axis in any type") {
  CHECK(apply("lazy.iota 0 : tensor<2x3xi32>", {}) == "0 0 0 1 1 1");
  CHECK(apply("lazy.iota 1 : tensor<2x3xf32>", {}) == "0 1 2 0 1 2");
  CHECK(apply("lazy.iota 0 : tensor<4xf16>", {}) == "0 1 2 3");
  CHECK(apply("lazy.iota 0 : tensor<3xi1>", {}) == "0 1 1");
  CHECK(apply("lazy.iota 1 : tensor<2x0xi64>", {}) == "");
}

TEST_CASE("an index wraps or rounds as cast does in iota") {
  std::string bytes = apply("lazy.iota 0 : tensor<300xi8>", {});
  CHECK(bytes.find(" 127 -128 -127 ") != std::string::npos);
  std::string halves = apply("lazy.iota 0 : tensor<2052xf16>", {});
  CHECK(halves.substr(halves.size() - 24) == "2047 2048 2048 2050 2052");
}

TEST_CASE("reshape keeps row-major order") {
  CHECK(apply("lazy.reshape %a : tensor<2x3xi32> -> tensor<3x2xi32>",
              {matrix()}) == "1 2 3 4 5 6");
  CHECK(apply("lazy.reshape %a : tensor<1x1xf16> -> tensor<f16>",
              {tensor("1x1xf16", "7")}) == "7");
  CHECK(apply("lazy.reshape %a : tensor<0x3xf16> -> tensor<5x0xf16>",
              {tensor("0x3xf16", "")}) == "");
}

TEST_CASE("permute takes axis perm[i] of the source") {
  CHECK(apply("lazy.permute %a, [1, 0] : tensor<2x3xi32> -> tensor<3x2xi32>",
              {matrix()}) == "1 4 2 5 3 6");
  // A cycle tells perm from its inverse.
  CHECK(apply("lazy.permute %a, [2, 0, 1] : tensor<1x2x3xi8> -> "
              "tensor<3x1x2xi8>",
              {tensor("1x2x3xi8", "1 2 3 4 5 6")}) == "1 4 2 5 3 6");
  CHECK(apply("lazy.permute %a, [] : tensor<f64> -> tensor<f64>",
              {tensor("f64", "1")}) == "1");
}

TEST_CASE("expand repeats axes of extent 1") {
  CHECK(apply("lazy.expand %a : tensor<1x3xi16> -> tensor<2x3xi16>",
              {tensor("1x3xi16", "1 2 3")}) == "1 2 3 1 2 3");
  CHECK(apply("lazy.expand %a : tensor<2x1xf64> -> tensor<2x3xf64>",
              {tensor("2x1xf64", "1 2")}) == "1 1 1 2 2 2");
  CHECK(apply("lazy.expand %a : tensor<1xi1> -> tensor<0xi1>",
              {tensor("1xi1", "1")}) == "");
}

TEST_CASE("pad puts a border of a constant") {
  CHECK(apply("lazy.pad %a, [1, 0], [0, 2], 9 : i32 : tensor<2x3xi32> -> "
              "tensor<3x5xi32>",
              {matrix()}) == "9 9 9 9 9 1 2 3 9 9 4 5 6 9 9");
  CHECK(apply("lazy.pad %a, [1], [1], 0xFF800000 : f32 : tensor<1xf32> -> "
              "tensor<3xf32>",
              {tensor("1xf32", "5")}) == "-inf 5 -inf");
  CHECK(apply("lazy.pad %a, [1], [1], 2.5 : f16 : tensor<0xf16> -> "
              "tensor<2xf16>",
              {tensor("0xf16", "")}) == "2.5 2.5");
  CHECK(apply("lazy.pad %a, [0], [1], true : tensor<1xi1> -> tensor<2xi1>",
              {tensor("1xi1", "0")}) == "0 1");
}

TEST_CASE("slice takes every step-th element from a start") {
  CHECK(apply("lazy.slice %a, [0, 1], [1, 1] : tensor<2x3xi32> -> "
              "tensor<2x2xi32>",
              {matrix()}) == "2 3 5 6");
  CHECK(apply("lazy.slice %a, [1], [3] : tensor<8xi8> -> tensor<3xi8>",
              {tensor("8xi8", "0 1 2 3 4 5 6 7")}) == "1 4 7");
  CHECK(apply("lazy.slice %a, [3], [1] : tensor<3xi8> -> tensor<0xi8>",
              {tensor("3xi8", "1 2 3")}) == "");
}

TEST_CASE("flip reverses axes") {
  CHECK(apply("lazy.flip %a, [0] : tensor<2x3xi32> -> tensor<2x3xi32>",
              {matrix()}) == "4 5 6 1 2 3");
  CHECK(apply("lazy.flip %a, [0, 1] : tensor<2x3xi32> -> tensor<2x3xi32>",
              {matrix()}) == "6 5 4 3 2 1");
  CHECK(apply("lazy.flip %a, [1] : tensor<2x0xi32> -> tensor<2x0xi32>",
              {tensor("2x0xi32", "")}) == "");
}

TEST_CASE("window slides with strides and dilations") {
  CHECK(apply("lazy.window %a, axes [0] sizes [2] strides [1] dilations [1] : "
              "tensor<4xi32> -> tensor<3x2xi32>",
              {tensor("4xi32", "1 2 3 4")}) == "1 2 2 3 3 4");
  CHECK(apply("lazy.window %a, axes [0] sizes [2] strides [2] dilations [3] : "
              "tensor<8xi32> -> tensor<3x2xi32>",
              {tensor("8xi32", "0 1 2 3 4 5 6 7")}) == "0 3 2 5 4 7");
  // Window axes go to the end, in the order of `axes`.
  CHECK(apply("lazy.window %a, axes [1, 0] sizes [2, 1] strides [1, 1] "
              "dilations [1, 1] : tensor<2x3xi32> -> tensor<2x2x2x1xi32>",
              {matrix()}) == "1 2 2 3 4 5 5 6");
  CHECK(apply("lazy.window %a, axes [0, 1] sizes [2, 2] strides [1, 1] "
              "dilations [1, 1] : tensor<2x3xi32> -> tensor<1x2x2x2xi32>",
              {matrix()}) == "1 2 4 5 2 3 5 6");
  CHECK(apply("lazy.window %a, axes [0] sizes [5] strides [1] dilations [1] : "
              "tensor<4xi32> -> tensor<0x5xi32>",
              {tensor("4xi32", "1 2 3 4")}) == "");
}

TEST_CASE("concat joins along an axis") {
  CHECK(apply("\"lazy.concat\"(%a, %b) <{axis = 0 : i64}> : (tensor<1x2xf32>, "
              "tensor<2x2xf32>) -> tensor<3x2xf32>",
              {tensor("1x2xf32", "1 2"), tensor("2x2xf32", "3 4 5 6")}) ==
        "1 2 3 4 5 6");
  CHECK(apply("\"lazy.concat\"(%a, %b, %c) <{axis = 1 : i64}> : "
              "(tensor<2x1xi8>, tensor<2x0xi8>, tensor<2x2xi8>) -> "
              "tensor<2x3xi8>",
              {tensor("2x1xi8", "1 2"), tensor("2x0xi8", ""),
               tensor("2x2xi8", "3 4 5 6")}) == "1 3 4 2 5 6");
}

TEST_CASE("gather picks slices, counting negative indices from the end") {
  CHECK(apply("lazy.gather %a, %b, 0 : tensor<2x3xi32>, tensor<3xi64> -> "
              "tensor<3x3xi32>",
              {matrix(), tensor("3xi64", "1 -2 -1")}) == "4 5 6 1 2 3 4 5 6");
  CHECK(apply("lazy.gather %a, %b, 1 : tensor<2x3xi32>, tensor<2x1xi32> -> "
              "tensor<2x2x1xi32>",
              {matrix(), tensor("2x1xi32", "2 0")}) == "3 1 6 4");
  CHECK(apply("lazy.gather %a, %b, 0 : tensor<3xf16>, tensor<i64> -> "
              "tensor<f16>",
              {tensor("3xf16", "1 2 3"), tensor("i64", "-3")}) == "1");
  CHECK(apply("lazy.gather %a, %b, 0 : tensor<0xf16>, tensor<0xi64> -> "
              "tensor<0xf16>",
              {tensor("0xf16", ""), tensor("0xi64", "")}) == "");
}

TEST_CASE("an index out of range is an error") {
  auto pick = [](const char *index) {
    return apply("lazy.gather %a, %b, 1 : tensor<2x3xi32>, tensor<1xi64> -> "
                 "tensor<2x1xi32>",
                 {matrix(), tensor("1xi64", index)});
  };
  CHECK(pick("3") ==
        "error: lazy.gather: index 3 is out of range on axis 1 of extent 3");
  CHECK(pick("-4") ==
        "error: lazy.gather: index -4 is out of range on axis 1 of extent 3");
  CHECK(pick("-9223372036854775808") ==
        "error: lazy.gather: index -9223372036854775808 is out of range on "
        "axis 1 of extent 3");
  CHECK(apply("lazy.gather %a, %b, 0 : tensor<0xf16>, tensor<1xi32> -> "
              "tensor<1xf16>",
              {tensor("0xf16", ""), tensor("1xi32", "0")}) ==
        "error: lazy.gather: index 0 is out of range on axis 0 of extent 0");
}

TEST_CASE("scatter adds slices where the index says") {
  // Row 1 twice, row 0 never, the last by a negative index.
  CHECK(apply("lazy.scatter %a, %b, 0 : tensor<3x2xi32>, tensor<3xi64> -> "
              "tensor<3x2xi32>",
              {tensor("3x2xi32", "1 2 3 4 5 6"), tensor("3xi64", "1 -1 1")}) ==
        "0 0 6 8 3 4");
  CHECK(apply("lazy.scatter %a, %b, 1 : tensor<2x2x1xf32>, tensor<2x1xi32> -> "
              "tensor<2x3xf32>",
              {tensor("2x2x1xf32", "1 2 3 4"), tensor("2x1xi32", "2 -3")}) ==
        "2 0 1 4 0 3");
  CHECK(apply("lazy.scatter %a, %b, 0 : tensor<2xf64>, tensor<i64> -> "
              "tensor<3x2xf64>",
              {tensor("2xf64", "1.5 2"), tensor("i64", "1")}) ==
        "0 0 1.5 2 0 0");
  CHECK(apply("lazy.scatter %a, %b, 0 : tensor<0xf32>, tensor<0xi64> -> "
              "tensor<2xf32>",
              {tensor("0xf32", ""), tensor("0xi64", "")}) == "0 0");
  CHECK(apply("lazy.scatter %a, %b, 0 : tensor<0xf32>, tensor<0xi64> -> "
              "tensor<0xf32>",
              {tensor("0xf32", ""), tensor("0xi64", "")}) == "");
}

TEST_CASE("scatter sums in the order of the index, narrow floats in f32") {
  auto sum = [](const char *element, const char *values) {
    std::string type = "tensor<3x" + std::string(element) + ">";
    return apply("lazy.scatter %a, %b, 0 : " + type +
                     ", tensor<3xi64> -> tensor<1x" + element + ">",
                 {tensor("3x" + std::string(element), values),
                  tensor("3xi64", "0 0 0")});
  };
  // 2^24 + 1 is 2^24 in f32; the other way round 2 is not lost.
  CHECK(sum("f32", "16777216 1 1") == "16777216");
  CHECK(sum("f32", "1 1 16777216") == "16777218");
  // 2048 + 1 is 2048 in f16, and 256 + 1 is 256 in bf16.
  CHECK(sum("f16", "2048 1 1") == "2050");
  CHECK(sum("bf16", "256 1 1") == "258");
  CHECK(sum("i8", "127 1 1") == "-127");
  CHECK(sum("ui8", "255 1 1") == "1");
  CHECK(sum("ui64", "18446744073709551615 2 0") == "1");
  CHECK(sum("i1", "1 1 1") == "1");
  CHECK(sum("i1", "1 1 0") == "0");
}

TEST_CASE("scatter by other kinds leaves the neutral element elsewhere") {
  auto put = [](const char *kind, std::string element, const char *values) {
    return apply("lazy.scatter " + std::string(kind) +
                     ", %a, %b, 0 : tensor<3x" + element +
                     ">, tensor<3xi64> -> tensor<3x" + element + ">",
                 {tensor("3x" + element, values), tensor("3xi64", "2 0 2")});
  };
  CHECK(put("add", "i32", "3 4 5") == "4 0 8");
  CHECK(put("mul", "i32", "3 4 5") == "4 1 15");
  CHECK(put("max", "i32", "3 4 5") == "4 -2147483648 5");
  CHECK(put("min", "i32", "3 4 5") == "4 2147483647 3");
  CHECK(put("max", "ui8", "3 4 5") == "4 0 5");
  CHECK(put("min", "ui8", "3 4 5") == "4 255 3");
  CHECK(put("max", "i8", "-3 -4 -5") == "-4 -128 -3");
  CHECK(put("max", "i1", "0 1 0") == "1 0 0");
  CHECK(put("min", "i1", "0 1 0") == "1 1 0");
  CHECK(put("mul", "f32", "3 4 0.5") == "4 1 1.5");
  CHECK(put("max", "f32", "3 4 5") == "4 -inf 5");
  CHECK(put("min", "f16", "3 4 5") == "4 inf 3");
  CHECK(put("max", "f64", "nan 4 5") == "4 -inf nan");
  CHECK(put("min", "f32", "5 4 nan") == "4 inf nan");
  // The product of halves would be 0 in f16 before the last factor.
  CHECK(apply("lazy.scatter mul, %a, %b, 0 : tensor<3xf16>, tensor<3xi64> -> "
              "tensor<1xf16>",
              {tensor("3xf16", "0.00006103515625 0.00006103515625 32768"),
               tensor("3xi64", "0 0 0")}) == "0.0001221");
}

TEST_CASE("write replaces a run of slices") {
  auto written = [](const char *first, const char *count) {
    return interpret("func.func @main(%a: tensor<2x4xi32>, %b: "
                     "tensor<2x3xi32>, %c: tensor<i64>, %d: tensor<i64>) -> "
                     "tensor<2x4xi32> {\n  %r = lazy.write %a, %b, %c, %d, 1 "
                     ": tensor<2x4xi32>, tensor<2x3xi32>\n  return %r : "
                     "tensor<2x4xi32>\n}",
                     {tensor("2x4xi32", "1 2 3 4 5 6 7 8"),
                      tensor("2x3xi32", "10 20 30 40 50 60"),
                      tensor("i64", first), tensor("i64", count)});
  };
  CHECK(written("1", "2") == "1 10 20 4 5 40 50 8");
  CHECK(written("0", "3") == "10 20 30 4 40 50 60 8");
  CHECK(written("4", "0") == "1 2 3 4 5 6 7 8");
  CHECK(written("2", "3") == "error: lazy.write: cannot write 3 of 3 slices at "
                             "2 of extent 4");
  CHECK(written("0", "4") == "error: lazy.write: cannot write 4 of 3 slices at "
                             "0 of extent 4");
  CHECK(written("-1", "1") == "error: lazy.write: cannot write 1 of 3 slices "
                              "at -1 of extent 4");
}

TEST_CASE("scattering out of range is an error") {
  auto put = [](const char *index) {
    return apply("lazy.scatter %a, %b, 1 : tensor<2x1xi32>, tensor<1xi64> -> "
                 "tensor<2x3xi32>",
                 {tensor("2x1xi32", "1 2"), tensor("1xi64", index)});
  };
  CHECK(put("3") ==
        "error: lazy.scatter: index 3 is out of range on axis 1 of extent 3");
  CHECK(put("-4") ==
        "error: lazy.scatter: index -4 is out of range on axis 1 of extent 3");
}
