//===- PackedWeights.h - what unpacks a weight when it is read --*- C++ -*-===//
#ifndef NACRE_LIB_FUSE_PACKEDWEIGHTS_H
#define NACRE_LIB_FUSE_PACKEDWEIGHTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace nacre::fuse {

/// The packed weights of a function's body and all that is made of them element
/// by element: not what is picked from them, nor sums.
llvm::DenseSet<mlir::Value> unpackedValues(mlir::func::FuncOp function);

} // namespace nacre::fuse

#endif // NACRE_LIB_FUSE_PACKEDWEIGHTS_H
