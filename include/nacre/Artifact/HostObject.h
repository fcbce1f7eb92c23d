//===- HostObject.h - small objects for this machine ------------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_HOSTOBJECT_H
#define NACRE_ARTIFACT_HOSTOBJECT_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <string>

namespace nacre::artifact {

/// Sets the triple and data layout of this machine.
llvm::Error prepareForHost(llvm::Module &module);

/// A relocatable object of a module prepared so: tables and glue, nothing that
/// an optimiser would help.
llvm::Expected<std::string> emitForHost(llvm::Module &module);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_HOSTOBJECT_H
