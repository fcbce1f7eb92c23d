//===- ImportTraining.cpp - train blocks to training programs -------------===//
#include "LoadFile.h"
#include "Train.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;
using namespace nacre;
using namespace nacre::graph_frontend;
using onnx_frontend::ImportOptions;
using onnx_frontend::Signature;

/// Gives `loaded` a train block by the loss of the options.
static void addTrainBlock(Loaded &loaded, std::string text,
                          Diagnostics &diagnostics) {
  if (diagnostics.any())
    return;
  loaded.trainSource = {"--loss", std::move(text)};
  File parsed = parseFile(loaded.trainSource, diagnostics);
  loaded.file.train = std::move(parsed.train);
  loaded.file.trainAt = parsed.trainAt;
  loaded.file.hasTrain = parsed.hasTrain;
}

/// An ONNX model as a text that imports it and trains it.
static std::unique_ptr<Loaded> loadOnnx(mlir::MLIRContext &context,
                                        StringRef path,
                                        const TrainingOptions &options,
                                        Diagnostics &diagnostics,
                                        std::vector<std::string> &errors) {
  StringRef name = llvm::sys::path::filename(path);
  if (!options.loss) {
    diagnostics.report(name + ": an ONNX model has no loss; give one with "
                              "--loss cross_entropy or the like");
    return nullptr;
  }
  ImportOptions limits = options.limits;
  limits.dims = options.dims;
  limits.symbolicDims.clear();
  size_t before = errors.size();
  auto program = onnx_frontend::import(context, path, limits, errors);
  if (failed(program)) {
    if (errors.size() == before)
      diagnostics.report(name + ": cannot be imported");
    return nullptr;
  }
  auto main = program->module->lookupSymbol<mlir::func::FuncOp>("main");
  if (main.getNumResults() == 0) {
    diagnostics.report(name + ": has no output to train");
    return nullptr;
  }
  std::vector<Signature> inputs;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto given = main.getArgAttrOfType<mlir::StringAttr>(i, "lazy.name");
    inputs.push_back(signatureOf(
        given ? given.str() : "x",
        mlir::cast<mlir::RankedTensorType>(main.getArgumentTypes()[i])));
  }
  Signature output = signatureOf(
      "y", mlir::cast<mlir::RankedTensorType>(main.getResultTypes()[0]));
  std::string escaped;
  for (char c : name)
    escaped +=
        c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  auto loaded =
      loadText(path, "import \"" + escaped + "\" as network\n", diagnostics);
  addTrainBlock(*loaded,
                trainBlockText(inputs, output, "network",
                               main.getNumResults() > 1, *options.loss,
                               diagnostics),
                diagnostics);
  return diagnostics.any() ? nullptr : std::move(loaded);
}

/// A file for training: its own train block, or one by the loss of the options.
static std::unique_ptr<Loaded> loadTraining(mlir::MLIRContext &context,
                                            StringRef path,
                                            const TrainingOptions &options,
                                            Diagnostics &diagnostics,
                                            std::vector<std::string> &errors) {
  if (llvm::sys::path::extension(path) == ".onnx")
    return loadOnnx(context, path, options, diagnostics, errors);
  auto loaded = load(path, diagnostics);
  if (!loaded || loaded->file.hasTrain)
    return loaded;
  if (!options.loss) {
    diagnostics.report(Twine(loaded->source.name) +
                       ": there is no train block; write one, or give a loss "
                       "with --loss");
    return nullptr;
  }
  const Declaration *model = mainModel(*loaded, diagnostics);
  if (!model)
    return nullptr;
  ImportOptions limits = options.limits;
  limits.dims = options.dims;
  auto info = graph_frontend::readInfo(path, errors, limits);
  if (failed(info))
    return nullptr;
  for (auto *list : {&info->inputs, &info->outputs})
    for (Signature &signature : *list)
      for (auto [dim, name] :
           llvm::zip_equal(signature.dims, signature.dimNames)) {
        if (dim >= 0)
          continue;
        auto given = options.dims.find(name);
        if (given == options.dims.end()) {
          diagnostics.report(Twine(loaded->source.name) + ": dim " +
                             quote(name) + " is open; bind it with --dim " +
                             name + "=VALUE");
          return nullptr;
        }
        dim = given->second;
      }
  if (info->outputs.empty()) {
    diagnostics.report(Twine(loaded->source.name) +
                       ": the model gives nothing");
    return nullptr;
  }
  addTrainBlock(*loaded,
                trainBlockText(info->inputs, info->outputs[0], model->name,
                               info->outputs.size() > 1, *options.loss,
                               diagnostics),
                diagnostics);
  return diagnostics.any() ? nullptr : std::move(loaded);
}

mlir::FailureOr<autodiff::TrainingModel>
graph_frontend::importTraining(mlir::MLIRContext &context, StringRef path,
                               const TrainingOptions &options,
                               std::vector<std::string> &errors) {
  loadDialects(context);
  Diagnostics diagnostics(errors);
  auto loaded = loadTraining(context, path, options, diagnostics, errors);
  if (!loaded)
    return mlir::failure();
  ImportOptions limits = options.limits;
  limits.dims = options.dims;
  limits.symbolicDims.clear();
  const Declaration *model = nullptr;
  for (const auto &declaration : loaded->file.declarations)
    if (declaration->kind == Declaration::Model)
      model = declaration.get();
  autodiff::TrainingModel made;
  made.name = llvm::sys::path::stem(path).str();
  auto evaluate = [&](Evaluator &evaluator) {
    evaluator.mainModel = model;
    beginInit(evaluator);
    try {
      evaluator.runConstants();
      return runTrain(evaluator, loaded->file.train, loaded->file.trainAt,
                      options);
    } catch (const Problem &problem) {
      diagnostics.report(problem);
      return TrainRun();
    }
  };
  Evaluator train(context, loaded->library, limits, diagnostics, made.name,
                  /*training=*/true);
  TrainRun trainRun = evaluate(train);
  if (diagnostics.any())
    return mlir::failure();
  Evaluator eval(context, loaded->library, limits, diagnostics, made.name,
                 /*training=*/false);
  TrainRun evalRun = evaluate(eval);
  bool same = train.states.size() == eval.states.size();
  for (size_t i = 0; same && i < train.states.size(); ++i)
    same = train.states[i]->name == eval.states[i]->name &&
           train.states[i]->kind == eval.states[i]->kind &&
           train.states[i]->type == eval.states[i]->type;
  if (!same && !diagnostics.any())
    diagnostics.report(
        Problem{loaded->file.trainAt,
                "the model makes other parameters or states where `training` "
                "is false; make them outside of the condition"});
  if (diagnostics.any())
    return mlir::failure();
  made.spec = trainRun.spec;
  made.train = finishTraining(train, trainRun.data, trainRun.outputs,
                              /*keepUpdates=*/true);
  made.init = finishInit(train);
  made.eval = finishTraining(eval, evalRun.data, evalRun.outputs,
                             /*keepUpdates=*/false);
  return made;
}
