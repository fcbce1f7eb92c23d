//===- Generate.h - nacre run --generate ------------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_GENERATE_H
#define NACRE_LIB_DRIVER_GENERATE_H

#include "nacre/Driver/Commands.h"

namespace nacre::driver {

/// Runs a language model with a cache token by token and prints the tokens, a
/// line for each of the batch.
llvm::Error generate(const RunOptions &options);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_GENERATE_H
