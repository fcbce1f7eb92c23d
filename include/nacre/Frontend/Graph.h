//===- Graph.h - the graph language (.ngl) to lazy IR -----------*- C++ -*-===//
#ifndef NACRE_FRONTEND_GRAPH_H
#define NACRE_FRONTEND_GRAPH_H

#include "nacre/Autodiff/Training.h"
#include "nacre/Frontend/Onnx.h"

namespace nacre::graph_frontend {

/// What `train` is told beside the file; each overrides the file's own word.
struct TrainingOptions {
  llvm::StringMap<int64_t> dims; ///< --dim NAME=N, the batch among them
  std::optional<std::string>
      optimizer;                   ///< as in the language: "adamw(lr = 1e-3)"
  std::optional<std::string> loss; ///< for an ONNX model: "cross_entropy"
  std::vector<std::string> learn, freeze; ///< patterns of parameter names
  std::optional<int64_t> lora;            ///< rank of the adapters of matmuls
  onnx_frontend::ImportOptions limits;    ///< for imported ONNX models
};

/// The signature of the main model of a file, for inspecting it and binding
/// dims. Errors are `FILE:LINE:COLUMN: TEXT`, with the line and a caret below.
mlir::FailureOr<onnx_frontend::ModelInfo>
readInfo(llvm::StringRef path, std::vector<std::string> &errors,
         const onnx_frontend::ImportOptions &options = {});

/// The main model for inference. Parameters are weights: their values come
/// from the safetensors file `parameters`, or, when that is empty, from
/// evaluating init with seed 0.
mlir::FailureOr<Program> import(mlir::MLIRContext &context,
                                llvm::StringRef path,
                                const onnx_frontend::ImportOptions &options,
                                llvm::StringRef parameters,
                                std::vector<std::string> &errors);

/// The `train` block of a file, or of an ONNX model with the loss in
/// `options`. An ONNX model's parameters are its float weights; batch norms
/// keep their statistics.
mlir::FailureOr<autodiff::TrainingModel>
importTraining(mlir::MLIRContext &context, llvm::StringRef path,
               const TrainingOptions &options,
               std::vector<std::string> &errors);

} // namespace nacre::graph_frontend

#endif // NACRE_FRONTEND_GRAPH_H
