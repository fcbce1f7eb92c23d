// Tensors: sizes, dtypes, element access, and the 16-bit floats exhaustively.

#include "InterpretText.h"
#include "nacre/Lazy/Lazy.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

using namespace nacre;

static float fromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The value of a 16-bit pattern from the definition of the format.
static double defined(uint16_t bits, int mantissaBits) {
  int exponentBits = 15 - mantissaBits;
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  double sign = bits >> 15 ? -1 : 1;
  if (exponent == (1 << exponentBits) - 1)
    return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(mantissa, 1 - bias - mantissaBits);
  return sign * std::ldexp(mantissa + (1 << mantissaBits),
                           exponent - bias - mantissaBits);
}

/// All patterns at once; the first that is wrong, or -1.
template <typename Decode, typename Encode>
static int firstWrong(int mantissaBits, Decode decode, Encode encode) {
  for (int bits = 0; bits < 65536; ++bits) {
    double value = defined(bits, mantissaBits);
    float decoded = decode(bits);
    uint16_t back = encode(decoded);
    if (std::isnan(value)) {
      if (!std::isnan(decoded) || !std::isnan(decode(back)) ||
          back >> 15 != bits >> 15)
        return bits;
    } else if (decoded != value || std::signbit(decoded) != (bits >> 15 == 1) ||
               back != bits) {
      return bits;
    }
  }
  return -1;
}

TEST_CASE("every 16-bit float decodes as defined and encodes back") {
  CHECK(firstWrong(10, halfToFloat, floatToHalf) == -1);
  CHECK(firstWrong(7, bfloatToFloat, floatToBfloat) == -1);
}

/// Between each pair of neighbours: the middle goes to the even one, what is
/// next to the middle to the nearer one.
template <typename Decode, typename Encode>
static int firstWrongMiddle(int infinity, Decode decode, Encode encode) {
  for (int low = 0; low < infinity; ++low) {
    double a = decode(low);
    double b = low + 1 == infinity ? 2 * a - decode(low - 1) : decode(low + 1);
    float middle = static_cast<float>((a + b) / 2);
    int even = low % 2 ? low + 1 : low;
    if (encode(middle) != even || encode(-middle) != (even | 0x8000) ||
        encode(std::nextafter(middle, 0.0f)) != low ||
        encode(std::nextafter(middle, INFINITY)) != low + 1)
      return low;
  }
  return -1;
}

TEST_CASE("encoding rounds to nearest even between all neighbours") {
  CHECK(firstWrongMiddle(0x7c00, halfToFloat, floatToHalf) == -1);
  CHECK(firstWrongMiddle(0x7f80, bfloatToFloat, floatToBfloat) == -1);
}

TEST_CASE("16-bit encoding of extremes") {
  CHECK(floatToHalf(INFINITY) == 0x7c00);
  CHECK(floatToHalf(-INFINITY) == 0xfc00);
  CHECK(floatToHalf(1e30f) == 0x7c00);
  CHECK(floatToHalf(-0.0f) == 0x8000);
  CHECK(floatToHalf(fromBits(1)) == 0);
  CHECK(floatToBfloat(fromBits(1)) == 0);
  CHECK(floatToBfloat(fromBits(0x7f7fffff)) == 0x7f80);
  CHECK(std::isnan(halfToFloat(floatToHalf(NAN))));
  // A NaN whose payload lies in the bits that fall off stays a NaN.
  CHECK(std::isnan(halfToFloat(floatToHalf(fromBits(0x7f800001)))));
  CHECK(std::isnan(bfloatToFloat(floatToBfloat(fromBits(0xff800001)))));
}

/// The codes that a narrow float decodes to and that do not encode back.
static std::string notKept(DType dtype) {
  std::string codes;
  for (int code = 0; code < 1 << dtypeBits(dtype); ++code) {
    double v = narrowToNumber(dtype, code);
    if (!std::isnan(v) && numberToNarrow(dtype, v) != code)
      codes += std::to_string(code) + " ";
  }
  return codes;
}

TEST_CASE("floats of 8 and 4 bits") {
  // Largest, smallest and an odd number of each, of the specifications.
  CHECK(narrowToNumber(DType::F8E4M3FN, 0x7e) == 448);
  CHECK(narrowToNumber(DType::F8E4M3FN, 0x81) == -0x1p-9);
  CHECK(std::isnan(narrowToNumber(DType::F8E4M3FN, 0xff)));
  CHECK(narrowToNumber(DType::F8E4M3FNUZ, 0x7f) == 240);
  CHECK(narrowToNumber(DType::F8E4M3FNUZ, 1) == 0x1p-10);
  CHECK(std::isnan(narrowToNumber(DType::F8E4M3FNUZ, 0x80)));
  CHECK(narrowToNumber(DType::F8E5M2, 0x7b) == 57344);
  CHECK(narrowToNumber(DType::F8E5M2, 0xfc) == -INFINITY);
  CHECK(std::isnan(narrowToNumber(DType::F8E5M2, 0x7d)));
  CHECK(narrowToNumber(DType::F8E5M2FNUZ, 0x7f) == 57344);
  CHECK(narrowToNumber(DType::F8E5M2FNUZ, 1) == 0x1p-17);
  CHECK(narrowToNumber(DType::F8E8M0, 0) == 0x1p-127);
  CHECK(narrowToNumber(DType::F8E8M0, 0xfe) == 0x1p127);
  CHECK(narrowToNumber(DType::F4E2M1, 0xf) == -6);
  CHECK(narrowToNumber(DType::F4E2M1, 1) == 0.5);
  for (DType dtype : {DType::F8E4M3FN, DType::F8E4M3FNUZ, DType::F8E5M2,
                      DType::F8E5M2FNUZ, DType::F8E8M0, DType::F4E2M1}) {
    INFO(dtypeName(dtype));
    CHECK(notKept(dtype) == "");
  }
  // To even, once: beside the middle of 1 and 1.125 a double is not one.
  CHECK(numberToNarrow(DType::F8E4M3FN, 1.0625) == 0x38);
  CHECK(numberToNarrow(DType::F8E4M3FN, 1.0625 + 0x1p-50) == 0x39);
  CHECK(numberToNarrow(DType::F8E4M3FN, 464) == 0x7e);
  CHECK(numberToNarrow(DType::F8E4M3FN, -464.5) == 0xff);
  CHECK(numberToNarrow(DType::F8E5M2, 61440) == 0x7c);
  CHECK(numberToNarrow(DType::F8E5M2FNUZ, 61440) == 0x80);
  CHECK(numberToNarrow(DType::F8E4M3FNUZ, -0.0) == 0);
  CHECK(numberToNarrow(DType::F8E4M3FNUZ, -1e-9) == 0);
  CHECK(numberToNarrow(DType::F8E8M0, 3) == 0x81);
  CHECK(numberToNarrow(DType::F8E8M0, 2.999) == 0x80);
  CHECK(numberToNarrow(DType::F8E8M0, 1e-300) == 0);
  CHECK(numberToNarrow(DType::F8E8M0, 0) == 0xff);
  CHECK(numberToNarrow(DType::F8E8M0, 0x1.8p127) == 0xff);
  CHECK(numberToNarrow(DType::F4E2M1, 1e9) == 7);
  CHECK(numberToNarrow(DType::F4E2M1, NAN) == 8);
}

TEST_CASE("names, sizes and MLIR types of dtypes") {
  mlir::MLIRContext *context = test::context();
  for (int i = 0; i < dtypeCount; ++i) {
    DType dtype = static_cast<DType>(i);
    INFO(dtypeName(dtype));
    CHECK(dtypeFromName(dtypeName(dtype)) == dtype);
    CHECK(dtypeOf(elementType(context, dtype)) == dtype);
    CHECK(lazy::elementBytes(elementType(context, dtype)) == dtypeBytes(dtype));
    CHECK(lazy::elementName(elementType(context, dtype)) == dtypeName(dtype));
  }
  CHECK(dtypeBytes(DType::Bool) == 1);
  CHECK(dtypeBytes(DType::BF16) == 2);
  CHECK(dtypeBytes(DType::U32) == 4);
  CHECK(dtypeBytes(DType::F64) == 8);
  CHECK_FALSE(dtypeFromName("f8"));
  CHECK_FALSE(dtypeFromName(""));
  CHECK_FALSE(dtypeFromName("F32"));
}

TEST_CASE("sizes are checked") {
  const int64_t limit = int64_t(1) << 62;
  CHECK(elementCount({}) == 1);
  CHECK(elementCount({2, 3}) == 6);
  CHECK(elementCount({0, 3}) == 0);
  CHECK(elementCount({limit}) == limit);
  CHECK_FALSE(elementCount({-1}));
  CHECK_FALSE(elementCount({0, -1}));
  CHECK_FALSE(elementCount({limit, 2}));
  CHECK_FALSE(elementCount({limit + 1}));
  CHECK_FALSE(elementCount({int64_t(1) << 32, int64_t(1) << 32}));
  // Beside a zero, too: strides are computed from the other extents.
  CHECK_FALSE(elementCount({0, limit, 2}));
  CHECK(byteSize({2, 3}, DType::F64) == 48);
  CHECK(byteSize({limit / 8}, DType::F64) == limit);
  CHECK_FALSE(byteSize({limit / 4}, DType::F64));
}

TEST_CASE("elements convert on the way in and out") {
  Tensor t = Tensor::zeros(DType::I8, {3});
  t.setNumber(0, 1e9);
  t.setNumber(1, -3.9);
  t.setInteger(2, 300);
  CHECK(test::show(t) == "127 -3 44");
  t = Tensor::zeros(DType::I4, {4});
  t.setNumber(0, 1e9);
  t.setNumber(1, -3.9);
  t.setNumber(2, NAN);
  t.setInteger(3, 300);
  CHECK(test::show(t) == "7 -3 0 -4");
  CHECK(t.data<uint8_t>()[1] == 0xd);
  t = Tensor::zeros(DType::U2, {2});
  t.setNumber(0, -1);
  t.setInteger(1, 7);
  CHECK(test::show(t) == "0 3");
  t = Tensor::zeros(DType::Bool, {3});
  t.setNumber(0, 0.5);
  t.setNumber(1, NAN);
  t.setInteger(2, 0);
  CHECK(test::show(t) == "1 1 0");
  t = Tensor::zeros(DType::BF16, {2});
  t.setInteger(0, 4629700416936869889);
  t.setNumber(1, 0x1.01000000001p0);
  CHECK(test::show(t) == "4647714815446351872 1.01");
  t = Tensor::zeros(DType::U64, {1});
  t.setNumber(0, 1e30);
  CHECK(t.integerAt(0) == -1);
  CHECK(t.numberAt(0) == 18446744073709551615.0);
  t = Tensor::of<float>(DType::F32, {4}, {2.9f, -2.9f, NAN, 1e30f});
  CHECK(t.integerAt(0) == 2);
  CHECK(t.integerAt(1) == -2);
  CHECK(t.integerAt(2) == 0);
  CHECK(t.integerAt(3) == INT64_MAX);
  t = Tensor::of<uint16_t>(DType::F16, {1}, {0x3e00});
  CHECK(t.numberAt(0) == 1.5);
}

TEST_CASE("copies share bytes and views keep their owner alive") {
  Tensor a = Tensor::of<int32_t>(DType::I32, {2}, {1, 2});
  Tensor b = a;
  CHECK(b.bytes == a.bytes);
  auto owner = std::make_shared<std::vector<int32_t>>(2, 7);
  std::weak_ptr<std::vector<int32_t>> watch = owner;
  {
    Tensor view = Tensor::view(DType::I32, {2}, owner->data(), owner);
    owner.reset();
    CHECK_FALSE(watch.expired());
    CHECK(view.integerAt(1) == 7);
  }
  CHECK(watch.expired());
  CHECK(Tensor::zeros(DType::F32, {0}).bytes != nullptr);
}
