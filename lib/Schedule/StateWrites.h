//===- StateWrites.h - new states that are old ones but for writes -*- C++ -*-//
#ifndef NACRE_LIB_SCHEDULE_STATEWRITES_H
#define NACRE_LIB_SCHEDULE_STATEWRITES_H

#include "Layout.h"

namespace nacre::schedule {

/// The kernels that make `v`, the new value of the state `old`, of it by writes
/// in its place: each lies where what it writes into does, and whatever else
/// reads the old value runs before. None where `v` is made in another way.
llvm::SmallVector<lazy::KernelOp> writesInPlace(mlir::Value v,
                                                mlir::BlockArgument old);

} // namespace nacre::schedule

#endif // NACRE_LIB_SCHEDULE_STATEWRITES_H
