//===- LinearAttention.cpp - recurrent attention and its convolution ------===//
//
// The recurrence is written out token by token: its length is known, and each
// step is a few products over the state of the heads.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "AttentionCore.h"
#include "Einsum.h"
#include "Window.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// The most tokens of one call; each becomes about eight operations.
constexpr int64_t kMaxTokens = 4096;

struct Recurrence {
  bool decays, corrects;
};

Recurrence readRule(Node &n) {
  std::string rule = n.stringAttr("update_rule", "gated_delta");
  bool known = rule == "linear" || rule == "gated" || rule == "delta" ||
               rule == "gated_delta";
  if (!known)
    block("E_ATTR: unknown update_rule " + quoted(rule));
  Recurrence r{rule.rfind("gated", 0) == 0,
               rule.find("delta") != std::string::npos};
  if (r.decays != n.has(4))
    block("E_ATTR: update_rule " + quoted(rule) +
          (r.decays ? " needs a decay" : " takes no decay"));
  if (r.corrects != n.has(5))
    block("E_ATTR: update_rule " + quoted(rule) +
          (r.corrects ? " needs a beta" : " takes no beta"));
  return r;
}

/// Token t of x [batch, length, heads, size].
Value tokenAt(Node &n, Value x, int64_t t) {
  Ints shape(Node::shape(x));
  shape.erase(shape.begin() + 1);
  return n.reshape(n.sliceAxis(x, 1, t, 1), shape);
}

void linearAttention(Node &n) {
  Recurrence rule = readRule(n);
  Value query = n.in(0), key = n.in(1), value = n.in(2);
  mlir::Type given = Node::element(query), wide = n.type(DType::F32);
  int64_t heads = n.intAttr("q_num_heads", 0);
  int64_t shared = n.intAttr("kv_num_heads", 0);
  for (Value v : {query, key, value}) {
    n.needFloat(v);
    n.needStatic(v);
    n.needSameElement(query, v);
    if (Node::rank(v) != 3 ||
        Node::shape(v).take_front(2) != Node::shape(query).take_front(2))
      block("E_SHAPE: query " + shapeText(Node::shape(query)) + ", key " +
            shapeText(Node::shape(key)) + " and value " +
            shapeText(Node::shape(value)) + " do not fit each other");
  }
  if (shared < 1 || heads < 1 || heads % shared != 0)
    block("E_ATTR: q_num_heads " + Twine(heads) +
          " is not a multiple of kv_num_heads " + Twine(shared));
  if (given.isF64())
    wide = given;
  auto split = [&](Value x, int64_t count, llvm::StringRef what) {
    return splitHeads(n, n.build.cast(x, wide), count, what);
  };
  query = split(query, heads, "query");
  key = split(key, shared, "key");
  value = split(value, shared, "value");
  Ints q(Node::shape(query)), k(Node::shape(key)), v(Node::shape(value));
  int64_t batch = q[0], length = q[1], group = heads / shared;
  if (q[3] != k[3])
    block("E_SHAPE: heads of the query have size " + Twine(q[3]) +
          ", those of the key " + Twine(k[3]));
  if (length < 1 || length > kMaxTokens)
    block("E_LIMIT: " + Twine(length) + " tokens; from 1 to " +
          Twine(kMaxTokens) + " are supported");
  Ints stateShape{batch, shared, k[3], v[3]};
  Value state, decay, beta;
  mlir::Type stateType = given;
  if (n.has(3)) {
    state = n.in(3);
    n.needFloat(state);
    stateType = Node::element(state);
    if (Node::shape(state) != llvm::ArrayRef<int64_t>(stateShape))
      block("E_SHAPE: past_state has shape " + shapeText(Node::shape(state)) +
            ", not " + shapeText(stateShape));
    state = n.build.cast(state, wide);
  }
  if (rule.decays) { // [batch, length, heads, size or 1, 1]
    decay = n.unary<lazy::ExpOp>(n.build.cast(n.in(4), wide));
    int64_t last = Node::shape(decay).back();
    if (last != shared && last != shared * k[3])
      block("E_SHAPE: decay has shape " + shapeText(Node::shape(decay)) +
            " for " + Twine(shared) + " heads of size " + Twine(k[3]));
    decay = n.reshape(decay, {batch, length, shared, last / shared, 1});
  }
  if (rule.corrects) { // [batch, length, heads or 1, 1]
    beta = n.build.cast(n.in(5), wide);
    int64_t last = Node::shape(beta).back();
    if (last != shared && last != 1)
      block("E_SHAPE: beta has shape " + shapeText(Node::shape(beta)) +
            " for " + Twine(shared) + " heads");
    beta = n.reshape(beta, {batch, length, last, 1});
  }
  double scale = n.floatAttr("scale", 0);
  query = n.binary<lazy::MulOp>(
      n.reshape(query, {batch, length, shared, group, q[3]}),
      scale == 0 ? 1 / std::sqrt(double(std::max<int64_t>(q[3], 1))) : scale);

  llvm::SmallVector<Value> outputs;
  for (int64_t t = 0; t < length; ++t) {
    Value kt = tokenAt(n, key, t), vt = tokenAt(n, value, t);
    if (state && rule.decays)
      state = n.binary<lazy::MulOp>(state, tokenAt(n, decay, t));
    if (rule.corrects) {
      if (state)
        vt = n.binary<lazy::SubOp>(vt, einsum(n, "bhdm,bhd->bhm", {state, kt}));
      vt = n.binary<lazy::MulOp>(vt, tokenAt(n, beta, t));
    }
    Value write = einsum(n, "bhd,bhm->bhdm", {kt, vt});
    state = state ? n.binary<lazy::AddOp>(state, write) : write;
    Value y = einsum(n, "bhgd,bhdm->bhgm", {tokenAt(n, query, t), state});
    outputs.push_back(n.reshape(y, {batch, 1, heads * v[3]}));
  }
  n.set(0, n.build.cast(n.concat(outputs, 1), given));
  n.set(1, n.build.cast(state, stateType));
}

/// A depthwise convolution that looks back only, with its last inputs kept.
void causalConvWithState(Node &n) {
  Value x = n.in(0), w = n.in(1);
  n.needFloat(x);
  n.needSameElement(x, w);
  if (Node::rank(x) != 3 || Node::rank(w) != 3 ||
      Node::shape(w)[0] != Node::shape(x)[1] || Node::shape(w)[1] != 1 ||
      Node::shape(w)[2] < 1)
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + " and weight " +
          shapeText(Node::shape(w)) + " are not [n,c,length] and [c,1,k]");
  n.needStatic(x, 1);
  n.needStatic(x, 2);
  int64_t channels = Node::shape(x)[1], kept = Node::shape(w)[2] - 1;
  std::string activation = n.stringAttr("activation", "none");
  bool silu = activation == "silu" || activation == "swish";
  if (!silu && activation != "none")
    block("E_ATTR: unknown activation " + quoted(activation));
  Value padded;
  if (n.has(3)) {
    Ints shape{Node::shape(x)[0], channels, kept};
    if (Node::shape(n.in(3)) != llvm::ArrayRef<int64_t>(shape))
      block("E_SHAPE: past_state has shape " + shapeText(Node::shape(n.in(3))) +
            ", not " + shapeText(shape));
    padded = kept == 0 ? x : n.concat({n.in(3), x}, 2);
  } else {
    padded = padSpatial(n, x, {kept}, {0}, 0);
  }
  Value y = contractConv(n, padded, w, channels, {1}, {1});
  if (n.has(2)) {
    if (Node::shape(n.in(2)) != llvm::ArrayRef<int64_t>(channels))
      block("E_SHAPE: bias has shape " + shapeText(Node::shape(n.in(2))) +
            " for " + Twine(channels) + " channels");
    y = n.binary<lazy::AddOp>(y, n.channels(n.in(2), 3));
  }
  if (silu) {
    Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(y));
    y = n.binary<lazy::DivOp>(y, n.binary<lazy::AddOp>(e, 1.0));
  }
  n.set(0, y);
  n.set(1, n.sliceAxis(padded, 2, Node::shape(padded)[2] - kept, kept));
}

} // namespace

void onnx_frontend::addLinearAttentionOps(OpTable &t) {
  t["LinearAttention"] = linearAttention;
  t["CausalConvWithState"] = causalConvWithState;
}
