//===- Normalization.cpp - normalizations, by their statistics ------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

void needVector(Value v, int64_t extent, llvm::StringRef what) {
  if (Node::shape(v) != llvm::ArrayRef<int64_t>(extent))
    block("E_SHAPE: " + what + " has shape " + shapeText(Node::shape(v)) +
          " for " + Twine(extent) + " channels");
}

/// x * s + b with s and b computed on [C] vectors, which fold later.
void batchNormalization(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needRank(x, 1);
  if (n.opset >= 14 && n.intAttr("training_mode", 0) != 0)
    block("training_mode is not supported");
  if (n.opset < 9 && n.intAttr("spatial", 1) == 0)
    block("spatial=0 is not supported");
  n.onlyOutputs(1);
  int64_t rank = Node::rank(x);
  int64_t channels = rank == 1 ? 1 : Node::shape(x)[1];
  Value parts[4];
  const char *names[4] = {"scale", "bias", "mean", "variance"};
  for (int i = 0; i < 4; ++i) {
    parts[i] = n.in(i + 1);
    needVector(parts[i], channels, names[i]);
    parts[i] = n.build.cast(parts[i], Node::element(x));
  }
  auto [scale, bias, mean, variance] = parts;
  double epsilon = n.floatAttr("epsilon", 1e-5f);
  Value s = n.binary<lazy::DivOp>(
      scale, n.unary<lazy::SqrtOp>(n.binary<lazy::AddOp>(variance, epsilon)));
  Value b = n.binary<lazy::SubOp>(bias, n.binary<lazy::MulOp>(mean, s));
  if (rank > 1) {
    s = n.channels(s, rank);
    b = n.channels(b, rank);
  }
  n.set(0, n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(x, s), b));
}

struct Normalized {
  Value value, mean, inverseDeviation;
};

/// (x - mean) / sqrt(variance + epsilon) over axes.
Normalized normalize(Node &n, Value x, llvm::ArrayRef<int64_t> axes,
                     double epsilon) {
  Value mean = n.mean(x, axes);
  Value centered = n.binary<lazy::SubOp>(x, mean);
  Value variance = n.mean(n.binary<lazy::MulOp>(centered, centered), axes);
  Value deviation =
      n.unary<lazy::SqrtOp>(n.binary<lazy::AddOp>(variance, epsilon));
  return {n.binary<lazy::DivOp>(centered, deviation), mean, deviation};
}

Ints axesFrom(int64_t first, int64_t rank) {
  Ints axes;
  for (int64_t a = first; a < rank; ++a)
    axes.push_back(a);
  return axes;
}

void instanceNormalization(Node &n) {
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  n.needFloat(x);
  n.needRank(x, 3);
  n.needSameElement(x, scale);
  needVector(scale, Node::shape(x)[1], "scale");
  needVector(bias, Node::shape(x)[1], "bias");
  int64_t rank = Node::rank(x);
  Value y =
      normalize(n, x, axesFrom(2, rank), n.floatAttr("epsilon", 1e-5f)).value;
  y = n.binary<lazy::MulOp>(y, n.channels(scale, rank));
  n.set(0, n.binary<lazy::AddOp>(y, n.channels(bias, rank)));
}

void layerNormalization(Node &n) {
  Value x = n.in(0), scale = n.in(1);
  n.needFloat(x);
  int64_t axis = n.axis(n.intAttr("axis", -1), Node::rank(x));
  mlir::Type given = Node::element(x);
  // Statistics of the half types are computed in f32 (stash_type 1).
  bool half = given.getIntOrFloatBitWidth() == 16;
  Value wide = half ? n.build.cast(x, n.type(DType::F32)) : x;
  Normalized r = normalize(n, wide, axesFrom(axis, Node::rank(x)),
                           n.floatAttr("epsilon", 1e-5f));
  Value y = n.binary<lazy::MulOp>(n.build.cast(r.value, given), scale);
  if (n.has(2))
    y = n.binary<lazy::AddOp>(y, n.in(2));
  if (Node::shape(y) != Node::shape(x))
    block("E_SHAPE: scale or bias do not broadcast to " +
          shapeText(Node::shape(x)));
  n.set(0, y);
  n.set(1, r.mean);
  if (n.wants(2))
    n.set(2, n.binary<lazy::DivOp>(n.build.splat(Node::element(wide), 1),
                                   r.inverseDeviation));
}

/// Opset 18 gives scale and bias per group, opset 21 per channel.
void groupNormalization(Node &n) {
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  n.needFloat(x);
  n.needRank(x, 3);
  int64_t groups = n.intAttr("num_groups", 0), rank = Node::rank(x);
  Ints shape(Node::shape(x));
  if (groups <= 0 || shape[1] % groups != 0)
    block("E_ATTR: num_groups " + Twine(groups) + " does not divide " +
          Twine(shape[1]) + " channels");
  Ints split{shape[0], groups, shape[1] / groups};
  split.append(shape.begin() + 2, shape.end());
  bool perGroup = n.opset < 21;
  Value y = normalize(n, n.reshape(x, split), axesFrom(2, rank + 1),
                      n.floatAttr("epsilon", 1e-5f))
                .value;
  needVector(scale, perGroup ? groups : shape[1], "scale");
  needVector(bias, perGroup ? groups : shape[1], "bias");
  if (!perGroup)
    y = n.reshape(y, shape);
  y = n.binary<lazy::MulOp>(y, n.channels(scale, Node::rank(y)));
  y = n.binary<lazy::AddOp>(y, n.channels(bias, Node::rank(y)));
  n.set(0, n.reshape(y, shape));
}

/// x / (bias + alpha / size * sum of squares of nearby channels) ^ beta.
void lrn(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needRank(x, 2);
  int64_t size = n.intAttr("size", 0), rank = Node::rank(x);
  if (size <= 0)
    block("E_ATTR: size is " + Twine(size) + ", must be > 0");
  n.needStatic(x, 1);
  Ints low(rank, 0), high(rank, 0);
  low[1] = (size - 1) / 2;
  high[1] = size - 1 - low[1];
  Value squares = n.binary<lazy::MulOp>(x, x);
  squares = n.build.window(n.pad(squares, low, high, 0), {1}, {size}, {1}, {1});
  Value sum = n.build.reduce(ReduceKind::add, squares, {rank});
  double alpha = n.floatAttr("alpha", 1e-4f), beta = n.floatAttr("beta", 0.75f);
  Value base = n.binary<lazy::AddOp>(
      n.binary<lazy::MulOp>(sum, alpha / double(size)), n.floatAttr("bias", 1));
  Value y;
  if (beta == 0.75) { // base^0.75 without pow
    Value root = n.unary<lazy::SqrtOp>(base);
    y = n.binary<lazy::MulOp>(root, n.unary<lazy::SqrtOp>(root));
  } else {
    y = n.binary<lazy::PowOp>(base, beta);
  }
  n.set(0, n.binary<lazy::DivOp>(x, y));
}

/// x / norm along an axis; p is 1 or 2.
void lpNormalization(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  int64_t axis = n.axis(n.intAttr("axis", -1), Node::rank(x));
  int64_t p = n.intAttr("p", 2);
  if (p != 1 && p != 2)
    block("E_ATTR: p is " + Twine(p) + ", must be 1 or 2");
  Value terms =
      p == 1 ? n.build.unary<lazy::AbsOp>(x) : n.binary<lazy::MulOp>(x, x);
  Value norm = n.build.reduce(ReduceKind::add, terms, {axis}, true);
  if (p == 2)
    norm = n.unary<lazy::SqrtOp>(norm);
  Value zero = n.build.splat(Node::element(x), 0);
  Value isZero = n.cmp(lazy::CmpKind::eq, norm, zero);
  n.set(0, n.where(isZero, zero, n.binary<lazy::DivOp>(x, norm)));
}

} // namespace

void onnx_frontend::addNormalizationOps(OpTable &t) {
  t["BatchNormalization"] = batchNormalization;
  t["InstanceNormalization"] = instanceNormalization;
  t["LayerNormalization"] = layerNormalization;
  t["GroupNormalization"] = groupNormalization;
  t["LRN"] = lrn;
  t["LpNormalization"] = lpNormalization;
}
