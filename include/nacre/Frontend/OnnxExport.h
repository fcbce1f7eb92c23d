//===- OnnxExport.h - lazy IR and weights to ONNX files ---------*- C++ -*-===//
#ifndef NACRE_FRONTEND_ONNXEXPORT_H
#define NACRE_FRONTEND_ONNXEXPORT_H

#include "nacre/Lazy/Program.h"

namespace nacre::onnx_frontend {

/// The program as the bytes of an ONNX file, opset 17: after raise-contraction,
/// before kernels. Sums of products become Conv, MatMul or Einsum. A symbolic
/// leading extent stays open under its name. Every operation that ONNX cannot
/// say is named in `errors`.
mlir::FailureOr<std::string> exportModel(const Program &program,
                                         std::vector<std::string> &errors);

/// The file `path` with the values of its initializers replaced by those of
/// the same name in `values`; each must be there, with its type and shape.
/// External data is refused: the result is one file.
mlir::FailureOr<std::string>
replaceInitializers(llvm::StringRef path, const WeightStore &values,
                    std::vector<std::string> &errors);

} // namespace nacre::onnx_frontend

#endif // NACRE_FRONTEND_ONNXEXPORT_H
