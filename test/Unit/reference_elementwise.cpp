// Literal numbers for every elementwise primitive and every class of dtype.

#include "InterpretText.h"
#include <catch2/catch.hpp>

using namespace nacre::test;

static const char *floats[] = {"f16", "bf16", "f32", "f64"};
static const char *signedInts[] = {"i8", "i16", "i32", "i64"};
static const char *unsignedInts[] = {"ui8", "ui16", "ui32", "ui64"};

TEST_CASE("floats of every width add, subtract, multiply and divide") {
  for (const char *t : floats) {
    INFO(t);
    CHECK(binary("add", t, "1.5 -0 -0 inf inf", "2 0 -0 1 -inf") ==
          "3.5 0 -0 inf nan");
    CHECK(binary("sub", t, "1.5 0 inf", "2 0 inf") == "-0.5 0 nan");
    CHECK(binary("mul", t, "1.5 -1 0 inf", "2 0 inf inf") == "3 -0 nan inf");
    CHECK(binary("div", t, "3 -1 0 1", "2 0 0 inf") == "1.5 -inf nan 0");
    CHECK(binary("rem", t, "5.5 -5.5 5.5 -0 1 2 nan", "2 2 -2 1 0 inf 1") ==
          "1.5 -1.5 1.5 -0 nan 2 nan");
    CHECK(unary("neg", t, "1 0 -0 -inf nan") == "-1 -0 0 inf nan");
    CHECK(unary("abs", t, "-1.5 -0 -inf nan") == "1.5 0 inf nan");
  }
}

TEST_CASE("sixteen-bit floats round once per operation") {
  CHECK(binary("add", "f16", "2048 2049 65504 1", "1 1 16 0x1p-11") ==
        "2048 2048 inf 1");
  CHECK(binary("add", "f16", "1.0009765625", "0x1p-11") == "1.002");
  CHECK(binary("mul", "f16", "0x1p-14 0x1p-24 0x1.8p-24", "0.5 0.5 0.5") ==
        "3.05e-05 0 6e-08");
  CHECK(binary("add", "bf16", "256 257", "1 2") == "256 258");
  // A sum of three in f16 is two roundings, not one.
  CHECK(interpret(R"(func.func @main(%a: tensor<1xf16>, %b: tensor<1xf16>)
      -> tensor<1xf16> {
    %0 = lazy.add %a, %b : tensor<1xf16>
    %1 = lazy.add %0, %b : tensor<1xf16>
    return %1 : tensor<1xf16>
  })",
                  {tensor("1xf16", "2048"), tensor("1xf16", "1")}) == "2048");
}

TEST_CASE("transcendental functions of floats") {
  for (const char *t : {"f32", "f64"}) {
    INFO(t);
    CHECK(unary("exp", t, "0 -inf inf nan 1000") == "1 0 inf nan inf");
    CHECK(unary("log", t, "1 0 -0 -1 inf nan") == "0 -inf -inf nan inf nan");
    CHECK(unary("sqrt", t, "4 2.25 -0 -1 inf") == "2 1.5 -0 nan inf");
    CHECK(unary("sin", t, "0 -0 inf") == "0 -0 nan");
    CHECK(unary("cos", t, "0 -0 inf") == "1 1 nan");
    CHECK(unary("tanh", t, "0 -0 inf -inf nan") == "0 -0 1 -1 nan");
    CHECK(unary("erf", t, "0 -0 inf -inf nan") == "0 -0 1 -1 nan");
  }
  CHECK(unary("exp", "f32", "1 -1 88.5 -104") ==
        "2.7182817 0.36787945 2.723088e+38 0");
  CHECK(unary("log", "f32", "2 10 0x1p-149") ==
        "0.6931472 2.3025851 -103.27893");
  CHECK(unary("sin", "f32", "1 3.1415927 100") ==
        "0.84147096 -8.742278e-08 -0.50636566");
  CHECK(unary("cos", "f32", "1 3.1415927") == "0.5403023 -1");
  CHECK(unary("tanh", "f32", "0.5 -2") == "0.46211717 -0.9640276");
  CHECK(unary("erf", "f32", "0.5 -1") == "0.5204999 -0.8427008");
  CHECK(unary("exp", "f64", "1") == "2.718281828459045");
  CHECK(unary("log", "f64", "10") == "2.302585092994046");
  CHECK(unary("erf", "f64", "0.5") == "0.5204998778130465");
  CHECK(unary("exp", "f16", "1 12") == "2.719 inf");
  CHECK(unary("sqrt", "bf16", "2") == "1.414");
}

TEST_CASE("rounding to integers") {
  for (const char *t : floats) {
    INFO(t);
    CHECK(unary("floor", t, "1.5 -1.5 -0 inf nan") == "1 -2 -0 inf nan");
    CHECK(unary("ceil", t, "1.5 -1.5 -0.5 -inf nan") == "2 -1 -0 -inf nan");
    CHECK(unary("round", t, "0.5 1.5 2.5 -0.5 -1.5 2.25 nan") ==
          "0 2 2 -0 -2 2 nan");
  }
  CHECK(unary("round", "f64", "0x1.fffffffffffffp-2 4503599627370497.5") ==
        "0 4503599627370498");
}

TEST_CASE("pow follows IEEE 754") {
  for (const char *t : floats) {
    INFO(t);
    CHECK(binary("pow", t, "2 2 -2 -2 4 -8", "3 -1 3 2 0.5 0.5") ==
          "8 0.5 -8 4 2 nan");
    CHECK(binary("pow", t, "0 0 -0 nan 1 inf 0.5", "0 -1 -1 0 nan -1 inf") ==
          "1 inf -inf 1 1 0 0");
  }
}

TEST_CASE("max and min give NaN when either is NaN") {
  for (const char *t : floats) {
    INFO(t);
    CHECK(binary("max", t, "1 -1 nan 1 inf -inf", "2 -2 1 nan 1 nan") ==
          "2 -1 nan nan inf nan");
    CHECK(binary("min", t, "1 -1 nan 1 inf -inf", "2 -2 1 nan 1 nan") ==
          "1 -2 nan nan 1 nan");
  }
  for (const char *t : signedInts) {
    CHECK(binary("max", t, "1 -1 -128", "-2 3 127") == "1 3 127");
    CHECK(binary("min", t, "1 -1 -128", "-2 3 127") == "-2 -1 -128");
  }
  for (const char *t : unsignedInts) {
    CHECK(binary("max", t, "1 255", "2 0") == "2 255");
    CHECK(binary("min", t, "1 255", "2 0") == "1 0");
  }
}

TEST_CASE("signed integers wrap") {
  CHECK(binary("add", "i8", "127 -128 100", "1 -1 100") == "-128 127 -56");
  CHECK(binary("sub", "i8", "-128 127", "1 -1") == "127 -128");
  CHECK(binary("mul", "i8", "64 -128 -1", "2 -1 -1") == "-128 -128 1");
  CHECK(binary("mul", "i16", "-32768 300", "-1 300") == "-32768 24464");
  CHECK(binary("add", "i32", "2147483647", "1") == "-2147483648");
  CHECK(binary("mul", "i32", "65536 46341", "65536 46341") == "0 -2147479015");
  CHECK(binary("add", "i64", "9223372036854775807", "1") ==
        "-9223372036854775808");
  CHECK(binary("mul", "i64", "4294967296", "4294967296") == "0");
  CHECK(unary("neg", "i8", "1 -128 0") == "-1 -128 0");
  CHECK(unary("abs", "i8", "-1 -128 127") == "1 -128 127");
  CHECK(unary("neg", "i64", "-9223372036854775808") == "-9223372036854775808");
}

TEST_CASE("unsigned integers wrap") {
  CHECK(binary("add", "ui8", "255 200", "1 100") == "0 44");
  CHECK(binary("sub", "ui8", "0", "1") == "255");
  CHECK(binary("mul", "ui16", "65535 256", "65535 256") == "1 0");
  CHECK(binary("sub", "ui32", "0", "1") == "4294967295");
  CHECK(binary("sub", "ui64", "0", "1") == "18446744073709551615");
  CHECK(unary("neg", "ui8", "1 0 128") == "255 0 128");
  CHECK(unary("abs", "ui8", "255") == "255");
}

TEST_CASE("integer division never traps") {
  for (const char *t : signedInts) {
    INFO(t);
    CHECK(binary("div", t, "7 -7 7 -7 5 0", "2 2 -2 -2 0 0") ==
          "3 -3 -3 3 0 0");
    CHECK(binary("rem", t, "7 -7 7 -7 5 -5", "2 2 -2 -2 0 -1") ==
          "1 -1 1 -1 0 0");
  }
  CHECK(binary("div", "i8", "-128", "-1") == "-128");
  CHECK(binary("div", "i16", "-32768", "-1") == "-32768");
  CHECK(binary("div", "i32", "-2147483648", "-1") == "-2147483648");
  CHECK(binary("div", "i64", "-9223372036854775808", "-1") ==
        "-9223372036854775808");
  CHECK(binary("rem", "i8", "-128", "-1") == "0");
  CHECK(binary("rem", "i64", "-9223372036854775808", "-1") == "0");
  for (const char *t : unsignedInts) {
    INFO(t);
    CHECK(binary("div", t, "255 7 5", "2 255 0") == "127 0 0");
    CHECK(binary("rem", t, "255 7 5", "2 255 0") == "1 7 0");
  }
  CHECK(binary("div", "ui64", "18446744073709551615", "2") ==
        "9223372036854775807");
}

TEST_CASE("a bool is an unsigned integer of one bit") {
  CHECK(binary("add", "i1", "0 0 1 1", "0 1 0 1") == "0 1 1 0");
  CHECK(binary("sub", "i1", "0 0 1 1", "0 1 0 1") == "0 1 1 0");
  CHECK(binary("mul", "i1", "0 0 1 1", "0 1 0 1") == "0 0 0 1");
  CHECK(binary("div", "i1", "0 0 1 1", "0 1 0 1") == "0 0 0 1");
  CHECK(binary("rem", "i1", "0 0 1 1", "0 1 0 1") == "0 0 0 0");
  CHECK(binary("max", "i1", "0 0 1 1", "0 1 0 1") == "0 1 1 1");
  CHECK(binary("min", "i1", "0 0 1 1", "0 1 0 1") == "0 0 0 1");
  CHECK(binary("and", "i1", "0 0 1 1", "0 1 0 1") == "0 0 0 1");
  CHECK(binary("or", "i1", "0 0 1 1", "0 1 0 1") == "0 1 1 1");
  CHECK(binary("xor", "i1", "0 0 1 1", "0 1 0 1") == "0 1 1 0");
  CHECK(binary("shl", "i1", "0 0 1 1", "0 1 0 1") == "0 0 1 0");
  CHECK(binary("shr", "i1", "0 0 1 1", "0 1 0 1") == "0 0 1 0");
  CHECK(unary("not", "i1", "0 1") == "1 0");
  CHECK(unary("neg", "i1", "0 1") == "0 1");
  CHECK(unary("abs", "i1", "0 1") == "0 1");
  CHECK(compare("lt", "i1", "0 0 1 1", "0 1 0 1") == "0 1 0 0");
}

TEST_CASE("bits of integers") {
  for (const char *t : signedInts) {
    INFO(t);
    CHECK(binary("and", t, "12 -1", "10 5") == "8 5");
    CHECK(binary("or", t, "12 -128", "10 1") == "14 -127");
    CHECK(binary("xor", t, "12 -1", "10 5") == "6 -6");
    CHECK(unary("not", t, "0 -1 5") == "-1 0 -6");
  }
  CHECK(binary("and", "ui8", "255", "129") == "129");
  CHECK(unary("not", "ui8", "0 5") == "255 250");
  CHECK(unary("not", "ui16", "0") == "65535");
  CHECK(unary("not", "ui32", "0") == "4294967295");
  CHECK(unary("not", "ui64", "0") == "18446744073709551615");
}

TEST_CASE("shifts fill when they are over-wide") {
  CHECK(binary("shl", "i8", "1 1 1 3 -1", "0 7 8 127 1") == "1 -128 0 0 -2");
  CHECK(binary("shl", "ui8", "255 255 1", "1 8 255") == "254 0 0");
  CHECK(binary("shl", "i32", "1 1 1", "31 32 33") == "-2147483648 0 0");
  CHECK(binary("shl", "i64", "1 1", "63 64") == "-9223372036854775808 0");
  CHECK(binary("shl", "ui64", "1 1", "63 64") == "9223372036854775808 0");
  CHECK(binary("shr", "i8", "-128 -128 127 -1", "7 8 8 100") == "-1 -1 0 -1");
  CHECK(binary("shr", "ui8", "255 255 128", "1 8 7") == "127 0 1");
  CHECK(binary("shr", "i16", "-32768 -32768", "15 16") == "-1 -1");
  CHECK(binary("shr", "ui16", "65535 65535", "15 16") == "1 0");
  CHECK(binary("shr", "i32", "-5 5", "1 1") == "-3 2");
  CHECK(binary("shr", "ui32", "4294967295 1", "31 32") == "1 0");
  CHECK(binary("shr", "i64", "-9223372036854775808 1", "63 64") == "-1 0");
  CHECK(binary("shr", "ui64", "18446744073709551615 1", "63 64") == "1 0");
  // A negative amount is read as unsigned, so it is over-wide.
  CHECK(binary("shl", "i8", "1", "-1") == "0");
  CHECK(binary("shr", "i8", "-7 7", "-1 -1") == "-1 0");
}

TEST_CASE("comparisons with NaN are false, except ne") {
  for (const char *t : floats) {
    INFO(t);
    const char *a = "1 1 2 nan 1 nan -0 inf", *b = "1 2 1 1 nan nan 0 inf";
    CHECK(compare("eq", t, a, b) == "1 0 0 0 0 0 1 1");
    CHECK(compare("ne", t, a, b) == "0 1 1 1 1 1 0 0");
    CHECK(compare("lt", t, a, b) == "0 1 0 0 0 0 0 0");
    CHECK(compare("le", t, a, b) == "1 1 0 0 0 0 1 1");
    CHECK(compare("gt", t, a, b) == "0 0 1 0 0 0 0 0");
    CHECK(compare("ge", t, a, b) == "1 0 1 0 0 0 1 1");
  }
}

TEST_CASE("integers compare by their sign") {
  for (const char *t : signedInts) {
    CHECK(compare("lt", t, "-1 1 1", "1 -1 1") == "1 0 0");
    CHECK(compare("ge", t, "-1 1 1", "1 -1 1") == "0 1 1");
  }
  for (const char *t : unsignedInts) {
    CHECK(compare("gt", t, "255 1 1", "1 255 1") == "1 0 0");
    CHECK(compare("le", t, "255 1 1", "1 255 1") == "0 1 1");
    CHECK(compare("eq", t, "255 1", "1 1") == "0 1");
    CHECK(compare("ne", t, "255 1", "1 1") == "1 0");
  }
  CHECK(compare("lt", "i64", "-9223372036854775808", "9223372036854775807") ==
        "1");
  CHECK(compare("lt", "ui64", "9223372036854775807", "9223372036854775808") ==
        "1");
}

TEST_CASE("where picks elements of any type untouched") {
  for (const char *t : {"i1", "i8", "ui16", "i32", "ui64"}) {
    std::string type = "3x" + std::string(t);
    CHECK(apply("lazy.where %a, %b, %c : tensor<3xi1>, tensor<" + type + ">",
                {tensor("3xi1", "1 0 1"), tensor(type, "1 1 0"),
                 tensor(type, "0 0 1")}) == "1 0 0");
  }
  for (const char *t : floats) {
    std::string type = "3x" + std::string(t);
    CHECK(apply("lazy.where %a, %b, %c : tensor<3xi1>, tensor<" + type + ">",
                {tensor("3xi1", "1 0 1"), tensor(type, "1.5 nan -0"),
                 tensor(type, "nan 2.5 nan")}) == "1.5 2.5 -0");
  }
}

TEST_CASE("elementwise operations of rank 0 and of no elements") {
  CHECK(apply("lazy.add %a, %b : tensor<f32>",
              {tensor("f32", "1"), tensor("f32", "2")}) == "3");
  CHECK(apply("lazy.add %a, %b : tensor<0x3xf32>",
              {tensor("0x3xf32", ""), tensor("0x3xf32", "")}) == "");
  CHECK(apply("lazy.exp %a : tensor<2x2xf32>",
              {tensor("2x2xf32", "0 0 0 0")}) == "1 1 1 1");
}

TEST_CASE("require is its operand, or an error with the message") {
  auto run = [](const char *element, const char *x, const char *ok) {
    std::string type = "2x" + std::string(element);
    return apply("lazy.require %a, %b {status = 9 : i32, message = \"the loss "
                 "is not finite\"} : tensor<" +
                     type + ">",
                 {tensor(type, x), tensor("2xi1", ok)});
  };
  CHECK(run("f32", "1.5 nan", "1 1") == "1.5 nan");
  CHECK(run("i1", "0 1", "1 1") == "0 1");
  CHECK(run("ui64", "18446744073709551615 0", "1 1") ==
        "18446744073709551615 0");
  CHECK(run("f32", "1 2", "1 0") ==
        "error: lazy.require: the loss is not finite");
  CHECK(run("f32", "1 2", "0 1") ==
        "error: lazy.require: the loss is not finite");
}
