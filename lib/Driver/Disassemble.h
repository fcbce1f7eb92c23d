//===- Disassemble.h - native code as text ----------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_DISASSEMBLE_H
#define NACRE_LIB_DRIVER_DISASSEMBLE_H

#include "nacre/Codegen/Native.h"

namespace nacre::driver {

/// The instructions of code.object, with labels and relocations.
llvm::Expected<std::string> disassemble(const NativeCode &code);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_DISASSEMBLE_H
