//===- Bundle.h - kernels as text and the plan that runs them ---*- C++ -*-===//
//
// What the targets that emit text have in common: a program lowered for a grid,
// its buffers laid out in one piece of device memory, its kernels decomposed
// and printed, and the manifest of docs/bundles.md.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_TEXT_BUNDLE_H
#define NACRE_CODEGEN_TEXT_BUNDLE_H

#include "../Decompose/Decompose.h"
#include "nacre/Codegen/Target.h"

namespace nacre::codegen {

/// A device that a bundle must fit, whatever it is run on; 0 is no limit.
struct DeviceLimits {
  uint64_t storageBuffers = 0; ///< of one kernel
  uint64_t bindingBytes = 0;   ///< of one storage buffer
  uint64_t workgroupBytes = 0; ///< that a work-group shares
  uint64_t invocations = 0;    ///< items of a work-group
  uint64_t uniformBytes = 0;   ///< of a kernel's parameters
  uint64_t groups = 0;         ///< work-groups of a launch
};

struct TextLanguage {
  llvm::StringRef target;      ///< as in the manifest
  llvm::StringRef kernelsFile; ///< "kernels.cl"
  Lacks lacks;
  DeviceLimits limits;
  /// Weights are bound in chunks of that size and launches described by
  /// bindings and parameters; 0: launches are described by buffers.
  uint64_t chunkBytes = 0;
  std::function<llvm::FailureOr<std::string>(mlir::ModuleOp)> render;
};

/// Fills kernelText and manifest. A program that does not fit the limits is an
/// error with ExitLimit that names each kernel and limit.
llvm::Expected<CompiledCode> emitBundle(Program &program,
                                        const TextLanguage &language,
                                        llvm::StringRef name);

/// What Target::render gives.
llvm::Expected<std::string> renderedText(llvm::FailureOr<std::string> text);

/// The folder of a bundle, made: -o, or the model's name.
llvm::Expected<std::string> placeBundle(const ArtifactOptions &asked,
                                        const CodegenOptions &options);

std::string fileIn(llvm::StringRef folder, const llvm::Twine &name);

/// Writes manifest, kernels and weights into `folder`. The manifest gets the
/// hashes.
llvm::Error writeBundle(const CompiledCode &code, llvm::StringRef kernelsFile,
                        llvm::StringRef name, llvm::StringRef folder);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_TEXT_BUNDLE_H
