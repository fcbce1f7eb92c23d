//===- Fuse.h - from primitives to kernels ----------------------*- C++ -*-===//
#ifndef NACRE_FUSE_FUSE_H
#define NACRE_FUSE_FUSE_H

#include "nacre/Lazy/Program.h"

namespace nacre::fuse {

/// Replaces operations whose operands are all constant by weights, evaluated
/// with the reference interpreter; results above `maxBytes` stay.
void foldConstants(Program &program, int64_t maxBytes);

/// Makes contractions of quantized numbers sums of bytes in i32, where their
/// weights are constant. For machines with instructions for that.
void sumBytes(Program &program);

/// Folders, canonical forms, common subexpressions, dead code.
mlir::LogicalResult canonicalize(mlir::ModuleOp module);

/// Loops become their bodies one after another, branches both of them and a
/// choice: for targets that cannot branch, and for differentiation. A loop that
/// is not known to end within `maxTimes` is an error.
mlir::LogicalResult expandControlFlow(mlir::ModuleOp module,
                                      int64_t maxTimes = 4096);

/// Writes become choices between their rows and what they write into: for
/// targets that cannot write in place.
void expandWrites(mlir::ModuleOp module);

/// Finds reduce(add) of products of expanded or windowed operands and makes
/// them lazy.contract, with the views composed into its maps. With `sumRows`
/// contractions that read each element of a matrix made at run time once, along
/// its rows, become such sums instead: a copy of it would not pay.
void raiseContraction(mlir::ModuleOp module, bool sumRows = false);

/// Rewrites convolutions of 3x3, stride 1, with constant weights as products of
/// transformed tiles, F(4x4, 3x3), where a trial shows that the error is small.
void winograd(Program &program);

/// Moves reshape and permute below the elementwise operations that follow, so
/// that a kernel's epilogue sees the kernel's own index space.
void sinkViews(mlir::ModuleOp module);

/// Makes two steps of long reductions with few results, so that each step has
/// many tasks.
void splitReductions(mlir::ModuleOp module);

struct FuseOptions {
  bool enabled = true; ///< off: one kernel an operation (-O0)
};

/// Groups operations into lazy.kernel.
mlir::LogicalResult formKernels(mlir::ModuleOp module,
                                const FuseOptions &options);

} // namespace nacre::fuse

#endif // NACRE_FUSE_FUSE_H
