//===- Subgraph.h - graphs inside nodes -------------------------*- C++ -*-===//
//
// The body of an If, a Loop or a Scan sees the names around it. Where it is
// imported in place, they are simply found. Where it becomes a function, a
// value from outside is captured: a constant is made again inside, anything
// else becomes an argument.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_SUBGRAPH_H
#define NACRE_LIB_FRONTEND_ONNX_SUBGRAPH_H

#include "Node.h"
#include "nacre/Lazy/ControlFlow.h"

namespace nacre::onnx_frontend {

/// The graph of an attribute; blocks when there is none.
const onnx::GraphProto &subgraph(Node &n, llvm::StringRef attribute);

/// A graph's outputs, imported in place with what its inputs stand for. A null
/// output is one whose node was blocked.
llvm::SmallVector<Datum> importInPlace(Node &n, const onnx::GraphProto &graph,
                                       llvm::ArrayRef<Datum> inputs);

/// Thrown where a function would need a value whose extents the run decides.
struct OpenExtent : Blocker {};

/// A graph as a function.
struct Callee {
  mlir::func::FuncOp function;
  llvm::SmallVector<Datum> outputs; ///< inside; null: blocked
  llvm::SmallVector<Value>
      captured; ///< outside, in order of the last arguments
  bool complete() const {
    return llvm::all_of(outputs, [](const Datum &d) { return bool(d); });
  }
};

/// Imports a graph as a function with arguments of `types`, then those it
/// captures. `bind` makes the graph's inputs of the arguments, inside. The
/// function has no return yet.
Callee importFunction(
    Node &n, const onnx::GraphProto &graph, llvm::ArrayRef<mlir::Type> types,
    llvm::function_ref<llvm::SmallVector<Datum>(mlir::ValueRange)> bind);

/// Gives both functions the same captured values, in one order.
void shareCaptured(Callee &a, Callee &b);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_SUBGRAPH_H
