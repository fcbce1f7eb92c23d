//===- OpenCl.h - steps of code generation for OpenCL -----------*- C++ -*-===//
#ifndef NACRE_CODEGEN_OPENCL_OPENCL_H
#define NACRE_CODEGEN_OPENCL_OPENCL_H

#include "../Text/Bundle.h"
#include "nacre/Codegen/LoadedModel.h"

namespace nacre::codegen {

/// The kernels of `module` as OpenCL C 1.2. An operation that has no text there
/// is an error at the operation.
llvm::FailureOr<std::string> renderOpenCl(mlir::ModuleOp module);

} // namespace nacre::codegen

namespace nacre::opencl {

constexpr llvm::StringLiteral kernelsFile = "kernels.cl";

/// An object for this machine that takes the native one's place: NAME_run and
/// the reflection table, over the bundle inside it (nacre/opencl.h).
llvm::Expected<std::string> emitObject(const CompiledCode &code,
                                       const CodegenOptions &options);

/// Writes that object, with the weights if they are embedded.
llvm::Error writeObject(const CompiledCode &code, const CodegenOptions &options,
                        llvm::StringRef path);

/// Loads the bundle on the device of NACRE_OPENCL_DEVICE, else a GPU, else any.
llvm::Expected<std::unique_ptr<LoadedModel>>
loadModel(const CompiledCode &code);

} // namespace nacre::opencl

#endif // NACRE_CODEGEN_OPENCL_OPENCL_H
