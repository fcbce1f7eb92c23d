//===- SumRows.h - contractions that reuse nothing are sums -----*- C++ -*-===//
#pragma once
#include "nacre/Lazy/Lazy.h"

namespace nacre::fuse {

/// Follows views without fill as long as the composed map stays affine.
std::pair<mlir::Value, mlir::AffineMap>
throughViews(mlir::Value v, mlir::AffineMap map,
             llvm::ArrayRef<int64_t> extents);

/// Whether an operand is made at run time and each of its elements read once,
/// along its rows.
bool sumsRows(lazy::ContractOp op);

/// Replaces `op`, whose maps are permutations, by a sum of products.
void lowerToSum(lazy::ContractOp op);

} // namespace nacre::fuse
