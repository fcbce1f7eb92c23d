//===- State.h - tensors of a function that outlive a run -------*- C++ -*-===//
//
// An argument and a result with the same `lazy.state` are one tensor before and
// after a run, and the caller may hand one buffer for both.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_STATE_H
#define NACRE_LAZY_STATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace nacre::lazy {

/// The argument that holds the state which result number `result` replaces, or
/// nullopt when the result is no state or nothing is read of it.
std::optional<mlir::BlockArgument> stateBefore(mlir::func::FuncOp function,
                                               unsigned result);

/// Checks the function's states: names are distinct among arguments and among
/// results, and a result has its argument's type. Emits diagnostics.
mlir::LogicalResult verifyStates(mlir::func::FuncOp function);

} // namespace nacre::lazy

#endif // NACRE_LAZY_STATE_H
