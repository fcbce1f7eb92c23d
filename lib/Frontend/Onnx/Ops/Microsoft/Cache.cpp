//===- Cache.cpp - com.microsoft: keys and values with room for more ------===//
#include "Cache.h"
#include "../Index.h"
#include "nacre/model.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

int64_t onnx_frontend::cacheRoom(Node &n, const AttentionInputs &a, int key,
                                 int value) {
  if (n.has(key) != n.has(value))
    block("E_ATTR: past_key and past_value must be given together");
  if (!n.has(key))
    return 0;
  bool first = a.keyOrder == HeadOrder::HeadsFirst;
  int64_t room = 0;
  for (auto [i, like] : {std::pair(key, a.key), std::pair(value, a.value)}) {
    Value cache = n.in(i);
    n.needRank(cache, 4);
    n.needStatic(cache);
    room = Node::shape(n.in(key))[2];
    Ints wanted{Node::shape(like)[0], Node::shape(like)[first ? 1 : 2], room,
                Node::shape(like)[3]};
    if (Node::shape(cache) != llvm::ArrayRef<int64_t>(wanted))
      block("E_SHAPE: a cache of shape " + shapeText(Node::shape(cache)) +
            ", not " + shapeText(wanted));
  }
  return room;
}

Value onnx_frontend::needRoom(Node &n, Value count, int64_t capacity) {
  Value fits =
      n.cmp(CmpKind::le, count, n.build.splatLike(count, double(capacity)));
  return n.build.require(count, fits, NACRE_E_ARG,
                         "more tokens than a cache has room for");
}

Places onnx_frontend::placesBehind(Node &n, const AttentionInputs &a,
                                   Value past, int64_t capacity) {
  Places p{Node::shape(a.query)[0], Node::shape(a.query)[1], capacity, {}};
  if (lazy::tensorType(past).getNumElements() != 1)
    block("E_SHAPE: past_sequence_length of shape " +
          shapeText(Node::shape(past)) + " must be a scalar");
  Value count = n.build.expand(
      n.reshape(n.build.cast(past, n.type(DType::I64)), {1}), {p.batch});
  count = needRoom(n, n.binary<lazy::AddOp>(count, double(p.length)), capacity);
  p.first = n.binary<lazy::SubOp>(count, double(p.length));
  return p;
}

Value onnx_frontend::firstOf(Node &n, const Places &p) {
  return p.first ? n.reshape(p.first, {p.batch, 1, 1, 1})
                 : n.build.splat(n.type(DType::I64), 0, {1, 1, 1, 1});
}

Value onnx_frontend::written(Node &n, Value cache, Value x, const Places &p) {
  if (!p.first)
    return x;
  int64_t room = Node::shape(cache)[2];
  if (room < p.capacity)
    cache = n.pad(cache, {0, 0, 0, 0}, {0, 0, p.capacity - room, 0}, 0);
  Value place = positions(n, p.capacity, 2, 4);
  Value at = n.binary<lazy::SubOp>(place, firstOf(n, p)); // among those of x
  Value inside = n.build.binary<lazy::AndOp>(
      n.cmp(CmpKind::ge, at, n.build.splatLike(at, 0)),
      n.cmp(CmpKind::lt, at, n.build.splatLike(at, double(p.length))));
  if (p.length > 1) {
    at = n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(at, 0.0),
                               double(p.length - 1));
    x = pickPerBatch(n, x, 0, 2, n.reshape(at, {p.batch, p.capacity}));
  }
  return n.where(inside, x, cache);
}

Value onnx_frontend::visible(Node &n, const Places &p, bool causal,
                             int64_t window) {
  Value query =
      n.binary<lazy::AddOp>(positions(n, p.length, 2, 4), firstOf(n, p));
  Value key = positions(n, p.capacity, 3, 4), last = query;
  if (!causal)
    last = n.binary<lazy::AddOp>(firstOf(n, p), double(p.length - 1));
  Value keep = n.cmp(CmpKind::le, key, last);
  if (window == -1)
    return keep;
  Value before = n.binary<lazy::SubOp>(query, double(window));
  return n.build.binary<lazy::AndOp>(keep, n.cmp(CmpKind::gt, key, before));
}
