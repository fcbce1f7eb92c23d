//===- Files.h - objects, libraries, headers and executables ----*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_FILES_H
#define NACRE_CODEGEN_CPU_FILES_H

#include "nacre/Codegen/Target.h"

namespace nacre::cpu {

/// Object or shared library, header, side file: paths, and their folder made.
llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                CodegenOptions &options);

/// Writes them, the side file only when there are weights. `source` names the
/// model in the header.
llvm::Error write(CompiledCode &code, Program &program,
                  const CodegenOptions &options, llvm::StringRef source,
                  Artifacts &artifacts);

/// The runtime's two archives: in the folder given, else in ../lib of this
/// program, in the build tree and installed alike.
llvm::Expected<std::vector<std::string>> findRuntime(llvm::StringRef given);

/// Links a standalone executable, the weights inside.
llvm::Error linkExecutable(const CompiledCode &code,
                           const CodegenOptions &options,
                           llvm::ArrayRef<std::string> runtime,
                           llvm::StringRef output);

/// Reads the reflection table of an object or library for this machine. It is
/// linked and loaded for that, so it must be trusted as a program is.
llvm::Error describeObject(llvm::StringRef path,
                           nlohmann::ordered_json &report);

} // namespace nacre::cpu

#endif // NACRE_CODEGEN_CPU_FILES_H
