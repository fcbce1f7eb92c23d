//===- Differentiate.h - gradients over the lazy IR -------------*- C++ -*-===//
#ifndef NACRE_AUTODIFF_DIFFERENTIATE_H
#define NACRE_AUTODIFF_DIFFERENTIATE_H

#include "mlir/IR/BuiltinOps.h"
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

/// Appends to the results of `main` the gradients of its result 0, a scalar
/// float, with respect to each argument with the attribute `lazy.gradient`, as
/// results named `d_NAME`. Errors are said at the function, its return or the
/// operation without a gradient.
mlir::LogicalResult differentiateMain(mlir::ModuleOp module);

} // namespace nacre::autodiff

#endif // NACRE_AUTODIFF_DIFFERENTIATE_H
