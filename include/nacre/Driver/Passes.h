//===- Passes.h - the pipeline's steps by name ------------------*- C++ -*-===//
#ifndef NACRE_DRIVER_PASSES_H
#define NACRE_DRIVER_PASSES_H

#include "mlir/IR/DialectRegistry.h"

namespace nacre {

/// Every dialect that a phase reads or writes.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers each step of Pipeline.cpp as a module pass of the same words:
/// canonicalize-lazy, fold-constants, raise-contraction, split-reductions,
/// sink-views, form-kernels, rematerialise, plan-memory, choose-schedules,
/// verify-schedule.
void registerPasses();

} // namespace nacre

#endif // NACRE_DRIVER_PASSES_H
