//===- Differentiate.h - gradients over the lazy IR -------------*- C++ -*-===//
#ifndef NACRE_AUTODIFF_DIFFERENTIATE_H
#define NACRE_AUTODIFF_DIFFERENTIATE_H

#include "nacre/Lazy/Build.h"

namespace nacre::autodiff {

/// The gradients of `loss`, a scalar float, with respect to each of `wrt`
/// (float tensors of the same block), built at the builder's insertion point,
/// which everything `loss` depends on dominates. One reverse walk; an
/// operation's rule is its DifferentiableOpInterface. A value that `loss` does
/// not depend on has a gradient of zeros. Fails, after an error at the
/// operation, where a gradient is needed through an operation that has none.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
differentiate(lazy::Build build, mlir::Value loss,
              llvm::ArrayRef<mlir::Value> wrt);

} // namespace nacre::autodiff

#endif // NACRE_AUTODIFF_DIFFERENTIATE_H
