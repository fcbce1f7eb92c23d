//===- Optimizers.h - update rules of one parameter -------------*- C++ -*-===//
#ifndef NACRE_LIB_AUTODIFF_OPTIMIZERS_H
#define NACRE_LIB_AUTODIFF_OPTIMIZERS_H

#include "nacre/Autodiff/Training.h"
#include "nacre/Lazy/Build.h"

namespace nacre::autodiff {

/// What all parameters of a step share.
struct StepNumbers {
  mlir::Value rate;  ///< f64 scalar: the learning rate
  mlir::Value count; ///< f64 scalar: 1 in the first step
};

/// The type in which states of a parameter of `element` are kept and its
/// updates are computed: f64 for f64, else f32.
mlir::Type updateType(mlir::Type element);

/// The rule of one parameter. Muon is a rule of matrices: a parameter that
/// `isMatrix` does not say so of gets AdamW.
Optimizer::Kind ruleOf(const Optimizer &optimizer, bool isMatrix);

/// The slots that a rule keeps, all of the parameter's shape and
/// zero at first: "adam.m", "adam.v".
llvm::SmallVector<llvm::StringRef> slotsOf(const Optimizer &optimizer,
                                           Optimizer::Kind rule);

struct Updated {
  mlir::Value parameter;
  llvm::SmallVector<mlir::Value> slots;
};

/// One step of a rule. Parameter, gradient and slots have one shape and the
/// element type updateType gives.
Updated update(lazy::Build build, const Optimizer &optimizer,
               Optimizer::Kind rule, const StepNumbers &numbers,
               mlir::Value parameter, mlir::Value gradient,
               llvm::ArrayRef<mlir::Value> slots);

/// Muon's step direction: the matrix nearest to being orthogonal, by five
/// Newton-Schulz iterations, times sqrt(max(1, rows / columns)). Axes behind
/// the first are one.
mlir::Value orthogonalized(lazy::Build build, mlir::Value x);

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_OPTIMIZERS_H
