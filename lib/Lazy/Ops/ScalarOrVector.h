//===- ScalarOrVector.h - bodies that work on both --------------*- C++ -*-===//
#ifndef NACRE_LIB_LAZY_OPS_SCALARORVECTOR_H
#define NACRE_LIB_LAZY_OPS_SCALARORVECTOR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "nacre/Lazy/Lazy.h"

namespace nacre::lazy {

/// `element` with the vector shape of `like`.
inline mlir::Type likeType(mlir::Type like, mlir::Type element) {
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(like))
    return vector.clone(element);
  return element;
}

/// `scalar`, or a vector of it, as `type` says.
inline mlir::Value constantLike(mlir::OpBuilder &b, mlir::Location loc,
                                mlir::Type type, mlir::TypedAttr scalar) {
  if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
    return mlir::arith::ConstantOp::create(
        b, loc, mlir::DenseElementsAttr::get(vector, mlir::Attribute(scalar)));
  return mlir::arith::ConstantOp::create(b, loc, scalar);
}
/// A number in the element type of `type`; of an integer its low bits.
inline mlir::Value floatLike(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Type type, double value) {
  return constantLike(b, loc, type,
                      b.getFloatAttr(mlir::getElementTypeOrSelf(type), value));
}
inline mlir::Value intLike(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Type type, const llvm::APInt &value) {
  return constantLike(
      b, loc, type, b.getIntegerAttr(mlir::getElementTypeOrSelf(type), value));
}
inline mlir::Value intLike(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Type type, int64_t value) {
  unsigned width = mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return intLike(b, loc, type, llvm::APInt(width, value, true, true));
}
/// Whether these are floats, or vectors of them.
inline bool isFloat(mlir::Value v) {
  return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(v.getType()));
}

/// The element type of a tensor.
inline mlir::Type elementOf(mlir::Value tensor) {
  return tensorType(tensor).getElementType();
}

} // namespace nacre::lazy

#endif // NACRE_LIB_LAZY_OPS_SCALARORVECTOR_H
