//===- TrainingSource.cpp - from a file to programs of training -----------===//

#include "TrainingSource.h"
#include "../Session.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

const Program &ImportedTraining::training() const {
  if (model)
    return model->train;
  return programs->step ? *programs->step : *programs->gradient;
}

const Program &ImportedTraining::evaluation() const {
  return model ? model->eval : programs->eval;
}

//===----------------------------------------------------------------------===//
// Textual programs
//===----------------------------------------------------------------------===//

static llvm::Expected<autodiff::TrainingPrograms>
parsePrograms(mlir::MLIRContext &context, StringRef path) {
  DiagnosticLog log(context);
  auto file = mlir::parseSourceFile<mlir::ModuleOp>(path, &context);
  if (!file)
    return fail(ExitModel, log.lines());
  std::vector<std::string> errors;
  auto take = [&](StringRef name, bool required) -> std::optional<Program> {
    auto module = file->lookupSymbol<mlir::ModuleOp>(name);
    if (!module) {
      if (required)
        errors.push_back((path + ": there is no module '" + name + "'").str());
      return std::nullopt;
    }
    auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
    auto isTensor = [](mlir::Type type) {
      auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
      return tensor && tensor.hasStaticShape();
    };
    if (!main || main.isExternal() ||
        !llvm::all_of(main.getArgumentTypes(), isTensor) ||
        !llvm::all_of(main.getResultTypes(), isTensor)) {
      errors.push_back(
          (path + ": module '" + name + "' has no function 'main' of tensors")
              .str());
      return std::nullopt;
    }
    if (failed(lazy::verifyProgram(module))) {
      llvm::append_range(errors, log.lines());
      return std::nullopt;
    }
    module->remove();
    Program program;
    program.name = name.str();
    program.module = module;
    return program;
  };
  autodiff::TrainingPrograms programs;
  std::optional<Program> init = take("init", true), eval = take("eval", true);
  programs.step = take("step", true);
  if (!errors.empty())
    return fail(ExitModel, errors);
  programs.init = std::move(*init);
  programs.eval = std::move(*eval);
  return programs;
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

llvm::Expected<TrainingSource>
TrainingSource::open(const TrainingModelOptions &options) {
  TrainingSource source;
  source.options = &options;
  StringRef extension = llvm::sys::path::extension(options.model);
  if (extension != ".ngl" && extension != ".onnx" && extension != ".mlir")
    return fail(ExitUsage, Twine("'") + options.model +
                               "' is neither .ngl, .onnx nor .mlir");
  if (llvm::Error error = checkReadable(options.model))
    return error;
  if (options.batch && *options.batch < 1)
    return fail(ExitUsage,
                "--batch: " + Twine(*options.batch) + " is not above 0");

  Dims symbolic, least;
  if (llvm::Error error =
          readDims(options, source.training.dims, symbolic, least))
    return error;
  if (!symbolic.empty())
    return fail(ExitUsage, "--dim: training needs a value, " +
                               symbolic.begin()->getKey() + "=N");
  if (extension == ".mlir") {
    for (auto [flag, given] :
         {std::pair("--dim", !options.dims.empty()),
          std::pair("--batch", options.batch.has_value()),
          std::pair("--optimizer", !options.optimizer.empty()),
          std::pair("--loss", !options.loss.empty()),
          std::pair("--learn", !options.learn.empty()),
          std::pair("--freeze", !options.freeze.empty()),
          std::pair("--lora", options.lora.has_value()),
          std::pair("--micro-batches", options.microBatches.has_value()),
          std::pair("--ranks", !options.ranks.empty())})
      if (given)
        return fail(ExitUsage,
                    Twine(flag) + ": programs in textual IR are as they are");
    return source;
  }
  if (extension == ".onnx" && options.loss.empty())
    return fail(ExitUsage, "--loss: training an ONNX model needs one, for "
                           "example --loss cross_entropy");
  if (extension == ".ngl" && !options.loss.empty())
    return fail(ExitUsage, "--loss: the model's own train block says the loss");
  if (!options.optimizer.empty())
    source.training.optimizer = options.optimizer;
  if (!options.loss.empty())
    source.training.loss = options.loss;
  source.training.learn = options.learn;
  source.training.freeze = options.freeze;
  source.training.lora = options.lora;
  source.training.limits.allowHardlinks = options.allowHardlinks;
  source.training.limits.maxNodes = options.maxNodes;
  source.training.limits.maxFoldBytes = options.maxFoldBytes;
  source.training.limits.training = true;

  std::vector<std::string> errors;
  mlir::FailureOr<ModelInfo> info =
      extension == ".ngl" ? graph_frontend::readInfo(options.model, errors)
                          : onnx_frontend::readInfo(options.model, errors,
                                                    source.training.limits);
  if (failed(info))
    return fail(ExitModel, errors);
  for (const Signature &input : info->inputs)
    if (!input.wrapping.empty() || input.strings)
      return fail(ExitModel, llvm::sys::path::filename(options.model) +
                                 ": input '" + input.name +
                                 "' is no tensor of numbers, as a training "
                                 "needs");
  std::vector<std::string> known;
  for (const Signature &input : info->inputs)
    for (auto [axis, name] : llvm::enumerate(input.dimNames)) {
      if (name.empty())
        continue;
      known.push_back(name);
      if (axis == 0 && !source.training.dims.contains(name) &&
          !llvm::is_contained(source.batchNames, name))
        source.batchNames.push_back(name);
    }
  for (const auto &dim : source.training.dims)
    if (!llvm::is_contained(known, dim.getKey())) {
      std::string meant = suggestion(dim.getKey(), known);
      return fail(ExitUsage,
                  "--dim: the inputs have no open dim '" + dim.getKey() + "'" +
                      (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
    }
  if (options.batch && source.batchNames.empty())
    return fail(ExitUsage, "--batch: the model's inputs leave no leading dim "
                           "open");
  source.batchSize = options.batch.value_or(32);
  return source;
}

llvm::Expected<ImportedTraining>
TrainingSource::import(mlir::MLIRContext &context, int64_t batch) const {
  ImportedTraining result;
  if (StringRef(options->model).ends_with(".mlir")) {
    llvm::Expected<autodiff::TrainingPrograms> programs =
        parsePrograms(context, options->model);
    if (!programs)
      return programs.takeError();
    result.name = llvm::sys::path::stem(options->model).str();
    result.programs = std::move(*programs);
    return result;
  }
  graph_frontend::TrainingOptions asked = training;
  for (const std::string &name : batchNames)
    asked.dims[name] = batch;
  std::vector<std::string> errors;
  DiagnosticLog log(context);
  mlir::FailureOr<autodiff::TrainingModel> model =
      graph_frontend::importTraining(context, options->model, asked, errors);
  if (failed(model))
    return fail(ExitModel, errors.empty() ? log.lines() : errors);
  result.name = model->name;
  if (options->microBatches)
    model->spec.accumulate = *options->microBatches;
  model->spec.separateApply = !options->ranks.empty();
  result.accumulate = model->spec.accumulate;
  result.seed = model->spec.seed;
  result.model = std::move(*model);
  return result;
}

bool ImportedTraining::scheduleFollowsSteps() const {
  if (!model)
    return false;
  const autodiff::LearningRate &rate = model->spec.optimizer.rate;
  return rate.total == 0 && (rate.kind == autodiff::LearningRate::Cosine ||
                             rate.kind == autodiff::LearningRate::Linear);
}

llvm::Expected<autodiff::TrainingPrograms>
programsOf(mlir::MLIRContext &context, ImportedTraining imported, int64_t steps,
           int64_t shards, int64_t shard) {
  if (imported.programs)
    return std::move(*imported.programs);
  imported.model->spec.shards = shards;
  imported.model->spec.shard = shard;
  autodiff::LearningRate &rate = imported.model->spec.optimizer.rate;
  if (imported.scheduleFollowsSteps()) {
    if (steps == 0)
      return fail(ExitUsage, "--steps: the learning rate's schedule has no "
                             "total; where does it end?");
    if (steps <= rate.warmup)
      return fail(ExitUsage,
                  "the learning rate's schedule has no total and ends at "
                  "step " +
                      Twine(steps) + ", which is not above its warmup, " +
                      Twine(rate.warmup));
    rate.total = steps;
  }
  DiagnosticLog log(context);
  llvm::Expected<autodiff::TrainingPrograms> programs =
      autodiff::buildTraining(std::move(*imported.model));
  if (programs || !log.said())
    return programs;
  llvm::consumeError(programs.takeError());
  return fail(ExitModel, log.lines());
}

} // namespace nacre::driver
