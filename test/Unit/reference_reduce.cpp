// Literal numbers for lazy.reduce and lazy.arg_reduce.

#include "InterpretText.h"
#include <catch2/catch.hpp>

using namespace nacre::test;

/// Reduces a 2x3 matrix along `axes`.
static std::string reduce(std::string kind, std::string element,
                          std::string axes, std::string result, std::string x) {
  return apply("lazy.reduce " + kind + ", %a, " + axes + " : tensor<2x3x" +
                   element + "> -> tensor<" + result + element + ">",
               {tensor("2x3x" + element, x)});
}

TEST_CASE("reductions along each axis, both and none") {
  for (const char *t : {"f16", "bf16", "f32", "f64", "i8", "ui8", "i16", "ui16",
                        "i32", "ui32", "i64", "ui64"}) {
    INFO(t);
    CHECK(reduce("add", t, "[1]", "2x", "1 2 3 4 5 6") == "6 15");
    CHECK(reduce("add", t, "[0]", "3x", "1 2 3 4 5 6") == "5 7 9");
    CHECK(reduce("add", t, "[0, 1]", "", "1 2 3 4 5 6") == "21");
    CHECK(reduce("add", t, "[]", "2x3x", "1 2 3 4 5 6") == "1 2 3 4 5 6");
    CHECK(reduce("mul", t, "[1]", "2x", "1 2 3 4 1 6") == "6 24");
    CHECK(reduce("max", t, "[1]", "2x", "1 3 2 4 6 5") == "3 6");
    CHECK(reduce("min", t, "[0]", "3x", "1 9 3 4 5 0") == "1 5 0");
  }
}

TEST_CASE("axes in the middle, in any order") {
  CHECK(apply("lazy.reduce add, %a, [1] : tensor<2x2x2xi32> -> "
              "tensor<2x2xi32>",
              {tensor("2x2x2xi32", "1 2 3 4 5 6 7 8")}) == "4 6 12 14");
  CHECK(apply("lazy.reduce add, %a, [2, 0] : tensor<2x2x2xi32> -> "
              "tensor<2xi32>",
              {tensor("2x2x2xi32", "1 2 3 4 5 6 7 8")}) == "14 22");
}

TEST_CASE("integer reductions wrap and know their sign") {
  CHECK(reduce("add", "i8", "[1]", "2x", "100 100 100 -100 -100 -100") ==
        "44 -44");
  CHECK(reduce("add", "ui8", "[1]", "2x", "100 100 100 255 1 0") == "44 0");
  CHECK(reduce("mul", "i8", "[1]", "2x", "16 16 1 -128 -1 1") == "0 -128");
  CHECK(reduce("max", "i8", "[1]", "2x", "-1 -2 -3 -128 -128 -128") ==
        "-1 -128");
  CHECK(reduce("min", "ui8", "[1]", "2x", "255 254 255 255 255 255") ==
        "254 255");
  CHECK(reduce("add", "i64", "[0, 1]", "", "9223372036854775807 1 0 0 0 0") ==
        "-9223372036854775808");
}

TEST_CASE("a bool sums to its parity; max is any, min is all") {
  CHECK(reduce("add", "i1", "[1]", "2x", "1 1 1 1 1 0") == "1 0");
  CHECK(reduce("mul", "i1", "[1]", "2x", "1 1 1 1 1 0") == "1 0");
  CHECK(reduce("max", "i1", "[1]", "2x", "0 0 0 0 1 0") == "0 1");
  CHECK(reduce("min", "i1", "[1]", "2x", "1 1 1 0 1 1") == "1 0");
}

TEST_CASE("NaN and infinities in reductions") {
  for (const char *t : {"f16", "bf16", "f32", "f64"}) {
    INFO(t);
    CHECK(reduce("max", t, "[1]", "2x", "1 nan 3 -inf -inf -inf") ==
          "nan -inf");
    CHECK(reduce("min", t, "[1]", "2x", "1 2 nan inf inf inf") == "nan inf");
    CHECK(reduce("add", t, "[1]", "2x", "inf -inf 0 inf 1 1") == "nan inf");
    CHECK(reduce("mul", t, "[1]", "2x", "inf 0 1 -1 inf 1") == "nan -inf");
  }
}

TEST_CASE("sixteen-bit floats accumulate wide and round once") {
  // In f16 itself 2048 + 1 + 1 is 2048.
  CHECK(reduce("add", "f16", "[1]", "2x", "2048 1 1 0x1p-24 1 -1") ==
        "2050 6e-08");
  CHECK(reduce("add", "bf16", "[1]", "2x", "256 1 1 1 1 1") == "258 3");
  CHECK(reduce("add", "f16", "[1]", "2x", "65504 65504 -65504 65504 16 0") ==
        "65504 inf");
  CHECK(reduce("add", "f32", "[1]", "2x", "16777216 1 1 1 1 1") ==
        "16777218 3");
}

TEST_CASE("an empty extent gives the neutral element") {
  auto empty = [](std::string kind, std::string t) {
    return apply("lazy.reduce " + kind + ", %a, [1] : tensor<2x0x" + t +
                     "> -> tensor<2x" + t + ">",
                 {tensor("2x0x" + t, "")});
  };
  for (const char *t : {"f16", "bf16", "f32", "f64"}) {
    CHECK(empty("add", t) == "0 0");
    CHECK(empty("mul", t) == "1 1");
    CHECK(empty("max", t) == "-inf -inf");
    CHECK(empty("min", t) == "inf inf");
  }
  CHECK(empty("add", "i8") == "0 0");
  CHECK(empty("mul", "i8") == "1 1");
  CHECK(empty("max", "i8") == "-128 -128");
  CHECK(empty("min", "i8") == "127 127");
  CHECK(empty("max", "ui16") == "0 0");
  CHECK(empty("min", "ui16") == "65535 65535");
  CHECK(empty("max", "i1") == "0 0");
  CHECK(empty("min", "i1") == "1 1");
  CHECK(empty("min", "i64") == "9223372036854775807 9223372036854775807");
  CHECK(apply("lazy.reduce add, %a, [0] : tensor<3x0xf32> -> tensor<0xf32>",
              {tensor("3x0xf32", "")}) == "");
}

static std::string argReduce(std::string kind, std::string element,
                             std::string x, std::string attributes = "") {
  return apply("lazy.arg_reduce " + kind + ", %a, 1 " + attributes +
                   " : tensor<2x3x" + element + "> -> tensor<2xi64>",
               {tensor("2x3x" + element, x)});
}

TEST_CASE("arg_reduce finds the first or the last of equals") {
  for (const char *t : {"f16", "bf16", "f32", "f64", "i8", "ui8", "i16", "ui16",
                        "i32", "ui32", "i64", "ui64"}) {
    INFO(t);
    CHECK(argReduce("max", t, "1 3 3 2 2 1") == "1 0");
    CHECK(argReduce("max", t, "1 3 3 2 2 1", "{last}") == "2 1");
    CHECK(argReduce("min", t, "1 3 1 2 2 1") == "0 2");
    CHECK(argReduce("min", t, "1 3 1 2 2 1", "{last}") == "2 2");
  }
  CHECK(argReduce("max", "i1", "0 1 1 0 0 0") == "1 0");
  CHECK(argReduce("max", "i8", "-1 -2 -3 -128 127 0") == "0 1");
  CHECK(argReduce("max", "ui8", "128 255 0 1 127 128") == "1 2");
}

TEST_CASE("NaN is the extreme of arg_reduce") {
  for (const char *t : {"f16", "bf16", "f32", "f64"}) {
    INFO(t);
    CHECK(argReduce("max", t, "1 nan inf nan 1 nan") == "1 0");
    CHECK(argReduce("min", t, "1 nan -inf nan 1 nan") == "1 0");
    CHECK(argReduce("max", t, "1 nan inf nan 1 nan", "{last}") == "1 2");
    CHECK(argReduce("max", t, "-inf -inf -inf 0 inf 0") == "0 1");
  }
}

TEST_CASE("arg_reduce along the first axis and of no rows") {
  CHECK(apply("lazy.arg_reduce max, %a, 0 : tensor<2x3xf32> -> tensor<3xi64>",
              {tensor("2x3xf32", "1 5 3 4 2 3")}) == "1 0 0");
  CHECK(apply("lazy.arg_reduce max, %a, 1 : tensor<0x3xf32> -> tensor<0xi64>",
              {tensor("0x3xf32", "")}) == "");
}
