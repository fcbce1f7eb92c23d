//===- Link.h - linking in this process -------------------------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_LINK_H
#define NACRE_ARTIFACT_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace nacre::artifact {

/// Joins objects into one relocatable object.
llvm::Error linkRelocatable(llvm::ArrayRef<std::string> objects,
                            llvm::StringRef output);

/// Makes a shared library; undefined symbols are left to the loader.
llvm::Error linkShared(llvm::ArrayRef<std::string> objects,
                       llvm::StringRef output);

/// Makes an executable for `triple` (a Linux with glibc or musl) from objects
/// and archives with the C library found on this machine. When start files or
/// the C library are missing the error names the package that has them.
llvm::Error linkExecutable(llvm::ArrayRef<std::string> inputs,
                           llvm::StringRef triple, llvm::StringRef output);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_LINK_H
