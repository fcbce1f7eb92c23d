//===- NarrowNumbers.cpp - elements of eight bits and fewer ---------------===//
//
// The floats are those of OCP's "8-bit Floating Point Specification" (e4m3fn,
// e5m2) and "Microscaling Formats" (e8m0, e2m1) and of Noune et al., "8-bit
// Numerical Formats for Deep Neural Networks" (fnuz). All but e8m0 are a sign,
// an exponent and a mantissa as in IEEE 754, so codes without their sign are in
// the order of the numbers; they differ in what the last codes mean.
//
//===----------------------------------------------------------------------===//
#include "nacre/Lazy/Tensor.h"
#include "llvm/Support/ErrorHandling.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace nacre {

namespace {
struct Format {
  int mantissa, bias;
  int sign;     ///< its bit
  int overflow; ///< the code, without a sign, of what is too large
  int nan;      ///< the code of NaN
  bool hasInfinity, hasMinusZero;
};
} // namespace

static Format formatOf(DType dtype) {
  switch (dtype) {
  case DType::F8E4M3FN:
    return {3, 7, 0x80, 0x7f, 0x7f, false, true};
  case DType::F8E4M3FNUZ:
    return {3, 8, 0x80, 0x80, 0x80, false, false};
  case DType::F8E5M2:
    return {2, 15, 0x80, 0x7c, 0x7e, true, true};
  case DType::F8E5M2FNUZ:
    return {2, 16, 0x80, 0x80, 0x80, false, false};
  case DType::F4E2M1:
    return {1, 1, 0x8, 0x7, 0x8, false, true};
  default:
    llvm_unreachable("a narrow float with a sign");
  }
}

static double decodeFloat(DType dtype, uint8_t bits) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (dtype == DType::F8E8M0)
    return bits == 0xff ? nan : std::ldexp(1.0, bits - 127);
  Format f = formatOf(dtype);
  bool negative = bits & f.sign;
  int code = bits & (f.sign - 1);
  double magnitude;
  if (!f.hasMinusZero && bits == f.sign)
    magnitude = nan;
  else if (f.hasInfinity && code >= f.overflow)
    magnitude =
        code == f.overflow ? std::numeric_limits<double>::infinity() : nan;
  else if (code == f.nan)
    magnitude = nan;
  else {
    int one = 1 << f.mantissa, exponent = code / one;
    int digits = code % one + (exponent > 0 ? one : 0);
    magnitude = std::ldexp(digits, std::max(exponent, 1) - f.bias - f.mantissa);
  }
  return std::copysign(magnitude, negative ? -1.0 : 1.0);
}

static uint8_t encodeFloat(DType dtype, double v) {
  if (dtype == DType::F8E8M0) {
    if (!(v > 0) || std::isinf(v))
      return 0xff;
    int exponent;
    double digits = std::frexp(v, &exponent); // from 1/2 to 1
    int code = exponent - 1 + 127 + (digits >= 0.75);
    return std::clamp(code, 0, 0xff);
  }
  Format f = formatOf(dtype);
  if (std::isnan(v))
    return dtype == DType::F4E2M1 ? f.nan
                                  : f.nan | (std::signbit(v) ? f.sign : 0);
  int code = f.overflow;
  double magnitude = std::fabs(v);
  if (magnitude == 0)
    code = 0;
  else if (magnitude < 0x1p20) { // above all of these formats
    // The unit in the last place, and how many of them: rounded to even.
    int smallest = 1 - f.bias;
    int exponent = std::max(std::ilogb(magnitude), smallest);
    double units = std::nearbyint(std::ldexp(magnitude, f.mantissa - exponent));
    code = static_cast<int>(units) + ((exponent - smallest) << f.mantissa);
    code = std::min(code, f.overflow);
  }
  if (code == 0 && !f.hasMinusZero)
    return 0;
  return code | (std::signbit(v) ? f.sign : 0);
}

double narrowToNumber(DType dtype, uint8_t bits) {
  switch (dtype) {
  case DType::I4:
    return (bits & 7) - (bits & 8);
  case DType::U4:
    return bits & 15;
  case DType::I2:
    return (bits & 1) - (bits & 2);
  case DType::U2:
    return bits & 3;
  default:
    return decodeFloat(dtype, bits);
  }
}

uint8_t numberToNarrow(DType dtype, double value) {
  auto integer = [&](double low, double high) -> int {
    return std::isnan(value) ? 0
                             : static_cast<int>(std::clamp(value, low, high));
  };
  switch (dtype) {
  case DType::I4:
    return integer(-8, 7) & 15;
  case DType::U4:
    return integer(0, 15);
  case DType::I2:
    return integer(-2, 1) & 3;
  case DType::U2:
    return integer(0, 3);
  default:
    return encodeFloat(dtype, value);
  }
}

} // namespace nacre
