// lazy.cast between every pair of dtype classes, and lazy.bitcast.

#include "InterpretText.h"
#include <catch2/catch.hpp>

using namespace nacre::test;

static const char *everyType[] = {"i1",   "i8",   "ui8", "i16",  "ui16",
                                  "i32",  "ui32", "i64", "ui64", "f16",
                                  "bf16", "f32",  "f64"};

TEST_CASE("0 and 1 survive a cast between any two types") {
  for (const char *from : everyType)
    for (const char *to : everyType) {
      INFO(from << " to " << to);
      CHECK(convert(from, to, "0 1") == "0 1");
    }
}

TEST_CASE("small integers survive a cast between any two wider types") {
  for (const char *from : everyType)
    for (const char *to : everyType)
      if (std::string(from) != "i1" && std::string(to) != "i1") {
        INFO(from << " to " << to);
        CHECK(convert(from, to, "2 100 127") == "2 100 127");
      }
}

TEST_CASE("a float becomes an integer towards zero, saturated, NaN as 0") {
  for (const char *from : {"f16", "bf16", "f32", "f64"}) {
    INFO(from);
    const char *x = "1.75 -1.75 -0.5 nan inf -inf";
    CHECK(convert(from, "i8", x) == "1 -1 0 0 127 -128");
    CHECK(convert(from, "ui8", x) == "1 0 0 0 255 0");
    CHECK(convert(from, "i16", x) == "1 -1 0 0 32767 -32768");
    CHECK(convert(from, "ui16", x) == "1 0 0 0 65535 0");
    CHECK(convert(from, "i32", x) == "1 -1 0 0 2147483647 -2147483648");
    CHECK(convert(from, "ui32", x) == "1 0 0 0 4294967295 0");
    CHECK(convert(from, "i64", x) ==
          "1 -1 0 0 9223372036854775807 -9223372036854775808");
    CHECK(convert(from, "ui64", x) == "1 0 0 0 18446744073709551615 0");
  }
}

TEST_CASE("narrow types: by way of f32 or an integer of 8 bits") {
  const char *narrow[] = {"f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ",
                          "f4E2M1FN", "i4",         "ui4",    "ui2"};
  for (const char *type : narrow) {
    for (const char *other : everyType) {
      INFO(type << " and " << other);
      CHECK(convert(other, type, "0 1") == "0 1");
      CHECK(convert(type, other, "0 1") == "0 1");
    }
    for (const char *other : narrow)
      CHECK(convert(other, type, "0 1") == "0 1");
    CHECK(convert("f8E8M0FNU", type, "1") == "1");
    CHECK(convert(type, "f8E8M0FNU", "0 1") == "nan 1");
  }
  CHECK(convert("f32", "i4", "7.9 8 -8.9 -9 nan inf") == "7 7 -8 -8 0 7");
  CHECK(convert("i32", "i4", "7 8 -8 -9 300") == "7 -8 -8 7 -4");
  CHECK(convert("ui8", "ui2", "3 4 255") == "3 0 3");
  CHECK(convert("i2", "ui8", "-1 1") == "255 1");
  CHECK(convert("i2", "f32", "-1 -2") == "-1 -2");
  CHECK(convert("f8E5M2", "i4", "-1.75 inf nan") == "-1 7 0");
  CHECK(convert("f8E5M2", "i1", "-0 nan 0.5") == "0 1 1");
  CHECK(convert("i64", "f8E5M2", "9223372036854775807 -57344") == "inf -57344");
  CHECK(convert("f64", "f8E4M3FN", "1.0625 1.06250000001 464 465") ==
        "1 1.1 448 nan");
  CHECK(convert("f32", "f8E4M3FNUZ", "-0 1e9 -1e-9") == "0 nan 0");
  CHECK(convert("f32", "f4E2M1FN", "1e9 -inf 0.25 0.75 nan -0") ==
        "6 -6 0 1 -0 -0");
  CHECK(convert("f32", "f8E8M0FNU", "1.5 1.49 -1 0 inf") == "2 1 nan nan nan");
  CHECK(convert("f4E2M1FN", "i4", "-6 0.5", "bitcast") == "-1 1");
  CHECK(convert("f8E4M3FN", "ui8", "-448 0.25", "bitcast") == "254 40");
}

TEST_CASE("saturation begins at the limits") {
  CHECK(convert("f32", "i8", "127 127.9 128 -128 -128.9 -129") ==
        "127 127 127 -128 -128 -128");
  CHECK(convert("f32", "ui8", "255 255.9 256 -0.9 -1") == "255 255 255 0 0");
  CHECK(convert("f32", "i32", "2147483520 2147483648 -2147483648 -3e9") ==
        "2147483520 2147483647 -2147483648 -2147483648");
  CHECK(convert("f64", "i32", "2147483647.5 2147483648 -2147483648.5") ==
        "2147483647 2147483647 -2147483648");
  CHECK(convert("f32", "ui32", "4294967040 4294967296") ==
        "4294967040 4294967295");
  CHECK(convert("f64", "i64", "9223372036854774784 9223372036854775808") ==
        "9223372036854774784 9223372036854775807");
  CHECK(convert("f32", "i64", "-9223372036854775808 -1e30") ==
        "-9223372036854775808 -9223372036854775808");
  CHECK(convert("f64", "ui64", "18446744073709549568 18446744073709551616") ==
        "18446744073709549568 18446744073709551615");
  CHECK(convert("f16", "i16", "65504 -65504") == "32767 -32768");
  CHECK(convert("bf16", "i32", "1e38") == "2147483647");
}

TEST_CASE("integers wrap when narrowed and extend by their sign") {
  CHECK(convert("i32", "i8", "128 255 256 -129") == "-128 -1 0 127");
  CHECK(convert("i64", "ui8", "-1 256 511") == "255 0 255");
  CHECK(convert("i64", "i32", "4294967296 2147483648") == "0 -2147483648");
  CHECK(convert("ui8", "i8", "255 128") == "-1 -128");
  CHECK(convert("i8", "ui8", "-1") == "255");
  CHECK(convert("i8", "i64", "-1") == "-1");
  CHECK(convert("i8", "ui64", "-1") == "18446744073709551615");
  CHECK(convert("ui8", "i64", "255") == "255");
  CHECK(convert("ui32", "i64", "4294967295") == "4294967295");
  CHECK(convert("ui64", "i64", "18446744073709551615") == "-1");
  CHECK(convert("i1", "i8", "1") == "1");
}

TEST_CASE("anything but 0 is true") {
  for (const char *from : {"f16", "bf16", "f32", "f64"})
    CHECK(convert(from, "i1", "0 -0 0.25 nan -inf 256") == "0 0 1 1 1 1");
  for (const char *from : {"i16", "i32", "i64"})
    CHECK(convert(from, "i1", "0 256 -1 2") == "0 1 1 1");
  CHECK(convert("ui64", "i1", "9223372036854775808") == "1");
  CHECK(convert("f32", "i1", "0x1p-149") == "1");
}

TEST_CASE("integers round to the nearest float, halves to even") {
  CHECK(convert("i32", "f32", "16777217 16777219 -16777217 2147483647") ==
        "16777216 16777220 -16777216 2147483648");
  CHECK(convert("i64", "f64", "9007199254740993 -9007199254740995") ==
        "9007199254740992 -9007199254740996");
  CHECK(convert("i64", "f32", "9223372036854775807") == "9.223372e+18");
  CHECK(convert("ui64", "f64", "18446744073709551615") ==
        "1.8446744073709552e+19");
  CHECK(convert("ui32", "f32", "4294967295") == "4294967296");
  CHECK(convert("i32", "f16", "2049 2051 65519 65520 -100000") ==
        "2048 2052 65504 inf -inf");
  CHECK(convert("i32", "bf16", "257 259 -257") == "256 260 -256");
  // Rounded through f32 or f64 these would be ties that go to even.
  CHECK(convert("i32", "bf16", "16842753") == "16908288");
  CHECK(convert("i64", "bf16", "4629700416936869889") == "4647714815446351872");
  CHECK(convert("i64", "bf16", "4629700416936869888") == "4611686018427387904");
}

TEST_CASE("floats round to the nearest narrower float, halves to even") {
  CHECK(convert("f64", "f32", "1.1 0x1.000001p0 0x1.000003p0 1e39 -1e-50") ==
        "1.1 1 1.0000002 inf -0");
  CHECK(convert("f32", "f16", "65519 65520 2049 2051 0x1p-25 0x1.8p-25 nan") ==
        "65504 inf 2048 2052 0 6e-08 nan");
  CHECK(convert("f32", "bf16", "257 259 0x1.fffffep127 0x1p-134 -inf") ==
        "256 260 inf 0 -inf");
  // Just above half: through f32 it would become the tie and go to even.
  CHECK(convert("f64", "f16", "0x1.002000000001p0 0x1.002p0") == "1.001 1");
  CHECK(convert("f64", "bf16", "0x1.01000000001p0 0x1.01p0") == "1.01 1");
  CHECK(convert("f64", "f16", "0x1.000000000001p-25 0x1p-25 1e300") ==
        "6e-08 0 inf");
  CHECK(convert("f16", "f64", "0x1p-24 65504") ==
        "5.9604644775390625e-08 65504");
  CHECK(convert("bf16", "f32", "0x1p-133 0x1.fep127") ==
        "9.1835e-41 3.3895314e+38");
  CHECK(convert("bf16", "f16", "65536 0x1p-30 1.5") == "inf 0 1.5");
}

TEST_CASE("bitcast keeps the bits") {
  CHECK(convert("f32", "i32", "1 -0", "bitcast") == "1065353216 -2147483648");
  CHECK(convert("i32", "f32", "1065353216 2143289344", "bitcast") == "1 nan");
  CHECK(convert("f64", "ui64", "-2", "bitcast") == "13835058055282163712");
  CHECK(convert("f16", "bf16", "1", "bitcast") == "0.0078");
  CHECK(convert("f16", "ui16", "1", "bitcast") == "15360");
  CHECK(convert("i8", "ui8", "-1", "bitcast") == "255");
}
