//===- ElementwiseGradients.cpp - gradients of the elementwise primitives -===//
//
// y = f(a, b): the gradient of an operand is g times the partial derivative, in
// primitives again. Rules use y where they can: it is often kept anyway, as
// the operand of what comes next, while a or b could stay inside a kernel.
//
//===----------------------------------------------------------------------===//
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::lazy {

namespace {
/// Arithmetic on tensors of one type, to write rules as formulas.
struct Term {
  Build &build;
  Value v;

  operator Value() const { return v; }
  Term with(Value x) const { return {build, x}; }
  Term constant(double c) const { return with(build.splatLike(v, c)); }
  Term operator-() const { return with(build.unary<NegOp>(v)); }
  Term operator+(Value o) const { return with(build.binary<AddOp>(v, o)); }
  Term operator-(Value o) const { return with(build.binary<SubOp>(v, o)); }
  Term operator*(Value o) const { return with(build.binary<MulOp>(v, o)); }
  Term operator/(Value o) const { return with(build.binary<DivOp>(v, o)); }
  Term operator*(double c) const { return *this * constant(c).v; }
  /// This where `a kind b`, else `otherwise`.
  Term where(Value a, CmpKind kind, Value b, Value otherwise) const {
    return with(build.where(build.cmp(kind, a, b), v, otherwise));
  }
};

/// The value that a splat, perhaps behind views, has everywhere.
std::optional<double> constantOf(Value v) {
  while (auto view = v.getDefiningOp<ViewOpInterface>()) {
    if (view.fillValue())
      return std::nullopt;
    v = view.source();
  }
  auto splat = v.getDefiningOp<SplatOp>();
  auto value = splat ? dyn_cast<FloatAttr>(splat.getValue()) : FloatAttr();
  return value ? std::optional(value.getValueAsDouble()) : std::nullopt;
}
} // namespace

//===-- one operand -------------------------------------------------------===//

Value NegOp::gradient(Build &build, Value g, unsigned) {
  return -Term{build, g};
}

/// 0 at 0.
Value AbsOp::gradient(Build &build, Value g, unsigned) {
  Term t{build, g}, zero = t.constant(0);
  Value x = getX();
  return t.where(x, CmpKind::gt, zero, (-t).where(x, CmpKind::lt, zero, zero));
}
Value ExpOp::gradient(Build &build, Value g, unsigned) {
  return Term{build, g} * getY();
}
Value LogOp::gradient(Build &build, Value g, unsigned) {
  return Term{build, g} / getX();
}
Value SqrtOp::gradient(Build &build, Value g, unsigned) {
  return Term{build, g} * 0.5 / getY();
}
Value SinOp::gradient(Build &build, Value g, unsigned) {
  return Term{build, g} * build.unary<CosOp>(getX());
}
Value CosOp::gradient(Build &build, Value g, unsigned) {
  return -(Term{build, g} * build.unary<SinOp>(getX()));
}
Value TanhOp::gradient(Build &build, Value g, unsigned) {
  Term y{build, getY()};
  return Term{build, g} * (y.constant(1) - y * y);
}
Value ErfOp::gradient(Build &build, Value g, unsigned) {
  Term x{build, getX()};
  return Term{build, g} * build.unary<ExpOp>(-(x * x)) *
         (2 * llvm::numbers::inv_sqrtpi);
}
// Steps are flat almost everywhere.
Value FloorOp::gradient(Build &, Value, unsigned) { return {}; }
Value CeilOp::gradient(Build &, Value, unsigned) { return {}; }
Value RoundOp::gradient(Build &, Value, unsigned) { return {}; }

/// Between floats; others have no float on one side, so no gradient comes here.
Value CastOp::gradient(Build &build, Value g, unsigned) {
  return build.cast(g, tensorType(getX()).getElementType());
}

/// The condition is checked with x itself.
Value RequireOp::gradient(Build &, Value g, unsigned) { return g; }

//===-- two operands ------------------------------------------------------===//

Value AddOp::gradient(Build &, Value g, unsigned) { return g; }
Value SubOp::gradient(Build &build, Value g, unsigned operand) {
  return operand == 0 ? g : Value(-Term{build, g});
}
Value MulOp::gradient(Build &build, Value g, unsigned operand) {
  return Term{build, g} * getOperand(1 - operand);
}
Value DivOp::gradient(Build &build, Value g, unsigned operand) {
  Term quotient = Term{build, g} / getB();
  return operand == 0 ? quotient : -(quotient * getY());
}

/// a rem b = a - trunc(a / b) * b, and trunc(a / b) = (a - y) / b, which
/// differs from an integer by roundings only.
Value RemOp::gradient(Build &build, Value g, unsigned operand) {
  if (operand == 0)
    return g;
  Term times = (Term{build, getA()} - getY()) / getB();
  return -(Term{build, g} * build.unary<RoundOp>(times));
}

/// b * a^(b - 1) is 0 for b = 0, also where a is 0; y * log(a) is 0 for a = 0
/// unless b is negative.
Value PowOp::gradient(Build &build, Value g, unsigned operand) {
  Term t{build, g}, a{build, getA()}, b{build, getB()}, zero = t.constant(0);
  if (operand == 1) {
    Value flat = build.binary<AndOp>(build.cmp(CmpKind::eq, a, zero),
                                     build.cmp(CmpKind::ge, b, zero));
    return build.where(flat, zero, t * getY() * build.unary<LogOp>(a));
  }
  if (auto c = constantOf(b)) {
    if (*c == 0)
      return {};
    if (*c == 1)
      return g;
    if (*c == 2)
      return t * a * 2;
    return t * build.binary<PowOp>(a, a.constant(*c - 1)) * *c;
  }
  Value slope = t * b * build.binary<PowOp>(a, b - b.constant(1));
  return zero.where(b, CmpKind::eq, zero, slope);
}

/// The winner takes g. Equals share it, but a constant takes all: relu, a
/// maximum with 0, has the gradient 0 at 0.
static Value extremeGradient(Build &build, Value g, Value mine, Value other,
                             Value y) {
  Term t{build, g}, zero = t.constant(0);
  if (constantOf(other))
    return zero.where(y, CmpKind::eq, other, g);
  Term won = t.where(mine, CmpKind::eq, y, zero);
  return (t * 0.5).where(mine, CmpKind::eq, other, won);
}
Value MaxOp::gradient(Build &build, Value g, unsigned operand) {
  return extremeGradient(build, g, getOperand(operand), getOperand(1 - operand),
                         getY());
}
Value MinOp::gradient(Build &build, Value g, unsigned operand) {
  return extremeGradient(build, g, getOperand(operand), getOperand(1 - operand),
                         getY());
}

Value WhereOp::gradient(Build &build, Value g, unsigned operand) {
  Value zero = build.splatLike(g, 0);
  return operand == 1 ? build.where(getCondition(), g, zero)
                      : build.where(getCondition(), zero, g);
}

} // namespace nacre::lazy
