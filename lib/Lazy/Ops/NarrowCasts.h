//===- NarrowCasts.h - elements of eight bits and fewer as numbers -*- C++ -*-//
#ifndef NACRE_LIB_LAZY_OPS_NARROWCASTS_H
#define NACRE_LIB_LAZY_OPS_NARROWCASTS_H

#include "mlir/IR/Builders.h"

namespace nacre::lazy {

/// The bits of a narrow element, an i8 or a vector of them, as a number: f32
/// for a float, an i8 for an integer. Only the low bits are looked at.
mlir::Value fromNarrow(mlir::OpBuilder &b, mlir::Location loc, mlir::Value bits,
                       mlir::Type element);

/// The inverse: a float is rounded as lazy.cast says, of an integer the low
/// bits are taken.
mlir::Value toNarrow(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                     mlir::Type element);

} // namespace nacre::lazy

#endif // NACRE_LIB_LAZY_OPS_NARROWCASTS_H
