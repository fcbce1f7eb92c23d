//===- Generate.cpp - nacre run --generate --------------------------------===//
//
// A language model with a cache: inputs past.. and outputs present.. of the
// same rest of the name. It is compiled once, with the number of new tokens and
// the length of the past open. The first run takes the prompt and an empty
// past, every further one the token chosen.
//
// What the cache holds is a state where the model makes each present of its
// past by joining new slices to it: then a run writes these, and nothing else
// of it is touched. Else every run is given the presents of the one before.
//
//===----------------------------------------------------------------------===//

#include "Generate.h"
#include "Data.h"
#include "OpenModel.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Format.h"
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

namespace nacre::driver {
namespace {

/// What each input of a language model is.
struct Roles {
  enum Role { Tokens, Past, Mask, Positions };
  llvm::StringMap<Role> of;
  llvm::StringMap<std::string> present; ///< of a past, the output
  std::string tokens, logits;
};

/// The output's name of an input's: present.0.key of past_key_values.0.key.
std::string presentName(StringRef input) {
  for (StringRef past : {"past_key_values", "past"})
    if (size_t at = input.find(past); at != StringRef::npos)
      return (input.take_front(at) + "present" +
              input.drop_front(at + past.size()))
          .str();
  return "";
}

bool isInteger(DType dtype) {
  return dtype == DType::I64 || dtype == DType::I32;
}

llvm::Expected<Roles> rolesOf(const ModelInfo &info,
                              llvm::ArrayRef<Signature> inputs,
                              StringRef tokens) {
  Roles roles;
  std::vector<std::string> errors, known;
  llvm::StringSet<> presents;
  for (const Signature &input : inputs) {
    StringRef name = input.name;
    known.push_back(input.name);
    std::string present = presentName(name);
    bool isPast =
        !present.empty() && llvm::any_of(info.outputs, [&](const Signature &s) {
          return s.name == present;
        });
    if (name == tokens) {
      if (!isInteger(input.dtype) || input.dims.size() != 2)
        errors.push_back(("input '" + name + "' is " + dtypeName(input.dtype) +
                          " " + shapeText(input) +
                          ", tokens are integers [batch, length]")
                             .str());
      roles.tokens = input.name;
      roles.of[name] = Roles::Tokens;
    } else if (isPast) {
      presents.insert(present);
      roles.present[name] = present;
      roles.of[name] = Roles::Past;
    } else if (name.contains("mask") && input.dims.size() == 2) {
      roles.of[name] = Roles::Mask;
    } else if (name.contains("position") && isInteger(input.dtype) &&
               input.dims.size() == 2) {
      roles.of[name] = Roles::Positions;
    } else {
      errors.push_back(("input '" + name +
                        "' is neither tokens, a past, a mask nor "
                        "positions; give it a value with --fix")
                           .str());
    }
  }
  if (roles.tokens.empty()) {
    std::string meant = suggestion(tokens, known);
    errors.push_back("--input: the model has no input '" + tokens.str() + "'" +
                     (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  } else if (presents.empty()) {
    errors.push_back("--generate needs a model with a cache: inputs past.. "
                     "and outputs present..");
  }
  for (const Signature &output : llvm::reverse(info.outputs))
    if (!presents.contains(output.name) && isFloatDType(output.dtype))
      roles.logits = output.name;
  if (roles.logits.empty())
    errors.push_back("--generate needs an output of logits");
  if (!errors.empty())
    return fail(ExitUsage, errors);
  return roles;
}

/// Picks one of `count` logits: the largest at temperature 0, else by chance
/// among the `topK` largest (0: all).
class Sampler {
public:
  explicit Sampler(const RunOptions &options)
      : temperature(options.temperature), topK(options.topK),
        state(options.seed) {}

  int64_t pick(const Tensor &logits, int64_t first, int64_t count) {
    std::vector<int64_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    auto at = [&](int64_t i) { return logits.numberAt(first + i); };
    auto better = [&](int64_t a, int64_t b) {
      return at(a) > at(b) || (at(a) == at(b) && a < b);
    };
    if (temperature <= 0)
      return *std::min_element(order.begin(), order.end(), better);
    int64_t kept = topK > 0 ? std::min(topK, count) : count;
    std::partial_sort(order.begin(), order.begin() + kept, order.end(), better);
    std::vector<double> weights;
    double sum = 0;
    for (int64_t i = 0; i < kept; ++i)
      sum += weights.emplace_back(
          std::exp((at(order[i]) - at(order[0])) / temperature));
    double mark = chance() * sum;
    for (int64_t i = 0; i < kept; ++i)
      if ((mark -= weights[i]) < 0)
        return order[i];
    return order[0];
  }

private:
  /// In [0, 1).
  double chance() { return double(splitMix(state) >> 11) * 0x1p-53; }

  double temperature;
  int64_t topK;
  uint64_t state;
};

/// The dims that generation leaves open, as --dim texts.
std::vector<std::string> openDims(const Roles &roles,
                                  llvm::ArrayRef<Signature> inputs,
                                  llvm::ArrayRef<int64_t> prompt, int64_t steps,
                                  llvm::ArrayRef<std::string> given) {
  std::vector<std::string> texts;
  llvm::StringMap<bool> said;
  for (StringRef text : given)
    said[text.take_front(text.find_first_of("<="))] = true;
  auto say = [&](const std::string &name, const Twine &value) {
    if (!name.empty() && said.try_emplace(name, true).second)
      texts.push_back(name + "=" + value.str());
  };
  int64_t length = prompt[1], most = length + steps;
  const Signature &tokens = *llvm::find_if(
      inputs, [&](const Signature &s) { return s.name == roles.tokens; });
  say(tokens.dimNames[0], Twine(prompt[0]));
  say(tokens.dimNames[1], "1.." + Twine(length));
  for (const Signature &input : inputs)
    for (const std::string &name : input.dimNames)
      if (roles.of.lookup(input.name) == Roles::Past)
        say(name, "0.." + Twine(most));
      else if (roles.of.lookup(input.name) == Roles::Mask)
        say(name, "1.." + Twine(most));
      else
        say(name, "1.." + Twine(length));
  return texts;
}

/// A language model that goes on from run to run.
class Writer {
public:
  /// Compiles it for a prompt of that shape, the cache in states or given to
  /// each run.
  static llvm::Expected<Writer> compile(OpenModel &opened, RunOptions options,
                                        const Roles &roles,
                                        llvm::ArrayRef<int64_t> prompt,
                                        bool inStates);
  /// The logits of the tokens that follow, [batch, length, ..].
  llvm::Expected<Tensor> read(const Tensor &tokens);

  double compileTime = 0, lastTime = 0; ///< milliseconds

private:
  explicit Writer(const Roles &roles) : roles(roles) {}
  Tensor inputFor(const Signature &input, const Tensor &tokens) const;
  size_t outputNamed(StringRef name) const {
    auto at = llvm::find_if(
        model->outputs, [&](const TensorInfo &t) { return t.name == name; });
    return at - model->outputs.begin();
  }

  const Roles &roles;
  std::vector<Signature> inputs;
  std::vector<std::string> pastDims; ///< open dims of states
  std::unique_ptr<LoadedModel> model;
  std::optional<Call> before;
  int64_t past = 0;
};

llvm::Expected<Writer> Writer::compile(OpenModel &opened, RunOptions options,
                                       const Roles &roles,
                                       llvm::ArrayRef<int64_t> prompt,
                                       bool inStates) {
  llvm::append_range(options.dims,
                     openDims(roles, opened.source.inputs(), prompt,
                              options.generate, options.dims));
  if (inStates)
    for (const auto &entry : roles.present)
      options.states.push_back(entry.second + "=" + entry.getKey().str());
  llvm::Expected<ModelSource> source =
      ModelSource::open(*opened.context, options);
  if (!source)
    return source.takeError();
  Toolchain &tools = opened.tools;
  tools.options.embedWeights = false;
  llvm::Expected<Compiled> compiled =
      compileSource(*opened.context, *source, source->givenDims(), tools);
  if (!compiled)
    return compiled.takeError();
  auto model = load(compiled->code, tools);
  if (!model)
    return model.takeError();
  Writer writer(roles);
  writer.compileTime = compiled->times.total();
  writer.inputs = source->inputs().vec();
  for (const Signature &state : source->states())
    for (const std::string &name : state.dimNames)
      if (source->symbolicDims().contains(name))
        writer.pastDims.push_back(name);
  writer.model = std::move(*model);
  return writer;
}

Tensor Writer::inputFor(const Signature &input, const Tensor &tokens) const {
  int64_t batch = tokens.shape[0], now = tokens.shape[1];
  auto integers = [&](std::vector<int64_t> shape, auto value) {
    Tensor t = Tensor::zeros(input.dtype, shape);
    for (int64_t i = 0, count = t.count(); i < count; ++i)
      isFloatDType(input.dtype) ? t.setNumber(i, double(value(i)))
                                : t.setInteger(i, value(i));
    return t;
  };
  switch (roles.of.lookup(input.name)) {
  case Roles::Tokens:
    return tokens;
  case Roles::Mask:
    return integers({batch, past + now}, [](int64_t) { return int64_t(1); });
  case Roles::Positions:
    return integers({batch, now}, [&](int64_t k) { return past + k % now; });
  case Roles::Past:
    break;
  }
  if (before)
    return before->outputs[outputNamed(roles.present.lookup(input.name))];
  const Signature &first = *llvm::find_if(
      inputs, [&](const Signature &s) { return s.name == roles.tokens; });
  std::vector<int64_t> shape(input.dims); // nothing yet
  for (auto [extent, dim] : llvm::zip_equal(shape, input.dimNames))
    if (extent < 0)
      extent = dim == first.dimNames[0] ? batch : 0;
  return Tensor::zeros(input.dtype, shape);
}

llvm::Expected<Tensor> Writer::read(const Tensor &tokens) {
  std::vector<Tensor> values;
  for (const Signature &input : inputs)
    values.push_back(inputFor(input, tokens));
  Dims dims;
  for (const std::string &name : pastDims)
    dims[name] = past;
  Clock::time_point start = Clock::now();
  llvm::Expected<Call> call =
      model->prepare(values, dims, before ? &*before : nullptr);
  if (!call)
    return call.takeError();
  if (llvm::Error error = model->run(*call))
    return error;
  lastTime =
      std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  past += tokens.shape[1];
  before = std::move(*call);
  return before->outputs[outputNamed(roles.logits)];
}

/// The tokens of the prompt, checked.
llvm::Expected<Tensor> readPrompt(StringRef file, const Signature &tokens) {
  llvm::Expected<Tensor> prompt = readTensor(file);
  if (prompt && (prompt->dtype != tokens.dtype || prompt->shape.size() != 2 ||
                 prompt->count() == 0))
    return fail(ExitModel, "input '" + tokens.name + "': data has " +
                               dtypeName(prompt->dtype) + " " +
                               shapeText(prompt->shape) + ", model needs " +
                               dtypeName(tokens.dtype) + " " +
                               shapeText(tokens));
  return prompt;
}

/// The model with its cache in states if it can be, else given to each run.
llvm::Expected<Writer> openWriter(OpenModel &opened, const RunOptions &options,
                                  const Roles &roles,
                                  llvm::ArrayRef<int64_t> prompt) {
  auto inStates =
      Writer::compile(opened, options, roles, prompt, /*inStates=*/true);
  if (inStates)
    return inStates;
  auto given =
      Writer::compile(opened, options, roles, prompt, /*inStates=*/false);
  if (!given) {
    llvm::consumeError(inStates.takeError());
    return given;
  }
  llvm::errs() << "nacre: the cache is copied in every step: "
               << llvm::toString(inStates.takeError()) << "\n";
  return given;
}

} // namespace

llvm::Error generate(const RunOptions &options) {
  if (options.inputs.size() != 1 || !options.data.empty())
    return fail(ExitUsage,
                "--generate takes one --input, the tokens of the prompt");
  auto [name, file] = StringRef(options.inputs[0]).rsplit('=');
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  llvm::ArrayRef<Signature> inputs = opened->source.inputs();
  llvm::Expected<Roles> roles =
      rolesOf(opened->source.modelInfo(), inputs, name);
  if (!roles)
    return roles.takeError();
  llvm::Expected<Tensor> prompt =
      readPrompt(file, *llvm::find_if(inputs, [&](const Signature &s) {
                   return s.name == roles->tokens;
                 }));
  if (!prompt)
    return prompt.takeError();
  int64_t batch = prompt->shape[0], length = prompt->shape[1];
  llvm::Expected<Writer> writer =
      openWriter(*opened, options, *roles, prompt->shape);
  if (!writer)
    return writer.takeError();

  Sampler sampler(options);
  std::vector<std::vector<int64_t>> made(batch);
  std::vector<bool> ended(batch);
  Tensor next = *prompt;
  double prompted = 0, later = 0;
  int64_t step = 0;
  for (; step < options.generate && llvm::is_contained(ended, false); ++step) {
    llvm::Expected<Tensor> logits = writer->read(next);
    if (!logits)
      return logits.takeError();
    (step ? later : prompted) += writer->lastTime;
    // Those of the last position.
    int64_t words = logits->shape.empty() ? 0 : logits->shape.back();
    if (words < 1 || logits->count() % (batch * words) != 0)
      return fail(ExitModel, "the logits have shape " +
                                 shapeText(logits->shape) +
                                 ", not [batch, length, tokens]");
    int64_t rows = logits->count() / (batch * words);
    next = Tensor::zeros(prompt->dtype, {batch, 1});
    for (int64_t b = 0; b < batch; ++b) {
      int64_t token =
          sampler.pick(*logits, ((b + 1) * rows - 1) * words, words);
      if (ended[b])
        token = options.endToken;
      else
        made[b].push_back(token);
      if (token == options.endToken)
        ended[b] = true;
      next.setInteger(b, token);
    }
  }
  double each = step > 1 ? later / double(step - 1) : 0;
  if (options.json) {
    printJson({{"tokens", made},
               {"prompt_ms", prompted},
               {"token_ms", each},
               {"compile_ms", writer->compileTime}});
    return finishOutput();
  }
  for (const std::vector<int64_t> &row : made) {
    for (auto [i, token] : llvm::enumerate(row))
      llvm::outs() << (i ? " " : "") << token;
    llvm::outs() << "\n";
  }
  llvm::errs() << "nacre: prompt of " << length << " tokens in "
               << llvm::format("%.3g", prompted) << " ms, then "
               << llvm::format("%.3g", each) << " ms a token\n";
  return finishOutput();
}

} // namespace nacre::driver
