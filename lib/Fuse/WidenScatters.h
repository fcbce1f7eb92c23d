//===- WidenScatters.h - scatters of narrow elements ------------*- C++ -*-===//
#ifndef NACRE_LIB_FUSE_WIDENSCATTERS_H
#define NACRE_LIB_FUSE_WIDENSCATTERS_H

#include "mlir/IR/Block.h"

namespace nacre::fuse {

/// Makes every scatter in `block` sum elements of 32 or 64 bits.
void widenScatters(mlir::Block &block);

} // namespace nacre::fuse

#endif // NACRE_LIB_FUSE_WIDENSCATTERS_H
