//===- KernelNest.h - the loops a kernel consists of ------------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_KERNELNEST_H
#define NACRE_SCHEDULE_KERNELNEST_H

#include "nacre/Lazy/Access.h"
#include "llvm/ADT/SmallBitVector.h"

namespace nacre::schedule {

/// The value a kernel computes first; all have one shape. It is what the kernel
/// yields, but for a write: then it is the rows.
mlir::Value yielded(lazy::KernelOp kernel);
/// All values it computes.
mlir::OperandRange yieldedAll(lazy::KernelOp kernel);

/// The write that a kernel ends in, or null. Its result lies where the operand
/// lies that is written into, and is stored through a window that the run
/// moves.
lazy::WriteOp writeOf(lazy::KernelOp kernel);
/// The number of the kernel's operand that is written into.
unsigned writtenOperand(lazy::WriteOp write);

/// The contraction of a kernel, or null. A kernel holds at most one.
lazy::ContractOp contractionOf(lazy::KernelOp kernel);

/// The single view a kernel consists of (a copy that may become an alias), or
/// null.
lazy::ViewOpInterface soleView(lazy::KernelOp kernel);

/// What a kernel has to do once.
struct KernelWork {
  int64_t flops = 0; ///< operations of its primitives
  int64_t bytes = 0; ///< operands and results, each touched once
};
KernelWork workOf(lazy::KernelOp kernel);

/// A contraction seen as loops. Dimensions of the iteration space are numbered
/// as in the contraction's maps.
struct ContractNest {
  lazy::ContractOp op;
  /// Operand whose free dimensions are put in vector lanes: 1 (b) or 0 (a).
  /// The constant operand if one is.
  unsigned lanesOperand = 1;
  llvm::SmallVector<int64_t> extents; ///< bounds
  llvm::SmallVector<bool> reduced;    ///< not in the result
  llvm::SmallVector<bool> inScalar,
      inLanes;                       ///< occurs in the other / lanes operand
  llvm::SmallVector<int> resultAxis; ///< axis of the result, -1 if reduced
};
ContractNest analyseContraction(lazy::KernelOp kernel, lazy::ContractOp op);

/// The kernel operand behind contraction operand `k` when views alone lie
/// between, with its index map over the contraction's dimensions (numbered
/// from 0, padded to maxLoopDims).
std::optional<lazy::Access> contractLeaf(const ContractNest &nest, unsigned k);

/// Per axis of a kernel's results the name of the extent that the run decides
/// (see nacre/Lazy/Signature.h), null where the axis is run to its bound.
llvm::SmallVector<mlir::StringAttr> openExtents(lazy::KernelOp kernel);
/// Names in an attribute of an operation, null for the others; empty when it
/// has none or not `count` of them.
llvm::SmallVector<mlir::StringAttr>
openNames(mlir::Operation *op, llvm::StringRef attribute, size_t count);

/// Whether `root` at an index takes `v` at the same index, with elementwise
/// operations alone between them.
bool computesAtSameIndex(mlir::Value root, mlir::Value v);

/// Whether `map` reads a reduction over `axes` where the row is that `identity`
/// walks.
bool isAtRow(mlir::AffineMap map, mlir::AffineMap identity,
             llvm::ArrayRef<int64_t> axes);

/// Whether `v` at `map` is one number along all of the loops `dims`.
bool isSameAlong(mlir::Value v, mlir::AffineMap map,
                 llvm::ArrayRef<int64_t> extents,
                 const llvm::SmallBitVector &dims);

/// Whether the kernel operand `leaf` is a weight.
bool isWeight(lazy::KernelOp kernel, mlir::BlockArgument leaf);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_KERNELNEST_H
