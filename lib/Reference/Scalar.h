//===- Scalar.h - elements and how they compute -----------------*- C++ -*-===//
//
// Every dtype as a C++ type, and the type its arithmetic is done in: f16 and
// bf16 compute in f32 and round once per operation, a bool computes in eight
// bits and keeps the lowest, everything else computes as itself.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_REFERENCE_SCALAR_H
#define NACRE_LIB_REFERENCE_SCALAR_H

#include "nacre/Lazy/Tensor.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <limits>
#include <type_traits>

namespace nacre::reference {

struct Bool {
  uint8_t bits;
};
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};

inline float load(Half x) { return halfToFloat(x.bits); }
inline float load(BFloat x) { return bfloatToFloat(x.bits); }
inline uint8_t load(Bool x) { return x.bits; }
template <typename T> T load(T x) { return x; }

template <typename T> using Compute = decltype(load(T{}));
template <typename T>
constexpr bool isFloat = std::is_floating_point_v<Compute<T>>;

/// Rounds a computed value to the element type.
template <typename T> T store(Compute<T> v) {
  if constexpr (std::is_same_v<T, Half>)
    return {floatToHalf(v)};
  else if constexpr (std::is_same_v<T, BFloat>)
    return {floatToBfloat(v)};
  else if constexpr (std::is_same_v<T, Bool>)
    return {static_cast<uint8_t>(v & 1)};
  else
    return v;
}

/// Calls `f` with a value of the C++ type of `dtype`, for its type only.
template <typename F> decltype(auto) withFloat(DType dtype, F f) {
  switch (dtype) {
  case DType::F16:
    return f(Half{});
  case DType::BF16:
    return f(BFloat{});
  case DType::F32:
    return f(float{});
  case DType::F64:
    return f(double{});
  default:
    llvm_unreachable("a float dtype");
  }
}
template <typename F> decltype(auto) withInteger(DType dtype, F f) {
  switch (dtype) {
  case DType::Bool:
    return f(Bool{});
  case DType::I8:
    return f(int8_t{});
  case DType::U8:
    return f(uint8_t{});
  case DType::I16:
    return f(int16_t{});
  case DType::U16:
    return f(uint16_t{});
  case DType::I32:
    return f(int32_t{});
  case DType::U32:
    return f(uint32_t{});
  case DType::I64:
    return f(int64_t{});
  case DType::U64:
    return f(uint64_t{});
  default:
    llvm_unreachable("an integer dtype");
  }
}
template <typename F> decltype(auto) withElement(DType dtype, F f) {
  return isFloatDType(dtype) ? withFloat(dtype, f) : withInteger(dtype, f);
}
/// An unsigned integer of the element's size: for moving elements unread.
template <typename F> decltype(auto) withBits(DType dtype, F f) {
  switch (dtypeBytes(dtype)) {
  case 1:
    return f(uint8_t{});
  case 2:
    return f(uint16_t{});
  case 4:
    return f(uint32_t{});
  default:
    return f(uint64_t{});
  }
}

//===----------------------------------------------------------------------===//
// lazy.cast
//===----------------------------------------------------------------------===//

/// `v` rounded to `digits` significant binary digits, to nearest even, where
/// the last digit weighs at least 2^`lowest`. The result is exact in f32
/// unless it overflows, which floatToHalf and floatToBfloat make an infinity.
inline float roundDigits(double v, int digits, int lowest) {
  if (v == 0 || !std::isfinite(v))
    return static_cast<float>(v);
  int last = std::max(std::ilogb(v) - (digits - 1), lowest);
  return static_cast<float>(
      std::ldexp(std::nearbyint(std::ldexp(v, -last)), last));
}

/// An integer as a double that rounds to any 16-bit float as the integer does:
/// what does not fit 53 digits is recorded in a sticky last digit.
template <typename Int> double sticky(Int v) {
  bool negative = v < 0;
  uint64_t magnitude = negative ? -static_cast<uint64_t>(v) : v;
  if (magnitude >> 53) {
    bool inexact = magnitude & 0x7ff;
    magnitude = magnitude >> 11 << 11;
    if (inexact)
      magnitude |= 1 << 11;
  }
  double result = static_cast<double>(magnitude);
  return negative ? -result : result;
}

/// Truncates towards zero, saturates at the limits, and maps NaN to 0.
template <typename Int, typename Float> Int truncate(Float v) {
  using Limits = std::numeric_limits<Int>;
  // 2^digits is one past the largest integer and exact in every float type
  // that computes.
  const Float past = std::ldexp(Float(1), Limits::digits);
  if (std::isnan(v))
    return 0;
  if (v >= past)
    return Limits::max();
  if (v <= (Limits::is_signed ? -past : Float(0)))
    return Limits::min();
  return static_cast<Int>(v);
}

template <typename To, typename From> To convert(From x) {
  auto v = load(x);
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (std::is_same_v<To, Bool>)
    return {static_cast<uint8_t>(v != 0)}; // NaN differs from 0
  else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat>) {
    constexpr bool half = std::is_same_v<To, Half>;
    if constexpr (std::is_same_v<decltype(v), float>)
      return store<To>(v);
    else if constexpr (isFloat<From>)
      return store<To>(roundDigits(v, half ? 11 : 8, half ? -24 : -133));
    else
      return store<To>(roundDigits(sticky(v), half ? 11 : 8, -133));
  } else if constexpr (isFloat<From> && !isFloat<To>)
    return truncate<To>(v);
  else
    return static_cast<To>(v); // integers wrap, floats round to nearest even
}

//===----------------------------------------------------------------------===//
// Arithmetic shared by elementwise operations, reductions and contractions
//===----------------------------------------------------------------------===//

/// Sum, difference and product that wrap: done in 64 unsigned bits, of which
/// the lowest are right whatever the width and sign.
template <typename T> T sumOf(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <typename T> T differenceOf(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <typename T> T productOf(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <typename T> bool isNaN(T v) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(v);
  else
    return false;
}
/// The neutral elements of max and min.
template <typename T> T lowestValue() {
  using C = Compute<T>;
  if constexpr (isFloat<T>)
    return store<T>(-std::numeric_limits<C>::infinity());
  else
    return store<T>(std::numeric_limits<C>::min());
}
template <typename T> T highestValue() {
  using C = Compute<T>;
  if constexpr (isFloat<T>)
    return store<T>(std::numeric_limits<C>::infinity());
  else
    return store<T>(std::numeric_limits<C>::max());
}

/// Of equals, zeros of either sign included, the first.
template <typename T> T largerOf(T a, T b) {
  return isNaN(a) ? a : isNaN(b) ? b : a < b ? b : a;
}
template <typename T> T smallerOf(T a, T b) {
  return isNaN(a) ? a : isNaN(b) ? b : b < a ? b : a;
}

} // namespace nacre::reference

#endif // NACRE_LIB_REFERENCE_SCALAR_H
