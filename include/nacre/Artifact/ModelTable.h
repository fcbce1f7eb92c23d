//===- ModelTable.h - the reflection table of an object ---------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_MODELTABLE_H
#define NACRE_ARTIFACT_MODELTABLE_H

#include "nacre/Codegen/Code.h"
#include "llvm/IR/Module.h"

namespace nacre::artifact {

/// Adds the constant `const nacre_model SYMBOL_model` of runtime/include/nacre/
/// model.h to `module`, whose data layout must be set. It refers to the
/// function SYMBOL_run_generic (declared when the module has none) and, when
/// weights are embedded, to the external hidden symbol SYMBOL_weights. Of
/// `code` everything but `object` and the segments must be filled in.
void addModelTable(llvm::Module &module, const CompiledCode &code,
                   const CodegenOptions &options);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_MODELTABLE_H
