//===- Numbers.cpp - what tests compute with, and distances ---------------===//

#include "Differential.h"
#include <cmath>

namespace nacre::test {

Tolerance roundings(DType dtype, double units, double absolute) {
  double ulp = dtype == DType::F16    ? 0x1p-10
               : dtype == DType::BF16 ? 0x1p-7
               : dtype == DType::F32  ? 0x1p-23
                                      : 0x1p-52;
  return {units * ulp, absolute};
}

double unitAt(DType dtype, double v) {
  if (under.narrowsF64() && dtype == DType::F64)
    dtype = DType::F32;
  int digits = dtype == DType::F16    ? 10
               : dtype == DType::BF16 ? 7
               : dtype == DType::F32  ? 23
                                      : 52;
  int least = dtype == DType::F16 ? -14 : dtype == DType::F64 ? -1022 : -126;
  int exponent = v == 0 ? least : std::max(std::ilogb(v), least);
  return std::ldexp(1.0, exponent - digits);
}

Tensor held(Tensor t) {
  bool narrows = t.dtype == DType::F64 && under.narrowsF64();
  bool flushes = under.flushes() && isFloat(t.dtype) && t.dtype != DType::F16;
  if (!narrows && !flushes)
    return t;
  Tensor result = Tensor::zeros(t.dtype, t.shape);
  std::memcpy(result.data<uint8_t>(), t.bytes, t.byteCount());
  for (int64_t i = 0; i < t.count(); ++i) {
    double v = t.numberAt(i);
    if (flushes && v != 0 && std::fabs(v) < 0x1p-126)
      result.setNumber(i, std::copysign(0.0, v));
    else if (narrows)
      result.setNumber(i, float(v));
  }
  return result;
}

Tensor random(DType dtype, ArrayRef<int64_t> shape, std::mt19937_64 &rng,
              Values values) {
  Tensor t = Tensor::zeros(dtype, shape);
  static const double floats[] = {
      0.0,          -0.0,   1,       -1,     0.5,          -2.5,
      3.5,          1e-40,  -1e-40,  1e30,   -1e30,        127.5,
      128,          255.5,  256,     32768,  2147483648.0, -2147483648.0,
      4294967296.0, 9.3e18, -9.3e18, 1.9e19, INFINITY,     -INFINITY,
      NAN};
  for (int64_t i = 0; i < t.count(); ++i) {
    uint64_t bits = rng();
    if (dtype == DType::Bool)
      t.setInteger(i, bits & 1);
    else if (values == Values::Small && isFloat(dtype))
      t.setNumber(i, double(int64_t(bits % 33) - 16) / 4);
    else if (values == Values::Small)
      t.setInteger(i, int64_t(bits % 11) -
                          (dtype == DType::U8 || dtype == DType::U16 ||
                                   dtype == DType::U32 || dtype == DType::U64
                               ? 0
                               : 5));
    else if (isFloat(dtype) && bits % 3)
      t.setNumber(i, floats[(bits >> 8) % std::size(floats)]);
    else if (isFloat(dtype))
      t.setNumber(
          i, std::ldexp(double(int64_t(rng())), -63 + int(bits >> 8) % 12));
    else if (bits % 2 == 0)
      t.setInteger(i,
                   int64_t(rng() >> (bits >> 8) % 64)); // any magnitude, wraps
    else {
      int64_t width = 8 * dtypeBytes(dtype);
      const int64_t edge[] = {0,
                              1,
                              -1,
                              2,
                              int64_t(uint64_t(1) << (width - 1)),
                              int64_t((uint64_t(1) << (width - 1)) - 1),
                              width,
                              width - 1};
      t.setInteger(i, edge[(bits >> 8) % std::size(edge)]);
    }
  }
  return t;
}

Tolerance asHeld(Tolerance t, DType dtype) {
  if (dtype == DType::F64 && under.narrowsF64()) // rounded to f32 at least once
    t = {std::max(t.relative * 0x1p29, 0x1p-23), t.absolute * 0x1p29};
  if (under.flushes() && isFloat(dtype) && dtype != DType::F16)
    t.absolute = std::max(t.absolute, 0x1p-126);
  return t;
}

} // namespace nacre::test
