//===- AttentionCore.cpp - scaled dot-product attention -------------------===//
//
// Two contractions and a softmax. The order of the axes of queries, keys and
// values is in the maps of the contractions, so heads that are split off the
// last axis are not moved.
//
//===----------------------------------------------------------------------===//
#include "AttentionCore.h"
#include "Einsum.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

int64_t headsOf(Value v, HeadOrder order) {
  return Node::shape(v)[order == HeadOrder::HeadsFirst ? 1 : 2];
}
int64_t lengthAxis(HeadOrder order) {
  return order == HeadOrder::HeadsFirst ? 2 : 1;
}

/// The labels of an operand: h and g are the heads, `l` the sequence.
std::string labels(HeadOrder order, llvm::StringRef heads, char l, char size) {
  std::string text = "b";
  if (order == HeadOrder::HeadsFirst)
    return text + heads.str() + l + size;
  return text + l + heads.str() + size;
}

/// The query with its heads as [key heads, group].
Value grouped(Node &n, const AttentionInputs &a, int64_t group) {
  Ints shape(Node::shape(a.query));
  int64_t axis = a.queryOrder == HeadOrder::HeadsFirst ? 1 : 2;
  shape[axis] /= group;
  shape.insert(shape.begin() + axis + 1, group);
  return n.reshape(a.query, shape);
}

} // namespace

void onnx_frontend::checkAttention(Node &n, const AttentionInputs &a) {
  for (auto [v, order] :
       {std::pair(a.query, a.queryOrder), std::pair(a.key, a.keyOrder),
        std::pair(a.value, a.keyOrder)}) {
    n.needFloat(v);
    n.needStatic(v, 3 - lengthAxis(order)); // the heads
    n.needStatic(v, 3);
  }
  n.needSameElement(a.query, a.key);
  n.needSameElement(a.query, a.value);
  llvm::ArrayRef<int64_t> q = Node::shape(a.query), k = Node::shape(a.key),
                          v = Node::shape(a.value);
  int64_t heads = headsOf(a.query, a.queryOrder),
          shared = headsOf(a.key, a.keyOrder);
  if (q[0] != k[0] || k[0] != v[0] || q[3] != k[3] ||
      shared != headsOf(a.value, a.keyOrder) ||
      n.extent(a.key, lengthAxis(a.keyOrder)) !=
          n.extent(a.value, lengthAxis(a.keyOrder)))
    block("E_SHAPE: query " + shapeText(q) + ", key " + shapeText(k) +
          " and value " + shapeText(v) + " do not fit each other");
  if (shared == 0 || heads % shared != 0)
    block("E_SHAPE: " + Twine(heads) + " query heads are not a multiple of " +
          Twine(shared) + " key heads");
}

Value onnx_frontend::attentionScores(Node &n, const AttentionInputs &a) {
  int64_t heads = headsOf(a.query, a.queryOrder);
  int64_t group = heads / headsOf(a.key, a.keyOrder);
  AttentionInputs scaled = a;
  // Of the places to scale at, the query has the fewest elements, and halves
  // do not overflow.
  scaled.query = n.binary<lazy::MulOp>(a.query, a.scale);
  std::string k = labels(a.keyOrder, "h", 's', 'd');
  if (group == 1)
    return einsum(n, labels(a.queryOrder, "h", 'l', 'd') + "," + k + "->bhls",
                  {scaled.query, a.key});
  Value y =
      einsum(n, labels(a.queryOrder, "hg", 'l', 'd') + "," + k + "->bhgls",
             {grouped(n, scaled, group), a.key});
  Ints shape(Node::shape(y));
  return n.reshape(y, {shape[0], heads, shape[3], shape[4]});
}

Value onnx_frontend::attentionResult(Node &n, const AttentionInputs &a,
                                     Value probabilities) {
  Ints shape(Node::shape(probabilities));
  int64_t heads = shape[1], group = heads / headsOf(a.value, a.keyOrder);
  std::string v = labels(a.keyOrder, "h", 's', 'v');
  if (group == 1)
    return einsum(n, "bhls," + v + "->" + labels(a.queryOrder, "h", 'l', 'v'),
                  {probabilities, a.value});
  Value p = n.reshape(probabilities,
                      {shape[0], heads / group, group, shape[2], shape[3]});
  Value y =
      einsum(n, "bhgls," + v + "->" + labels(a.queryOrder, "hg", 'l', 'v'),
             {p, a.value});
  Ints joined(Node::shape(y));
  int64_t axis = a.queryOrder == HeadOrder::HeadsFirst ? 1 : 2;
  joined[axis] = heads;
  joined.erase(joined.begin() + axis + 1);
  return n.reshape(y, joined);
}

Value onnx_frontend::splitHeads(Node &n, Value x, int64_t heads,
                                llvm::StringRef what) {
  n.needStatic(x, 2);
  Ints shape(Node::shape(x));
  if (heads < 1 || shape[2] % heads != 0)
    block("E_SHAPE: " + what + " of shape " + shapeText(shape) +
          " does not split into " + Twine(heads) + " heads");
  return n.reshape(x, {shape[0], shape[1], heads, shape[2] / heads});
}

Value onnx_frontend::joinHeads(Node &n, Value x) {
  Ints shape(Node::shape(x));
  return n.reshape(x, {shape[0], shape[1], mulChecked(shape[2], shape[3])});
}

Value onnx_frontend::softmaxLast(Node &n, Value x) {
  int64_t last = Node::rank(x) - 1;
  Value top = n.build.reduce(ReduceKind::max, x, {last}, /*keepDims=*/true);
  Value e = n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(x, top));
  return n.binary<lazy::DivOp>(
      e, n.build.reduce(ReduceKind::add, e, {last}, /*keepDims=*/true));
}

Value onnx_frontend::maskScores(Node &n, Value scores, Value keep) {
  return n.where(keep, scores,
                 n.build.splat(Node::element(scores),
                               -std::numeric_limits<double>::infinity()));
}

Value onnx_frontend::causalMask(Node &n, int64_t length, int64_t total,
                                const Extent &past) {
  auto type = mlir::RankedTensorType::get({length, total}, n.type(DType::I64));
  Value query = n.binary<lazy::AddOp>(n.build.iota(type, 0), n.scalar(past));
  return n.cmp(lazy::CmpKind::le, n.build.iota(type, 1), query);
}
