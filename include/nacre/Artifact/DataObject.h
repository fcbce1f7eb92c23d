//===- DataObject.h - relocatable ELF objects of plain data -----*- C++ -*-===//
//
// Weights reach an object file without passing through LLVM: a constant of
// 400 MB costs it 8 seconds and 1.2 GB of memory, a section written by hand
// the time of the disk.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_ARTIFACT_DATAOBJECT_H
#define NACRE_ARTIFACT_DATAOBJECT_H

#include "nacre/Codegen/Code.h"

namespace nacre::artifact {

/// Writes an object that defines the hidden, 64-byte aligned symbol
/// `symbol`_weights with the image of code.weights. Machine, class and flags
/// are those of code.object. Segments write straight into the mapped file.
llvm::Error writeWeightsObject(const CompiledCode &code, llvm::StringRef symbol,
                               llvm::StringRef path);

/// The same object with a section that has no bytes yet (SHT_NOBITS): linked
/// with others into a relocatable object it costs the linker no memory.
llvm::Error writeWeightsSpace(const CompiledCode &code, llvm::StringRef symbol,
                              llvm::StringRef path);

/// Writes to `path` the relocatable object of `linked`, a file, in which the
/// section of writeWeightsSpace gets its bytes, straight into the mapped file.
llvm::Error fillWeights(const CompiledCode &code, llvm::StringRef symbol,
                        llvm::StringRef linked, llvm::StringRef path);

/// Writes an object that defines `const void *const NAME = &TARGET`, with
/// machine, class and flags of code.object.
llvm::Error writePointerObject(const CompiledCode &code, llvm::StringRef name,
                               llvm::StringRef target, llvm::StringRef path);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_DATAOBJECT_H
