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

struct Statistics {
  Value mean, variance; // [C]
};

/// Of each channel, in f32 for the half types.
Statistics channelStatistics(Node &n, Value x, int64_t channels) {
  mlir::Type given = Node::element(x);
  if (given.getIntOrFloatBitWidth() == 16)
    x = n.build.cast(x, n.type(DType::F32));
  Ints axes;
  for (int64_t a = 0; a < Node::rank(x); ++a)
    if (a != 1)
      axes.push_back(a);
  Value mean = n.mean(x, axes), centered = n.binary<lazy::SubOp>(x, mean);
  Value variance = n.mean(n.binary<lazy::MulOp>(centered, centered), axes);
  auto vector = [&](Value v) {
    return n.build.cast(n.reshape(v, {channels}), given);
  };
  return {vector(mean), vector(variance)};
}

/// x * s + b with s and b computed on [C] vectors, which fold later.
void batchNormalization(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needRank(x, 1);
  if (n.opset < 9 && n.intAttr("spatial", 1) == 0)
    block("spatial=0 is not supported");
  if (n.opset < 7 && n.intAttr("is_test", 0) == 0)
    block("is_test=0 is not supported");
  bool training = n.opset >= 14 && n.intAttr("training_mode", 0) != 0;
  if (!training)
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
  auto &[scale, bias, mean, variance] = parts;
  if (training) {
    double momentum = n.floatAttr("momentum", 0.9f);
    Statistics now = channelStatistics(n, x, channels);
    auto running = [&](int i, Value before, Value current) {
      Value sum =
          n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(before, momentum),
                                n.binary<lazy::MulOp>(current, 1 - momentum));
      n.set(i, n.build.cast(sum, Node::element(n.in(i + 2))));
    };
    running(1, mean, now.mean);
    running(2, variance, now.variance);
    mean = now.mean;
    variance = now.variance;
  }
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

/// x / sqrt(mean of x^2 + epsilon) * scale.
void rmsNormalization(Node &n) {
  Value x = n.in(0), scale = n.in(1);
  n.needFloat(x);
  int64_t axis = n.axis(n.intAttr("axis", -1), Node::rank(x));
  mlir::Type given = Node::element(x);
  bool half = given.getIntOrFloatBitWidth() == 16;
  Value wide = half ? n.build.cast(x, n.type(DType::F32)) : x;
  Value mean =
      n.mean(n.binary<lazy::MulOp>(wide, wide), axesFrom(axis, Node::rank(x)));
  mean = n.binary<lazy::AddOp>(mean, n.floatAttr("epsilon", 1e-5f));
  Value deviation = n.unary<lazy::SqrtOp>(mean);
  Value y = n.binary<lazy::DivOp>(wide, deviation);
  y = n.binary<lazy::MulOp>(n.build.cast(y, given), scale);
  if (Node::shape(y) != Node::shape(x))
    block("E_SHAPE: scale of shape " + shapeText(Node::shape(scale)) +
          " does not broadcast to " + shapeText(Node::shape(x)));
  n.set(0, y);
  if (n.wants(1)) // of SimplifiedLayerNormalization
    n.set(1, n.binary<lazy::DivOp>(n.build.splatLike(deviation, 1), deviation));
}

/// (x - mean) / (standard deviation + 1e-9) over axes.
void meanVarianceNormalization(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  Ints axes = n.axes(n.intsAttr("axes").value_or(Ints{0, 2, 3}), Node::rank(x));
  Value centered = n.binary<lazy::SubOp>(x, n.mean(x, axes));
  Value variance = n.mean(n.binary<lazy::MulOp>(centered, centered), axes);
  Value deviation =
      n.binary<lazy::AddOp>(n.unary<lazy::SqrtOp>(variance), 1e-9);
  n.set(0, n.binary<lazy::DivOp>(centered, deviation));
}

/// Opset 18 gives scale and bias per group, opset 21 per channel.
void groupNormalization(Node &n) {
  Value x = n.in(0), scale = n.in(1), bias = n.in(2);
  n.needFloat(x);
  n.needRank(x, 3);
  n.needStatic(x, 1);
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
  t["BatchNormalization"] = bounded(batchNormalization);
  t["InstanceNormalization"] = bounded(instanceNormalization);
  t["LayerNormalization"] = bounded(layerNormalization);
  t["RMSNormalization"] = bounded(rmsNormalization);
  // As ONNX Runtime writes it, in the default domain too.
  t["SimplifiedLayerNormalization"] = bounded(rmsNormalization);
  t["MeanVarianceNormalization"] = bounded(meanVarianceNormalization);
  t["GroupNormalization"] = bounded(groupNormalization);
  t["LRN"] = bounded(lrn);
  t["LpNormalization"] = bounded(lpNormalization);
}
