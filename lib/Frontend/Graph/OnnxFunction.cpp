//===- OnnxFunction.cpp - an ONNX model as a function ---------------------===//
//
// The model is imported as for compiling it, and its main put into ours. Its
// float initializers become parameters, but the running statistics of batch
// norms, which stay as they are, and scalars, which are constants of formulas
// rather than weights. Everything else stays a weight.
//
//===----------------------------------------------------------------------===//
#include "Evaluator.h"
#include "ImportFiles.h"
#include "Onnx/ModelFile.h"
#include "mlir/IR/IRMapping.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

/// Initializers that may learn, and those that are statistics.
struct InitializerRoles {
  llvm::StringSet<> initializers, statistics;
};

static InitializerRoles rolesOf(const onnx_frontend::ModelFile &file) {
  InitializerRoles roles;
  for (const onnx::TensorProto &tensor : file.proto.graph().initializer())
    roles.initializers.insert(tensor.name());
  for (const onnx::NodeProto &node : file.proto.graph().node())
    if (node.op_type() == "BatchNormalization")
      for (int i = 3; i < std::min(node.input_size(), 5); ++i)
        roles.statistics.insert(node.input(i));
  return roles;
}

static std::string pathOf(const Evaluator &evaluator, const Import &import) {
  StringRef path = import.path;
  checkImport(import);
  if (llvm::sys::path::extension(path) != ".onnx")
    reject(import.at, "expected an .ngl or .onnx file, got " + quote(path));
  const Library *of = evaluator.importedTexts.lookup(import.at.source);
  llvm::SmallString<128> full((of ? *of : evaluator.library).folder);
  llvm::sys::path::append(full, path);
  return full.str().str();
}

/// Binds the open dims of an input to the extents of an argument.
static void bindInput(const onnx_frontend::Signature &input,
                      const Datum &argument, onnx_frontend::ImportOptions &into,
                      Position at, StringRef callee) {
  auto reason = [&](const Twine &text) {
    reject(at, quote(callee) + ": input " + quote(input.name) + " " + text);
  };
  if (!input.wrapping.empty() || input.strings)
    reason("is no tensor of numbers");
  if (!argument.isTensor())
    reason("must be a tensor, got " + describe(argument));
  auto type = lazy::tensorType(argument.tensor());
  bool fits = dtypeOf(type.getElementType()) == input.dtype &&
              type.getRank() == int64_t(input.dims.size());
  for (size_t axis = 0; fits && axis < input.dims.size(); ++axis) {
    if (input.dims[axis] >= 0) {
      fits = type.getDimSize(axis) == input.dims[axis];
      continue;
    }
    const std::string &name = input.dimNames[axis];
    if (mlir::StringAttr symbol = lazy::symbolOf(type, axis)) {
      into.symbolicDims[name] = lazy::boundedShape(type)[axis];
      continue;
    }
    auto [bound, isNew] = into.dims.try_emplace(name, type.getDimSize(axis));
    if (!isNew && bound->second != type.getDimSize(axis))
      reason("is " + describe(argument) + ", but dim " + quote(name) + " is " +
             Twine(bound->second) + " elsewhere");
  }
  if (fits)
    return;
  std::string expected = dtypeName(input.dtype);
  for (size_t axis = 0; axis < input.dims.size(); ++axis)
    expected += (axis ? ", " : "[") + (input.dims[axis] < 0
                                           ? input.dimNames[axis]
                                           : std::to_string(input.dims[axis]));
  reason("is " + describe(argument) + ", expected " + expected +
         (input.dims.empty() ? "" : "]"));
}

Datum Evaluator::callImport(const Import &import,
                            llvm::ArrayRef<Datum> arguments, Position at) {
  if (current == &init)
    problem(at, "an initial value cannot call an imported model");
  std::string path = pathOf(*this, import);
  std::vector<std::string> errors;
  auto refuse = [&] {
    for (const std::string &error : errors)
      diagnostics.report(Problem{import.at, error});
    throw Problem{at, "", /*quiet=*/true};
  };
  onnx_frontend::ImportOptions options = limits;
  options.dims.clear();
  options.symbolicDims.clear();
  auto info = onnx_frontend::readInfo(path, errors, options);
  if (failed(info))
    refuse();
  if (arguments.size() != info->inputs.size())
    problem(at, quote(import.name) + " has " + Twine(info->inputs.size()) +
                    (info->inputs.size() == 1 ? " input" : " inputs") +
                    ", got " + Twine(arguments.size()));
  for (auto [input, argument] : llvm::zip_equal(info->inputs, arguments))
    bindInput(input, argument, options, at, import.name);
  auto imported = onnx_frontend::import(context, path, options, errors);
  if (failed(imported))
    refuse();
  onnx_frontend::Errors list{errors, import.path};
  auto file = onnx_frontend::readModelFile(path, list);
  if (!file)
    refuse();
  InitializerRoles roles = rolesOf(*file);

  auto function = imported->module->lookupSymbol<mlir::func::FuncOp>("main");
  mlir::Block &body = function.getBody().front();
  mlir::IRMapping mapping;
  for (auto [argument, given] : llvm::zip_equal(body.getArguments(), arguments))
    mapping.map(argument, usable(given, at));
  mlir::Location loc = at.location(&context);
  List results;
  if (function->hasAttr(lazy::stringTable))
    problem(at, quote(import.name) +
                    " has a result of strings, which the language does not "
                    "have");
  for (mlir::Value result : body.getTerminator()->getOperands())
    if (mlir::Type element = lazy::tensorType(result).getElementType();
        lazy::isNarrow(element))
      problem(at, quote(import.name) + " has a result of type " +
                      lazy::elementName(element) +
                      ", which the language does not have");
  for (mlir::Operation &op : body) {
    countStep(at);
    if (op.hasTrait<mlir::OpTrait::IsTerminator>()) {
      for (mlir::Value result : op.getOperands())
        results.push_back(TensorValue{mapping.lookup(result)});
      break;
    }
    auto weight = mlir::dyn_cast<lazy::WeightOp>(op);
    if (!weight) {
      mlir::Operation *copy = main.builder.clone(op, mapping);
      copy->setLoc(loc);
      continue;
    }
    std::string name = weight.getName().str();
    auto type = lazy::tensorType(weight);
    const Tensor &value = *imported->weights->find(name);
    bool learnable = lazy::isFloatElement(type.getElementType()) &&
                     type.getRank() > 0 && roles.initializers.contains(name);
    if (!learnable) {
      std::string kept = main.program.weights->add(name, value);
      mapping.map(weight, build(at).weight(kept, type));
      continue;
    }
    if (auto known = sharedParameters.find(name);
        known != sharedParameters.end()) {
      // A second call of the same model reads the same parameters.
      mapping.map(weight, known->second.tensor());
      continue;
    }
    if (stateNumbers.contains(name))
      problem(import.at,
              "there is a parameter or state " + quote(name) + " already");
    lazy::Build inInit{init.builder, loc};
    std::string kept = init.program.weights->add(name, value);
    mlir::Value initial = inInit.weight(kept, type);
    mlir::Value stands =
        roles.statistics.contains(name)
            ? states[addState(name, autodiff::StateKind::Frozen, type, initial,
                              at)]
                  ->now
            : addParameter(name, type, initial, at);
    sharedParameters[name] = TensorValue{stands};
    mapping.map(weight, stands);
  }
  if (results.size() == 1)
    return results[0];
  return listOf(std::move(results));
}

} // namespace nacre::graph_frontend
