//===- Activation.cpp - activation functions ------------------------------===//
#include "../Node.h"
#include "../OpTable.h"
#include "Softmax.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

Value constantLike(Node &n, Value x, double value) {
  return n.build.splat(Node::element(x), value);
}

Value clamp(Node &n, Value x, double low, double high) {
  return n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(x, low), high);
}

/// 1 / (1 + exp(-x)).
Value sigmoidOf(Node &n, Value x) {
  n.needFloat(x);
  Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(x));
  return n.binary<lazy::DivOp>(constantLike(n, x, 1),
                               n.binary<lazy::AddOp>(e, 1.0));
}

void sigmoid(Node &n) { n.set(0, sigmoidOf(n, n.in(0))); }

void relu(Node &n) { n.set(0, n.binary<lazy::MaxOp>(n.in(0), 0.0)); }

/// x where x > 0, else y.
Value positiveElse(Node &n, Value x, Value y) {
  return n.where(n.cmp(CmpKind::gt, x, constantLike(n, x, 0)), x, y);
}

void leakyRelu(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  double alpha = n.floatAttr("alpha", 0.01f);
  Value scaled = n.binary<lazy::MulOp>(x, alpha);
  n.set(0, alpha >= 0 && alpha <= 1 ? n.binary<lazy::MaxOp>(x, scaled)
                                    : positiveElse(n, x, scaled));
}

void prelu(Node &n) {
  Value x = n.in(0), slope = n.in(1);
  // A vector had an element for each channel, or one.
  if (n.opset < 7 && Node::rank(slope) == 1 && Node::rank(x) > 1 &&
      Node::shape(slope)[0] != 1)
    slope = n.channels(slope, Node::rank(x));
  Value scaled = n.binary<lazy::MulOp>(x, slope);
  if (Node::shape(scaled) != Node::shape(x))
    block("E_SHAPE: slope " + shapeText(Node::shape(slope)) +
          " does not broadcast to " + shapeText(Node::shape(x)));
  n.set(0, n.where(n.cmp(CmpKind::lt, x, constantLike(n, x, 0)), scaled, x));
}

void hardSigmoid(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  Value y = n.binary<lazy::MulOp>(x, n.floatAttr("alpha", 0.2f));
  y = n.binary<lazy::AddOp>(y, n.floatAttr("beta", 0.5f));
  n.set(0, clamp(n, y, 0, 1));
}

void hardSwish(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  Value gate = n.binary<lazy::MulOp>(x, 1.0 / 6);
  gate = clamp(n, n.binary<lazy::AddOp>(gate, 0.5), 0, 1);
  n.set(0, n.binary<lazy::MulOp>(x, gate));
}

/// exp(x) - 1 for negative x and 0 above, so that nothing overflows.
Value expm1Below(Node &n, Value x) {
  n.needFloat(x);
  return n.binary<lazy::SubOp>(
      n.unary<lazy::ExpOp>(n.binary<lazy::MinOp>(x, 0.0)), 1.0);
}

void elu(Node &n) {
  Value x = n.in(0);
  Value below =
      n.binary<lazy::MulOp>(expm1Below(n, x), n.floatAttr("alpha", 1));
  n.set(0, positiveElse(n, x, below));
}

void selu(Node &n) {
  Value x = n.in(0);
  Value below = n.binary<lazy::MulOp>(
      expm1Below(n, x), n.floatAttr("alpha", 1.67326319217681884765625));
  n.set(0,
        n.binary<lazy::MulOp>(positiveElse(n, x, below),
                              n.floatAttr("gamma", 1.05070102214813232421875)));
}

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).
void celu(Node &n) {
  Value x = n.in(0);
  double alpha = n.floatAttr("alpha", 1);
  if (alpha == 0)
    block("E_ATTR: alpha is 0");
  Value e = expm1Below(n, n.binary<lazy::DivOp>(x, alpha));
  n.set(0, positiveElse(n, x, n.binary<lazy::MulOp>(e, alpha)));
}

/// max(x, 0) + log(1 + exp(-|x|)): no overflow.
Value softplusOf(Node &n, Value x) {
  n.needFloat(x);
  Value e = n.unary<lazy::ExpOp>(
      n.build.unary<lazy::NegOp>(n.build.unary<lazy::AbsOp>(x)));
  Value log = n.unary<lazy::LogOp>(n.binary<lazy::AddOp>(e, 1.0));
  return n.binary<lazy::AddOp>(n.binary<lazy::MaxOp>(x, 0.0), log);
}

void softplus(Node &n) { n.set(0, softplusOf(n, n.in(0))); }

void mish(Node &n) {
  Value x = n.in(0);
  n.set(0, n.binary<lazy::MulOp>(x, n.unary<lazy::TanhOp>(softplusOf(n, x))));
}

void softsign(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.set(0, n.binary<lazy::DivOp>(
               x, n.binary<lazy::AddOp>(n.build.unary<lazy::AbsOp>(x), 1.0)));
}

/// x * sigmoid(alpha * x).
void swish(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  double alpha = n.floatAttr("alpha", 1);
  Value scaled = alpha == 1 ? x : n.binary<lazy::MulOp>(x, alpha);
  n.set(0, n.binary<lazy::MulOp>(x, sigmoidOf(n, scaled)));
}

/// x drawn to 0 by bias where it is outside [-lambd, lambd], else 0.
void shrink(Node &n) {
  Value x = n.in(0);
  mlir::Type given = Node::element(x);
  // Integers may be compared with fractions.
  if (!Node::isFloat(x))
    x = n.build.cast(x, n.type(DType::F64));
  double bias = n.floatAttr("bias", 0), lambda = n.floatAttr("lambd", 0.5);
  Value above = n.cmp(CmpKind::gt, x, constantLike(n, x, lambda));
  Value below = n.cmp(CmpKind::lt, x, constantLike(n, x, -lambda));
  Value y =
      n.where(below, n.binary<lazy::AddOp>(x, bias), constantLike(n, x, 0));
  y = n.where(above, n.binary<lazy::SubOp>(x, bias), y);
  n.set(0, n.build.cast(y, given));
}

void thresholdedRelu(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  Value alpha = constantLike(n, x, n.floatAttr("alpha", 1));
  n.set(0, n.where(n.cmp(CmpKind::gt, x, alpha), x, constantLike(n, x, 0)));
}

void gelu(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  std::string form = n.stringAttr("approximate", "none");
  Value inner;
  if (form == "tanh") {
    Value cube = n.binary<lazy::MulOp>(n.binary<lazy::MulOp>(x, x), x);
    inner = n.binary<lazy::AddOp>(x, n.binary<lazy::MulOp>(cube, 0.044715));
    inner = n.unary<lazy::TanhOp>(
        n.binary<lazy::MulOp>(inner, 0.7978845608028654)); // sqrt(2/pi)
  } else if (form == "none") {
    inner = n.unary<lazy::ErfOp>(
        n.binary<lazy::MulOp>(x, 0.7071067811865476)); // sqrt(1/2)
  } else {
    block("E_ATTR: approximate is " + quoted(form) + ", not 'none' or 'tanh'");
  }
  Value half = n.binary<lazy::MulOp>(x, 0.5);
  n.set(0, n.binary<lazy::MulOp>(half, n.binary<lazy::AddOp>(inner, 1.0)));
}

/// A bound of Clip as a scalar value.
Value bound(Node &n, Value x, int input) {
  Value limit = n.in(input);
  if (Node::rank(limit) > 1 || !lazy::tensorType(limit).hasStaticShape() ||
      lazy::tensorType(limit).getNumElements() != 1)
    block("E_SHAPE: a bound has shape " + shapeText(Node::shape(limit)) +
          ", not a scalar's");
  n.needSameElement(x, limit);
  return n.reshape(limit, {});
}

void clip(Node &n) {
  Value x = n.in(0);
  if (n.opset < 11) {
    n.needFloat(x);
    if (n.attribute("min"))
      x = n.binary<lazy::MaxOp>(x, n.floatAttr("min", 0));
    if (n.attribute("max"))
      x = n.binary<lazy::MinOp>(x, n.floatAttr("max", 0));
    return n.set(0, x);
  }
  if (n.has(1))
    x = n.binary<lazy::MaxOp>(x, bound(n, x, 1));
  if (n.has(2))
    x = n.binary<lazy::MinOp>(x, bound(n, x, 2));
  n.set(0, x);
}

/// x less its largest element over the axes.
Value centered(Node &n, Value x, llvm::ArrayRef<int64_t> axes) {
  return n.binary<lazy::SubOp>(
      x, n.build.reduce(lazy::ReduceKind::max, x, axes, /*keepDims=*/true));
}

/// Softmax, or its logarithm, over one axis; before opset 13 over all axes
/// from it on.
template <bool logarithm> void softmax(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  int64_t rank = Node::rank(x);
  Ints axes;
  if (n.opset < 13) {
    int64_t first = n.intAttr("axis", 1);
    first = first == rank ? rank : n.axis(first, rank);
    for (int64_t a = first; a < rank; ++a)
      axes.push_back(a);
  } else {
    axes.push_back(n.axis(n.intAttr("axis", -1), rank));
  }
  if (logarithm)
    return n.set(0, logSoftmax(n, x, axes));
  Value e = n.unary<lazy::ExpOp>(centered(n, x, axes));
  Value sum = n.build.reduce(lazy::ReduceKind::add, e, axes, true);
  n.set(0, n.binary<lazy::DivOp>(e, sum));
}

/// 1 at the first largest element along an axis, before opset 13 of all axes
/// from it on, and 0 elsewhere.
void hardmax(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  int64_t rank = Node::rank(x);
  Ints shape(Node::shape(x));
  int64_t axis = n.opset < 13 ? n.intAttr("axis", 1) : n.intAttr("axis", -1);
  axis = n.opset < 13 && axis == rank ? rank : n.axis(axis, rank);
  Value flat = x;
  if (n.opset < 13) {
    Ints to(shape.begin(), shape.begin() + axis);
    Ints merged;
    for (int64_t a = axis; a < rank; ++a)
      merged.push_back(a);
    to.push_back(n.countAlong(x, merged));
    flat = n.reshape(x, to);
  }
  n.needStatic(flat, axis);
  int64_t extent = Node::shape(flat)[axis];
  if (extent == 0)
    return n.set(0, x);
  Value top = n.build.argReduce(lazy::ReduceKind::max, flat, axis,
                                /*last=*/false, /*keepDims=*/true);
  Ints along(Node::rank(flat), 1);
  along[axis] = extent;
  Value place = n.build.iota(
      mlir::RankedTensorType::get(along, n.type(DType::I64)), axis);
  Value y = n.build.cast(n.cmp(CmpKind::eq, top, place), Node::element(x));
  n.set(0, n.reshape(y, shape));
}

} // namespace

Value onnx_frontend::logSoftmax(Node &n, Value x,
                                llvm::ArrayRef<int64_t> axes) {
  Value less = centered(n, x, axes);
  Value sum = n.build.reduce(lazy::ReduceKind::add, n.unary<lazy::ExpOp>(less),
                             axes, /*keepDims=*/true);
  return n.binary<lazy::SubOp>(less, n.unary<lazy::LogOp>(sum));
}

void onnx_frontend::addActivationOps(OpTable &t) {
  t["Sigmoid"] = bounded(sigmoid);
  t["Relu"] = bounded(relu);
  t["LeakyRelu"] = bounded(leakyRelu);
  t["PRelu"] = bounded(prelu);
  t["HardSigmoid"] = bounded(hardSigmoid);
  t["HardSwish"] = bounded(hardSwish);
  t["Elu"] = bounded(elu);
  t["Selu"] = bounded(selu);
  t["Celu"] = bounded(celu);
  t["Softplus"] = bounded(softplus);
  t["Softsign"] = bounded(softsign);
  t["Mish"] = bounded(mish);
  t["Swish"] = bounded(swish);
  t["Shrink"] = bounded(shrink);
  t["ThresholdedRelu"] = bounded(thresholdedRelu);
  t["Gelu"] = bounded(gelu);
  t["Clip"] = bounded(clip);
  t["Softmax"] = bounded(softmax<false>);
  t["Hardmax"] = bounded(hardmax);
  t["LogSoftmax"] = bounded(softmax<true>);
}
