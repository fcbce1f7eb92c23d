//===- ThreadShares.h - which kernels several threads share -----*- C++ -*-===//
#pragma once
#include "LowerProgram.h"

namespace nacre::codegen {

/// About how many cycles a scheduled kernel takes one thread of a cpu that has
/// what it reads in its cache.
double cyclesOf(lazy::KernelOp kernel);

/// Makes kernels one piece of work each where handing them out takes longer
/// than it saves.
void keepOnOneThread(llvm::MutableArrayRef<KernelCall> calls);

} // namespace nacre::codegen
