//===- ModelInputs.cpp - the inputs of a model, fixed and as tensors ------===//
//
// A sequence among the inputs is several tensors once its length is known, from
// --dim or from data; an input with --fix is none.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "LoadModel.h"
#include "Session.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

/// A misspelt dim must not be ignored.
llvm::Error ModelSource::checkDimNames() const {
  std::vector<std::string> known;
  auto collect = [&](auto &self, const Signature &input) -> void {
    if (input.wrapping.empty()) {
      std::vector<Signature> tensors;
      std::string reason;
      onnx_frontend::listTensors(input, given, tensors, reason);
      for (const Signature &tensor : tensors)
        for (const std::string &name : tensor.dimNames)
          if (!name.empty())
            known.push_back(name);
      for (const std::string &name : input.dimNames)
        if (!name.empty())
          known.push_back(name);
      return;
    }
    known.push_back(input.name);
    if (auto length = given.find(input.name); length != given.end())
      for (int64_t i = 0;
           i < std::min(length->second, onnx_frontend::kMaxListLength); ++i)
        self(self, onnx_frontend::listElement(input, i));
  };
  for (const Signature &input : declared)
    collect(collect, input);
  for (const Dims *dims : {&given, &symbolic})
    for (const auto &entry : *dims)
      if (!llvm::is_contained(known, entry.getKey())) {
        std::string meant = suggestion(entry.getKey(), known);
        return fail(
            ExitUsage,
            "--dim: the inputs have no open dim '" + entry.getKey() + "'" +
                (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
      }
  return llvm::Error::success();
}

void ModelSource::expandInputs() {
  info.inputs.clear();
  unbound.clear();
  for (const Signature &input : declared) {
    std::vector<Signature> tensors;
    std::string reason;
    if (onnx_frontend::listTensors(input, given, tensors, reason)) {
      llvm::append_range(info.inputs, tensors);
    } else {
      info.inputs.push_back(input);
      unbound.push_back(
          (llvm::sys::path::filename(path) + ": " + reason).str());
    }
  }
}

llvm::Error ModelSource::checkInputs() const {
  if (unbound.empty())
    return llvm::Error::success();
  return fail(ExitModel, unbound);
}

llvm::Error ModelSource::bindLengths(const Dims &lengths) {
  given = asked;
  std::vector<std::string> errors;
  for (const auto &length : lengths) {
    auto [at, isNew] = given.try_emplace(length.getKey(), length.second);
    if (!isNew && at->second != length.second)
      errors.push_back(("input '" + length.getKey() + "': data has " +
                        Twine(length.second) + ", --dim says " +
                        Twine(at->second))
                           .str());
  }
  llvm::sort(errors);
  if (!errors.empty())
    return fail(ExitModel, errors);
  expandInputs();
  return llvm::Error::success();
}

/// Strings are constants of the compilation or not there at all.
llvm::Error ModelSource::fixStrings(const Signature &input, StringRef path) {
  std::string error;
  auto value = onnx_frontend::readStringFile(path, error);
  if (failed(value))
    return fail(ExitModel, error);
  bool fits = !input.ranked || value->shape.size() == input.dims.size();
  for (size_t axis = 0; fits && axis < input.dims.size(); ++axis)
    fits = input.dims[axis] < 0 || input.dims[axis] == value->shape[axis];
  if (!fits)
    return fail(ExitModel, "input '" + input.name + "': data has shape " +
                               shapeText(value->shape) + ", model needs " +
                               shapeText(input));
  limits.fixedStrings[input.name] = std::move(*value);
  return llvm::Error::success();
}

/// The value of "INPUT=VALUE".
static llvm::Expected<Tensor> fixedValue(StringRef text, StringRef value,
                                         const Signature &input) {
  auto number = [&](auto parsed) -> llvm::Expected<Tensor> {
    bool one = llvm::all_of(input.dims, [](int64_t d) { return d == 1; });
    if (!one)
      return fail(ExitUsage, "--fix: input '" + input.name + "' has shape " +
                                 shapeText(input) + ", a number does not do");
    Tensor tensor = Tensor::zeros(input.dtype, input.dims);
    if (isFloatDType(input.dtype))
      tensor.setNumber(0, double(parsed));
    else
      tensor.setInteger(0, int64_t(parsed));
    return tensor;
  };
  int64_t integer;
  double real;
  if (!value.getAsInteger(10, integer))
    return number(integer);
  if (isFloatDType(input.dtype) && !value.getAsDouble(real))
    return number(real);
  if (!value.ends_with(".npy") && !value.ends_with(".pb"))
    return fail(ExitUsage, "--fix: '" + text +
                               "' is not INPUT=NUMBER, INPUT=FILE.npy or "
                               "INPUT=FILE.pb");
  llvm::Expected<Tensor> tensor = readTensor(value);
  return tensor ? asElements(*tensor, input.dtype) : std::move(tensor);
}

llvm::Error ModelSource::fixInputs(llvm::ArrayRef<std::string> texts) {
  std::vector<Tensor> values(info.inputs.size());
  for (StringRef text : texts) {
    auto [inputName, value] = text.split('=');
    std::vector<std::string> known;
    for (const Signature &input : info.inputs)
      known.push_back(input.name);
    auto at = llvm::find(known, inputName);
    if (at == known.end()) {
      std::string meant = suggestion(inputName, known);
      return fail(ExitUsage,
                  "--fix: there is no input '" + inputName + "'" +
                      (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
    }
    size_t i = at - known.begin();
    const Signature &input = info.inputs[i];
    if (values[i].bytes || limits.fixedStrings.contains(input.name))
      return fail(ExitUsage, "--fix: '" + inputName + "' is given twice");
    if (!input.wrapping.empty())
      return fail(ExitUsage, "--fix: input '" + inputName +
                                 "' is a sequence or an optional");
    if (input.strings) {
      if (llvm::Error error = fixStrings(input, value))
        return error;
      continue;
    }
    llvm::Expected<Tensor> tensor = fixedValue(text, value, info.inputs[i]);
    if (!tensor)
      return tensor.takeError();
    values[i] = std::move(*tensor);
  }
  // The shape of a fixed value binds dims.
  llvm::Expected<Dims> dims =
      bindDims(info.inputs, values, given, symbolic, least);
  if (!dims)
    return dims.takeError();
  given = std::move(*dims);
  std::vector<Signature> open;
  for (auto [i, input] : llvm::enumerate(info.inputs)) {
    if (!values[i].bytes && !limits.fixedStrings.contains(input.name)) {
      open.push_back(input);
      continue;
    }
    if (!input.strings)
      limits.fixed[input.name] = values[i];
    fixed.push_back({i, input, values[i]});
  }
  declared = std::move(open);
  return llvm::Error::success();
}

llvm::Error ModelSource::keepStates(llvm::ArrayRef<std::string> texts) {
  auto names = [](llvm::ArrayRef<Signature> list) {
    std::vector<std::string> names;
    for (const Signature &s : list)
      names.push_back(s.name);
    return names;
  };
  auto missing = [](const Twine &what, StringRef name,
                    const std::vector<std::string> &known) {
    std::string meant = suggestion(name, known);
    return fail(ExitUsage,
                "--state: there is no " + what + " '" + name + "'" +
                    (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  };
  for (StringRef text : texts) {
    auto [output, input] = text.split('=');
    if (!text.contains('='))
      return fail(ExitUsage, "--state: '" + text + "' is not OUTPUT=INPUT");
    auto from = llvm::find_if(
        declared, [&](const Signature &s) { return s.name == input; });
    auto to = llvm::find_if(
        info.outputs, [&](const Signature &s) { return s.name == output; });
    if (from == declared.end())
      return missing("input", input, names(declared));
    if (to == info.outputs.end())
      return missing("output", output, names(info.outputs));
    limits.states[input] = output.str();
    kept.push_back(*from);
    declared.erase(from);
    info.outputs.erase(to);
  }
  return llvm::Error::success();
}

} // namespace nacre::driver
