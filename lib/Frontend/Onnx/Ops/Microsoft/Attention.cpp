//===- Attention.cpp - com.microsoft: forms of attention ------------------===//
#include "../../OpTable.h"
#include "../AttentionCore.h"
#include "../Einsum.h"
#include "../RotaryEmbedding.h"
#include "nacre/model.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

/// What is left out of the scores, besides what is not in the cache yet.
struct Masks {
  int padding = -1, bias = -1; ///< inputs
  bool causal = false;
  int64_t past = 0;
};

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

/// Attention of heads, joined: [batch, length, heads * size].
Value attend(Node &n, AttentionInputs &a, const Masks &masks) {
  checkAttention(n, a);
  a.scale = scaleAttr(n, Node::shape(a.query)[3]);
  Value scores = attentionScores(n, a);
  if (double cap = n.floatAttr("softcap", 0); cap > 0) {
    Value t = n.unary<lazy::TanhOp>(n.binary<lazy::DivOp>(scores, cap));
    scores = n.binary<lazy::MulOp>(t, cap);
  }
  Ints shape(Node::shape(scores));
  if (masks.padding >= 0 && n.has(masks.padding))
    scores = addPadding(n, scores, n.in(masks.padding));
  if (masks.bias >= 0 && n.has(masks.bias)) {
    scores = n.binary<lazy::AddOp>(scores, n.in(masks.bias));
    if (Node::shape(scores) != llvm::ArrayRef<int64_t>(shape))
      block("E_SHAPE: attention_bias of shape " +
            shapeText(Node::shape(n.in(masks.bias))) +
            " does not broadcast to " + shapeText(shape));
  }
  if (masks.causal)
    scores =
        maskScores(n, scores, causalMask(n, shape[2], shape[3], masks.past));
  return joinHeads(n, attentionResult(n, a, softmaxLast(n, scores)));
}

Value headsFirst(Node &n, Value x) { return n.build.permute(x, {0, 2, 1, 3}); }

/// Keys and values, heads first, behind those of the cache.
void appendPast(Node &n, AttentionInputs &a, Value pastKey, Value pastValue) {
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

/// Elements [start, start + size) of the last axis.
Value part(Node &n, Value x, int64_t start, int64_t size) {
  return n.sliceAxis(x, Node::rank(x) - 1, start, size);
}

int64_t headsAttr(Node &n, llvm::StringRef name) {
  int64_t heads = n.intAttr(name, 0);
  if (heads < 1)
    block("E_ATTR: " + name + " is " + Twine(heads) + ", must be > 0");
  return heads;
}

/// Projects the input to queries, keys and values and attends.
void attention(Node &n) {
  Value x = n.in(0), w = n.in(1);
  int64_t heads = headsAttr(n, "num_heads");
  if (n.intAttr("do_rotary", 0) != 0 || n.has(6))
    block("do_rotary and past_sequence_length are not supported");
  if (Node::rank(x) != 3 || Node::rank(w) != 2 ||
      Node::shape(x)[2] != Node::shape(w)[0])
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + " and weights " +
          shapeText(Node::shape(w)) + " do not multiply");
  int64_t total = Node::shape(w)[1];
  Ints sizes = n.intsAttr("qkv_hidden_sizes")
                   .value_or(Ints{total / 3, total / 3, total / 3});
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] < 1 || sizes[2] < 1 ||
      sizes[0] > total || sizes[1] > total ||
      sizes[0] + sizes[1] + sizes[2] != total)
    block("E_ATTR: qkv_hidden_sizes " + shapeText(sizes) +
          " do not add up to " + Twine(total));
  Value y = einsum(n, "blh,ho->blo", {x, w});
  if (n.has(2))
    y = n.binary<lazy::AddOp>(y, n.in(2));
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  a.query = splitHeads(n, part(n, y, 0, sizes[0]), heads, "query");
  a.key = splitHeads(n, part(n, y, sizes[0], sizes[1]), heads, "key");
  a.value =
      splitHeads(n, part(n, y, sizes[0] + sizes[1], sizes[2]), heads, "value");
  Masks masks{3, 5, n.intAttr("unidirectional", 0) != 0, 0};
  if (n.has(4) || n.wants(1)) {
    Value past[2];
    for (int i = 0; i < 2 && n.has(4); ++i) { // [2,batch,heads,past,size]
      if (Node::rank(n.in(4)) != 5 || Node::shape(n.in(4))[0] != 2)
        block("E_SHAPE: past of shape " + shapeText(Node::shape(n.in(4))) +
              " is not [2,batch,heads,past,size]");
      past[i] = n.reshape(n.sliceAxis(n.in(4), 0, i, 1),
                          Ints(Node::shape(n.in(4)).drop_front()));
      masks.past = Node::shape(past[i])[2];
    }
    appendPast(n, a, past[0], past[1]);
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

void multiHeadAttention(Node &n) {
  int64_t heads = headsAttr(n, "num_heads");
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  for (int i : {1, 2})
    if (!n.has(i))
      block("packed keys and values are not supported");
  if (n.has(8) || n.has(9))
    block("past_sequence_length and cache_indirection are not supported");
  Value inputs[3], bias = n.optional(3);
  int64_t start = 0;
  for (int i = 0; i < 3; ++i) {
    inputs[i] = n.in(i);
    if (i > 0 && Node::rank(inputs[i]) == 4) { // split already, heads first
      a.keyOrder = HeadOrder::HeadsFirst;
      continue;
    }
    if (Node::rank(inputs[i]) != 3)
      block("E_SHAPE: input of shape " + shapeText(Node::shape(inputs[i])) +
            " does not have rank 3");
    int64_t size = Node::shape(inputs[i])[2];
    if (bias) {
      if (Node::rank(bias) != 1 || start + size > Node::shape(bias)[0])
        block("E_SHAPE: bias of shape " + shapeText(Node::shape(bias)) +
              " does not hold those of query, key and value");
      inputs[i] = n.binary<lazy::AddOp>(inputs[i], part(n, bias, start, size));
    }
    start += size;
    inputs[i] = splitHeads(n, inputs[i], heads, "input");
  }
  if (Node::rank(n.in(1)) != Node::rank(n.in(2)))
    block("E_SHAPE: key and value do not have one rank");
  a.query = inputs[0];
  a.key = inputs[1];
  a.value = inputs[2];
  Masks masks{4, 5, n.intAttr("unidirectional", 0) != 0, 0};
  if (n.has(6) != n.has(7))
    block("E_ATTR: past_key and past_value must be given together");
  if (n.has(6)) {
    n.needRank(n.in(6), 4);
    masks.past = Node::shape(n.in(6))[2];
  }
  if (n.has(6) || n.wants(1) || n.wants(2))
    appendPast(n, a, n.optional(6), n.optional(7));
  n.set(1, a.key);
  n.set(2, a.value);
  n.set(0, attend(n, a, masks));
}

/// Rows [first, first + count) of a cache of angles, as of every batch.
Value anglesAt(Node &n, Value cache, int64_t first, int64_t count) {
  if (Node::rank(cache) != 2 || Node::shape(cache)[0] < first + count)
    block("E_SHAPE: a cache of shape " + shapeText(Node::shape(cache)) +
          " does not have the angles of " + Twine(first + count) + " places");
  Value rows = n.sliceAxis(cache, 0, first, count);
  return n.reshape(rows, {1, count, Node::shape(cache)[1]});
}

/// Causal attention with fewer heads of keys than of queries and a cache that
/// is full: every row of the batch has as many tokens as past_key.
void groupQueryAttention(Node &n) {
  int64_t heads = headsAttr(n, "num_heads");
  int64_t shared = headsAttr(n, "kv_num_heads");
  for (const char *name : {"smooth_softmax", "kv_cache_bit_width"})
    if (n.intAttr(name, 0) != 0)
      block(Twine(name) + " is not supported");
  if (n.intAttr("local_window_size", -1) != -1)
    block("local_window_size is not supported");
  for (int i = 9; i < n.inputCount(); ++i)
    if (n.has(i) && i != 10)
      block("input " + Twine(i) + " is not supported");
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  Value query = n.in(0), key = n.optional(1), value = n.optional(2);
  if (Node::rank(query) != 3)
    block("E_SHAPE: query of shape " + shapeText(Node::shape(query)) +
          " does not have rank 3");
  if (!key) { // all in one: the heads of query, key and value
    int64_t width = Node::shape(query)[2], all = heads + 2 * shared;
    if (width % all != 0)
      block("E_SHAPE: query of shape " + shapeText(Node::shape(query)) +
            " does not split into " + Twine(all) + " heads");
    int64_t size = width / all;
    key = part(n, query, heads * size, shared * size);
    value = part(n, query, (heads + shared) * size, shared * size);
    query = part(n, query, 0, heads * size);
  }
  a.query = splitHeads(n, query, heads, "query");
  a.key = splitHeads(n, key, shared, "key");
  a.value = splitHeads(n, value, shared, "value");
  int64_t length = Node::shape(a.query)[1], past = 0;
  if (n.has(3) != n.has(4))
    block("E_ATTR: past_key and past_value must be given together");
  if (n.has(3)) {
    n.needRank(n.in(3), 4);
    n.needStatic(n.in(3), 2);
    past = Node::shape(n.in(3))[2];
  }
  if (n.intAttr("do_rotary", 0) != 0) {
    Value cosine = anglesAt(n, n.in(7), past, length);
    Value sine = anglesAt(n, n.in(8), past, length);
    bool interleaved = n.intAttr("rotary_interleaved", 0) != 0;
    a.query = rotate(n, a.query, cosine, sine, 2, interleaved);
    a.key = rotate(n, a.key, cosine, sine, 2, interleaved);
  }
  // The last valid place of each row.
  Value lasts = n.in(5);
  int64_t total = past + length, batch = Node::shape(a.query)[0];
  if (lazy::tensorType(lasts).getNumElements() != batch)
    block("E_SHAPE: seqlens_k of shape " + shapeText(Node::shape(lasts)) +
          " for a batch of " + Twine(batch));
  lasts = n.reshape(lasts, {batch});
  if (past > 0) {
    Value full =
        n.cmp(CmpKind::eq, lasts, n.build.splatLike(lasts, double(total - 1)));
    full =
        n.build.expand(n.reshape(full, {batch, 1, 1, 1}), Node::shape(a.query));
    a.query = n.build.require(a.query, full, NACRE_E_ARG,
                              "GroupQueryAttention: seqlens_k says that a "
                              "cache is not full");
  }
  appendPast(n, a, n.optional(3), n.optional(4));
  n.set(1, a.key);
  n.set(2, a.value);
  Masks masks{-1, 10, true, past};
  // Keys behind the valid ones come after every valid query: causality leaves
  // them out.
  n.set(0, attend(n, a, masks));
}

void rotaryEmbedding(Node &n) {
  Value x = n.in(0), places = n.in(1);
  n.needFloat(x);
  n.needStatic(x);
  if (n.intAttr("is_packed_batching", 0) != 0)
    block("is_packed_batching is not supported");
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

void onnx_frontend::addMicrosoftAttentionOps(OpTable &t) {
  t["Attention"] = attention;
  t["MultiHeadAttention"] = multiHeadAttention;
  t["GroupQueryAttention"] = groupQueryAttention;
  t["RotaryEmbedding"] = rotaryEmbedding;
}
