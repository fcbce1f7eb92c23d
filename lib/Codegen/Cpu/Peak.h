//===- Peak.h - what this machine can do at best ----------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_PEAK_H
#define NACRE_CODEGEN_CPU_PEAK_H

#include "nacre/Codegen/Code.h"
#include <nacre/runtime.h>

namespace nacre::cpu {

/// Measures multiply-adds of f32 in registers on all threads of `executor`,
/// with the vectors of `machine`: 1e9 operations a second, a multiply-add
/// being two. The best of several short tries.
llvm::Expected<double> measurePeak(const CodegenOptions &options,
                                   const MachineDescription &machine,
                                   const nacre_executor *executor);

} // namespace nacre::cpu

#endif // NACRE_CODEGEN_CPU_PEAK_H
