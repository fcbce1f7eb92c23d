//===- Compare.cpp - are two tensors the same numbers ---------------------===//

#include "Compare.h"
#include "Data.h"
#include <cmath>

namespace nacre::driver {

/// The distance of neighbours near `v` in a float type.
static double unitAt(DType dtype, double v) {
  int digits = 52, least = -1022;
  if (dtype == DType::F32)
    digits = 23, least = -126;
  else if (dtype == DType::BF16)
    digits = 7, least = -126;
  else if (dtype == DType::F16)
    digits = 10, least = -14;
  int exponent = v == 0 ? least : std::max(std::ilogb(v), least);
  return std::ldexp(1.0, exponent - digits);
}

Difference compare(const Tensor &actual, const Tensor &given,
                   const Tolerance &tolerance) {
  const Tensor expected = asElements(given, actual.dtype);
  Difference result;
  if (actual.dtype != expected.dtype)
    result.reason = std::string("dtype is ") + dtypeName(actual.dtype) +
                    ", expected " + dtypeName(expected.dtype);
  else if (actual.shape != expected.shape)
    result.reason = "shape is " + shapeText(actual.shape) + ", expected " +
                    shapeText(expected.shape);
  if (!result.reason.empty()) {
    result.same = false;
    return result;
  }
  int64_t count = expected.count();
  auto note = [&](int64_t i, double difference, double magnitude, bool ok) {
    result.maxAbs = std::max(result.maxAbs, difference);
    if (magnitude > 0)
      result.maxRel = std::max(result.maxRel, difference / magnitude);
    if (!ok && result.wrongCount++ == 0)
      result.firstWrong = i;
  };
  if (!isFloatDType(expected.dtype)) {
    bool stepAllowed =
        expected.dtype == DType::I8 || expected.dtype == DType::U8;
    for (int64_t i = 0; i < count; ++i) {
      int64_t a = actual.integerAt(i), e = expected.integerAt(i);
      uint64_t apart =
          a > e ? uint64_t(a) - uint64_t(e) : uint64_t(e) - uint64_t(a);
      note(i, double(apart), std::abs(double(e)),
           apart <= (stepAllowed ? 1u : 0u));
    }
    result.same = result.wrongCount <= tolerance.outliers;
    return result;
  }
  bool numbersMet = true;
  bool hasUnits = dtypeBits(expected.dtype) >= 16;
  double largest = 0;
  for (int64_t i = 0; i < count; ++i)
    if (double e = std::abs(expected.numberAt(i)); std::isfinite(e))
      largest = std::max(largest, e);
  double least =
      tolerance.rtol > 0
          ? std::min(largest, largest * tolerance.atol / tolerance.rtol)
          : 0;
  for (int64_t i = 0; i < count; ++i) {
    double a = actual.numberAt(i), e = expected.numberAt(i);
    if (std::isnan(a) && std::isnan(e))
      continue;
    if (!std::isfinite(a) || !std::isfinite(e)) {
      if (a != e) {
        result.maxUlp = INFINITY;
        note(i, INFINITY, 0, false);
        numbersMet = false;
      }
      continue;
    }
    double apart = std::abs(a - e);
    if (hasUnits)
      result.maxUlp =
          std::max(result.maxUlp, apart / unitAt(expected.dtype,
                                                 std::max(std::abs(e), least)));
    note(i, apart, std::abs(e),
         apart <= tolerance.rtol * std::abs(e) + tolerance.atol * largest);
  }
  result.same = numbersMet && result.wrongCount <= tolerance.outliers;
  return result;
}

} // namespace nacre::driver
