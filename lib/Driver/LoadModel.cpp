//===- LoadModel.cpp - from a file to a program ---------------------------===//

#include "LoadModel.h"
#include "Data.h"
#include "Session.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Signature.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

llvm::Error readDims(const ModelOptions &options, Dims &given, Dims &symbolic,
                     Dims &least) {
  for (StringRef text : options.dims) {
    auto [name, value] = text.rsplit('=');
    bool bound = name.consume_back("<");
    int64_t number, from = 1;
    if (auto [low, high] = value.split(".."); !bound && value.contains("..")) {
      if (low.getAsInteger(10, from) || high.getAsInteger(10, number) ||
          from < 0 || from > number)
        return fail(ExitUsage, "--dim: '" + text + "' is not NAME=LEAST..MOST");
      bound = true;
      value = high;
      least[name] = from;
    }
    if (name.empty() || value.empty() || value.getAsInteger(10, number))
      return fail(ExitUsage, "--dim: '" + text + "' is not NAME=N");
    if (number < (bound ? 1 : 0) || number > int64_t(1) << 40)
      return fail(ExitUsage, "--dim: " + text + " is out of range");
    if (given.contains(name) || symbolic.contains(name))
      return fail(ExitUsage, "--dim: '" + name + "' is given twice");
    (bound ? symbolic : given)[name] = number;
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Textual lazy IR
//===----------------------------------------------------------------------===//

static Signature signatureOf(mlir::Type type, mlir::DictionaryAttr attributes,
                             StringRef fallback) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  Signature signature;
  signature.name = fallback.str();
  if (attributes)
    if (auto name = attributes.getAs<mlir::StringAttr>("lazy.name"))
      signature.name = name.str();
  signature.dtype = dtypeOf(tensor.getElementType());
  signature.strings = attributes && attributes.contains(lazy::ofStrings);
  lazy::CallerShape shape = lazy::callerShape(tensor, attributes);
  for (auto [extent, dim] : llvm::zip_equal(shape.bounds, shape.dims)) {
    signature.dims.push_back(dim.empty() ? extent : -1);
    signature.dimNames.push_back(dim);
  }
  return signature;
}

/// The weights' side file next to the text, and that it has every weight.
static llvm::Error loadWeights(Program &program, StringRef path,
                               std::vector<std::string> &files) {
  auto file = program.module->getOperation()->getAttrOfType<mlir::StringAttr>(
      "lazy.weights_file");
  if (file) {
    // A text from elsewhere must not read other folders.
    if (file.empty() || llvm::sys::path::filename(file) != file.getValue())
      return fail(ExitModel, path + ": lazy.weights_file '" + file.getValue() +
                                 "' must be a file name without a folder");
    llvm::SmallString<128> full(llvm::sys::path::parent_path(path));
    llvm::sys::path::append(full, file.getValue());
    std::string error;
    if (failed(program.weights->load(full, error)))
      return fail(ExitModel, error);
    files.push_back(full.str().str());
  }
  std::vector<std::string> missing;
  program.module->walk([&](lazy::WeightOp op) {
    const Tensor *tensor = program.weights->findStored(op.getName());
    auto type = lazy::tensorType(op.getResult());
    if (!tensor)
      missing.push_back(
          (path + ": weight '" + op.getName() + "' is not in the weights file")
              .str());
    else if (llvm::ArrayRef<int64_t>(tensor->shape) != type.getShape() ||
             tensor->dtype != dtypeOf(type.getElementType()))
      missing.push_back((path + ": weight '" + op.getName() + "' is " +
                         dtypeName(tensor->dtype) + " " +
                         shapeText(tensor->shape) + " in the weights file")
                            .str());
  });
  if (!missing.empty())
    return fail(ExitModel, missing);
  return llvm::Error::success();
}

static llvm::Expected<Program> parseText(mlir::MLIRContext &context,
                                         StringRef path) {
  Program program;
  DiagnosticLog log(context);
  program.module = mlir::parseSourceFile<mlir::ModuleOp>(path, &context);
  if (!program.module)
    return fail(ExitModel, log.lines());
  auto main = program.module->lookupSymbol<mlir::func::FuncOp>("main");
  if (!main || main.isExternal())
    return fail(ExitModel, path + ": there is no function 'main'");
  auto isTensor = [](mlir::Type type) {
    auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
    return tensor && mlir::isa<mlir::IntegerType, mlir::FloatType>(
                         tensor.getElementType());
  };
  if (!llvm::all_of(main.getArgumentTypes(), isTensor) ||
      !llvm::all_of(main.getResultTypes(), isTensor))
    return fail(ExitModel,
                path + ": arguments and results of 'main' must be tensors");
  if (failed(lazy::verifyProgram(*program.module)))
    return fail(ExitModel, log.lines());
  return program;
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

llvm::Error checkReadable(StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return fail(ExitModel, path + ": cannot read: " + code.message());
  if (llvm::sys::fs::is_directory(status))
    return fail(ExitModel, path + ": is a folder");
  return llvm::Error::success();
}

llvm::Expected<ModelSource> ModelSource::open(mlir::MLIRContext &context,
                                              const ModelOptions &options) {
  ModelSource source;
  source.path = options.model;
  source.name = llvm::sys::path::stem(options.model).str();
  source.dependencies.push_back(options.model);
  if (llvm::Error error =
          readDims(options, source.given, source.symbolic, source.least))
    return error;
  StringRef extension = llvm::sys::path::extension(options.model);
  if (extension != ".onnx" && extension != ".mlir" && extension != ".ngl")
    return fail(ExitUsage, Twine("'") + options.model +
                               "' is neither .onnx, .ngl nor .mlir");
  if (!options.fix.empty() && extension != ".onnx")
    return fail(ExitUsage, "--fix: only inputs of ONNX models can be fixed");
  if (!options.states.empty() && extension != ".onnx")
    return fail(ExitUsage, "--state: only inputs of ONNX models can be made "
                           "states");
  if (!options.parameters.empty() && extension != ".ngl")
    return fail(ExitUsage, "--params: only a model in the graph language "
                           "(.ngl) has parameters apart");
  if (llvm::Error error = checkReadable(options.model))
    return error;

  if (extension == ".mlir") {
    source.kind = Kind::Text;
    if (!options.from.empty())
      source.startPhase = *phaseNamed(options.from);
    if (!options.dims.empty())
      return fail(ExitUsage, "--dim: textual IR has its dims bound");
    llvm::Expected<Program> program = parseText(context, options.model);
    if (!program)
      return program.takeError();
    source.text = std::move(*program);
    source.text.name = source.name;
    if (llvm::Error error =
            loadWeights(source.text, options.model, source.dependencies))
      return error;
    auto main = source.text.module->lookupSymbol<mlir::func::FuncOp>("main");
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      mlir::DictionaryAttr attributes = main.getArgAttrDict(i);
      if (auto dim = lazy::dimScalar(attributes)) {
        source.least[dim->name] = dim->least;
        continue;
      }
      mlir::Type type = main.getArgumentTypes()[i];
      source.info.inputs.push_back(
          signatureOf(type, attributes, ("arg" + Twine(i)).str()));
      // Its symbols stay open up to their bounds: runs bind them.
      lazy::CallerShape shape = lazy::callerShape(
          mlir::cast<mlir::RankedTensorType>(type), attributes);
      for (auto [dim, bound] : llvm::zip_equal(shape.dims, shape.bounds))
        if (!dim.empty())
          source.symbolic[dim] = bound;
    }
    for (unsigned i = 0; i < main.getNumResults(); ++i)
      if (!lazy::dimScalar(main.getResultAttrDict(i)))
        source.info.outputs.push_back(signatureOf(main.getResultTypes()[i],
                                                  main.getResultAttrDict(i),
                                                  ("result" + Twine(i)).str()));
    source.declared = source.info.inputs;
    return source;
  }

  if (!options.from.empty())
    return fail(ExitUsage, "--from: the model must be textual IR (.mlir)");
  source.limits.allowHardlinks = options.allowHardlinks;
  source.limits.maxNodes = options.maxNodes;
  source.limits.maxFoldBytes = options.maxFoldBytes;
  std::vector<std::string> errors;
  mlir::FailureOr<ModelInfo> info = mlir::failure();
  if (extension == ".ngl") {
    source.kind = Kind::Graph;
    source.parameters = options.parameters;
    if (!options.parameters.empty())
      source.dependencies.push_back(options.parameters);
    onnx_frontend::ImportOptions bound = source.limits;
    bound.dims = source.given;
    bound.symbolicDims = source.symbolic;
    info = graph_frontend::readInfo(options.model, errors, bound);
  } else {
    info = onnx_frontend::readInfo(options.model, errors, source.limits);
  }
  if (failed(info))
    return fail(ExitModel, errors);
  source.info = std::move(*info);
  StringRef folder = llvm::sys::path::parent_path(options.model);
  for (const std::string &file : source.info.externalFiles) {
    llvm::SmallString<128> full(folder);
    llvm::sys::path::append(full, file);
    source.dependencies.push_back(full.str().str());
  }
  source.declared = source.info.inputs;
  if (llvm::Error error = source.checkDimNames())
    return error;
  if (llvm::Error error = source.fixInputs(options.fix))
    return error;
  if (llvm::Error error = source.keepStates(options.states))
    return error;
  source.asked = source.given;
  source.expandInputs();
  return source;
}

llvm::Expected<Program>
ModelSource::program(mlir::MLIRContext &context, const Dims &dims,
                     onnx_frontend::Coverage *coverage) {
  if (kind == Kind::Text)
    return std::move(text);
  onnx_frontend::ImportOptions import = limits;
  import.dims = dims;
  import.symbolicDims = symbolic;
  import.leastDims = least;
  import.coverage = coverage;
  std::vector<std::string> errors;
  DiagnosticLog log(context);
  if (kind == Kind::Onnx && !symbolic.empty()) {
    // A batch that stays in front costs nothing; everything else needs room
    // for the bounds.
    auto inside = [&](const Signature &input) {
      return llvm::any_of(llvm::drop_begin(input.dimNames, !input.dims.empty()),
                          [&](const std::string &name) {
                            return symbolic.contains(name) &&
                                   !dims.contains(name);
                          });
    };
    if (!llvm::any_of(info.inputs, inside)) {
      auto leading = onnx_frontend::import(context, path, import, errors);
      if (succeeded(leading) &&
          succeeded(lazy::verifyProgram(*leading->module)))
        return std::move(*leading);
      errors.clear();
    }
    import.boundedDims = true;
  }
  mlir::FailureOr<Program> program =
      kind == Kind::Graph
          ? graph_frontend::import(context, path, import, parameters, errors)
          : onnx_frontend::import(context, path, import, errors);
  if (failed(program))
    return fail(ExitModel, errors.empty() ? log.lines() : errors);
  return std::move(*program);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

std::string shapeText(const Signature &signature) {
  std::string text = "[";
  for (auto [axis, extent] : llvm::enumerate(signature.dims)) {
    text += axis ? ", " : "";
    text += extent < 0 ? signature.dimNames[axis] : std::to_string(extent);
  }
  return text + "]";
}

llvm::Expected<Dims> bindDims(llvm::ArrayRef<Signature> inputs,
                              llvm::ArrayRef<Tensor> tensors, const Dims &given,
                              const Dims &symbolic, const Dims &least) {
  Dims dims = given, seen;
  std::vector<std::string> errors;
  for (auto [input, tensor] : llvm::zip_equal(inputs, tensors)) {
    if (!tensor.bytes)
      continue;
    auto complain = [&](const Twine &text) {
      errors.push_back(("input '" + input.name + "': " + text).str());
    };
    if (tensor.dtype != input.dtype) {
      complain(Twine("data has ") + dtypeName(tensor.dtype) + ", model needs " +
               dtypeName(input.dtype));
      continue;
    }
    bool fits = tensor.shape.size() == input.dims.size();
    for (size_t axis = 0; fits && axis < input.dims.size(); ++axis)
      fits = input.dims[axis] < 0 || input.dims[axis] == tensor.shape[axis];
    if (!fits) {
      complain("data has shape " + shapeText(tensor.shape) + ", model needs " +
               shapeText(input));
      continue;
    }
    for (auto [axis, dimName] : llvm::enumerate(input.dimNames)) {
      if (input.dims[axis] >= 0)
        continue;
      int64_t extent = tensor.shape[axis];
      if (auto bound = symbolic.find(dimName); bound != symbolic.end()) {
        if (extent > bound->second)
          complain("dim '" + dimName + "' is " + Twine(extent) + ", at most " +
                   Twine(bound->second));
        if (auto from = least.find(dimName);
            from != least.end() && extent < from->second)
          complain("dim '" + dimName + "' is " + Twine(extent) + ", at least " +
                   Twine(from->second));
        auto [at, isNew] = seen.try_emplace(dimName, extent);
        if (!isNew && at->second != extent)
          complain("dim '" + dimName + "' is " + Twine(extent) +
                   ", elsewhere " + Twine(at->second));
        continue;
      }
      auto [at, isNew] = dims.try_emplace(dimName, extent);
      if (!isNew && at->second != extent)
        complain("dim '" + dimName + "' is " + Twine(extent) + ", " +
                 (given.contains(dimName) ? "--dim says " : "elsewhere ") +
                 Twine(at->second));
    }
  }
  if (!errors.empty())
    return fail(ExitModel, errors);
  return dims;
}

} // namespace nacre::driver
