//===- ControlFlow.cpp - branches known at compile time -------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

/// The taken branch in place of the If. Its names see those around it.
static void ifBranch(Node &n) {
  Tensor condition = n.constant(0, "cond");
  if (condition.count() != 1)
    block("E_SHAPE: cond has " + Twine(condition.count()) + " elements, not 1");
  bool taken = condition.integerAt(0) != 0;
  const char *name = taken ? "then_branch" : "else_branch";
  const onnx::AttributeProto *branch = n.attribute(name);
  if (!branch || !branch->has_g())
    block("E_ATTR: no " + Twine(name));
  const onnx::GraphProto &graph = branch->g();
  if (n.proto.output_size() > graph.output_size())
    block("E_ATTR: " + Twine(name) + " gives " + Twine(graph.output_size()) +
          " outputs, the node has " + Twine(n.proto.output_size()));
  Scope inner;
  inner.outer = &n.scope;
  inner.call = n.scope.call;
  inner.callScope = n.scope.callScope;
  inner.opsets = n.scope.opsets;
  n.importer.importInitializers(graph, inner);
  n.importer.importNodes(graph.node(), inner);
  for (int i = 0; i < n.proto.output_size(); ++i)
    n.set(i, inner.find(graph.output(i).name()).value_or(Value()));
}

void onnx_frontend::addControlFlowOps(OpTable &t) { t["If"] = ifBranch; }
