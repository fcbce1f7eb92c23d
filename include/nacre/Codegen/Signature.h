//===- Signature.h - what callers must know of a program --------*- C++ -*-===//
#ifndef NACRE_CODEGEN_SIGNATURE_H
#define NACRE_CODEGEN_SIGNATURE_H

#include "nacre/Codegen/Code.h"
#include "nacre/Lazy/Program.h"

namespace nacre {

/// Fills in the inputs, outputs, dims and strings of `code` from `main`.
void readSignature(const Program &program, CompiledCode &code);

} // namespace nacre

#endif // NACRE_CODEGEN_SIGNATURE_H
