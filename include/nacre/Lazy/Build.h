//===- Build.h - making lazy operations with inferred types -----*- C++ -*-===//
//
// Frontends build through these: result types are inferred, elementwise
// operands are broadcast by numpy's rules, trivial views are not made at all.
// Arguments must be valid (frontends check the user's input first); an invalid
// one is our bug and asserts.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_BUILD_H
#define NACRE_LAZY_BUILD_H

#include "nacre/Lazy/Lazy.h"

namespace nacre::lazy {

/// Builds at an insertion point with one location.
struct Build {
  mlir::OpBuilder &b;
  mlir::Location loc;

  mlir::Value weight(llvm::StringRef name, mlir::RankedTensorType type,
                     bool packed = false);
  /// A rank-0 or shaped constant of `element` type holding `value`.
  mlir::Value splat(mlir::Type element, double value,
                    llvm::ArrayRef<int64_t> shape = {});
  /// Same type and shape as `like`.
  mlir::Value splatLike(mlir::Value like, double value);
  mlir::Value iota(mlir::RankedTensorType type, int64_t axis);

  template <typename Op> mlir::Value unary(mlir::Value x) {
    return Op::create(b, loc, x.getType(), x);
  }
  /// Broadcasts both operands to a common shape first.
  template <typename Op> mlir::Value binary(mlir::Value x, mlir::Value y) {
    std::tie(x, y) = broadcastPair(x, y);
    return Op::create(b, loc, x.getType(), x, y);
  }
  mlir::Value cmp(CmpKind kind, mlir::Value x, mlir::Value y);
  mlir::Value where(mlir::Value condition, mlir::Value x, mlir::Value y);
  /// No operation when the type is already `element`.
  mlir::Value cast(mlir::Value x, mlir::Type element);

  mlir::Value reduce(ReduceKind kind, mlir::Value x,
                     llvm::ArrayRef<int64_t> axes, bool keepDims = false);
  mlir::Value argReduce(ReduceKind kind, mlir::Value x, int64_t axis, bool last,
                        bool keepDims);
  /// Result extents follow from the maps.
  mlir::Value contract(mlir::Value x, mlir::Value y, mlir::AffineMap xMap,
                       mlir::AffineMap yMap, mlir::AffineMap resultMap);

  /// One extent may be kDynamic when x's leading extent is symbolic.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value permute(mlir::Value x, llvm::ArrayRef<int64_t> perm);
  /// Numpy broadcast to `shape`: leading axes are added as needed.
  mlir::Value expand(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value expandLike(mlir::Value x, mlir::Value like);
  mlir::Value pad(mlir::Value x, llvm::ArrayRef<int64_t> low,
                  llvm::ArrayRef<int64_t> high, double value);
  mlir::Value slice(mlir::Value x, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<int64_t> sizes,
                    llvm::ArrayRef<int64_t> steps = {});
  mlir::Value flip(mlir::Value x, llvm::ArrayRef<int64_t> axes);
  /// Windows along `axes`; see lazy.window.
  mlir::Value window(mlir::Value x, llvm::ArrayRef<int64_t> axes,
                     llvm::ArrayRef<int64_t> sizes,
                     llvm::ArrayRef<int64_t> strides,
                     llvm::ArrayRef<int64_t> dilations);
  /// The transpose of window: `x` has the shape of a window of a tensor whose
  /// extents along `axes` are `extents`; each element is added where the window
  /// read it.
  mlir::Value unwindow(mlir::Value x, llvm::ArrayRef<int64_t> axes,
                       llvm::ArrayRef<int64_t> extents,
                       llvm::ArrayRef<int64_t> strides,
                       llvm::ArrayRef<int64_t> dilations);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> xs, int64_t axis);
  mlir::Value gather(mlir::Value x, mlir::Value index, int64_t axis);
  /// The transpose of gather: slices of `updates` combined, as a rule summed,
  /// where `index` says, in a tensor of `extent` along `axis`. The extents of
  /// `index` stand in `updates` from `axis` on.
  mlir::Value scatter(mlir::Value updates, mlir::Value index, int64_t axis,
                      int64_t extent, ReduceKind kind = ReduceKind::add);
  /// x with the first `count` slices of `rows` along `axis` from `first` on;
  /// see lazy.write.
  mlir::Value write(mlir::Value x, mlir::Value rows, mlir::Value first,
                    mlir::Value count, int64_t axis);
  /// The k first elements along an axis of static extent, sorted from the
  /// largest down (or the smallest up), and their indices (i64). Of equals the
  /// first comes first; NaN is larger than every number.
  std::pair<mlir::Value, mlir::Value> topK(mlir::Value x, int64_t axis,
                                           int64_t k, bool largest);
  /// x; where `ok` (i1, of x's shape) is false the run returns `status`, a
  /// nacre_status from 1 to 11. `message` says what is wrong.
  mlir::Value require(mlir::Value x, mlir::Value ok, int32_t status,
                      llvm::StringRef message);

  /// Random numbers as a function of (seed, step, site, index); `seed` and
  /// `step` are scalars of i64, `site` tells the places of a model apart. Equal
  /// arguments give equal bits on every target. ui32; f32 in [0, 1); f32 of
  /// mean 0 and variance 1.
  mlir::Value randomBits(mlir::Value seed, mlir::Value step, uint32_t site,
                         llvm::ArrayRef<int64_t> shape);
  mlir::Value uniform(mlir::Value seed, mlir::Value step, uint32_t site,
                      llvm::ArrayRef<int64_t> shape);
  mlir::Value normal(mlir::Value seed, mlir::Value step, uint32_t site,
                     llvm::ArrayRef<int64_t> shape);

  std::pair<mlir::Value, mlir::Value> broadcastPair(mlir::Value x,
                                                    mlir::Value y);
};

/// The numpy broadcast of two shapes, or nullopt when they do not fit.
/// kDynamic fits 1 and kDynamic.
std::optional<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

} // namespace nacre::lazy

#endif // NACRE_LAZY_BUILD_H
