//===- Layout.h - physical order of axes, strides of views ------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_LAYOUT_H
#define NACRE_SCHEDULE_LAYOUT_H

#include "nacre/Schedule/KernelNest.h"
#include "llvm/ADT/DenseMap.h"

namespace nacre::schedule {

/// Axes of a tensor from outermost to innermost in memory.
using Order = llvm::SmallVector<int64_t>;

/// Strides of a dense tensor stored in that order.
llvm::SmallVector<int64_t> stridesIn(const Order &order,
                                     llvm::ArrayRef<int64_t> shape);

/// Strides of a view `to` of a tensor `from` with the given strides, plus the
/// offset of its first element, or nullopt when no strides express it. Extents
/// of 1 get stride 0 on the way and any stride in the end.
struct StridedView {
  int64_t offset;
  llvm::SmallVector<int64_t> strides;
};
std::optional<StridedView> viewStrides(lazy::ViewOpInterface view,
                                       llvm::ArrayRef<int64_t> sourceStrides);
/// The strides a view's source must have so that the view has `strides`
/// (reshape, permute; pad: the interior), or nullopt.
std::optional<StridedView> sourceStrides(lazy::ViewOpInterface view,
                                         llvm::ArrayRef<int64_t> strides);

/// The physical order of every tensor of a function. May insert copy kernels
/// where a contraction wants an operand stored in another order.
llvm::DenseMap<mlir::Value, Order> assignLayout(mlir::Block &block);

/// A result that may be written over an operand, by their numbers.
struct InPlace {
  unsigned result, operand;
};

/// Which tensors share a piece of memory, whatever their lifetimes.
struct Storages {
  llvm::DenseMap<mlir::Value, int> of;
  llvm::SmallVector<int64_t> bytes; ///< 0 of what is not in the arena
  /// Of kernels, where the operand dies there.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<InPlace>> inPlace;
};
/// The storages that the memory plan would make of a module. Inserts the copies
/// that it would insert, and changes nothing else.
Storages shareStorages(mlir::ModuleOp module);

/// Inserts a kernel that copies `v` right before `before`.
mlir::Value insertCopy(mlir::Value v, mlir::Operation *before,
                       llvm::StringRef why);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_LAYOUT_H
