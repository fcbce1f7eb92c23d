//===- Elementwise.cpp - scalar bodies of the elementwise primitives ------===//
//
// Each body is written once in arith and math and works on scalars and on
// vectors. What hardware leaves open is closed here: integer division by zero,
// MIN / -1, over-wide shifts and NaN all have the value LazyOps.td states, on
// every target. f16 and bf16 compute in f32.
//
//===----------------------------------------------------------------------===//
#include "ScalarOrVector.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLFunctionalExtras.h"

using namespace mlir;
namespace nacre::lazy {

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

} // namespace nacre::lazy
