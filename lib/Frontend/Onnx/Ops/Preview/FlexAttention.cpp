//===- FlexAttention.cpp - attention with the model's own mask ------------===//
#include "../../OpTable.h"
#include "../AttentionCore.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// The subgraph of attribute `name` applied to x, of the same type as x; x
/// itself when there is none. The subgraph sees the names around the node.
Value modified(Node &n, llvm::StringRef name, Value x) {
  const onnx::AttributeProto *attribute = n.attribute(name);
  if (!attribute)
    return x;
  const onnx::GraphProto &graph = attribute->g();
  if (!attribute->has_g() || graph.input_size() != 1 ||
      graph.output_size() != 1)
    block("E_ATTR: " + name + " is not a graph of one input and one output");
  Scope inner;
  inner.outer = &n.scope;
  inner.call = n.scope.call;
  inner.callScope = n.scope.callScope;
  inner.opsets = n.scope.opsets;
  inner.values[graph.input(0).name()] = x;
  n.importer.importInitializers(graph, inner);
  n.importer.importNodes(graph.node(), inner);
  Value y = inner.find(graph.output(0).name()).value_or(Datum()).value();
  if (!y)
    block("the result of " + name + " has no value");
  if (y.getType() != x.getType())
    block("E_SHAPE: " + name + " gives " + shapeText(Node::shape(y)) + " " +
          dtypeName(Node::dtype(y)) + " for " + shapeText(Node::shape(x)) +
          " " + dtypeName(Node::dtype(x)));
  return y;
}

void flexAttention(Node &n) {
  AttentionInputs a{n.in(0), n.in(1), n.in(2)};
  for (Value v : {a.query, a.key, a.value})
    if (Node::rank(v) != 4)
      block("E_SHAPE: input of shape " + shapeText(Node::shape(v)) +
            " does not have rank 4");
  checkAttention(n, a);
  int64_t size = Node::shape(a.query)[3];
  a.scale =
      n.floatAttr("scale", 1 / std::sqrt(double(std::max<int64_t>(size, 1))));
  mlir::Type given = Node::element(a.query);
  mlir::Type precision = given.isF64() ? given : n.type(DType::F32);
  if (n.attribute("softmax_precision"))
    precision = n.type(dtypeOfOnnx(int32_t(n.intAttr("softmax_precision", 0)),
                                   "softmax_precision"));
  if (!mlir::isa<mlir::FloatType>(precision))
    block("E_ATTR: softmax_precision is not a type of floats");
  Value scores = n.build.cast(attentionScores(n, a), precision);
  Value p = softmaxLast(n, modified(n, "score_mod", scores));
  p = n.build.cast(modified(n, "prob_mod", p), given);
  n.set(0, attentionResult(n, a, p));
}

} // namespace

void onnx_frontend::addFlexAttentionOps(OpTable &t) {
  t["FlexAttention"] = flexAttention;
}
