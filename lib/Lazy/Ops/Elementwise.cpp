//===- Elementwise.cpp - scalar bodies of the elementwise primitives ------===//
//
// Each body is written once in arith and math and works on scalars and on
// vectors. What hardware leaves open is closed here: integer division by zero,
// MIN / -1, over-wide shifts, NaN and out-of-range conversions all have the
// value LazyOps.td states, on every target. f16 and bf16 compute in f32.
//
//===----------------------------------------------------------------------===//
#include "NarrowCasts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using namespace mlir;
namespace nacre::lazy {

/// `element` with the vector shape of `like`.
static Type likeType(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

static Value constantLike(OpBuilder &b, Location loc, Type type,
                          TypedAttr scalar) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vector, Attribute(scalar)));
  return arith::ConstantOp::create(b, loc, scalar);
}
static Value floatLike(OpBuilder &b, Location loc, Type type, double value) {
  return constantLike(b, loc, type,
                      b.getFloatAttr(getElementTypeOrSelf(type), value));
}
static Value intLike(OpBuilder &b, Location loc, Type type,
                     const APInt &value) {
  return constantLike(b, loc, type,
                      b.getIntegerAttr(getElementTypeOrSelf(type), value));
}
static Value intLike(OpBuilder &b, Location loc, Type type, int64_t value) {
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return intLike(b, loc, type, APInt(width, value, true, true));
}
static bool isFloat(Value v) {
  return isa<FloatType>(getElementTypeOrSelf(v.getType()));
}
static Type elementOf(Value tensor) {
  return tensorType(tensor).getElementType();
}

using Body = llvm::function_ref<Value(ArrayRef<Value>)>;

/// Runs `body` in f32 when the values are f16 or bf16, rounding the result.
static Value inF32(OpBuilder &b, Location loc, ValueRange args, Body body) {
  SmallVector<Value> values(args);
  Type element = getElementTypeOrSelf(args[0].getType());
  if (!element.isF16() && !element.isBF16())
    return body(values);
  for (Value &v : values)
    v = arith::ExtFOp::create(b, loc, likeType(v.getType(), b.getF32Type()), v);
  Value result = body(values);
  return arith::TruncFOp::create(b, loc, likeType(result.getType(), element),
                                 result);
}

template <typename Op>
static Value floatOp(OpBuilder &b, Location loc, ValueRange args) {
  return inF32(b, loc, args, [&](ArrayRef<Value> v) -> Value {
    return Op::create(b, loc, v);
  });
}
template <typename FloatOp, typename IntOp>
static Value arithmetic(OpBuilder &b, Location loc, ValueRange args) {
  if (!isFloat(args[0]))
    return IntOp::create(b, loc, args[0], args[1]);
  return inF32(b, loc, args, [&](ArrayRef<Value> v) -> Value {
    return FloatOp::create(b, loc, v[0], v[1]);
  });
}

//===-- unary -------------------------------------------------------------===//

#define NACRE_MATH_UNARY(OP, MATH)                                             \
  Value OP::emitScalar(OpBuilder &b, Location loc, ValueRange args) {          \
    return inF32(b, loc, args, [&](ArrayRef<Value> v) -> Value {               \
      return MATH::create(b, loc, v[0]);                                       \
    });                                                                        \
  }
NACRE_MATH_UNARY(ExpOp, math::ExpOp)
NACRE_MATH_UNARY(LogOp, math::LogOp)
NACRE_MATH_UNARY(SqrtOp, math::SqrtOp)
NACRE_MATH_UNARY(SinOp, math::SinOp)
NACRE_MATH_UNARY(CosOp, math::CosOp)
NACRE_MATH_UNARY(TanhOp, math::TanhOp)
NACRE_MATH_UNARY(ErfOp, math::ErfOp)
NACRE_MATH_UNARY(FloorOp, math::FloorOp)
NACRE_MATH_UNARY(CeilOp, math::CeilOp)
NACRE_MATH_UNARY(RoundOp, math::RoundEvenOp)
#undef NACRE_MATH_UNARY

Value NegOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  if (isFloat(args[0]))
    return arith::NegFOp::create(b, loc, args[0]);
  return arith::SubIOp::create(b, loc, intLike(b, loc, args[0].getType(), 0),
                               args[0]);
}

Value AbsOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  if (isFloat(args[0]))
    return math::AbsFOp::create(b, loc, args[0]);
  if (isUnsignedElement(elementOf(getX())))
    return args[0];
  Value zero = intLike(b, loc, args[0].getType(), 0);
  Value negative =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, args[0], zero);
  Value minus = arith::SubIOp::create(b, loc, zero, args[0]);
  return arith::SelectOp::create(b, loc, negative, minus, args[0]);
}

Value NotOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arith::XOrIOp::create(b, loc, args[0],
                               intLike(b, loc, args[0].getType(), -1));
}

//===-- binary ------------------------------------------------------------===//

Value AddOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arithmetic<arith::AddFOp, arith::AddIOp>(b, loc, args);
}
Value SubOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arithmetic<arith::SubFOp, arith::SubIOp>(b, loc, args);
}
Value MulOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arithmetic<arith::MulFOp, arith::MulIOp>(b, loc, args);
}
Value AndOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arith::AndIOp::create(b, loc, args[0], args[1]);
}
Value OrOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arith::OrIOp::create(b, loc, args[0], args[1]);
}
Value XorOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arith::XOrIOp::create(b, loc, args[0], args[1]);
}

/// Integer division or remainder that cannot trap.
template <typename Signed, typename Unsigned>
static Value guardedDivision(OpBuilder &b, Location loc, ValueRange args,
                             bool isUnsigned, bool remainder) {
  Type type = args[0].getType();
  Value zero = intLike(b, loc, type, 0), one = intLike(b, loc, type, 1);
  Value byZero =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, args[1], zero);
  Value unsafe = byZero, byMinusOne;
  if (!isUnsigned) {
    byMinusOne = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       args[1], intLike(b, loc, type, -1));
    unsafe = arith::OrIOp::create(b, loc, byZero, byMinusOne);
  }
  Value divisor = arith::SelectOp::create(b, loc, unsafe, one, args[1]);
  Value result = isUnsigned ? Value(Unsigned::create(b, loc, args[0], divisor))
                            : Value(Signed::create(b, loc, args[0], divisor));
  if (remainder)
    return result; // x rem 1 is 0: what both cases ask for
  if (byMinusOne) {
    Value negated = arith::SubIOp::create(b, loc, zero, args[0]);
    result = arith::SelectOp::create(b, loc, byMinusOne, negated, result);
  }
  return arith::SelectOp::create(b, loc, byZero, zero, result);
}

Value DivOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  if (isFloat(args[0]))
    return floatOp<arith::DivFOp>(b, loc, args);
  return guardedDivision<arith::DivSIOp, arith::DivUIOp>(
      b, loc, args, isUnsignedElement(elementOf(getA())), false);
}
Value RemOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  if (isFloat(args[0]))
    return floatOp<arith::RemFOp>(b, loc, args);
  return guardedDivision<arith::RemSIOp, arith::RemUIOp>(
      b, loc, args, isUnsignedElement(elementOf(getA())), true);
}
Value PowOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return floatOp<math::PowFOp>(b, loc, args);
}

static bool isNonNaNConstant(Value v) {
  Attribute attr;
  if (!matchPattern(v, m_Constant(&attr)))
    return false;
  if (auto splat = dyn_cast<SplatElementsAttr>(attr))
    attr = splat.getSplatValue<Attribute>();
  auto value = dyn_cast<FloatAttr>(attr);
  return value && !value.getValue().isNaN();
}

/// max and min that give NaN when either operand is NaN. `x < c ? c : x` alone
/// is right for NaN in x and is one instruction on most machines, so a constant
/// operand (relu, clip) goes second.
static Value extremum(OpBuilder &b, Location loc, ValueRange args, bool wantMax,
                      bool isUnsigned) {
  if (!isFloat(args[0])) {
    if (wantMax)
      return isUnsigned
                 ? Value(arith::MaxUIOp::create(b, loc, args[0], args[1]))
                 : Value(arith::MaxSIOp::create(b, loc, args[0], args[1]));
    return isUnsigned ? Value(arith::MinUIOp::create(b, loc, args[0], args[1]))
                      : Value(arith::MinSIOp::create(b, loc, args[0], args[1]));
  }
  return inF32(b, loc, args, [&](ArrayRef<Value> v) -> Value {
    Value x = v[0], c = v[1];
    if (isNonNaNConstant(x))
      std::swap(x, c);
    auto predicate =
        wantMax ? arith::CmpFPredicate::OLT : arith::CmpFPredicate::OGT;
    Value less = arith::CmpFOp::create(b, loc, predicate, x, c);
    Value result = arith::SelectOp::create(b, loc, less, c, x);
    if (isNonNaNConstant(c))
      return result;
    Value isNaN =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, c, c);
    return arith::SelectOp::create(b, loc, isNaN, c, result);
  });
}
Value MaxOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return extremum(b, loc, args, true, isUnsignedElement(elementOf(getA())));
}
Value MinOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return extremum(b, loc, args, false, isUnsignedElement(elementOf(getA())));
}

/// The shift amount clamped to width-1 and whether it was over-wide.
static std::pair<Value, Value> clampShift(OpBuilder &b, Location loc,
                                          Value amount) {
  Type type = amount.getType();
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  Value last = intLike(b, loc, type, int64_t(width) - 1);
  Value wide =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, amount, last);
  return {arith::SelectOp::create(b, loc, wide, last, amount), wide};
}
Value ShlOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  auto [amount, wide] = clampShift(b, loc, args[1]);
  Value shifted = arith::ShLIOp::create(b, loc, args[0], amount);
  return arith::SelectOp::create(
      b, loc, wide, intLike(b, loc, args[0].getType(), 0), shifted);
}
Value ShrOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  auto [amount, wide] = clampShift(b, loc, args[1]);
  if (!isUnsignedElement(elementOf(getA())))
    return arith::ShRSIOp::create(b, loc, args[0], amount);
  Value shifted = arith::ShRUIOp::create(b, loc, args[0], amount);
  return arith::SelectOp::create(
      b, loc, wide, intLike(b, loc, args[0].getType(), 0), shifted);
}

//===-- comparison and selection ------------------------------------------===//

Value CmpOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static const F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
  static const I signedInts[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static const I unsignedInts[] = {I::eq,  I::ne,  I::ult,
                                   I::ule, I::ugt, I::uge};
  auto k = unsigned(getKind());
  if (isFloat(args[0]))
    return arith::CmpFOp::create(b, loc, floats[k], args[0], args[1]);
  bool isUnsigned = isUnsignedElement(elementOf(getA()));
  return arith::CmpIOp::create(
      b, loc, (isUnsigned ? unsignedInts : signedInts)[k], args[0], args[1]);
}

Value WhereOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  return arith::SelectOp::create(b, loc, args[0], args[1], args[2]);
}

/// The value; code generation sees to the condition.
Value RequireOp::emitScalar(OpBuilder &, Location, ValueRange args) {
  return args[0];
}

LogicalResult RequireOp::verify() {
  int32_t status = getStatus();
  if (status < 1 || status > 11)
    return emitOpError("status ")
           << status << " is no nacre_status of a failure, 1 to 11";
  return success();
}

//===-- conversion --------------------------------------------------------===//

static Value floatToInteger(OpBuilder &b, Location loc, Value x,
                            IntegerType to) {
  if (!getElementTypeOrSelf(x.getType()).isF64() &&
      !getElementTypeOrSelf(x.getType()).isF32())
    x = arith::ExtFOp::create(b, loc, likeType(x.getType(), b.getF32Type()), x);
  Type from = x.getType();
  bool isUnsigned = to.isUnsigned();
  unsigned width = to.getWidth();
  APInt low =
      isUnsigned ? APInt::getZero(width) : APInt::getSignedMinValue(width);
  APInt high =
      isUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  x = arith::SelectOp::create(b, loc, isNaN, floatLike(b, loc, from, 0), x);
  Type storage = storageType(to);
  if (width < 32) {
    // Both limits are exact in f32: clamp, convert through i32, narrow.
    double lowF = isUnsigned ? 0 : double(low.getSExtValue());
    double highF =
        isUnsigned ? double(high.getZExtValue()) : double(high.getSExtValue());
    Value lowV = floatLike(b, loc, from, lowF),
          highV = floatLike(b, loc, from, highF);
    Value below =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, lowV);
    x = arith::SelectOp::create(b, loc, below, lowV, x);
    Value above =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT, x, highV);
    x = arith::SelectOp::create(b, loc, above, highV, x);
    Value wide =
        arith::FPToSIOp::create(b, loc, likeType(from, b.getI32Type()), x);
    return arith::TruncIOp::create(b, loc, likeType(from, storage), wide);
  }
  // 2^width or 2^(width-1) is exact; its predecessor is not.
  double limit = std::ldexp(1.0, isUnsigned ? width : width - 1);
  Value highV = floatLike(b, loc, from, limit);
  Value lowV = floatLike(b, loc, from, isUnsigned ? 0 : -limit);
  Value above =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE, x, highV);
  Value below =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT, x, lowV);
  Value outside = arith::OrIOp::create(b, loc, above, below);
  Value safe =
      arith::SelectOp::create(b, loc, outside, floatLike(b, loc, from, 0), x);
  Type result = likeType(from, storage);
  Value converted = isUnsigned
                        ? Value(arith::FPToUIOp::create(b, loc, result, safe))
                        : Value(arith::FPToSIOp::create(b, loc, result, safe));
  converted = arith::SelectOp::create(b, loc, above,
                                      intLike(b, loc, result, high), converted);
  return arith::SelectOp::create(b, loc, below, intLike(b, loc, result, low),
                                 converted);
}

/// f64 to f32 rounding to odd: the inexact result keeps its last bit set, so
/// that rounding it again to a narrower format is the same as rounding once.
static Value roundToOdd(OpBuilder &b, Location loc, Value x) {
  Type f32 = likeType(x.getType(), b.getF32Type()),
       i32 = likeType(x.getType(), b.getI32Type());
  Value y = arith::TruncFOp::create(b, loc, f32, x);
  Value back = arith::ExtFOp::create(b, loc, x.getType(), y);
  Value inexact =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::ONE, back, x);
  Value away = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                     math::AbsFOp::create(b, loc, back),
                                     math::AbsFOp::create(b, loc, x));
  Value bits = arith::BitcastOp::create(b, loc, i32, y);
  Value one = intLike(b, loc, i32, 1);
  Value towards = arith::SubIOp::create(b, loc, bits, one);
  Value odd = arith::OrIOp::create(
      b, loc, arith::SelectOp::create(b, loc, away, towards, bits), one);
  bits = arith::SelectOp::create(b, loc, inexact, odd, bits);
  return arith::BitcastOp::create(b, loc, f32, bits);
}

/// An integer as f64, 64-bit ones rounded to odd.
static Value integerToDouble(OpBuilder &b, Location loc, Value x,
                             bool isUnsigned) {
  Type f64 = likeType(x.getType(), b.getF64Type());
  auto convert = [&](Value v) -> Value {
    return isUnsigned ? Value(arith::UIToFPOp::create(b, loc, f64, v))
                      : Value(arith::SIToFPOp::create(b, loc, f64, v));
  };
  if (getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth() < 64)
    return convert(x);
  // 53 bits are exact; the eleven below them become one sticky bit.
  Type type = x.getType();
  Value eleven = intLike(b, loc, type, 11), zero = intLike(b, loc, type, 0);
  Value low = arith::AndIOp::create(b, loc, x, intLike(b, loc, type, 0x7ff));
  Value some =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, low, zero);
  Value high = isUnsigned ? Value(arith::ShRUIOp::create(b, loc, x, eleven))
                          : Value(arith::ShRSIOp::create(b, loc, x, eleven));
  Value sticky =
      arith::SelectOp::create(b, loc, some, intLike(b, loc, type, 1), zero);
  Value large = arith::MulFOp::create(
      b, loc, convert(arith::OrIOp::create(b, loc, high, sticky)),
      floatLike(b, loc, f64, 2048));
  Value shifted =
      isUnsigned ? x
                 : Value(arith::AddIOp::create(
                       b, loc, x, intLike(b, loc, type, int64_t(1) << 53)));
  Value isSmall = arith::CmpIOp::create(
      b, loc, arith::CmpIPredicate::ult, shifted,
      intLike(b, loc, type, int64_t(1) << (isUnsigned ? 53 : 54)));
  return arith::SelectOp::create(b, loc, isSmall, convert(x), large);
}

/// Between types that are computed with.
static Value convert(OpBuilder &b, Location loc, Value x, Type from, Type to) {
  Type storage = likeType(x.getType(), storageType(to));
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  if (from == to)
    return x;
  if (to.isInteger(1)) {
    if (fromFloat)
      return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, x,
                                   floatLike(b, loc, x.getType(), 0));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, x,
                                 intLike(b, loc, x.getType(), 0));
  }
  if (fromFloat && toFloat) {
    Type wide = likeType(x.getType(), b.getF32Type());
    if (from.isF16() || from.isBF16()) {
      x = arith::ExtFOp::create(b, loc, wide, x);
      from = b.getF32Type();
    }
    if (from == to)
      return x;
    if (from.isF64() && to.getIntOrFloatBitWidth() == 16) {
      x = roundToOdd(b, loc, x);
      from = b.getF32Type();
    }
    if (to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth())
      return arith::ExtFOp::create(b, loc, storage, x);
    return arith::TruncFOp::create(b, loc, storage, x);
  }
  if (fromFloat)
    return floatToInteger(b, loc, x, cast<IntegerType>(to));
  if (toFloat) {
    bool isUnsigned = isUnsignedElement(from);
    if (toFloat.getWidth() == 16)
      return arith::TruncFOp::create(
          b, loc, storage,
          roundToOdd(b, loc, integerToDouble(b, loc, x, isUnsigned)));
    return isUnsigned ? Value(arith::UIToFPOp::create(b, loc, storage, x))
                      : Value(arith::SIToFPOp::create(b, loc, storage, x));
  }
  unsigned fromWidth = from.getIntOrFloatBitWidth(),
           toWidth = to.getIntOrFloatBitWidth();
  if (toWidth == fromWidth)
    return x;
  if (toWidth < fromWidth)
    return arith::TruncIOp::create(b, loc, storage, x);
  return isUnsignedElement(from)
             ? Value(arith::ExtUIOp::create(b, loc, storage, x))
             : Value(arith::ExtSIOp::create(b, loc, storage, x));
}

/// The types that are not stand as their bits in an i8: they are cast by way of
/// f32, which has all their numbers, or of an integer of 8 bits.
Value CastOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  Value x = args[0];
  Type from = elementOf(getX()), to = elementOf(getY());
  if (from == to)
    return x;
  if (isNarrow(from)) {
    x = fromNarrow(b, loc, x, from);
    from = isa<FloatType>(from)
               ? Type(b.getF32Type())
               : IntegerType::get(b.getContext(), 8,
                                  cast<IntegerType>(from).getSignedness());
  }
  if (!isNarrow(to))
    return convert(b, loc, x, from, to);
  if (auto integer = dyn_cast<IntegerType>(to)) {
    x = isa<FloatType>(from) ? floatToInteger(b, loc, x, integer)
                             : convert(b, loc, x, from, b.getI8Type());
    return toNarrow(b, loc, x, to);
  }
  // One rounding is enough: what two make of f64 is decided here.
  x = from.isF64() ? roundToOdd(b, loc, x)
                   : convert(b, loc, x, from, b.getF32Type());
  return toNarrow(b, loc, x, to);
}

/// A dozen integer operations from the bits of a narrow float, two dozen to.
int64_t CastOp::scalarCost() {
  auto costOf = [](Type element, int64_t ofFloat) -> int64_t {
    return !isNarrow(element) ? 0 : isa<FloatType>(element) ? ofFloat : 2;
  };
  return 1 + costOf(elementOf(getX()), 12) + costOf(elementOf(getY()), 24);
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? OpFoldResult(getX()) : OpFoldResult();
}

Value BitcastOp::emitScalar(OpBuilder &b, Location loc, ValueRange args) {
  Type to = likeType(args[0].getType(), storageType(elementOf(getY())));
  return to == args[0].getType()
             ? args[0]
             : Value(arith::BitcastOp::create(b, loc, to, args[0]));
}

LogicalResult BitcastOp::verify() {
  Type from = elementOf(getX()), to = elementOf(getY());
  if (from.getIntOrFloatBitWidth() != to.getIntOrFloatBitWidth())
    return emitOpError("changes the width of the elements");
  return success();
}

} // namespace nacre::lazy
