//===- Casts.cpp - scalar bodies of cast and bitcast ----------------------===//
//
// As Elementwise.cpp: NaN and what is out of range have the value that
// LazyOps.td states, on every target. Every cast rounds once.
//
//===----------------------------------------------------------------------===//
#include "NarrowCasts.h"
#include "ScalarOrVector.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
namespace nacre::lazy {

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
