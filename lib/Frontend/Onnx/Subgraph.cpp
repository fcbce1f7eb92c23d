//===- Subgraph.cpp - graphs inside nodes ---------------------------------===//
#include "Subgraph.h"
#include "mlir/IR/IRMapping.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

const onnx::GraphProto &onnx_frontend::subgraph(Node &n,
                                                llvm::StringRef attribute) {
  const onnx::AttributeProto *found = n.attribute(attribute);
  if (!found || !found->has_g())
    block("E_ATTR: no " + attribute);
  return found->g();
}

static void importInto(Node &n, const onnx::GraphProto &graph,
                       llvm::ArrayRef<Datum> inputs, Scope &inner,
                       llvm::SmallVectorImpl<Datum> &outputs) {
  inner.outer = &n.scope;
  inner.call = n.scope.call;
  inner.callScope = n.scope.callScope;
  inner.opsets = n.scope.opsets;
  for (auto [input, value] : llvm::zip(graph.input(), inputs))
    inner.values[input.name()] = value;
  n.importer.importInitializers(graph, inner);
  n.importer.importNodes(graph.node(), inner);
  for (const onnx::ValueInfoProto &output : graph.output())
    outputs.push_back(inner.find(output.name()).value_or(Datum()));
}

llvm::SmallVector<Datum>
onnx_frontend::importInPlace(Node &n, const onnx::GraphProto &graph,
                             llvm::ArrayRef<Datum> inputs) {
  Scope inner;
  llvm::SmallVector<Datum> outputs;
  importInto(n, graph, inputs, inner, outputs);
  return outputs;
}

Value Captures::take(Value outside) {
  auto [it, fresh] = inside.try_emplace(outside);
  if (!fresh)
    return it->second;
  if (!importer.dims.isStatic(outside))
    throw OpenExtent{{"E_DIM: does not support symbolic extents inside a loop "
                      "or a branch of the run"}};
  mlir::OpBuilder::InsertionGuard guard(importer.builder);
  importer.builder.setInsertionPointToStart(body);
  Value value;
  if (auto weight = outside.getDefiningOp<lazy::WeightOp>())
    value = importer.builder.clone(*weight)->getResult(0);
  else if (auto known = importer.constantValue(outside))
    value = importer.constant(outside.getLoc(), "captured", *known);
  else {
    value = body->addArgument(outside.getType(), outside.getLoc());
    taken.push_back(outside);
  }
  return inside[outside] = value;
}

Callee onnx_frontend::importFunction(
    Node &n, const onnx::GraphProto &graph, llvm::ArrayRef<mlir::Type> types,
    llvm::function_ref<llvm::SmallVector<Datum>(mlir::ValueRange)> bind) {
  Callee callee;
  callee.function = lazy::makeCallee(
      *n.importer.program.module, graph.name().empty() ? "body" : graph.name(),
      types, n.build.loc);
  Captures captures(n.importer, &callee.function.getBody().front());
  Scope inner;
  inner.captures = &captures;
  n.importer.inBlock(captures.body, [&] {
    importInto(n, graph, bind(captures.body->getArguments()), inner,
               callee.outputs);
  });
  callee.captured = std::move(captures.taken);
  return callee;
}

void onnx_frontend::shareCaptured(Callee &a, Callee &b) {
  llvm::SmallVector<Value> all(a.captured);
  for (Value v : b.captured)
    if (!llvm::is_contained(all, v))
      all.push_back(v);
  for (Callee *callee : {&a, &b}) {
    mlir::Block &body = callee->function.getBody().front();
    unsigned first = body.getNumArguments() - callee->captured.size(),
             old = callee->captured.size();
    for (Value v : all) {
      Value argument = body.addArgument(v.getType(), v.getLoc());
      if (auto at = llvm::find(callee->captured, v);
          at != callee->captured.end()) {
        Value before =
            body.getArgument(first + (at - callee->captured.begin()));
        before.replaceAllUsesWith(argument);
        for (Datum &output : callee->outputs)
          output =
              output.map([&](Value v) { return v == before ? argument : v; });
      }
    }
    body.eraseArguments(first, old);
    callee->captured = all;
  }
}
