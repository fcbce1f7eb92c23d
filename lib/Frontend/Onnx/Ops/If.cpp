//===- If.cpp - one of two graphs -----------------------------------------===//
//
// A branch whose condition is known is imported in place. Else the branches
// become functions of a lazy.if, or both are computed.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "../Subgraph.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

void checkOutputs(Node &n, const onnx::GraphProto &graph,
                  llvm::StringRef name) {
  if (n.proto.output_size() > graph.output_size())
    block("E_ATTR: " + Twine(name) + " gives " + Twine(graph.output_size()) +
          " outputs, the node has " + Twine(n.proto.output_size()));
}

void needSameForm(int64_t output, const Datum &then, const Datum &otherwise) {
  if (!then.sameForm(otherwise))
    block("output " + Twine(output) + " is " + then.what() +
          " in then_branch and " + otherwise.what() +
          " in else_branch, so it needs a constant 'cond' input");
}

/// Both branches are computed and one is taken, where extents that the run
/// decides keep them from being functions.
void bothBranches(Node &n, Value condition) {
  llvm::SmallVector<Datum> results[2];
  for (bool then : {true, false}) {
    const char *name = then ? "then_branch" : "else_branch";
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    mlir::Block *block = n.build.b.getInsertionBlock();
    mlir::Operation *last = block->empty() ? nullptr : &block->back();
    results[then] = importInPlace(n, graph, {});
    // A branch that is not taken fails no run.
    for (mlir::Operation &op : llvm::make_range(
             last ? std::next(last->getIterator()) : block->begin(),
             block->end()))
      if (auto require = mlir::dyn_cast<lazy::RequireOp>(op)) {
        mlir::OpBuilder::InsertionGuard guard(n.build.b);
        n.build.b.setInsertionPoint(&op);
        Value idle = then ? n.build.unary<lazy::NotOp>(condition) : condition;
        Value ok = require.getOk();
        require.getOkMutable().assign(
            n.build.binary<lazy::OrOp>(ok, n.build.expandLike(idle, ok)));
      }
  }
  for (int i = 0; i < n.proto.output_size(); ++i) {
    const Datum &a = results[1][i], &b = results[0][i];
    if (!a || !b)
      return;
    needSameForm(i, a, b);
    llvm::SmallVector<Value> others = tensorsOf(b);
    unsigned next = 0;
    n.setDatum(i, a.map([&](Value x) {
      Value y = others[next++];
      if (x.getType() != y.getType() || n.extents(x) != n.extents(y))
        block("E_SHAPE: output " + Twine(i) +
              " differs in type or shape between "
              "the branches");
      return n.where(condition, x, y);
    }));
  }
}

void ifBranch(Node &n) {
  Value condition = n.scalarOf(n.in(0), "cond");
  if (Node::dtype(condition) != DType::Bool)
    block("E_DTYPE: cond has element type " +
          Twine(dtypeName(Node::dtype(condition))) + ", not bool");
  if (std::optional<Tensor> known = n.importer.constantValue(condition)) {
    const char *name = known->integerAt(0) != 0 ? "then_branch" : "else_branch";
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    llvm::SmallVector<Datum> outputs = importInPlace(n, graph, {});
    for (int i = 0; i < n.proto.output_size(); ++i)
      n.setDatum(i, outputs[i]);
    return;
  }
  auto branch = [&](llvm::StringRef name) {
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    return importFunction(n, graph, {},
                          [](auto) { return llvm::SmallVector<Datum>(); });
  };
  size_t before = n.importer.errors.list.size();
  Callee then, otherwise;
  try {
    then = branch("then_branch");
    otherwise = branch("else_branch");
  } catch (const OpenExtent &) {
    n.importer.forgive(before);
    return bothBranches(n, condition);
  }
  if (!then.complete() || !otherwise.complete())
    return;
  unsigned count = n.proto.output_size();
  then.outputs.truncate(count);
  otherwise.outputs.truncate(count);
  for (auto [i, a, b] : llvm::enumerate(then.outputs, otherwise.outputs)) {
    needSameForm(i, a, b);
    for (auto [x, y] : llvm::zip(tensorsOf(a), tensorsOf(b)))
      if (x.getType() != y.getType())
        block("E_SHAPE: output " + Twine(i) + " is " +
              dtypeName(Node::dtype(x)) + " " + shapeText(Node::shape(x)) +
              " in then_branch and " + dtypeName(Node::dtype(y)) + " " +
              shapeText(Node::shape(y)) + " in else_branch");
  }
  shareCaptured(then, otherwise);
  llvm::SmallVector<Value> made = tensorsOf(then.outputs);
  lazy::endCallee(then.function, made);
  lazy::endCallee(otherwise.function, tensorsOf(otherwise.outputs));
  auto op = lazy::IfOp::create(
      n.build.b, n.build.loc, mlir::ValueRange(made).getTypes(),
      then.function.getSymName(), otherwise.function.getSymName(), condition,
      then.captured, mlir::ArrayAttr(), mlir::ArrayAttr(), mlir::ArrayAttr());
  unsigned next = 0;
  for (unsigned i = 0; i < count; ++i)
    n.setDatum(
        i, then.outputs[i].map([&](Value) { return op.getResult(next++); }));
}

} // namespace

void onnx_frontend::addIfOps(OpTable &t) { t["If"] = bounded(ifBranch); }
