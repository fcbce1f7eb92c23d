//===- Peak.h - what this machine can do at best ----------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_PEAK_H
#define NACRE_LIB_DRIVER_PEAK_H

#include "nacre/Codegen/Native.h"
#include <nacre/runtime.h>

namespace nacre::driver {

/// Measures multiply-adds of f32 in registers on all threads of `executor`,
/// with the vectors of `machine`: 1e9 operations a second, a multiply-add
/// being two. The best of several short tries.
llvm::Expected<double> measurePeak(const NativeOptions &options,
                                   const MachineDescription &machine,
                                   const nacre_executor *executor);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_PEAK_H
