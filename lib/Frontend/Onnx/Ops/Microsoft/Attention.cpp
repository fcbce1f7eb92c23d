//===- Attention.cpp - com.microsoft: forms of attention ------------------===//
#include "../../OpTable.h"
#include "../Einsum.h"
#include "../RotaryEmbedding.h"
#include "Cache.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

double scaleAttr(Node &n, int64_t size) {
  double given = n.floatAttr("scale", 0);
  return given != 0 ? given : 1 / std::sqrt(double(std::max<int64_t>(size, 1)));
}

/// Which places [0, total) of each row of a batch are below `counts` [batch].
Value belowCounts(Node &n, Value counts, int64_t total) {
  auto places = n.build.iota(
      mlir::RankedTensorType::get({total}, Node::element(counts)), 0);
  return n.cmp(CmpKind::lt, places,
               n.reshape(counts, {Node::shape(counts)[0], 1, 1, 1}));
}

/// Adds mask_filter_value where a padding mask says so: [batch] is how many
/// keys count, else a mask [batch,total] or [batch,length,total].
Value addPadding(Node &n, Value scores, Value mask) {
  Ints s(Node::shape(scores)), shape(Node::shape(mask));
  Value keep;
  auto is = [&](llvm::ArrayRef<int64_t> wanted) {
    return llvm::ArrayRef<int64_t>(shape) == wanted;
  };
  if (is({s[0]}))
    keep = belowCounts(n, mask, s[3]);
  else if (is({s[0], s[3]}))
    keep = n.reshape(mask, {s[0], 1, 1, s[3]});
  else if (is({s[0], s[2], s[3]}))
    keep = n.reshape(mask, {s[0], 1, s[2], s[3]});
  else
    block("a mask of shape " + shapeText(shape) + " for scores of shape " +
          shapeText(s) + " is not supported");
  if (Node::dtype(keep) != DType::Bool)
    keep = n.cmp(CmpKind::gt, keep, n.build.splatLike(keep, 0));
  mlir::Type element = Node::element(scores);
  Value bias =
      n.where(keep, n.build.splat(element, 0),
              n.build.splat(element, n.floatAttr("mask_filter_value", -1e4f)));
  return n.binary<lazy::AddOp>(scores, bias);
}

/// e^x / (e^sink + sum of e^x over the last axis).
Value softmaxBesides(Node &n, Value x, Value sink) {
  int64_t last = Node::rank(x) - 1;
  Value top = n.build.reduce(lazy::ReduceKind::max, x, {last}, true);
  top = n.binary<lazy::MaxOp>(top, sink);
  Value e = n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(x, top));
  Value sum = n.build.reduce(lazy::ReduceKind::add, e, {last}, true);
  Value rest = n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(sink, top));
  return n.binary<lazy::DivOp>(e, n.binary<lazy::AddOp>(sum, rest));
}

Value headsFirst(Node &n, Value x) { return n.build.permute(x, {0, 2, 1, 3}); }

/// Projects the input to queries, keys and values and attends.
void attention(Node &n) {
  Value x = n.in(0), w = n.in(1);
  if (n.intAttr("do_rotary", 0) != 0)
    block("do_rotary is not supported");
  if (Node::rank(x) != 3 || Node::rank(w) != 2 ||
      Node::shape(x)[2] != Node::shape(w)[0])
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + " and weights " +
          shapeText(Node::shape(w)) + " do not multiply");
  Value y = einsum(n, "blh,ho->blo", {x, w});
  if (n.has(2))
    y = n.binary<lazy::AddOp>(y, n.in(2));
  attendProjected(n, y, /*mask=*/3, /*past=*/4, /*bias=*/5, /*pastLength=*/6);
}

void rotaryEmbedding(Node &n) {
  Value x = n.in(0), places = n.in(1);
  n.needFloat(x);
  n.needStatic(x);
  int64_t rank = Node::rank(x), heads = n.intAttr("num_heads", 0);
  if (rank != 3 && rank != 4)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " does not have rank 3 or 4");
  int64_t axis = rank == 3 ? 2 : 1;
  if (rank == 3) {
    if (heads == 0) { // heads are as large as the angles of a place
      int64_t size = 2 * Node::shape(n.in(2)).back();
      heads = size > 0 ? Node::shape(x)[2] / size : 0;
    }
    x = splitHeads(n, x, heads, "input");
  }
  int64_t length = Node::shape(x)[3 - axis];
  Value angles[2] = {n.in(2), n.in(3)};
  for (Value &cache : angles) {
    if (lazy::tensorType(places).getNumElements() == 1 && length > 0) {
      // The first place; the others follow.
      Value first = n.reshape(places, {1, 1});
      Value along = n.build.iota(
          mlir::RankedTensorType::get({1, length}, Node::element(places)), 1);
      cache = n.build.gather(cache, n.binary<lazy::AddOp>(along, first), 0);
    } else {
      if (Node::rank(places) != 2)
        block("E_SHAPE: position_ids of shape " +
              shapeText(Node::shape(places)) + " is not [batch,length]");
      cache = n.build.gather(cache, places, 0);
    }
  }
  Value y = rotate(n, x, angles[0], angles[1], axis,
                   n.intAttr("interleaved", 0) != 0);
  n.set(0, rank == 3 ? joinHeads(n, y) : y);
}

} // namespace

Value onnx_frontend::attend(Node &n, AttentionInputs &a, const Masks &masks) {
  checkAttention(n, a);
  a.scale = scaleAttr(n, Node::shape(a.query)[3]);
  Value scores = attentionScores(n, a);
  if (double cap = n.floatAttr("softcap", 0); cap > 0) {
    Value t = n.unary<lazy::TanhOp>(n.binary<lazy::DivOp>(scores, cap));
    scores = n.binary<lazy::MulOp>(t, cap);
  }
  Ints shape(Node::shape(scores));
  // A mask or bias is of the tokens; what a cache has room for besides is not
  // seen anyway.
  auto allKeys = [&](Value v) {
    int64_t last = Node::rank(v) - 1;
    int64_t more = last < 0 ? 0 : shape[3] - Node::shape(v)[last];
    Ints low(last + 1, 0), high(low);
    if (!masks.keep || more <= 0)
      return v;
    high[last] = more;
    return n.pad(v, low, high, 0);
  };
  if (masks.padding >= 0 && n.has(masks.padding)) {
    Value mask = n.in(masks.padding);
    scores = addPadding(n, scores, Node::rank(mask) > 1 ? allKeys(mask) : mask);
  }
  if (masks.bias >= 0 && n.has(masks.bias)) {
    Value bias = n.in(masks.bias);
    bool forAll = Node::rank(bias) == 0 || Node::shape(bias).back() == 1;
    scores = n.binary<lazy::AddOp>(scores, forAll ? bias : allKeys(bias));
    if (Node::shape(scores) != llvm::ArrayRef<int64_t>(shape))
      block("E_SHAPE: attention_bias of shape " +
            shapeText(Node::shape(n.in(masks.bias))) +
            " does not broadcast to " + shapeText(shape));
  }
  if (masks.causal)
    scores =
        maskScores(n, scores, causalMask(n, shape[2], shape[3], masks.past));
  if (masks.keep)
    scores = maskScores(n, scores, masks.keep);
  Value p = masks.sink ? softmaxBesides(n, scores, masks.sink)
                       : softmaxLast(n, scores);
  return joinHeads(n, attentionResult(n, a, p));
}

void onnx_frontend::appendPast(Node &n, AttentionInputs &a, Value pastKey,
                               Value pastValue) {
  if (a.keyOrder == HeadOrder::SequenceFirst) {
    a.key = headsFirst(n, a.key);
    a.value = headsFirst(n, a.value);
    a.keyOrder = HeadOrder::HeadsFirst;
  }
  if (!pastKey)
    return;
  a.key = n.concat({pastKey, a.key}, 2);
  a.value = n.concat({pastValue, a.value}, 2);
}

Value onnx_frontend::part(Node &n, Value x, int64_t start, int64_t size) {
  return n.sliceAxis(x, Node::rank(x) - 1, start, size);
}

int64_t onnx_frontend::headsAttr(Node &n, llvm::StringRef name) {
  int64_t heads = n.intAttr(name, 0);
  if (heads < 1)
    block("E_ATTR: " + name + " is " + Twine(heads) + ", must be > 0");
  return heads;
}

void onnx_frontend::attendProjected(Node &n, Value y, int mask, int past,
                                    int bias, int pastLength) {
  int64_t heads = headsAttr(n, "num_heads"), total = Node::shape(y)[2];
  Ints sizes = n.intsAttr("qkv_hidden_sizes")
                   .value_or(Ints{total / 3, total / 3, total / 3});
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] < 1 || sizes[2] < 1 ||
      sizes[0] > total || sizes[1] > total ||
      sizes[0] + sizes[1] + sizes[2] != total)
    block("E_ATTR: qkv_hidden_sizes " + shapeText(sizes) +
          " do not add up to " + Twine(total));
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  a.query = splitHeads(n, part(n, y, 0, sizes[0]), heads, "query");
  a.key = splitHeads(n, part(n, y, sizes[0], sizes[1]), heads, "key");
  a.value =
      splitHeads(n, part(n, y, sizes[0] + sizes[1], sizes[2]), heads, "value");
  Masks masks;
  masks.padding = mask;
  masks.bias = bias;
  masks.causal = n.intAttr("unidirectional", 0) != 0;
  if (n.has(past) || n.wants(1)) {
    Value before[2];
    for (int i = 0; i < 2 && n.has(past); ++i) { // [2,batch,heads,past,size]
      Value cache = n.in(past);
      if (Node::rank(cache) != 5 || Node::shape(cache)[0] != 2)
        block("E_SHAPE: past of shape " + shapeText(Node::shape(cache)) +
              " is not [2,batch,heads,past,size]");
      before[i] = n.reshape(n.sliceAxis(cache, 0, i, 1),
                            Ints(Node::shape(cache).drop_front()));
      masks.past = Node::shape(before[i])[2];
    }
    if (pastLength >= 0 && n.has(pastLength) && n.has(past)) {
      Places p = placesBehind(n, a, n.in(pastLength), masks.past);
      appendPast(n, a, {}, {});
      a.key = written(n, before[0], a.key, p);
      a.value = written(n, before[1], a.value, p);
      masks.keep = visible(n, p, std::exchange(masks.causal, false));
    } else {
      appendPast(n, a, before[0], before[1]);
    }
    auto lifted = [&](Value v) {
      Ints shape(Node::shape(v));
      shape.insert(shape.begin(), 1);
      return n.reshape(v, shape);
    };
    if (n.wants(1))
      n.set(1, n.concat({lifted(a.key), lifted(a.value)}, 0));
  }
  n.set(0, attend(n, a, masks));
}

void onnx_frontend::addMicrosoftAttentionOps(OpTable &t) {
  t["Attention"] = attention;
  t["RotaryEmbedding"] = rotaryEmbedding;
}
