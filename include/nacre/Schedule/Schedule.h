//===- Schedule.h - how kernels run and where tensors live ------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_SCHEDULE_H
#define NACRE_SCHEDULE_SCHEDULE_H

#include "nacre/Codegen/Code.h"
#include "nacre/Lazy/Program.h"

namespace nacre::schedule {

/// Runs kernels a second time so that the plan of planMemory needs at most
/// `budget` bytes of arena, or as little as can be reached. Runs before it.
/// Sets the module attribute `lazy.recomputed` when the plan needs more
/// without.
mlir::LogicalResult rematerialise(mlir::ModuleOp module, int64_t budget);

/// Chooses the physical order of axes of every kernel result and gives each
/// tensor a place: inputs, outputs and weights are fixed, everything else gets
/// an arena offset by lifetime; concat, pad, slice and reshape alias where
/// strides allow, and what cannot alias becomes a copy kernel. Sets the module
/// attribute `lazy.arena_bytes`.
mlir::LogicalResult planMemory(mlir::ModuleOp module);

/// Chooses loop order, tiles, vector dimension and packing per kernel.
mlir::LogicalResult chooseSchedules(mlir::ModuleOp module,
                                    const MachineDescription &machine);

/// Checks that places stay inside their buffers, that a kernel's results
/// overlap no live tensor, and that every kernel has a schedule.
mlir::LogicalResult verifySchedule(mlir::ModuleOp module);

/// A table of the memory plan for people: name, place, bytes, lifetime.
void printPlan(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_SCHEDULE_H
