//===- LearningRate.h - the schedule as arithmetic on the step --*- C++ -*-===//
#ifndef NACRE_LIB_AUTODIFF_LEARNINGRATE_H
#define NACRE_LIB_AUTODIFF_LEARNINGRATE_H

#include "nacre/Autodiff/Training.h"
#include "nacre/Lazy/Build.h"

namespace nacre::autodiff {

/// The learning rate of a step, `step` being a scalar of i64: a scalar of f64,
/// so that long schedules and small rates keep twelve digits.
mlir::Value learningRate(lazy::Build build, const LearningRate &rate,
                         mlir::Value step);

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_LEARNINGRATE_H
