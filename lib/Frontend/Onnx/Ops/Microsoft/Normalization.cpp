//===- Normalization.cpp - com.microsoft: sums that are normalized --------===//
#include "../../Node.h"
#include "../../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// x over its last axis with mean 0 (unless `simplified`) and variance 1, times
/// gamma, plus beta if there is one. Halves are normalized in f32.
Value normalized(Node &n, Value x, Value gamma, Value beta, bool simplified) {
  n.needFloat(x);
  n.needSameElement(x, gamma);
  n.needRank(x, 1);
  mlir::Type given = Node::element(x);
  bool half = given.getIntOrFloatBitWidth() == 16;
  Value wide = half ? n.build.cast(x, n.type(DType::F32)) : x;
  int64_t last = Node::rank(x) - 1;
  if (!simplified)
    wide = n.binary<lazy::SubOp>(wide, n.mean(wide, {last}));
  Value variance = n.mean(n.binary<lazy::MulOp>(wide, wide), {last});
  Value deviation = n.unary<lazy::SqrtOp>(n.binary<lazy::AddOp>(
      variance, n.floatAttr("epsilon", simplified ? 1e-5f : 1e-12f)));
  Value y = n.build.cast(n.binary<lazy::DivOp>(wide, deviation), given);
  y = n.binary<lazy::MulOp>(y, gamma);
  if (beta)
    y = n.binary<lazy::AddOp>(y, beta);
  if (Node::shape(y) != Node::shape(x))
    block("E_SHAPE: gamma or beta do not broadcast to " +
          shapeText(Node::shape(x)));
  return y;
}

/// Normalizes input + skip + bias; that sum is output 3.
template <bool simplified> void skipLayerNormalization(Node &n) {
  Value x = n.in(0);
  Value sum = n.binary<lazy::AddOp>(x, n.in(1));
  if (Node::shape(sum) != Node::shape(x))
    block("E_SHAPE: skip of shape " + shapeText(Node::shape(n.in(1))) +
          " does not broadcast to " + shapeText(Node::shape(x)));
  int bias = simplified ? 3 : 4;
  if (n.has(bias))
    sum = n.binary<lazy::AddOp>(sum, n.in(bias));
  Value beta = simplified ? Value() : n.optional(3);
  n.set(0, normalized(n, sum, n.in(2), beta, simplified));
  n.set(3, sum);
}

/// The sum of the embeddings of words, places and segments, normalized.
void embedLayerNormalization(Node &n) {
  Value words = n.in(0);
  n.needStatic(words);
  if (Node::rank(words) != 2 || Node::rank(n.in(3)) != 2)
    block("E_SHAPE: input_ids of shape " + shapeText(Node::shape(words)) +
          " is not [batch,length]");
  int64_t length = Node::shape(words)[1];
  Value sum = n.build.gather(n.in(2), words, 0), places = n.in(3);
  if (n.has(8)) {
    places = n.build.gather(places, n.in(8), 0);
  } else {
    if (Node::shape(places)[0] < length)
      block("E_SHAPE: " + Twine(Node::shape(places)[0]) +
            " position embeddings for " + Twine(length) + " words");
    places = n.sliceAxis(places, 0, 0, length);
  }
  sum = n.binary<lazy::AddOp>(sum, places);
  if (n.has(1) && n.has(4))
    sum = n.binary<lazy::AddOp>(sum, n.build.gather(n.in(4), n.in(1), 0));
  n.set(0, normalized(n, sum, n.in(5), n.in(6), false));
  if (n.wants(1)) { // how many words of each row count
    mlir::Type i32 = n.type(DType::I32);
    Value count = n.build.splat(i32, 0, {Node::shape(words)[0]});
    if (n.has(7))
      count = n.build.reduce(lazy::ReduceKind::add, n.build.cast(n.in(7), i32),
                             {1});
    n.set(1, count);
  }
  n.set(2, sum);
}

/// x with its channels, axis 1 or last, in groups of mean 0 and variance 1,
/// times gamma plus beta; with activation 1 times its own sigmoid.
Value groupNormalized(Node &n, Value x) {
  n.needFloat(x);
  n.needStatic(x);
  n.needRank(x, 3);
  bool last = n.intAttr("channels_last", 1) != 0;
  Ints shape(Node::shape(x));
  int64_t rank = shape.size(), axis = last ? rank - 1 : 1;
  int64_t channels = shape[axis], groups = n.intAttr("groups", 0);
  int64_t activation = n.intAttr("activation", 0);
  if (groups < 1 || channels % groups != 0)
    block("E_ATTR: groups is " + Twine(groups) + ", must divide " +
          Twine(channels) + " channels");
  if (activation != 0 && activation != 1)
    block("E_ATTR: activation is " + Twine(activation) + ", must be 0 or 1");
  Ints split(shape), axes;
  split[axis] = groups;
  split.insert(split.begin() + axis + 1, channels / groups);
  for (int64_t a = 1; a <= rank; ++a)
    if (a != axis)
      axes.push_back(a);
  mlir::Type f32 = n.type(DType::F32);
  mlir::Type wide = Node::element(x).isF64() ? Node::element(x) : f32;
  Value y = n.reshape(n.build.cast(x, wide), split);
  y = n.binary<lazy::SubOp>(y, n.mean(y, axes));
  Value variance = n.mean(n.binary<lazy::MulOp>(y, y), axes);
  y = n.binary<lazy::DivOp>(y, n.unary<lazy::SqrtOp>(n.binary<lazy::AddOp>(
                                   variance, n.floatAttr("epsilon", 1e-5f))));
  y = n.reshape(y, shape);
  Value factors[2] = {n.in(1), n.in(2)};
  for (Value &v : factors) {
    if (Node::shape(v) != llvm::ArrayRef<int64_t>(channels))
      block("E_SHAPE: gamma or beta of shape " + shapeText(Node::shape(v)) +
            " for " + Twine(channels) + " channels");
    v = n.channels(n.build.cast(v, wide), rank, axis);
  }
  y = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(y, factors[0]), factors[1]);
  if (activation == 1) {
    Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(y));
    y = n.binary<lazy::DivOp>(y, n.binary<lazy::AddOp>(e, 1.0));
  }
  return n.build.cast(y, Node::element(x));
}

void groupNorm(Node &n) { n.set(0, groupNormalized(n, n.in(0))); }

/// Of input + skip + bias, which is output 1. A skip of [batch,channels] or
/// with spatial extents of 1 is for all places.
void skipGroupNorm(Node &n) {
  Value x = n.in(0), skip = n.in(3), sum;
  n.needRank(x, 3);
  int64_t rank = Node::rank(x);
  int64_t axis = n.intAttr("channels_last", 1) != 0 ? rank - 1 : 1;
  if (Node::rank(skip) == 2) {
    Ints shape(rank, 1);
    shape[0] = Node::shape(skip)[0];
    shape[axis] = Node::shape(skip)[1];
    skip = n.reshape(skip, shape);
  }
  sum = n.binary<lazy::AddOp>(x, skip);
  if (n.has(4)) {
    n.needRank(n.in(4), 1);
    sum = n.binary<lazy::AddOp>(sum, n.channels(n.in(4), rank, axis));
  }
  if (Node::shape(sum) != Node::shape(x))
    block("E_SHAPE: skip or bias do not broadcast to " +
          shapeText(Node::shape(x)));
  n.set(0, groupNormalized(n, sum));
  n.set(1, sum);
}

} // namespace

void onnx_frontend::addMicrosoftNormalizationOps(OpTable &t) {
  t["SkipLayerNormalization"] = skipLayerNormalization<false>;
  t["SkipSimplifiedLayerNormalization"] = skipLayerNormalization<true>;
  t["GroupNorm"] = groupNorm;
  t["SkipGroupNorm"] = skipGroupNorm;
  t["EmbedLayerNormalization"] = embedLayerNormalization;
}
