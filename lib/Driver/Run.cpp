//===- Run.cpp - nacre run ------------------------------------------------===//

#include "Data.h"
#include "Generate.h"
#include "OpenModel.h"
#include "llvm/Support/Format.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

/// Reads NAME=FILE and NAME=random; an input left without bytes is random.
/// Names may hold '=': the longest name that fits wins.
static llvm::Expected<std::vector<Tensor>>
readNamedInputs(llvm::ArrayRef<std::string> texts,
                llvm::ArrayRef<Signature> inputs, Strings &strings) {
  std::vector<Tensor> tensors(inputs.size());
  std::vector<bool> given(inputs.size());
  std::vector<std::string> usage, wrong, known;
  for (const Signature &input : inputs)
    known.push_back(input.name);
  for (StringRef text : texts) {
    int64_t found = -1;
    for (auto [i, input] : llvm::enumerate(inputs))
      if (text.starts_with(input.name + "=") &&
          (found < 0 || input.name.size() > inputs[found].name.size()))
        found = i;
    if (found < 0) {
      StringRef name = text.split('=').first;
      std::string meant = suggestion(name, known);
      usage.push_back(
          !text.contains('=')
              ? ("--input: '" + text + "' is not NAME=FILE").str()
              : ("--input: the model has no input '" + name + "'" +
                 (meant.empty() ? "" : ", did you mean '" + meant + "'?"))
                    .str());
      continue;
    }
    if (given[found]) {
      usage.push_back("input '" + inputs[found].name + "' is given twice");
      continue;
    }
    given[found] = true;
    StringRef file = text.drop_front(inputs[found].name.size() + 1);
    if (file == "random")
      continue;
    if (!file.ends_with(".npy") && !file.ends_with(".pb")) {
      usage.push_back("input '" + inputs[found].name + "': '" + file.str() +
                      "' is neither .npy nor .pb");
      continue;
    }
    llvm::Expected<Tensor> tensor =
        readTensor(file, inputs[found].strings ? &strings : nullptr);
    if (tensor)
      tensors[found] = asElements(*tensor, inputs[found].dtype);
    else
      wrong.push_back("input '" + inputs[found].name +
                      "': " + llvm::toString(tensor.takeError()));
  }
  for (auto [i, input] : llvm::enumerate(inputs))
    if (!given[i])
      usage.push_back("input '" + input.name + "' (" +
                      (input.strings ? "string" : dtypeName(input.dtype)) +
                      " " + shapeText(input) + ") is not given, use --input " +
                      input.name + "=FILE or " + input.name + "=random");
  if (!usage.empty())
    return fail(ExitUsage, usage);
  if (!wrong.empty())
    return fail(ExitModel, wrong);
  return tensors;
}

static void printOutput(const TensorInfo &output, const Tensor &tensor,
                        const Strings &strings) {
  llvm::outs() << printable(output.name) << ": " << output.dtypeText() << " "
               << shapeText(tensor.shape);
  int64_t count = tensor.count();
  for (int64_t i = 0; i < std::min<int64_t>(count, 8); ++i) {
    llvm::outs() << (i ? " " : " = ");
    if (output.strings)
      llvm::outs()
          << '"'
          << printable(strings.text(int32_t(tensor.integerAt(i))).value_or("?"))
          << '"';
    else if (isFloatDType(tensor.dtype))
      llvm::outs() << llvm::format("%.6g", tensor.numberAt(i));
    else
      llvm::outs() << tensor.integerAt(i);
  }
  llvm::outs() << (count > 8 ? " ...\n" : "\n");
}

/// The outputs of one run; `times` gets those of compiling.
static llvm::Expected<Outcome> outcomeOf(OpenModel &opened, const Dims &dims,
                                         std::vector<Tensor> inputs,
                                         bool interpreted, PhaseTimes &times) {
  auto &[tools, context, source] = opened;
  if (interpreted) {
    llvm::Expected<Program> program = source.program(*context, dims);
    if (!program)
      return program.takeError();
    return interpret(*program, std::move(inputs), source.strings(), {});
  }
  llvm::Expected<Compiled> compiled =
      compileSource(*context, source, dims, tools);
  if (!compiled)
    return compiled.takeError();
  times = compiled->times;
  auto model = load(compiled->code, tools);
  if (!model)
    return model.takeError();
  return runOnce(**model, compiled->code.strings, std::move(inputs),
                 source.strings(), {});
}

llvm::Error run(const RunOptions &options) {
  if (options.generate > 0)
    return generate(options);
  if (!options.data.empty() && !options.inputs.empty())
    return fail(ExitUsage, "--data and --input exclude each other");
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  opened->tools.options.embedWeights = false;
  ModelSource &source = opened->source;
  if (options.data.empty())
    if (llvm::Error error = source.checkInputs())
      return error;
  llvm::Expected<std::vector<Tensor>> inputs =
      options.data.empty()
          ? readNamedInputs(options.inputs, source.inputs(), source.strings())
          : readInputs(options.data, source);
  if (!inputs)
    return inputs.takeError();
  llvm::Expected<Dims> dims = completeInputs(*opened, *inputs, options.seed);
  if (!dims)
    return dims.takeError();
  PhaseTimes times;
  llvm::Expected<Outcome> outcome =
      outcomeOf(*opened, *dims, std::move(*inputs), options.interpret, times);
  if (!outcome)
    return outcome.takeError();
  auto &[outputs, tensors, strings] = *outcome;
  if (!options.outputDir.empty())
    if (llvm::Error error =
            writeOutputs(options.outputDir, outputs, tensors, strings))
      return error;
  if (options.json) {
    Json list = Json::array();
    for (auto [output, tensor] : llvm::zip_equal(outputs, tensors))
      list.push_back({{"name", output.name},
                      {"dtype", output.dtypeText()},
                      {"shape", tensor.shape}});
    Json report = {{"outputs", list}};
    if (!options.interpret)
      report["compile_ms"] = times.total();
    printJson(report);
  } else {
    for (auto [output, tensor] : llvm::zip_equal(outputs, tensors))
      printOutput(output, tensor, strings);
  }
  return finishOutput();
}

} // namespace nacre::driver
