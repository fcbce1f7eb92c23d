//===- Access.h - which elements a kernel's body reads ----------*- C++ -*-===//
//
// A kernel's body is read backwards from a value and an index map over loop
// dimensions: views compose into the map, reductions open new dimensions, and
// the walk ends at the kernel's operands. Planner, scheduler and lowering all
// see accesses through this one walk.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_ACCESS_H
#define NACRE_LAZY_ACCESS_H

#include "nacre/Lazy/Lazy.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nacre::lazy {

/// Every map of a walk has this many dimensions, so that maps compare equal
/// however many loops were open when they were made.
constexpr unsigned maxLoopDims = 192;

/// The map d -> (d_first, .., d_first+rank-1) for a value of that rank.
mlir::AffineMap loopIdentity(mlir::MLIRContext *context, unsigned rank,
                             unsigned first = 0);

/// The source index of a view read at `map`, simplified over `extents`.
mlir::AffineMap composeView(ViewOpInterface view, mlir::AffineMap map,
                            llvm::ArrayRef<int64_t> extents);

/// The input index of a reduction read at `map`: its axes become dimensions
/// starting at extents.size(), whose extents are appended.
mlir::AffineMap openReduction(mlir::RankedTensorType input,
                              llvm::ArrayRef<int64_t> axes, mlir::AffineMap map,
                              llvm::SmallVectorImpl<int64_t> &extents);

/// One operand of a contraction read when the contraction is read at `map`:
/// reduction dimensions open new loop dimensions. `loops` receives, for each
/// dimension of the contraction, its expression over loop dimensions.
mlir::AffineMap openContraction(ContractOp op, unsigned operand,
                                llvm::ArrayRef<mlir::AffineExpr> loops);

/// One element access of a kernel operand.
struct Access {
  mlir::BlockArgument leaf;
  mlir::AffineMap map; ///< loop dimensions to the leaf's index
  bool guarded;        ///< under a pad: not every index is read
  bool indirect;       ///< an index (of gather, scatter) decides what is read
  bool index = false;  ///< read as such an index
};

/// Calls `visit` for every access needed to compute `value` at `map`.
/// `extents` holds the bounds of the open loop dimensions; while `visit` runs
/// it also holds those the walk has opened. The walk
/// does not look into `stop` (a contraction whose operands have loops of their
/// own).
void walkAccesses(mlir::Value value, mlir::AffineMap map,
                  llvm::SmallVectorImpl<int64_t> &extents,
                  llvm::function_ref<void(const Access &)> visit,
                  mlir::Operation *stop = nullptr);

/// sum(strides_k * map_k), simplified.
mlir::AffineExpr linearAddress(mlir::AffineMap map,
                               llvm::ArrayRef<int64_t> strides,
                               llvm::ArrayRef<int64_t> extents);

} // namespace nacre::lazy

#endif // NACRE_LAZY_ACCESS_H
