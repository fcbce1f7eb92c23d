//===- Compare.h - are two tensors the same numbers -------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_COMPARE_H
#define NACRE_LIB_DRIVER_COMPARE_H

#include "nacre/Lazy/Tensor.h"

namespace nacre::driver {

/// What counts as the same.
struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-5;   ///< times the largest magnitude
  int64_t outliers = 0; ///< elements that may lie outside
};

struct Difference {
  bool same = true;
  std::string reason; ///< why not comparable at all; else empty
  double maxAbs = 0, maxRel = 0;
  /// Of floats, in units in the last place of the expected number. Where the
  /// absolute part of the tolerance is the larger one, numbers count as of the
  /// size at which it begins to be.
  double maxUlp = 0;
  int64_t wrongCount = 0, firstWrong = -1;
};

/// Floats agree when |actual - expected| <= rtol * |expected| + atol * the
/// largest finite magnitude of `expected`; NaN agrees with NaN, an infinity
/// with itself. i8 and u8 may be one step apart (quantized values at a
/// rounding border); other integers and bools must be equal. Outliers are
/// numbers: NaN or an infinity on one side only is none.
Difference compare(const Tensor &actual, const Tensor &expected,
                   const Tolerance &tolerance);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_COMPARE_H
