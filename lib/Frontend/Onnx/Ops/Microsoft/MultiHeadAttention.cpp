//===- MultiHeadAttention.cpp - com.microsoft: of projected inputs --------===//
#include "../../OpTable.h"
#include "../Einsum.h"
#include "Cache.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Which inputs have what; query, key and value are the first three.
struct Slots {
  int bias, mask, scoreBias, pastKey, pastValue, pastLength;
};

/// Query, key and value of MultiHeadAttention, which may come as one: packed
/// [batch,length,heads,3,size] for all or [batch,length,heads,2,size] for keys
/// and values. Packed ones are of rank 4, [batch,length,heads,size].
struct Unpacked {
  Value query, key, value;
};
Unpacked unpackHeads(Node &n, int64_t heads) {
  auto split = [&](Value x, int64_t parts, llvm::StringRef what) {
    Ints shape(Node::shape(x));
    if (shape.size() != 5 || shape[2] != heads || shape[3] != parts)
      block("E_SHAPE: packed " + what + " of shape " + shapeText(shape) +
            " is not [batch,length," + Twine(heads) + "," + Twine(parts) +
            ",size]");
    shape.erase(shape.begin() + 3);
    llvm::SmallVector<Value> values;
    for (int64_t i = 0; i < parts; ++i)
      values.push_back(n.reshape(n.sliceAxis(x, 3, i, 1), shape));
    return values;
  };
  if (!n.has(1)) {
    auto all = split(n.in(0), 3, "query");
    return {all[0], all[1], all[2]};
  }
  if (!n.has(2)) {
    auto both = split(n.in(1), 2, "key");
    return {n.in(0), both[0], both[1]};
  }
  return {n.in(0), n.in(1), n.in(2)};
}

/// Attention of query, key and value that are projected already.
void attendGiven(Node &n, const Slots &slots) {
  int64_t heads = headsAttr(n, "num_heads");
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  n.onlyOutputs(3);
  Unpacked given = unpackHeads(n, heads);
  Value inputs[3] = {given.query, given.key, given.value};
  Value bias = n.optional(slots.bias);
  int64_t start = 0;
  for (int i = 0; i < 3; ++i) {
    bool packed = i == 0 ? !n.has(1) : !n.has(2);
    if (i > 0 && !packed && Node::rank(inputs[i]) == 4) {
      a.keyOrder = HeadOrder::HeadsFirst; // split already
      continue;
    }
    if (packed)
      inputs[i] = joinHeads(n, inputs[i]);
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
  if (n.has(2) && Node::rank(n.in(1)) != Node::rank(n.in(2)))
    block("E_SHAPE: key and value do not have one rank");
  a.query = inputs[0];
  a.key = inputs[1];
  a.value = inputs[2];
  Masks masks;
  masks.padding = slots.mask;
  masks.bias = slots.scoreBias;
  masks.causal = n.intAttr("unidirectional", 0) != 0;
  if (n.has(slots.pastKey) != n.has(slots.pastValue))
    block("E_ATTR: past_key and past_value must be given together");
  if (n.has(slots.pastKey) && n.has(slots.pastLength)) {
    int64_t room = cacheRoom(n, a, slots.pastKey, slots.pastValue);
    Places p = placesBehind(n, a, n.in(slots.pastLength), room);
    appendPast(n, a, {}, {}); // heads first
    a.key = written(n, n.in(slots.pastKey), a.key, p);
    a.value = written(n, n.in(slots.pastValue), a.value, p);
    masks.keep = visible(n, p, std::exchange(masks.causal, false));
  } else if (n.has(slots.pastKey) || n.wants(1) || n.wants(2)) {
    if (n.has(slots.pastKey)) {
      n.needRank(n.in(slots.pastKey), 4);
      masks.past = Node::shape(n.in(slots.pastKey))[2];
    }
    appendPast(n, a, n.optional(slots.pastKey), n.optional(slots.pastValue));
  }
  n.set(1, a.key);
  n.set(2, a.value);
  n.set(0, attend(n, a, masks));
}

void multiHeadAttention(Node &n) {
  if (n.has(9))
    block("cache_indirection is not supported");
  attendGiven(n, {3, 4, 5, 6, 7, 8});
}

/// One token of each row.
void decoderMaskedAttention(Node &n) {
  if (n.has(8) || n.has(9))
    block("beam_width and cache_indirection are not supported");
  if (Node::rank(n.in(0)) != 3 || Node::shape(n.in(0))[1] != 1)
    block("E_SHAPE: query of shape " + shapeText(Node::shape(n.in(0))) +
          " is not [batch,1,hidden]");
  attendGiven(n, {10, 3, 4, 5, 6, 7});
}

/// Attention of y [tokens, all heads], the rows of a batch behind one another:
/// a token sees those of its own row. `starts` is where rows begin, and the
/// number of tokens.
void attendRows(Node &n, AttentionInputs &a, Value starts) {
  int64_t tokens = Node::shape(a.query)[1];
  n.needStatic(starts);
  if (Node::rank(starts) != 1 || Node::shape(starts)[0] < 2)
    block("E_SHAPE: cumulative_sequence_length of shape " +
          shapeText(Node::shape(starts)) + " is not [batch + 1]");
  int64_t count = Node::shape(starts)[0];
  mlir::Type i32 = n.type(DType::I32);
  auto places = n.build.iota(mlir::RankedTensorType::get({tokens, 1}, i32), 0);
  // The row of a token: how many begin at or before it.
  Value begun = n.cmp(lazy::CmpKind::ge, places,
                      n.reshape(n.build.cast(starts, i32), {1, count}));
  Value row =
      n.build.reduce(lazy::ReduceKind::add, n.build.cast(begun, i32), {1});
  Masks masks;
  masks.keep = n.cmp(lazy::CmpKind::eq, n.reshape(row, {1, 1, tokens, 1}),
                     n.reshape(row, {1, 1, 1, tokens}));
  Value y = attend(n, a, masks);
  n.set(0, n.reshape(y, {tokens, Node::shape(y)[2]}));
}

/// x [tokens, heads * size] as [1, tokens, heads, size].
Value tokenHeads(Node &n, Value x, int64_t heads, llvm::StringRef what) {
  if (Node::rank(x) != 2)
    block("E_SHAPE: " + what + " of shape " + shapeText(Node::shape(x)) +
          " is not [tokens,hidden]");
  return splitHeads(n, n.reshape(x, {1, Node::shape(x)[0], Node::shape(x)[1]}),
                    heads, what);
}

void packedAttention(Node &n) {
  int64_t heads = headsAttr(n, "num_heads");
  if (n.has(5))
    block("attention_bias is not supported");
  if (Node::rank(n.in(0)) != 2 || Node::rank(n.in(1)) != 2)
    block("E_SHAPE: input " + shapeText(Node::shape(n.in(0))) +
          " and weights " + shapeText(Node::shape(n.in(1))) +
          " are not matrices");
  Value y = n.binary<lazy::AddOp>(einsum(n, "th,ho->to", {n.in(0), n.in(1)}),
                                  n.in(2));
  int64_t total = Node::shape(y)[1], start = 0;
  Ints sizes = n.intsAttr("qkv_hidden_sizes")
                   .value_or(Ints{total / 3, total / 3, total / 3});
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  for (auto [i, v] :
       llvm::enumerate(llvm::ArrayRef<Value *>{&a.query, &a.key, &a.value})) {
    if (sizes.size() != 3 || sizes[i] < 1 || sizes[i] > total - start)
      block("E_ATTR: qkv_hidden_sizes " + shapeText(sizes) +
            " do not add up to " + Twine(total));
    *v = tokenHeads(n, part(n, y, start, sizes[i]), heads, "input");
    start += sizes[i];
  }
  attendRows(n, a, n.in(4));
}

void packedMultiHeadAttention(Node &n) {
  int64_t heads = headsAttr(n, "num_heads");
  if (n.has(6))
    block("attention_bias is not supported");
  Value inputs[3] = {n.in(0), n.optional(1), n.optional(2)};
  if (!n.has(1)) { // [tokens,heads,3,size]
    Ints shape(Node::shape(inputs[0]));
    if (shape.size() != 4 || shape[1] != heads || shape[2] != 3)
      block("E_SHAPE: packed query of shape " + shapeText(shape) +
            " is not [tokens," + Twine(heads) + ",3,size]");
    Value all = inputs[0];
    for (int64_t i = 0; i < 3; ++i)
      inputs[i] = n.reshape(n.sliceAxis(all, 2, i, 1),
                            {shape[0], mulChecked(heads, shape[3])});
  } else if (!n.has(2)) {
    block("input 2 is missing");
  }
  AttentionInputs a;
  a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  int64_t start = 0;
  for (auto [i, v] :
       llvm::enumerate(llvm::ArrayRef<Value *>{&a.query, &a.key, &a.value})) {
    Value x = inputs[i];
    n.needRank(x, 1);
    int64_t size = Node::shape(x).back();
    if (n.has(3)) {
      if (Node::rank(n.in(3)) != 1 || start + size > Node::shape(n.in(3))[0])
        block("E_SHAPE: bias of shape " + shapeText(Node::shape(n.in(3))) +
              " does not hold those of query, key and value");
      x = n.binary<lazy::AddOp>(x, part(n, n.in(3), start, size));
    }
    start += size;
    *v = tokenHeads(n, x, heads, "input");
  }
  attendRows(n, a, n.in(5));
}

} // namespace

void onnx_frontend::addMicrosoftMultiHeadOps(OpTable &t) {
  t["MultiHeadAttention"] = multiHeadAttention;
  t["DecoderMaskedMultiHeadAttention"] = decoderMaskedAttention;
  t["PackedAttention"] = packedAttention;
  t["PackedMultiHeadAttention"] = packedMultiHeadAttention;
}
