//===- Graph.cpp - the graph language's front door ------------------------===//
#include "nacre/Frontend/Graph.h"
#include "ImportFiles.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;
using namespace nacre;
using namespace nacre::graph_frontend;
using onnx_frontend::ImportOptions;
using onnx_frontend::ModelInfo;
using onnx_frontend::Signature;

namespace {

bool isInput(const Parameter &parameter) {
  return parameter.type &&
         (parameter.type.shaped || (dtypeNamed(parameter.type.element) &&
                                    parameter.type.element != "bool"));
}

/// The main model, evaluated for inference.
struct ModelRun {
  std::vector<DataInput> data;
  std::vector<Output> outputs;
};

std::string outputName(const Declaration &model, size_t i, size_t count) {
  if (i < model.results.size() && !model.results[i].first.empty())
    return model.results[i].first;
  return count == 1 ? "output" : "output" + std::to_string(i);
}

ModelRun runModel(Evaluator &evaluator, const Declaration &model) {
  ModelRun made;
  beginInit(evaluator);
  beginConstantCounters(evaluator);
  evaluator.mainModel = &model;
  Frame frame;
  Scope scope;
  frame.scope = &scope;
  try {
    evaluator.runConstants();
    std::vector<std::pair<std::string, Datum>> arguments;
    Frame dims; // extents by their names
    for (const Parameter &parameter : model.parameters) {
      if (!isInput(parameter)) {
        if (!parameter.fallback)
          reject(parameter.at, "input " + quote(parameter.name) +
                                   " of a model needs a type as f32[N, 3], or "
                                   "a default");
        continue;
      }
      mlir::RankedTensorType type;
      try {
        type = evaluator.inputType(parameter.type, dims, parameter.name);
      } catch (const Problem &problem) {
        evaluator.diagnostics.report(problem);
        continue;
      }
      made.data.push_back({parameter.name, type});
      arguments.emplace_back(
          parameter.name, TensorValue{evaluator.addInput(type, parameter.at)});
    }
    if (evaluator.diagnostics.any())
      return made;
    Datum result = evaluator.call(Callee{&model}, {}, std::move(arguments),
                                  model.at, frame);
    if (result.is<Poison>() || evaluator.diagnostics.any())
      return made;
    List results = result.isList() ? result.list() : List{result};
    for (auto [i, value] : llvm::enumerate(results)) {
      if (!value.isTensor())
        reject(model.at, "a model must give tensors, got " + describe(value));
      auto type = lazy::tensorType(value.tensor());
      std::optional<int64_t> bytes =
          byteSize(lazy::boundedShape(type), dtypeOf(type.getElementType()));
      if (!bytes || *bytes > maxTensorBytes)
        reject(model.at, "result " + Twine(i) + " takes more than " +
                             Twine(maxTensorBytes) + " bytes");
      made.outputs.push_back(
          {outputName(model, i, results.size()), value.tensor()});
    }
    if (made.outputs.empty())
      reject(model.at, "the model gives nothing");
  } catch (const Problem &problem) {
    evaluator.diagnostics.report(problem);
  }
  return made;
}

/// Marks the extents that are written as open names.
void openDims(Signature &signature, const TypeExpr &type,
              const llvm::StringSet<> &open) {
  if (type.rest || type.dims.size() != signature.dims.size())
    return;
  for (auto [axis, dim] : llvm::enumerate(type.dims))
    if (dim->kind == Expr::Name && open.contains(dim->text)) {
      signature.dims[axis] = -1;
      signature.dimNames[axis] = dim->text;
    }
}

/// Values of the weights: of a checkpoint, or of init with seed 0.
bool fillWeights(Inference &inference, Evaluator &evaluator,
                 StringRef parameters, Diagnostics &diagnostics) {
  llvm::StringMap<Tensor> values;
  if (!parameters.empty()) {
    WeightStore checkpoint;
    std::string error;
    if (failed(checkpoint.load(parameters, error))) {
      diagnostics.report(Twine(error));
      return false;
    }
    for (const auto &[number, name] : inference.weights) {
      const StateVariable &state = *evaluator.states[number];
      const Tensor *tensor = checkpoint.find(state.name);
      std::string head =
          (parameters + ": " + autodiff::stateKindName(state.kind) + " " +
           quote(state.name) + " ")
              .str();
      if (!tensor)
        diagnostics.report(head + "is not there");
      else if (llvm::ArrayRef<int64_t>(tensor->shape) !=
                   state.type.getShape() ||
               tensor->dtype != dtypeOf(state.type.getElementType()))
        diagnostics.report(head + "is " +
                           describe(mlir::RankedTensorType::get(
                               tensor->shape, elementType(&evaluator.context,
                                                          tensor->dtype))) +
                           ", expected " + describe(state.type));
      else
        values[name] = *tensor;
    }
    if (diagnostics.any())
      return false;
  } else if (!inference.weights.empty()) {
    Program init = finishInit(evaluator);
    auto results =
        reference::run(init, {Tensor::of<int64_t>(DType::I64, {}, {0})});
    if (!results) {
      diagnostics.report(llvm::toString(results.takeError()));
      return false;
    }
    for (const auto &[number, name] : inference.weights)
      values[name] = (*results)[number];
  }
  auto filled = std::make_shared<WeightStore>();
  for (const auto &[name, tensor] : inference.program.weights->entries()) {
    auto found = values.find(name);
    filled->add(name, found == values.end() ? tensor : found->second);
  }
  inference.program.weights = filled;
  return true;
}

} // namespace

/// An input as it is written.
struct WrittenInput {
  std::string name;
  const TypeExpr *type;
};

/// The inputs of the main model, or of the train block of a file without one.
static std::vector<WrittenInput> writtenInputs(const Loaded &loaded,
                                               const Declaration *model) {
  std::vector<WrittenInput> inputs;
  if (model)
    for (const Parameter &parameter : model->parameters)
      if (isInput(parameter))
        inputs.push_back({parameter.name, &parameter.type});
  if (!model)
    for (const Statement &statement : loaded.file.train)
      if (statement.kind == Statement::Data)
        inputs.push_back({statement.names[0], &statement.type});
  return inputs;
}

/// The data of a train block, whose model is an import.
static ModelRun readTrainInputs(Evaluator &evaluator,
                                llvm::ArrayRef<WrittenInput> inputs) {
  ModelRun made;
  try {
    evaluator.runConstants();
    Frame dims;
    for (const WrittenInput &input : inputs)
      made.data.push_back(
          {input.name, evaluator.inputType(*input.type, dims, input.name)});
  } catch (const Problem &problem) {
    evaluator.diagnostics.report(problem);
  }
  return made;
}

mlir::FailureOr<ModelInfo>
graph_frontend::readInfo(StringRef path, std::vector<std::string> &errors,
                         const ImportOptions &options) {
  Diagnostics diagnostics(errors);
  auto loaded = load(path, diagnostics);
  if (!loaded)
    return mlir::failure();
  bool hasModel = llvm::any_of(loaded->file.declarations, [](const auto &d) {
    return d->kind == Declaration::Model;
  });
  const Declaration *model = nullptr;
  if (hasModel || !loaded->file.hasTrain) {
    model = mainModel(*loaded, diagnostics);
    if (!model)
      return mlir::failure();
  }
  std::vector<WrittenInput> written = writtenInputs(*loaded, model);
  // Open dims are 1, or what they were said to be: extents that depend on
  // them are not known better here.
  ImportOptions limits = options;
  llvm::StringSet<> open, constants;
  for (const Statement &statement : loaded->file.constants)
    constants.insert(statement.names[0]);
  for (const WrittenInput &input : written)
    for (const ExprPtr &dim : input.type->dims)
      if (dim->kind == Expr::Name && !constants.contains(dim->text)) {
        open.insert(dim->text);
        limits.symbolicDims.erase(dim->text);
        auto bound = options.symbolicDims.find(dim->text);
        limits.dims.try_emplace(
            dim->text, bound == options.symbolicDims.end() ? 1 : bound->second);
      }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  loadDialects(context);
  std::vector<std::string> found;
  Diagnostics trial(found);
  Evaluator evaluator(context, loaded->library, limits, trial, "info",
                      /*training=*/false);
  ModelRun run =
      model ? runModel(evaluator, *model) : readTrainInputs(evaluator, written);
  ModelInfo info;
  info.producer = "nacre";
  for (const DataInput &input : run.data) {
    info.inputs.push_back(signatureOf(input.name, input.type));
    for (const WrittenInput &as : written)
      if (as.name == input.name)
        openDims(info.inputs.back(), *as.type, open);
  }
  for (auto [i, output] : llvm::enumerate(run.outputs)) {
    info.outputs.push_back(
        signatureOf(output.name, lazy::tensorType(output.value)));
    if (model && i < model->results.size())
      openDims(info.outputs.back(), model->results[i].second, open);
  }
  for (const auto &state : evaluator.states) {
    if (state->kind != autodiff::StateKind::Buffer)
      info.parameterCount += *elementCount(state->type.getShape());
    if (state->updated) {
      info.inputs.push_back(signatureOf(state->name, state->type));
      info.outputs.push_back(signatureOf(state->name, state->type));
    }
  }
  info.externalFiles = importedPaths(*loaded);
  // Where dims are open, a mistake may be due to the guess; it is said when
  // the model is imported.
  if (trial.any() && (open.empty() || run.data.empty() ||
                      llvm::all_of(open, [&](const auto &entry) {
                        return options.dims.contains(entry.getKey());
                      }))) {
    errors.insert(errors.end(), found.begin(), found.end());
    return mlir::failure();
  }
  return info;
}

mlir::FailureOr<Program>
graph_frontend::import(mlir::MLIRContext &context, StringRef path,
                       const ImportOptions &options, StringRef parameters,
                       std::vector<std::string> &errors) {
  loadDialects(context);
  Diagnostics diagnostics(errors);
  auto loaded = load(path, diagnostics);
  const Declaration *model = loaded ? mainModel(*loaded, diagnostics) : nullptr;
  if (!model)
    return mlir::failure();
  Evaluator evaluator(context, loaded->library, options, diagnostics,
                      llvm::sys::path::stem(path), /*training=*/false);
  ModelRun run = runModel(evaluator, *model);
  if (diagnostics.any())
    return mlir::failure();
  Inference inference = finishInference(evaluator, run.data, run.outputs);
  if (!fillWeights(inference, evaluator, parameters, diagnostics))
    return mlir::failure();
  return std::move(inference.program);
}
