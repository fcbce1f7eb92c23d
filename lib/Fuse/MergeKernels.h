//===- MergeKernels.h - kernels with several results ------------*- C++ -*-===//
#ifndef NACRE_LIB_FUSE_MERGEKERNELS_H
#define NACRE_LIB_FUSE_MERGEKERNELS_H

#include "mlir/IR/Block.h"

namespace nacre::fuse {

/// A map kernel that reads a kernel's result element by element joins it: the
/// value is still written for its other readers, if there are any, but not read
/// again.
void mergeKernels(mlir::Block &block);

} // namespace nacre::fuse

#endif // NACRE_LIB_FUSE_MERGEKERNELS_H
