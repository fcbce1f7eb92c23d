//===- Disassemble.h - native code as text ----------------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_DISASSEMBLE_H
#define NACRE_CODEGEN_CPU_DISASSEMBLE_H

#include "nacre/Codegen/Code.h"

namespace nacre::cpu {

/// The instructions of code.object, with labels and relocations.
llvm::Expected<std::string> disassemble(const CompiledCode &code);

} // namespace nacre::cpu

#endif // NACRE_CODEGEN_CPU_DISASSEMBLE_H
