//===- RealisedValues.h - what is written to memory -------------*- C++ -*-===//
#ifndef NACRE_LIB_FUSE_REALISEDVALUES_H
#define NACRE_LIB_FUSE_REALISEDVALUES_H

#include "nacre/Fuse/Fuse.h"
#include "llvm/ADT/SetVector.h"

namespace nacre::fuse {

/// Code generation takes more than twice the time for a kernel of twice the
/// length. Behind so many operations in a row a value is stored: what is
/// written and read again between kernels that long costs nothing.
constexpr int64_t longestChain = 256;

/// Lives in memory already, outside any kernel.
bool isSource(mlir::Value v);
/// Joined in memory, never inside a kernel.
bool isJoin(mlir::Operation *op);

/// The values of a function's block that are written to memory, none of them a
/// source. Changes nothing.
llvm::SetVector<mlir::Value> realisedValues(mlir::Block &block,
                                            const FuseOptions &options);

} // namespace nacre::fuse

#endif // NACRE_LIB_FUSE_REALISEDVALUES_H
