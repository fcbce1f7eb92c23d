#include "TrainingSource.h"
namespace nacre {
mlir::FailureOr<onnx_frontend::ModelInfo>
graph_frontend::readInfo(llvm::StringRef, std::vector<std::string> &e) {
  e.push_back("pending");
  return mlir::failure();
}
mlir::FailureOr<autodiff::TrainingModel>
graph_frontend::importTraining(mlir::MLIRContext &, llvm::StringRef,
                               const TrainingOptions &,
                               std::vector<std::string> &e) {
  e.push_back("pending");
  return mlir::failure();
}
mlir::FailureOr<Program> graph_frontend::import(mlir::MLIRContext &, llvm::StringRef, const onnx_frontend::ImportOptions &, llvm::StringRef, std::vector<std::string> &) { return mlir::failure(); }
} // namespace nacre
