//===- SaveModel.cpp - what training made, as a file ----------------------===//

#include "../EmitText.h"
#include "Loop.h"
#include "TrainingSource.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Frontend/OnnxExport.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

/// The model for inference with these parameters, as an ONNX file. Its leading
/// open dims stay open where the operations allow it.
static llvm::Expected<std::string> exportGraph(mlir::MLIRContext &context,
                                               const TrainOptions &options,
                                               const WeightStore &parameters,
                                               int64_t batch) {
  artifact::ScratchFolder scratch;
  if (llvm::Error error = scratch.create())
    return withCode(ExitUsage, std::move(error));
  std::string file = scratch.file("parameters.safetensors"), error;
  if (failed(parameters.save(file, error)))
    return fail(ExitUsage, error);
  Dims given, unused, least;
  if (llvm::Error wrong = readDims(options, given, unused, least))
    return wrong;
  std::vector<std::string> errors;
  mlir::FailureOr<ModelInfo> info =
      graph_frontend::readInfo(options.model, errors);
  if (failed(info))
    return fail(ExitModel, errors);
  for (bool open : {true, false}) {
    onnx_frontend::ImportOptions import;
    import.dims = given;
    for (const Signature &input : info->inputs)
      if (!input.dimNames.empty() && !input.dimNames[0].empty() &&
          !given.contains(input.dimNames[0]))
        (open ? import.symbolicDims : import.dims)[input.dimNames[0]] = batch;
    errors.clear();
    DiagnosticLog log(context);
    mlir::FailureOr<Program> program =
        graph_frontend::import(context, options.model, import, file, errors);
    if (succeeded(program)) {
      llvm::Expected<std::string> bytes = onnxOf(*program);
      if (bytes) {
        if (!open)
          llvm::errs() << "nacre: " << printable(options.output)
                       << " has a batch of " << batch << "\n";
        return bytes;
      }
      if (!open)
        return bytes.takeError();
      llvm::consumeError(bytes.takeError());
      continue;
    }
    if (errors.empty())
      errors = log.lines();
  }
  return fail(ExitModel, errors);
}

llvm::Error saveModel(mlir::MLIRContext &context, const Training &training,
                      const TrainOptions &options) {
  bool isOnnx = llvm::sys::path::extension(options.model) == ".onnx";
  bool intoOnnx =
      isOnnx && llvm::sys::path::extension(options.output) == ".onnx";
  // What does not learn is in the ONNX file as it was.
  WeightStore parameters =
      storeOf(training.states, [&](autodiff::StateKind kind) {
        return isOfModel(kind) &&
               !(intoOnnx && kind == autodiff::StateKind::Frozen);
      });
  if (llvm::sys::path::extension(options.output) == ".safetensors") {
    std::string error;
    if (failed(parameters.save(options.output, error)))
      return fail(ExitUsage, error);
    return llvm::Error::success();
  }
  std::string bytes;
  if (isOnnx) {
    std::vector<std::string> errors;
    mlir::FailureOr<std::string> replaced =
        onnx_frontend::replaceInitializers(options.model, parameters, errors);
    if (failed(replaced))
      return fail(ExitModel, errors);
    bytes = std::move(*replaced);
  } else {
    llvm::Expected<std::string> exported =
        exportGraph(context, options, parameters, training.batch);
    if (!exported)
      return exported.takeError();
    bytes = std::move(*exported);
  }
  return withCode(ExitUsage, artifact::writeFile(
                                 options.output,
                                 [&](llvm::raw_ostream &os) { os << bytes; }));
}

} // namespace nacre::driver
