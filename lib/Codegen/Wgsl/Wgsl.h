//===- Wgsl.h - steps of code generation for WebGPU -------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_WGSL_WGSL_H
#define NACRE_CODEGEN_WGSL_WGSL_H

#include "../Text/Bundle.h"
#include "nacre/Codegen/LoadedModel.h"

namespace nacre::codegen {

/// The kernels of `module` as one WGSL module. `chunkBytes`: the size of the
/// pieces that weights are bound in, a multiple of 4.
llvm::FailureOr<std::string> renderWgsl(mlir::ModuleOp module,
                                        uint64_t chunkBytes);

} // namespace nacre::codegen

namespace nacre::wgsl {

constexpr llvm::StringLiteral kernelsFile = "kernels.wgsl";

/// model.mjs and model.d.mts: the model by name and type, for JavaScript and
/// TypeScript.
std::string moduleText(llvm::StringRef name);
std::string typesText(const CompiledCode &code, llvm::StringRef name);

/// Files of runtime/webgpu, as they were when this program was built.
struct RuntimeFile {
  llvm::StringRef name, text;
  bool inBundle; ///< else only for running here
};
llvm::ArrayRef<RuntimeFile> runtimeFiles();

/// Loads the bundle through node and the npm package `webgpu`.
llvm::Expected<std::unique_ptr<LoadedModel>> loadModel(const CompiledCode &code,
                                                       llvm::StringRef name);

} // namespace nacre::wgsl

#endif // NACRE_CODEGEN_WGSL_WGSL_H
