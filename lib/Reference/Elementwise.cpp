//===- Elementwise.cpp - one element at a time ----------------------------===//
//
// Transcendental functions are taken in f64 and rounded: an oracle should be
// closer to the truth than what it judges. Arithmetic is done in the compute
// type of Scalar.h.
//
//===----------------------------------------------------------------------===//

#include "Evaluators.h"
#include "Scalar.h"

using namespace mlir;

namespace nacre::reference {

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

template <typename T, typename F>
static void mapUnary(const Tensor &x, Tensor &out, F f) {
  const T *from = x.data<T>();
  T *to = out.data<T>();
  for (int64_t i = 0, n = out.count(); i < n; ++i)
    to[i] = store<T>(f(load(from[i])));
}

template <typename T, typename F>
static void mapBinary(const Tensor &a, const Tensor &b, Tensor &out, F f) {
  const T *left = a.data<T>(), *right = b.data<T>();
  T *to = out.data<T>();
  for (int64_t i = 0, n = out.count(); i < n; ++i)
    to[i] = store<T>(f(load(left[i]), load(right[i])));
}

template <typename T, typename F>
static void mapCompare(const Tensor &a, const Tensor &b, Tensor &out, F f) {
  const T *left = a.data<T>(), *right = b.data<T>();
  uint8_t *to = out.data<uint8_t>();
  for (int64_t i = 0, n = out.count(); i < n; ++i)
    to[i] = f(load(left[i]), load(right[i]));
}

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

static bool evaluateUnary(Operation *op, const Tensor &x, Tensor &out) {
  auto any = [&](auto f) {
    withElement(x.dtype, [&](auto t) { mapUnary<decltype(t)>(x, out, f); });
    return true;
  };
  auto real = [&](double (*f)(double)) {
    withFloat(x.dtype, [&](auto t) {
      using C = Compute<decltype(t)>;
      mapUnary<decltype(t)>(x, out, [f](C v) { return static_cast<C>(f(v)); });
    });
    return true;
  };
  if (isa<lazy::NegOp>(op))
    return any([](auto v) {
      // Not 0 - v: that would make +0 of +0.
      if constexpr (std::is_floating_point_v<decltype(v)>)
        return -v;
      else
        return differenceOf(decltype(v)(0), v);
    });
  if (isa<lazy::AbsOp>(op))
    return any([](auto v) {
      if constexpr (std::is_floating_point_v<decltype(v)>)
        return std::fabs(v);
      else // the smallest signed integer stays itself
        return v < 0 ? differenceOf(decltype(v)(0), v) : v;
    });
  if (isa<lazy::NotOp>(op)) {
    withInteger(x.dtype, [&](auto t) {
      using C = Compute<decltype(t)>;
      mapUnary<decltype(t)>(x, out, [](C v) { return static_cast<C>(~v); });
    });
    return true;
  }
  if (isa<lazy::ExpOp>(op))
    return real(std::exp);
  if (isa<lazy::LogOp>(op))
    return real(std::log);
  if (isa<lazy::SqrtOp>(op))
    return real(std::sqrt);
  if (isa<lazy::SinOp>(op))
    return real(std::sin);
  if (isa<lazy::CosOp>(op))
    return real(std::cos);
  if (isa<lazy::TanhOp>(op))
    return real(std::tanh);
  if (isa<lazy::ErfOp>(op))
    return real(std::erf);
  if (isa<lazy::FloorOp>(op))
    return real(std::floor);
  if (isa<lazy::CeilOp>(op))
    return real(std::ceil);
  if (isa<lazy::RoundOp>(op))
    return real(std::nearbyint); // to even in the default rounding mode
  return false;
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

template <typename T> static T quotientOf(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0)
      return 0;
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return differenceOf(T(0), a); // the smallest integer wraps to itself
    return static_cast<T>(a / b);
  }
}

template <typename T> static T remainderOf(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1)))
      return 0;
    return static_cast<T>(a % b);
  }
}

/// Whether the shift by `b`, read as unsigned, pushes every bit out. A bool
/// computes in eight bits, of which `store` keeps the right one.
template <typename T> static bool isOverWide(T b) {
  return static_cast<std::make_unsigned_t<T>>(b) >= 8 * sizeof(T);
}
template <typename T> static T shiftLeft(T a, T b) {
  return isOverWide(b) ? T(0) : static_cast<T>(static_cast<uint64_t>(a) << b);
}
template <typename T> static T shiftRight(T a, T b) {
  if (isOverWide(b))
    return a < 0 ? static_cast<T>(-1) : T(0);
  return static_cast<T>(a >> b);
}

static bool evaluateBinary(Operation *op, const Tensor &a, const Tensor &b,
                           Tensor &out) {
  auto any = [&](auto f) {
    withElement(a.dtype, [&](auto t) { mapBinary<decltype(t)>(a, b, out, f); });
    return true;
  };
  auto integer = [&](auto f) {
    withInteger(a.dtype, [&](auto t) {
      using C = Compute<decltype(t)>;
      mapBinary<decltype(t)>(a, b, out,
                             [f](C v, C w) { return static_cast<C>(f(v, w)); });
    });
    return true;
  };
  if (isa<lazy::AddOp>(op))
    return any([](auto v, auto w) { return sumOf(v, w); });
  if (isa<lazy::SubOp>(op))
    return any([](auto v, auto w) { return differenceOf(v, w); });
  if (isa<lazy::MulOp>(op))
    return any([](auto v, auto w) { return productOf(v, w); });
  if (isa<lazy::DivOp>(op))
    return any([](auto v, auto w) { return quotientOf(v, w); });
  if (isa<lazy::RemOp>(op))
    return any([](auto v, auto w) { return remainderOf(v, w); });
  if (isa<lazy::MaxOp>(op))
    return any([](auto v, auto w) { return largerOf(v, w); });
  if (isa<lazy::MinOp>(op))
    return any([](auto v, auto w) { return smallerOf(v, w); });
  if (isa<lazy::PowOp>(op)) {
    withFloat(a.dtype, [&](auto t) {
      using C = Compute<decltype(t)>;
      mapBinary<decltype(t)>(a, b, out, [](C v, C w) {
        return static_cast<C>(std::pow(double(v), double(w)));
      });
    });
    return true;
  }
  if (isa<lazy::AndOp>(op))
    return integer([](auto v, auto w) { return v & w; });
  if (isa<lazy::OrOp>(op))
    return integer([](auto v, auto w) { return v | w; });
  if (isa<lazy::XorOp>(op))
    return integer([](auto v, auto w) { return v ^ w; });
  if (isa<lazy::ShlOp>(op))
    return integer([](auto v, auto w) { return shiftLeft(v, w); });
  if (isa<lazy::ShrOp>(op))
    return integer([](auto v, auto w) { return shiftRight(v, w); });
  return false;
}

//===----------------------------------------------------------------------===//
// Comparison, selection, conversion
//===----------------------------------------------------------------------===//

static void evaluateCompare(lazy::CmpKind kind, const Tensor &a,
                            const Tensor &b, Tensor &out) {
  // C++ comparisons are false with NaN, but for !=.
  withElement(a.dtype, [&](auto t) {
    using T = decltype(t);
    using C = Compute<T>;
    switch (kind) {
    case lazy::CmpKind::eq:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v == w; });
    case lazy::CmpKind::ne:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v != w; });
    case lazy::CmpKind::lt:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v < w; });
    case lazy::CmpKind::le:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v <= w; });
    case lazy::CmpKind::gt:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v > w; });
    case lazy::CmpKind::ge:
      return mapCompare<T>(a, b, out, [](C v, C w) { return v >= w; });
    }
  });
}

static void evaluateWhere(const Tensor &condition, const Tensor &a,
                          const Tensor &b, Tensor &out) {
  const uint8_t *choice = condition.data<uint8_t>();
  withBits(out.dtype, [&](auto t) {
    using T = decltype(t);
    const T *left = a.data<T>(), *right = b.data<T>();
    T *to = out.data<T>();
    for (int64_t i = 0, n = out.count(); i < n; ++i)
      to[i] = choice[i] ? left[i] : right[i];
  });
}

/// The elements of a type that nothing computes in as f32 or i8, which have all
/// their values.
static Tensor widened(const Tensor &x) {
  Tensor wide =
      Tensor::zeros(isFloatDType(x.dtype) ? DType::F32 : DType::I8, x.shape);
  for (int64_t i = 0, n = x.count(); i < n; ++i)
    wide.setNumber(i, narrowToNumber(x.dtype, x.bytes[i]));
  return wide;
}

static void castToNarrow(const Tensor &x, Tensor &out) {
  if (!isFloatDType(x.dtype)) {
    for (int64_t i = 0, n = out.count(); i < n; ++i)
      out.setInteger(i, x.integerAt(i));
    return;
  }
  for (int64_t i = 0, n = out.count(); i < n; ++i)
    out.setNumber(i, x.numberAt(i));
}

static void evaluateCast(const Tensor &given, Tensor &out) {
  Tensor x = isNarrow(given.dtype) ? widened(given) : given;
  if (isNarrow(out.dtype))
    return castToNarrow(x, out);
  withElement(x.dtype, [&](auto f) {
    withElement(out.dtype, [&](auto t) {
      using From = decltype(f);
      using To = decltype(t);
      const From *from = x.data<From>();
      To *to = out.data<To>();
      for (int64_t i = 0, n = out.count(); i < n; ++i)
        to[i] = convert<To>(from[i]);
    });
  });
}

llvm::Error evaluateElementwise(Operation *op, Operands xs, Tensor &out) {
  for (const Tensor &x : xs)
    if (x.shape != out.shape)
      return failed(op, "operands and result differ in shape");
  if (auto cmp = dyn_cast<lazy::CmpOp>(op)) {
    evaluateCompare(cmp.getKind(), xs[0], xs[1], out);
    return llvm::Error::success();
  }
  if (isa<lazy::WhereOp>(op)) {
    evaluateWhere(xs[0], xs[1], xs[2], out);
    return llvm::Error::success();
  }
  if (auto require = dyn_cast<lazy::RequireOp>(op)) {
    const uint8_t *ok = xs[1].data<uint8_t>();
    if (!std::all_of(ok, ok + xs[1].count(), [](uint8_t v) { return v != 0; }))
      return failed(op, require.getMessage());
    std::copy_n(xs[0].bytes, out.byteCount(), out.data<uint8_t>());
    return llvm::Error::success();
  }
  if (isa<lazy::CastOp>(op)) {
    evaluateCast(xs[0], out);
    return llvm::Error::success();
  }
  if (isa<lazy::BitcastOp>(op)) {
    std::copy_n(xs[0].bytes, out.byteCount(), out.data<uint8_t>());
    return llvm::Error::success();
  }
  if (xs.size() == 1 && evaluateUnary(op, xs[0], out))
    return llvm::Error::success();
  if (xs.size() == 2 && evaluateBinary(op, xs[0], xs[1], out))
    return llvm::Error::success();
  return failed(op, "the interpreter does not know this operation");
}

} // namespace nacre::reference
