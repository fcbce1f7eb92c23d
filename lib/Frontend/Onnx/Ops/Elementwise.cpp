//===- Elementwise.cpp - arithmetic, comparisons and logic ----------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

template <typename Op> void floatUnary(Node &n) {
  n.set(0, n.unary<Op>(n.in(0)));
}

/// The second operand. Before opset 7 it broadcasts only when told to, and may
/// stand at an axis of the first.
Value second(Node &n) {
  Value a = n.in(0), b = n.in(1);
  if (n.opset >= 7)
    return b;
  llvm::ArrayRef<int64_t> whole = Node::shape(a), part = Node::shape(b);
  if (n.intAttr("broadcast", 0) == 0) {
    if (whole != part)
      block("E_SHAPE: shapes " + shapeText(whole) + " and " + shapeText(part) +
            " differ and broadcast is 0");
    return b;
  }
  int64_t rank = whole.size(), free = rank - int64_t(part.size());
  int64_t axis = free;
  if (n.attribute("axis") && rank > 0)
    axis = n.axis(n.intAttr("axis", 0), rank);
  bool fits = axis >= 0 && axis <= free;
  for (size_t i = 0; fits && i < part.size(); ++i)
    fits = part[i] == 1 || part[i] == whole[axis + i];
  if (!fits)
    block("E_SHAPE: shape " + shapeText(part) + " does not broadcast to " +
          shapeText(whole) + " from axis " + Twine(axis));
  Ints to(part);
  to.append(free - axis, 1);
  return n.reshape(b, to);
}

template <typename Op> void anyBinary(Node &n) {
  n.set(0, n.binary<Op>(n.in(0), second(n)));
}

template <typename Op> void logicalBinary(Node &n) {
  for (int i : {0, 1})
    if (Node::dtype(n.in(i)) != DType::Bool)
      block("input " + Twine(i) + " has element type " +
            dtypeName(Node::dtype(n.in(i))) + ", not bool");
  anyBinary<Op>(n);
}

template <CmpKind kind> void compare(Node &n) {
  n.set(0, n.cmp(kind, n.in(0), second(n)));
}

/// Sum, Max, Min: one or more inputs.
template <typename Op> Value fold(Node &n) {
  Value y = n.in(0);
  for (int i = 1; i < n.inputCount(); ++i)
    y = n.binary<Op>(y, n.in(i));
  return y;
}

template <typename Op> void variadic(Node &n) { n.set(0, fold<Op>(n)); }

void mean(Node &n) {
  Value sum = fold<lazy::AddOp>(n);
  n.needFloat(sum);
  n.set(0, n.inputCount() == 1
               ? sum
               : n.binary<lazy::DivOp>(sum, double(n.inputCount())));
}

void negate(Node &n) { n.set(0, n.build.unary<lazy::NegOp>(n.in(0))); }

void absolute(Node &n) {
  Value x = n.in(0);
  n.set(0, lazy::isUnsignedElement(Node::element(x))
               ? x
               : n.build.unary<lazy::AbsOp>(x));
}

void sign(Node &n) {
  Value x = n.in(0), zero = n.build.splat(Node::element(x), 0);
  Value above = n.build.cast(n.cmp(CmpKind::gt, x, zero), Node::element(x));
  Value below = n.build.cast(n.cmp(CmpKind::lt, x, zero), Node::element(x));
  n.set(0, n.binary<lazy::SubOp>(above, below));
}

void reciprocal(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.set(0, n.binary<lazy::DivOp>(n.build.splat(Node::element(x), 1), x));
}

void tangent(Node &n) {
  Value x = n.in(0);
  n.set(0, n.binary<lazy::DivOp>(n.unary<lazy::SinOp>(x),
                                 n.unary<lazy::CosOp>(x)));
}

void logicalNot(Node &n) {
  Value x = n.in(0);
  if (Node::dtype(x) != DType::Bool)
    block("input has element type " + Twine(dtypeName(Node::dtype(x))) +
          ", not bool");
  n.set(0, n.build.unary<lazy::NotOp>(x));
}

/// x to the powers that networks use, by what is cheaper than pow.
Value smallPower(Node &n, Value x, double exponent) {
  if (exponent == 1)
    return x;
  if (exponent == 2)
    return n.binary<lazy::MulOp>(x, x);
  if (exponent == 3)
    return n.binary<lazy::MulOp>(n.binary<lazy::MulOp>(x, x), x);
  if (Node::isFloat(x) && exponent == 0.5)
    return n.unary<lazy::SqrtOp>(x);
  if (Node::isFloat(x) && exponent == -1)
    return n.binary<lazy::DivOp>(n.build.splat(Node::element(x), 1), x);
  return {};
}

void power(Node &n) {
  Value x = n.in(0), y = second(n);
  if (Node::rank(y) <= Node::rank(x) && lazy::tensorType(y).hasStaticShape() &&
      lazy::tensorType(y).getNumElements() == 1)
    if (std::optional<Tensor> exponent = n.importer.constantValue(y))
      if (Value z = smallPower(n, x, exponent->numberAt(0)))
        return n.set(0, z);
  mlir::Type given = Node::element(x);
  bool integers = !Node::isFloat(x);
  mlir::Type compute = integers ? n.type(DType::F64) : given;
  Value z =
      n.binary<lazy::PowOp>(n.build.cast(x, compute), n.build.cast(y, compute));
  n.set(0, n.build.cast(z, given));
}

/// Integers: the sign follows the divisor unless fmod is set.
void modulo(Node &n) {
  Value a = n.in(0), b = n.in(1);
  Value r = n.binary<lazy::RemOp>(a, b);
  bool fmod = n.intAttr("fmod", 0) != 0;
  if (Node::isFloat(a) && !fmod)
    block("E_ATTR: fmod must be 1 on " + Twine(dtypeName(Node::dtype(a))));
  if (!fmod && !lazy::isUnsignedElement(Node::element(a))) {
    Value zero = n.build.splat(Node::element(a), 0);
    Value differ = n.build.binary<lazy::XorOp>(n.cmp(CmpKind::lt, r, zero),
                                               n.cmp(CmpKind::lt, b, zero));
    Value wrong =
        n.build.binary<lazy::AndOp>(differ, n.cmp(CmpKind::ne, r, zero));
    r = n.where(wrong, n.binary<lazy::AddOp>(r, b), r);
  }
  n.set(0, r);
}

void where(Node &n) { n.set(0, n.where(n.in(0), n.in(1), n.in(2))); }

void isNan(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.set(0, n.cmp(CmpKind::ne, x, x));
}

/// One side is left out by detect_negative or detect_positive.
void isInf(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  double inf = std::numeric_limits<double>::infinity();
  Value high = n.cmp(CmpKind::eq, x, n.build.splat(Node::element(x), inf));
  Value low = n.cmp(CmpKind::eq, x, n.build.splat(Node::element(x), -inf));
  bool positive = n.intAttr("detect_positive", 1) != 0;
  bool negative = n.intAttr("detect_negative", 1) != 0;
  if (positive && negative)
    n.set(0, n.build.binary<lazy::OrOp>(low, high));
  else if (positive || negative)
    n.set(0, positive ? high : low);
  else
    n.set(0, n.build.splatLike(high, 0));
}

} // namespace

void onnx_frontend::addElementwiseOps(OpTable &t) {
  t["Add"] = bounded(anyBinary<lazy::AddOp>);
  t["Sub"] = bounded(anyBinary<lazy::SubOp>);
  t["Mul"] = bounded(anyBinary<lazy::MulOp>);
  t["Div"] = bounded(anyBinary<lazy::DivOp>);
  t["Pow"] = bounded(power);
  t["Mod"] = bounded(modulo);
  t["Neg"] = bounded(negate);
  t["Abs"] = bounded(absolute);
  t["Sign"] = bounded(sign);
  t["Reciprocal"] = bounded(reciprocal);
  t["Sqrt"] = bounded(floatUnary<lazy::SqrtOp>);
  t["Exp"] = bounded(floatUnary<lazy::ExpOp>);
  t["Log"] = bounded(floatUnary<lazy::LogOp>);
  t["Sin"] = bounded(floatUnary<lazy::SinOp>);
  t["Cos"] = bounded(floatUnary<lazy::CosOp>);
  t["Tan"] = bounded(tangent);
  t["Tanh"] = bounded(floatUnary<lazy::TanhOp>);
  t["Erf"] = bounded(floatUnary<lazy::ErfOp>);
  t["Floor"] = bounded(floatUnary<lazy::FloorOp>);
  t["Ceil"] = bounded(floatUnary<lazy::CeilOp>);
  t["Round"] = bounded(floatUnary<lazy::RoundOp>);
  t["Max"] = bounded(variadic<lazy::MaxOp>);
  t["Min"] = bounded(variadic<lazy::MinOp>);
  t["Sum"] = bounded(variadic<lazy::AddOp>);
  t["Mean"] = bounded(mean);
  t["And"] = bounded(logicalBinary<lazy::AndOp>);
  t["Or"] = bounded(logicalBinary<lazy::OrOp>);
  t["Xor"] = bounded(logicalBinary<lazy::XorOp>);
  t["Not"] = bounded(logicalNot);
  t["Equal"] = bounded(compare<CmpKind::eq>);
  t["Greater"] = bounded(compare<CmpKind::gt>);
  t["GreaterOrEqual"] = bounded(compare<CmpKind::ge>);
  t["Less"] = bounded(compare<CmpKind::lt>);
  t["LessOrEqual"] = bounded(compare<CmpKind::le>);
  t["Where"] = bounded(where);
  t["IsNaN"] = bounded(isNan);
  t["IsInf"] = bounded(isInf);
}
