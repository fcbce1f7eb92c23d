//===- IndexMap.h - index expressions over bounded dimensions ---*- C++ -*-===//
#ifndef NACRE_LAZY_INDEXMAP_H
#define NACRE_LAZY_INDEXMAP_H

#include "mlir/IR/AffineMap.h"

namespace nacre::lazy {

/// A closed interval of integers.
struct Range {
  int64_t min, max;
};

/// The values `expr` takes when dimension k runs over [0, extents[k]).
/// Symbols are unbounded: an expression with one gives a nullopt.
std::optional<Range> rangeOf(mlir::AffineExpr expr,
                             llvm::ArrayRef<int64_t> extents);

/// Rewrites floordiv and mod away where the ranges of the dimensions allow it:
/// (a*K + b) floordiv K -> a and (a*K + b) mod K -> b when 0 <= b < K; splits
/// sums term by term. Equal at every point of the box; never longer.
mlir::AffineExpr simplify(mlir::AffineExpr expr,
                          llvm::ArrayRef<int64_t> extents);
mlir::AffineMap simplify(mlir::AffineMap map, llvm::ArrayRef<int64_t> extents);

/// Splits `expr` as coefficient * d_dim + rest with `rest` free of d_dim.
/// Nullopt when d_dim occurs inside a floordiv or mod or times a dimension.
std::optional<std::pair<int64_t, mlir::AffineExpr>>
splitLinear(mlir::AffineExpr expr, unsigned dim);

/// Whether d_dim occurs in `expr`.
bool dependsOn(mlir::AffineExpr expr, unsigned dim);

/// Row-major strides of a shape, in elements.
llvm::SmallVector<int64_t> rowMajorStrides(llvm::ArrayRef<int64_t> shape);

/// The map from row-major multi-index over `from` to that over `to`; both hold
/// the same number of elements.
mlir::AffineMap reshapeMap(mlir::MLIRContext *context,
                           llvm::ArrayRef<int64_t> from,
                           llvm::ArrayRef<int64_t> to);

} // namespace nacre::lazy

#endif // NACRE_LAZY_INDEXMAP_H
