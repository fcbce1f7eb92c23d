//===- Attention.cpp - ONNX's Attention -----------------------------------===//
#include "../OpTable.h"
#include "AttentionCore.h"
#include "Concat.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// [batch, heads, length, size] of either order.
Value headsFirst(Node &n, Value x, HeadOrder order) {
  return order == HeadOrder::HeadsFirst ? x : n.build.permute(x, {0, 2, 1, 3});
}

/// Appends to a cache, along the sequence.
Value appended(Node &n, Value past, Value x, llvm::StringRef what) {
  if (Node::rank(past) != 4)
    block("E_SHAPE: " + what + " of shape " + shapeText(Node::shape(past)) +
          " does not have rank 4");
  return joined(n, {past, x}, 2);
}

/// The mask as a bias or condition of at most rank 4, its last axis filled up
/// to the length of the keys.
Value readMask(Node &n, Value mask, Value scores) {
  if (Node::dtype(mask) != DType::Bool)
    n.needSameElement(scores, mask);
  n.needRank(mask, 1);
  int64_t total = Node::shape(scores)[3], last = Node::shape(mask).back();
  if (last != 1 && n.extent(mask, Node::rank(mask) - 1) != n.extent(scores, 3))
    n.needStatic(mask, Node::rank(mask) - 1);
  if (last != 1 && last < total) {
    n.needStatic(scores, 3);
    Ints low(Node::rank(mask), 0), high(Node::rank(mask), 0);
    high.back() = total - last;
    mask = n.pad(mask, low, high, -std::numeric_limits<double>::infinity());
  }
  auto both = lazy::broadcastShapes(Node::shape(mask), Node::shape(scores));
  if (!both || llvm::ArrayRef<int64_t>(*both) != Node::shape(scores))
    block("E_SHAPE: attn_mask of shape " + shapeText(Node::shape(mask)) +
          " does not broadcast to " + shapeText(Node::shape(scores)));
  return mask;
}

void attention(Node &n) {
  AttentionInputs a{n.in(0), n.in(1), n.in(2)};
  int64_t rank = Node::rank(a.query);
  if ((rank != 3 && rank != 4) || Node::rank(a.key) != rank ||
      Node::rank(a.value) != rank)
    block("E_SHAPE: query " + shapeText(Node::shape(a.query)) + ", key " +
          shapeText(Node::shape(a.key)) + " and value " +
          shapeText(Node::shape(a.value)) + " are not all of rank 3 or 4");
  if (rank == 3) {
    int64_t heads = n.intAttr("q_num_heads", 0);
    int64_t shared = n.intAttr("kv_num_heads", 0);
    a.query = splitHeads(n, a.query, heads, "query");
    a.key = splitHeads(n, a.key, shared, "key");
    a.value = splitHeads(n, a.value, shared, "value");
    a.queryOrder = a.keyOrder = HeadOrder::SequenceFirst;
  }
  if (n.has(4) != n.has(5))
    block("E_ATTR: past_key and past_value must be given together");
  Extent past(0);
  if (n.has(4) || n.wants(1) || n.wants(2)) {
    a.key = headsFirst(n, a.key, a.keyOrder);
    a.value = headsFirst(n, a.value, a.keyOrder);
    a.keyOrder = HeadOrder::HeadsFirst;
  }
  if (n.has(4)) {
    a.key = appended(n, n.in(4), a.key, "past_key");
    a.value = appended(n, n.in(5), a.value, "past_value");
    past = n.extent(n.in(4), 2);
  }
  checkAttention(n, a);
  n.set(1, a.key);
  n.set(2, a.value);

  int64_t size = Node::shape(a.query)[3];
  a.scale =
      n.floatAttr("scale", 1 / std::sqrt(double(std::max<int64_t>(size, 1))));
  mlir::Type given = Node::element(a.query);
  Value scores = attentionScores(n, a);
  int64_t mode = n.intAttr("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3)
    block("E_ATTR: qk_matmul_output_mode is " + Twine(mode) +
          ", must be 0 to 3");
  auto output = [&](int64_t at, Value v) {
    if (mode == at)
      n.set(3, n.build.cast(v, given));
  };
  output(0, scores);
  if (double cap = n.floatAttr("softcap", 0); cap > 0) {
    Value t = n.unary<lazy::TanhOp>(n.binary<lazy::DivOp>(scores, cap));
    scores = n.binary<lazy::MulOp>(t, cap);
  }
  output(1, scores);
  if (n.has(3)) {
    Value mask = readMask(n, n.in(3), scores);
    scores = Node::dtype(mask) == DType::Bool
                 ? maskScores(n, scores, mask)
                 : n.binary<lazy::AddOp>(scores, mask);
  }
  int64_t length = Node::shape(scores)[2], total = Node::shape(scores)[3];
  if (n.intAttr("is_causal", 0) != 0)
    scores = maskScores(n, scores, causalMask(n, length, total, past));
  if (n.has(6)) {
    Value lengths = n.in(6);
    if (Node::shape(lengths) != Node::shape(scores).take_front(1))
      block("E_SHAPE: nonpad_kv_seqlen of shape " +
            shapeText(Node::shape(lengths)) + " does not have a value for " +
            "each of " + shapeText(Node::shape(scores).take_front(1)));
    auto places = n.build.iota(
        mlir::RankedTensorType::get({total}, Node::element(lengths)), 0);
    Value limit = n.reshape(lengths, {Node::shape(lengths)[0], 1, 1, 1});
    scores = maskScores(n, scores, n.cmp(lazy::CmpKind::lt, places, limit));
  }
  output(2, scores);
  mlir::Type precision = given;
  if (n.attribute("softmax_precision"))
    precision = n.type(dtypeOfOnnx(int32_t(n.intAttr("softmax_precision", 0)),
                                   "softmax_precision"));
  if (!mlir::isa<mlir::FloatType>(precision))
    block("E_ATTR: softmax_precision is not a type of floats");
  Value p =
      n.build.cast(softmaxLast(n, n.build.cast(scores, precision)), given);
  output(3, p);
  Value y = attentionResult(n, a, p);
  n.set(0, rank == 3 ? joinHeads(n, y) : y);
}

} // namespace

void onnx_frontend::addAttentionOps(OpTable &t) {
  t["Attention"] = bounded(attention);
}
