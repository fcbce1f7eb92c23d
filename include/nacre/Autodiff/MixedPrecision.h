//===- MixedPrecision.h - products of bf16, sums of f32 ---------*- C++ -*-===//
#ifndef NACRE_AUTODIFF_MIXEDPRECISION_H
#define NACRE_AUTODIFF_MIXEDPRECISION_H

#include "mlir/IR/BuiltinOps.h"

namespace nacre::autodiff {

/// Rounds the operands of every f32 contraction to bf16. Products are then
/// exact in f32, where they are summed as before.
void mixPrecision(mlir::ModuleOp module);

} // namespace nacre::autodiff

#endif // NACRE_AUTODIFF_MIXEDPRECISION_H
