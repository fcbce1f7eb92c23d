//===- BuiltinsElementwise.cpp - functions of single elements -------------===//
#include "Builtins.h"
#include "nacre/model.h"
#include <cmath>

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::Twine;

namespace {

/// A function of floats; of a number at compile time it is the C library's.
template <typename Op, double (*Known)(double)> Datum unary(BuiltinCall &c) {
  if (c.arguments[0].isNumber()) {
    double y = Known(c.number(0));
    if (std::isnan(y))
      c.fail("has no value at " + describe(c.arguments[0]));
    return y;
  }
  mlir::Value x = c.tensor(0);
  c.needFloat(x);
  return c.done(c.build().unary<Op>(x));
}

double roundEven(double x) { return std::nearbyint(x); }

Datum absolute(BuiltinCall &c) {
  if (c.arguments[0].is<int64_t>()) {
    int64_t x = c.integer(0);
    if (x == INT64_MIN)
      c.fail("the result is outside the range of 64-bit integers");
    return x < 0 ? -x : x;
  }
  if (c.arguments[0].isNumber())
    return std::fabs(c.number(0));
  mlir::Value x = c.tensor(0);
  if (lazy::tensorType(x).getElementType().isInteger(1))
    c.fail("needs numbers, got " + describe(c.arguments[0]));
  return c.done(c.build().unary<lazy::AbsOp>(x));
}

/// Two operands of one element type, where one may be a number.
std::pair<mlir::Value, mlir::Value> pairOf(BuiltinCall &c, unsigned i,
                                           unsigned j) {
  const Datum &a = c.arguments[i], &b = c.arguments[j];
  mlir::Type element =
      a.isTensor()   ? lazy::tensorType(a.tensor()).getElementType()
      : b.isTensor() ? lazy::tensorType(b.tensor()).getElementType()
                     : mlir::Type(c.build().b.getF32Type());
  mlir::Value x = c.evaluator.asTensor(a, element, c.at);
  mlir::Value y = c.evaluator.asTensor(b, element, c.at);
  auto xType = lazy::tensorType(x), yType = lazy::tensorType(y);
  auto shape = lazy::broadcastShapes(xType.getShape(), yType.getShape());
  if (xType.getElementType() != yType.getElementType() || !shape)
    c.fail(describe(xType) + " and " + describe(yType) + " do not go together");
  c.checkSize(*shape, xType.getElementType());
  return {x, y};
}

template <typename Op, bool Larger> Datum extreme(BuiltinCall &c) {
  const Datum &a = c.arguments[0], &b = c.arguments[1];
  if (a.isNumber() && b.isNumber())
    return (a.number() < b.number()) == Larger ? b : a;
  auto [x, y] = pairOf(c, 0, 1);
  return c.done(c.build().binary<Op>(x, y));
}

template <typename Op> Datum bitwise(BuiltinCall &c) {
  auto [x, y] = pairOf(c, 0, 1);
  if (!mlir::isa<mlir::IntegerType>(lazy::tensorType(x).getElementType()))
    c.fail("needs integer tensors, got " + describe(lazy::tensorType(x)));
  return c.done(c.build().binary<Op>(x, y));
}

Datum where(BuiltinCall &c) {
  mlir::Value condition = c.tensor(0);
  if (!lazy::tensorType(condition).getElementType().isInteger(1))
    c.fail("the condition must be bool, got " + describe(c.arguments[0]));
  auto [x, y] = pairOf(c, 1, 2);
  auto shape = lazy::broadcastShapes(lazy::tensorType(x).getShape(),
                                     lazy::tensorType(y).getShape());
  shape = lazy::broadcastShapes(lazy::tensorType(condition).getShape(), *shape);
  if (!shape)
    c.fail("the condition, " + describe(c.arguments[0]) +
           ", does not broadcast with " + describe(lazy::tensorType(x)) +
           " and " + describe(lazy::tensorType(y)));
  c.checkSize(*shape, lazy::tensorType(x).getElementType());
  return c.done(c.build().where(condition, x, y));
}

Datum cast(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  return c.done(c.build().cast(
      x, elementType(&c.evaluator.context, c.dtype(1, DType::F32))));
}

Datum bitcast(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  mlir::Type to = elementType(&c.evaluator.context, c.dtype(1, DType::F32));
  if (type.getElementTypeBitWidth() != to.getIntOrFloatBitWidth() ||
      to.isInteger(1))
    c.fail(describe(type) + " has no bits of the type " +
           lazy::elementName(to));
  lazy::Build b = c.build();
  return c.done(
      lazy::BitcastOp::create(b.b, b.loc, lazy::withElement(type, to), x));
}

/// x; the run fails where the condition does not hold.
Datum require(BuiltinCall &c) {
  mlir::Value x = c.tensor(0), condition = c.tensor(1);
  std::string message = c.string(2);
  auto type = lazy::tensorType(x), held = lazy::tensorType(condition);
  if (!held.getElementType().isInteger(1))
    c.fail("the condition must be bool, got " + describe(held));
  auto shape = lazy::broadcastShapes(type.getShape(), held.getShape());
  if (!shape || llvm::ArrayRef<int64_t>(*shape) != type.getShape())
    c.fail("the condition, " + describe(held) + ", does not broadcast to " +
           describe(type));
  lazy::Build b = c.build();
  return c.done(
      b.require(x, b.expandLike(condition, x), NACRE_E_INDEX, message));
}

} // namespace

void graph_frontend::addElementwise(std::vector<Builtin> &t) {
  t.push_back({"exp", "x", unary<lazy::ExpOp, std::exp>});
  t.push_back({"log", "x", unary<lazy::LogOp, std::log>});
  t.push_back({"sqrt", "x", unary<lazy::SqrtOp, std::sqrt>});
  t.push_back({"sin", "x", unary<lazy::SinOp, std::sin>});
  t.push_back({"cos", "x", unary<lazy::CosOp, std::cos>});
  t.push_back({"tanh", "x", unary<lazy::TanhOp, std::tanh>});
  t.push_back({"erf", "x", unary<lazy::ErfOp, std::erf>});
  t.push_back({"floor", "x", unary<lazy::FloorOp, std::floor>});
  t.push_back({"ceil", "x", unary<lazy::CeilOp, std::ceil>});
  t.push_back({"round", "x", unary<lazy::RoundOp, roundEven>});
  t.push_back({"abs", "x", absolute});
  t.push_back({"maximum", "a b", extreme<lazy::MaxOp, true>});
  t.push_back({"minimum", "a b", extreme<lazy::MinOp, false>});
  t.push_back({"bit_and", "a b", bitwise<lazy::AndOp>});
  t.push_back({"bit_or", "a b", bitwise<lazy::OrOp>});
  t.push_back({"bit_xor", "a b", bitwise<lazy::XorOp>});
  t.push_back({"shift_left", "a b", bitwise<lazy::ShlOp>});
  t.push_back({"shift_right", "a b", bitwise<lazy::ShrOp>});
  t.push_back({"where", "condition a b", where});
  t.push_back({"cast", "x type", cast});
  t.push_back({"bitcast", "x type", bitcast});
  t.push_back({"require", "x condition message", require});
}
