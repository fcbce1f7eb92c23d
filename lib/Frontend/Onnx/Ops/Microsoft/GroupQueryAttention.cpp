//===- GroupQueryAttention.cpp - com.microsoft: attention with a cache ----===//
//
// Causal attention with fewer heads of keys than of queries. Row b of the batch
// has seqlens_k[b] + 1 tokens with those of this call; the ones before are in
// the cache, which may have room for more. Its own keys and values are put
// behind them.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "../Index.h"
#include "../RotaryEmbedding.h"
#include "Cache.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

enum Input {
  pastKey = 3,
  pastValue,
  lastPlaces,
  totalLength,
  cosines,
  sines,
  positionIds,
  attentionBias,
  headSink
};

void checkSupported(Node &n) {
  for (const char *name :
       {"kv_cache_bit_width", "qk_output", "sliding_window_cache"})
    if (n.intAttr(name, 0) != 0)
      block(Twine(name) + " is not supported");
  for (int i = headSink + 1; i < n.inputCount(); ++i)
    if (n.has(i))
      block("input " + Twine(i) + " is not supported");
  n.onlyOutputs(3);
}

/// Queries, keys and values of this call, [batch, length, heads, size].
AttentionInputs readHeads(Node &n) {
  int64_t heads = headsAttr(n, "num_heads");
  int64_t shared = headsAttr(n, "kv_num_heads");
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  Value query = n.in(0), key = n.optional(1), value = n.optional(2);
  if (Node::rank(query) != 3)
    block("E_SHAPE: query of shape " + shapeText(Node::shape(query)) +
          " does not have rank 3");
  if (!key) { // all in one: the heads of query, key and value
    int64_t width = Node::shape(query)[2];
    int64_t all = addChecked(heads, mulChecked(2, shared));
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
  return a;
}

/// A new cache has room for total_sequence_length where that is known, else for
/// what the old one has room for and the tokens of this call.
Places readPlaces(Node &n, const AttentionInputs &a) {
  Places p{Node::shape(a.query)[0], Node::shape(a.query)[1], 0, {}};
  Value lasts = n.in(lastPlaces);
  if (lazy::tensorType(lasts).getNumElements() != p.batch)
    block("E_SHAPE: seqlens_k of shape " + shapeText(Node::shape(lasts)) +
          " for a batch of " + Twine(p.batch));
  p.capacity = p.length;
  int64_t room = cacheRoom(n, a, pastKey, pastValue);
  if (room == 0)
    return p;
  p.capacity = addChecked(room, p.length);
  if (n.has(totalLength))
    if (auto known = n.importer.constantValue(n.in(totalLength)))
      if (known->count() == 1)
        p.capacity = std::max({known->integerAt(0), room, p.length});
  Value count = n.binary<lazy::AddOp>(
      n.build.cast(n.reshape(lasts, {p.batch}), n.type(DType::I64)), 1.0);
  count = needRoom(n, count, p.capacity);
  p.first = n.binary<lazy::MaxOp>(
      n.binary<lazy::SubOp>(count, double(p.length)), 0.0);
  return p;
}

/// cos_cache or sin_cache at the tokens of this call: [batch or 1, length,
/// half].
Value anglesAt(Node &n, Value cache, const Places &p) {
  if (Node::rank(cache) != 2)
    block("E_SHAPE: a cache of shape " + shapeText(Node::shape(cache)) +
          " is not [places,half]");
  int64_t known = Node::shape(cache)[0], half = Node::shape(cache)[1];
  Value at;
  if (n.has(positionIds)) {
    at = n.in(positionIds);
    if (Node::shape(at) != llvm::ArrayRef<int64_t>({p.batch, p.length}))
      block("E_SHAPE: position_ids of shape " + shapeText(Node::shape(at)) +
            ", not " + shapeText({p.batch, p.length}));
    return n.build.gather(cache, at, 0);
  }
  if (known < p.length || (!p.first && known < p.capacity))
    block("E_SHAPE: a cache of shape " + shapeText(Node::shape(cache)) +
          " does not have the angles of " + Twine(p.length) + " places");
  if (!p.first)
    return n.reshape(n.sliceAxis(cache, 0, 0, p.length), {1, p.length, half});
  at = n.binary<lazy::AddOp>(n.reshape(p.first, {p.batch, 1}),
                             positions(n, p.length, 1, 2));
  return n.build.gather(cache, at, 0);
}

int64_t windowAttr(Node &n) {
  int64_t window = n.intAttr("local_window_size", -1);
  if (window != -1 && window < 1)
    block("E_ATTR: local_window_size is " + Twine(window) +
          ", must be -1 or > 0");
  return window;
}

/// The score that every row has besides those of its keys, or null.
Value sinkOf(Node &n, const AttentionInputs &a) {
  mlir::Type element = Node::element(a.query);
  int64_t heads = Node::shape(a.query)[2];
  if (n.has(headSink)) {
    Value sink = n.in(headSink);
    if (Node::shape(sink) != llvm::ArrayRef<int64_t>(heads))
      block("E_SHAPE: head_sink of shape " + shapeText(Node::shape(sink)) +
            " for " + Twine(heads) + " heads");
    n.needSameElement(sink, a.query);
    return n.reshape(sink, {1, heads, 1, 1});
  }
  return n.intAttr("smooth_softmax", 0) == 1
             ? n.build.splat(element, 0, {1, 1, 1, 1})
             : Value();
}

void groupQueryAttention(Node &n) {
  checkSupported(n);
  AttentionInputs a = readHeads(n);
  Places p = readPlaces(n, a);
  if (n.intAttr("do_rotary", 0) != 0) {
    Value cosine = anglesAt(n, n.in(cosines), p);
    Value sine = anglesAt(n, n.in(sines), p);
    bool interleaved = n.intAttr("rotary_interleaved", 0) != 0;
    a.query = rotate(n, a.query, cosine, sine, 2, interleaved);
    a.key = rotate(n, a.key, cosine, sine, 2, interleaved);
  }
  appendPast(n, a, {}, {}); // heads first
  a.key = written(n, n.optional(pastKey), a.key, p);
  a.value = written(n, n.optional(pastValue), a.value, p);
  n.set(1, a.key);
  n.set(2, a.value);
  Masks masks;
  masks.bias = attentionBias;
  masks.keep = visible(n, p, n.intAttr("causal", 1) != 0, windowAttr(n));
  masks.sink = sinkOf(n, a);
  n.set(0, attend(n, a, masks));
}

} // namespace

void onnx_frontend::addMicrosoftGroupQueryOps(OpTable &t) {
  t["GroupQueryAttention"] = groupQueryAttention;
}
