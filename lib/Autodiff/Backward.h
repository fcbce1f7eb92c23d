//===- Backward.h - a forward pass with its gradients -----------*- C++ -*-===//
#ifndef NACRE_LIB_AUTODIFF_BACKWARD_H
#define NACRE_LIB_AUTODIFF_BACKWARD_H

#include "MainFunction.h"

namespace nacre::autodiff {

/// One parameter that learns.
struct Learned {
  State state;
  mlir::Value before;
  /// In updateType(); of the loss, whatever the loss scale.
  mlir::Value gradient;
  /// A matrix to Muon: two axes longer than 1, and no table of embeddings.
  bool isMatrix = false;
};

/// Values of main after differentiation.
struct Backward {
  mlir::Value loss;
  std::vector<NamedResult> metrics, buffers;
  /// i1 scalar: every index that the data brings is in range, and what the
  /// model requires of them holds.
  mlir::Value valid;
  std::vector<Learned> parameters;
};

/// Differentiates result 0 of the train program `main` is in. Contractions are
/// raised first, for they have a gradient of their own kind, and once more
/// after, when the precision is mixed if the specification says so.
llvm::Expected<Backward> buildBackward(MainFunction &main,
                                       const TrainingSpec &spec);

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_BACKWARD_H
