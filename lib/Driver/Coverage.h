//===- Coverage.h - nacre inspect --coverage --------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_COVERAGE_H
#define NACRE_LIB_DRIVER_COVERAGE_H

#include "nacre/Driver/Commands.h"

namespace nacre::driver {

/// Prints each op of a model, whether it is read and what blocks it; without a
/// model all ops that the compiler reads.
llvm::Error coverage(const InspectOptions &options);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_COVERAGE_H
