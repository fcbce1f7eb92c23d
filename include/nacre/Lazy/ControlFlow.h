//===- ControlFlow.h - functions that a program runs ------------*- C++ -*-===//
//
// Loops and branches are operations that run private functions of the module.
// Each function is run by one operation, and none runs itself, so a program is
// a tree of functions with `main` at the root.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_CONTROLFLOW_H
#define NACRE_LAZY_CONTROLFLOW_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Build.h"

namespace nacre::lazy {

/// Whether the operation is a loop or an if.
bool isCall(mlir::Operation *op);

/// The functions that a loop or an if runs; none for another operation or a
/// name that is no function.
llvm::SmallVector<mlir::func::FuncOp> calleesOf(mlir::Operation *op);

/// `main` and all functions it runs, each after those that it runs itself.
llvm::SmallVector<mlir::func::FuncOp> functionsOf(mlir::ModuleOp module);

/// Checks that functions form a tree. Emits diagnostics.
mlir::LogicalResult verifyCalls(mlir::ModuleOp module);

/// The function an operation stands in.
mlir::func::FuncOp functionOf(mlir::Operation *op);

/// A new private function without a body's end: `arguments` are its types. The
/// name is made unique in the module.
mlir::func::FuncOp makeCallee(mlir::ModuleOp module, llvm::StringRef name,
                              mlir::TypeRange arguments, mlir::Location loc);
/// Ends it: sets the result types.
void endCallee(mlir::func::FuncOp function, mlir::ValueRange results);

/// A loop with the result types that follow from the body, which is ended.
LoopOp makeLoop(Build &build, mlir::func::FuncOp body, int64_t bound,
                mlir::Value trips, bool conditional, mlir::ValueRange carried,
                mlir::ValueRange scanned, mlir::ValueRange captured,
                llvm::ArrayRef<bool> backward);

} // namespace nacre::lazy

#endif // NACRE_LAZY_CONTROLFLOW_H
