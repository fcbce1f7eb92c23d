//===- OptimizerSettings.h - optimizers as they are written -----*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_OPTIMIZERSETTINGS_H
#define NACRE_LIB_FRONTEND_GRAPH_OPTIMIZERSETTINGS_H

#include "Evaluator.h"

namespace nacre::graph_frontend {

/// Far above every number that makes sense.
constexpr double largestSetting = 1e30;

/// adamw(lr = cosine(1e-3, total = 100), weight_decay = 0.01) and the like; a
/// problem where a name or a number is wrong.
autodiff::Optimizer optimizerOf(Evaluator &evaluator, Frame &frame,
                                const Expr &expr);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_OPTIMIZERSETTINGS_H
