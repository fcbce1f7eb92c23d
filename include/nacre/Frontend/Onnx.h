//===- Onnx.h - ONNX files to lazy IR ---------------------------*- C++ -*-===//
#ifndef NACRE_FRONTEND_ONNX_H
#define NACRE_FRONTEND_ONNX_H

#include "nacre/Lazy/Program.h"
#include "llvm/ADT/StringMap.h"

namespace nacre::onnx_frontend {

struct ImportOptions {
  /// Values of dimension names; an unnamed input dim is called INPUT.AXIS.
  llvm::StringMap<int64_t> dims;
  /// Names that stay symbolic, with their bounds.
  llvm::StringMap<int64_t> symbolicDims;
  /// Symbolic extents on any axis: the program is made for the bounds, its
  /// inputs and outputs are vectors, and the dims are further inputs
  /// (docs/dims.md). Without it they must be leading ones.
  bool boundedDims = false;
  /// With boundedDims the least extents, 1 where a name is missing.
  llvm::StringMap<int64_t> leastDims;
  /// Inputs that are constants of this compilation: they are not inputs of the
  /// program.
  llvm::StringMap<Tensor> fixed;
  int64_t maxFoldBytes = int64_t(64) << 20;
  int64_t maxNodes = 1000000;
  bool allowHardlinks = false;
};

/// One input or output as the file declares it. A dim is its value, or -1 with
/// its name (declared, or INPUT.AXIS).
struct Signature {
  std::string name;
  DType dtype;
  std::vector<int64_t> dims;
  std::vector<std::string> dimNames;
};

/// What a model has, for `inspect` and for binding dims; needs no dims bound.
struct ModelInfo {
  std::string producer;
  int64_t irVersion = 0;
  std::vector<std::pair<std::string, int64_t>> opsets;
  std::vector<Signature> inputs, outputs;
  std::vector<std::pair<std::string, int64_t>> opCounts;
  int64_t nodeCount = 0, parameterCount = 0;
  std::vector<std::string> externalFiles;
};

/// Reads the signature. Problems go to `errors`, one per line of the
/// diagnostic, each like
/// `model.onnx: node 'conv1' (Conv, opset 13): strides[0] is 0, must be > 0`.
mlir::FailureOr<ModelInfo> readInfo(llvm::StringRef path,
                                    std::vector<std::string> &errors,
                                    const ImportOptions &options = {});

/// Imports a model. All blockers are reported at once in `errors`; on failure
/// nothing is returned.
mlir::FailureOr<Program> import(mlir::MLIRContext &context,
                                llvm::StringRef path,
                                const ImportOptions &options,
                                std::vector<std::string> &errors);

} // namespace nacre::onnx_frontend

#endif // NACRE_FRONTEND_ONNX_H
