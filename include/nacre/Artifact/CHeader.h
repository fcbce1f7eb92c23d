//===- CHeader.h - the typed C header of a compiled model -------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_CHEADER_H
#define NACRE_ARTIFACT_CHEADER_H

#include "nacre/Codegen/Code.h"
#include "llvm/Support/raw_ostream.h"

namespace nacre::artifact {

/// Writes NAME.h, where NAME is options.symbol: structs of typed pointers for
/// inputs and outputs, sizes as macros, NAME_run, and the declarations of
/// NAME_run_generic and NAME_model, which the object defines. `source` names
/// the model in the comment.
void writeCHeader(llvm::raw_ostream &os, const CompiledCode &code,
                  const CodegenOptions &options, llvm::StringRef source);

/// The C type of an element, and "f32 [N<=8, 3]" for a comment.
const char *cType(DType dtype);
std::string typeText(const TensorInfo &tensor);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_CHEADER_H
