//===- Pipeline.h - the compiler from top to bottom -------------*- C++ -*-===//
#ifndef NACRE_DRIVER_PIPELINE_H
#define NACRE_DRIVER_PIPELINE_H

#include "nacre/Codegen/Code.h"

namespace nacre {

/// The phases before code generation, in order. Each ends in a verifier.
enum class Phase { Import, Fuse, Schedule };

/// Context with every dialect the pipeline uses; multithreading off, so that it
/// survives a fork and spends no start-up on idle threads.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Runs the phases after `from` up to and including `to`, in place.
/// Diagnostics go to the context's handler.
mlir::LogicalResult runPhases(Program &program, Phase from, Phase to,
                              const CodegenOptions &options,
                              const MachineDescription &machine);

} // namespace nacre

#endif // NACRE_DRIVER_PIPELINE_H
