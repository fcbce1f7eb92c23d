//===- Peak.h - what this machine can do at best ----------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_PEAK_H
#define NACRE_CODEGEN_CPU_PEAK_H

#include "nacre/Codegen/LoadedModel.h"
#include <nacre/runtime.h>

namespace nacre::cpu {

/// Measures on all threads of `executor`, with the vectors of `machine`,
/// multiply-adds of f32 in registers and what is read from memory and from the
/// second cache. Each is the best of several short tries, together less than
/// half a second.
llvm::Expected<Peaks> measurePeaks(const CodegenOptions &options,
                                   const MachineDescription &machine,
                                   const nacre_executor *executor);

} // namespace nacre::cpu

#endif // NACRE_CODEGEN_CPU_PEAK_H
