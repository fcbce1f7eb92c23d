//===- BoundedDims.h - tensors whose extents the run decides ----*- C++ -*-===//
//
// With bounded dims the program is made for the bounds: every tensor has the
// largest extents it may have, and what lies beyond those of the run is never
// looked at. This class knows the extents of every value as polynomials. Those
// of a new operation follow from its operands; where it combines elements along
// an axis, what lies beyond is first replaced by what changes nothing.
// Arguments and results are dense in the extents of the run, so they are
// spread out at the start and drawn together at the end by gathers.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_BOUNDEDDIMS_H
#define NACRE_LIB_FRONTEND_ONNX_BOUNDEDDIMS_H

#include "Extent.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/WeightStore.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace nacre::onnx_frontend {

class BoundedDims {
public:
  BoundedDims(mlir::OpBuilder &builder, const WeightStore &weights)
      : builder(builder), weights(weights) {}

  ExtentTable table;
  /// Whether the model has bounded dims or counts at all.
  bool active() const { return !table.empty(); }

  /// The extents of all axes.
  Extents of(mlir::Value v);
  Extent of(mlir::Value v, int64_t axis) { return of(v)[axis]; }
  /// Whether no extent depends on the run.
  bool isStatic(mlir::Value v);
  /// States the extents of a value that do not follow from its operands.
  void declare(mlir::Value v, Extents extents);
  /// What the names in lazy.open attributes stand for, see
  /// nacre/Lazy/Signature.h.
  mlir::DictionaryAttr sums();

  /// The same elements as a value of its own, with these extents.
  mlir::Value withExtents(mlir::Location loc, mlir::Value v, Extents extents);
  /// A number that the run computes, `value`, a scalar of i64, as an extent.
  Extent counted(llvm::StringRef name, ExtentTable::Range range,
                 mlir::Value value);

  /// The elements of a small tensor of integers or truth values, as far as
  /// they are known in terms of extents.
  std::optional<Extents> elements(mlir::Value v);
  /// A scalar of i64 that holds an extent, at the builder's point.
  mlir::Value scalar(mlir::Location loc, const Extent &e);
  /// The largest shape that extents may give.
  llvm::SmallVector<int64_t> bounds(const Extents &extents) const;

  /// Whether each element lies within the extents along `axes`: of i1, with
  /// extent 1 along the other axes. Null when there is nothing to ask.
  mlir::Value within(mlir::Location loc, const Extents &extents,
                     llvm::ArrayRef<int64_t> axes);
  /// The elements of x in row-major order under other extents.
  mlir::Value reshape(mlir::Location loc, mlir::Value x, const Extents &to);
  /// The tensor of these extents whose elements lie dense in `flat`.
  /// The run is refused where `ok`, a scalar, is given and does not hold.
  mlir::Value spread(mlir::Location loc, mlir::Value flat, const Extents &to,
                     mlir::Value ok = {});
  /// The elements of x within its extents, dense, as a vector with room for
  /// all.
  mlir::Value gatherDense(mlir::Location loc, mlir::Value x);

  /// Works out the extents of a new operation's results, changing its operands
  /// where it must not see what lies beyond. Blocks where it cannot.
  void visit(mlir::Operation *op);

private:
  void note(mlir::Value v, Extents extents);
  mlir::ArrayAttr names(llvm::ArrayRef<Extent> extents);
  std::optional<Extents> work(mlir::Value v);
  Extents infer(mlir::Operation *op);
  Extents elementwise(mlir::Operation *op);
  Extents contract(lazy::ContractOp op);
  Extents padded(lazy::PadOp op);
  Extents cut(lazy::SliceOp op);
  Extents windows(lazy::WindowOp op);
  Extents joined(lazy::ConcatOp op);
  Extents picked(lazy::GatherOp op);
  /// The extents that a reshape of bounds alone gives, or nullopt where the
  /// elements of the run would not be the first along an axis.
  std::optional<Extents> regrouped(mlir::Value x,
                                   llvm::ArrayRef<int64_t> shape);
  Extent merge(const Extent &a, const Extent &b) const;
  /// Replaces what lies beyond along `axes` in an operand.
  void fill(mlir::Operation *op, unsigned operand, llvm::ArrayRef<int64_t> axes,
            double value);
  /// A vector of i64 as long as the product of `bounds`: for each place of a
  /// tensor of those bounds the place among `extents` in row-major order that
  /// is the same element; or the other way around.
  mlir::Value places(mlir::Location loc, const Extents &extents, bool toDense);

  mlir::OpBuilder &builder;
  const WeightStore &weights;
  llvm::DenseMap<mlir::Value, Extents> open; ///< extents of which one is open
  llvm::DenseMap<mlir::Value, std::optional<Extents>> known; ///< elements
  llvm::DenseSet<mlir::Operation *> seen;
  std::map<std::string, Extent> named; ///< in attributes
};

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_BOUNDEDDIMS_H
