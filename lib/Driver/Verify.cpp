//===- Verify.cpp - nacre verify ------------------------------------------===//

#include "Compare.h"
#include "Data.h"
#include "OpenModel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <cmath>
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

namespace {
/// A model compiled for one binding of the dims, and the program as imported
/// when the interpreter is asked, or that alone.
struct Subject {
  Dims dims;
  std::optional<Program> imported;
  std::unique_ptr<LoadedModel> model;
  std::vector<std::string> strings; ///< of the compiled program
  bool inSequences = false;         ///< some outputs are tensors of sequences
};

/// What all comparisons of one command add up to.
struct Tally {
  const VerifyOptions &options;
  int64_t compared = 0, different = 0;
  Json sets = Json::array();

  void compareAll(StringRef what, llvm::ArrayRef<std::string> names,
                  llvm::ArrayRef<Tensor> actual,
                  llvm::ArrayRef<Tensor> expected, StringRef data);
};
} // namespace

static Json numberOrText(double value) {
  return std::isfinite(value) ? Json(value) : Json("inf");
}

void Tally::compareAll(StringRef what, llvm::ArrayRef<std::string> names,
                       llvm::ArrayRef<Tensor> actual,
                       llvm::ArrayRef<Tensor> expected, StringRef data) {
  Json list = Json::array();
  for (size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
    Difference d = compare(actual[i], expected[i],
                           {options.rtol, options.atol, options.outliers});
    ++compared;
    different += !d.same;
    Json entry = {{"name", names[i]},
                  {"dtype", dtypeName(expected[i].dtype)},
                  {"shape", expected[i].shape},
                  {"max_abs_error", numberOrText(d.maxAbs)},
                  {"max_rel_error", numberOrText(d.maxRel)},
                  {"max_ulp_error", numberOrText(d.maxUlp)},
                  {"wrong", d.wrongCount},
                  {"ok", d.same}};
    if (!d.reason.empty())
      entry["reason"] = d.reason;
    list.push_back(entry);
    if (options.json)
      continue;
    llvm::outs() << (d.same ? "ok   " : "FAIL ") << what << " output '"
                 << printable(names[i]) << "' " << dtypeName(actual[i].dtype)
                 << " " << shapeText(actual[i].shape);
    if (!d.reason.empty()) {
      llvm::outs() << ": " << d.reason << "\n";
      continue;
    }
    llvm::outs() << ": max abs err " << llvm::format("%.3g", d.maxAbs)
                 << ", max rel err " << llvm::format("%.3g", d.maxRel);
    if (d.wrongCount)
      llvm::outs() << ", " << d.wrongCount << " of " << expected[i].count()
                   << (d.same ? " outliers" : " wrong") << ", first at "
                   << d.firstWrong << ": "
                   << llvm::format("%.9g", actual[i].numberAt(d.firstWrong))
                   << ", expected "
                   << llvm::format("%.9g", expected[i].numberAt(d.firstWrong));
    llvm::outs() << "\n";
  }
  sets.push_back({{"compared", what.str()},
                  {"data", data.str()},
                  {"outputs", std::move(list)}});
}

static llvm::Expected<Subject> makeSubject(OpenModel &opened, const Dims &dims,
                                           bool reference, bool compile) {
  auto &[tools, context, source] = opened;
  Subject subject;
  subject.dims = dims;
  llvm::Expected<Program> program = source.program(*context, dims);
  if (!program)
    return program.takeError();
  subject.inSequences =
      llvm::any_of(source.modelInfo().outputs,
                   [](const Signature &s) { return !s.wrapping.empty(); });
  if (reference && compile)
    subject.imported = copyOf(*program);
  if (!compile) {
    subject.imported = std::move(*program);
    return subject;
  }
  llvm::Expected<Compiled> compiled =
      compileProgram(std::move(*program), source.phase(), tools);
  if (!compiled)
    return compiled.takeError();
  subject.strings = compiled->code.strings;
  auto model = load(compiled->code, tools);
  if (!model)
    return model.takeError();
  subject.model = std::move(*model);
  return subject;
}

static bool sameDims(const Dims &a, const Dims &b) {
  return a.size() == b.size() && llvm::all_of(a, [&](const auto &entry) {
           auto at = b.find(entry.getKey());
           return at != b.end() && at->second == entry.second;
         });
}

/// The expected tensors of the program's outputs. A sequence of another length
/// than expected has other tensors.
static llvm::Expected<std::vector<Tensor>>
inOrder(const Subject &subject, llvm::ArrayRef<std::string> outputNames,
        llvm::ArrayRef<std::pair<std::string, Tensor>> expected,
        StringRef data) {
  std::vector<Tensor> tensors;
  if (subject.inSequences) {
    std::vector<std::string> names;
    for (const auto &[name, tensor] : expected)
      names.push_back(name);
    if (names != outputNames.vec())
      return fail(ExitDiffer,
                  data + ": has the outputs " + llvm::join(names, ", ") +
                      "; the model gives " + llvm::join(outputNames, ", "));
  }
  for (const auto &[name, tensor] : expected)
    tensors.push_back(tensor);
  return tensors;
}

/// Runs one set of inputs every way that is asked for, and compares.
static llvm::Error check(Subject &subject, const Strings &read,
                         const Dims &bounds, std::vector<Tensor> inputs,
                         bool hasExpected,
                         llvm::ArrayRef<std::pair<std::string, Tensor>> given,
                         StringRef data, Tally &tally) {
  auto namesOf = [](const Outcome &outcome) {
    return llvm::map_to_vector(
        outcome.outputs, [](const TensorInfo &info) { return info.name; });
  };
  auto compareGiven = [&](StringRef what, Outcome &actual) -> llvm::Error {
    auto names = namesOf(actual);
    llvm::Expected<std::vector<Tensor>> expected =
        inOrder(subject, names, given, data);
    if (!expected)
      return expected.takeError();
    recode(actual.outputs, *expected, read, actual.strings);
    tally.compareAll(what, names, actual.tensors, *expected, data);
    return llvm::Error::success();
  };
  std::optional<Outcome> compiled;
  if (subject.model) {
    // States that no data is given for hold anything.
    for (size_t i = inputs.size(); i < subject.model->inputs.size(); ++i) {
      const TensorInfo &state = subject.model->inputs[i];
      inputs.push_back(
          randomTensor(state.dtype, state.shape, tally.options.seed + i));
    }
    llvm::Expected<Outcome> outcome =
        runOnce(*subject.model, subject.strings, inputs, read, bounds);
    if (!outcome)
      return outcome.takeError();
    compiled = std::move(*outcome);
    if (hasExpected)
      if (llvm::Error error = compareGiven("compiled", *compiled))
        return error;
  }
  if (!subject.imported)
    return llvm::Error::success();
  llvm::Expected<Outcome> reference =
      interpret(*subject.imported, std::move(inputs), read, bounds);
  if (!reference)
    return reference.takeError();
  if (hasExpected)
    if (llvm::Error error = compareGiven("reference", *reference))
      return error;
  if (compiled)
    tally.compareAll("compiled against reference", namesOf(*compiled),
                     compiled->tensors, reference->tensors, data);
  return llvm::Error::success();
}

llvm::Error verify(const VerifyOptions &options) {
  if (!(options.rtol >= 0) || !(options.atol >= 0))
    return fail(ExitUsage, "--rtol and --atol must not be negative");
  if (options.outliers < 0)
    return fail(ExitUsage, "--outliers must not be negative");
  if (options.interpret && options.data.empty())
    return fail(ExitUsage, "--interpret: without --data there is nothing to "
                           "compare the interpreter with");
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  opened->tools.options.embedWeights = false;
  ModelSource &source = opened->source;

  Tally tally{options};
  bool reference = options.reference || options.data.empty();
  std::optional<Subject> subject;
  std::vector<std::string> folders = options.data;
  if (folders.empty())
    folders.push_back("");
  for (const std::string &folder : folders) {
    std::vector<Tensor> inputs(source.inputs().size());
    std::vector<std::pair<std::string, Tensor>> expected;
    if (!folder.empty()) {
      llvm::Expected<std::vector<Tensor>> read = readInputs(folder, source);
      if (!read)
        return read.takeError();
      inputs = std::move(*read);
      auto outputs = readOutputs(folder, source);
      if (!outputs)
        return outputs.takeError();
      expected = std::move(*outputs);
    }
    llvm::Expected<Dims> dims = completeInputs(*opened, inputs, options.seed);
    if (!dims)
      return dims.takeError();
    if (!subject || !sameDims(subject->dims, *dims)) {
      subject.reset();
      llvm::Expected<Subject> made =
          makeSubject(*opened, *dims, reference, !options.interpret);
      if (!made)
        return made.takeError();
      subject = std::move(*made);
    }
    if (llvm::Error error =
            check(*subject, source.strings(), source.symbolicDims(), inputs,
                  !folder.empty(), expected, folder, tally))
      return error;
  }
  if (options.json)
    printJson({{"ok", tally.different == 0},
               {"rtol", options.rtol},
               {"atol", options.atol},
               {"outliers", options.outliers},
               {"sets", tally.sets}});
  if (llvm::Error error = finishOutput())
    return error;
  if (tally.different)
    return fail(ExitDiffer, Twine(tally.different) + " of " +
                                Twine(tally.compared) + " comparisons differ");
  return llvm::Error::success();
}

} // namespace nacre::driver
