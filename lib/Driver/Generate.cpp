//===- Generate.cpp - nacre run --generate --------------------------------===//
//
// A language model with a cache: inputs past.. and outputs present.. of the
// same rest of the name. It is compiled once, with the number of new tokens and
// the length of the past open. The first run takes the prompt and an empty
// past, every further one the token chosen and the present of the one before.
//
//===----------------------------------------------------------------------===//

#include "Generate.h"
#include "Data.h"
#include "OpenModel.h"
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
  std::vector<Role> of;
  std::vector<size_t> present; ///< per input the output of a past
  size_t tokens = 0, logits = 0;
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
  roles.present.resize(inputs.size());
  std::vector<std::string> errors, known;
  bool found = false, cached = false;
  llvm::SmallDenseSet<size_t> states;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    StringRef name = input.name;
    known.push_back(input.name);
    std::string present = presentName(name);
    auto output = llvm::find_if(
        info.outputs, [&](const Signature &s) { return s.name == present; });
    if (name == tokens) {
      if (!isInteger(input.dtype) || input.dims.size() != 2)
        errors.push_back(("input '" + name + "' is " + dtypeName(input.dtype) +
                          " " + shapeText(input) +
                          ", tokens are integers [batch, length]")
                             .str());
      found = true;
      roles.tokens = i;
      roles.of.push_back(Roles::Tokens);
    } else if (!present.empty() && output != info.outputs.end()) {
      cached = true;
      roles.present[i] = output - info.outputs.begin();
      states.insert(roles.present[i]);
      roles.of.push_back(Roles::Past);
    } else if (name.contains("mask") && input.dims.size() == 2) {
      roles.of.push_back(Roles::Mask);
    } else if (name.contains("position") && isInteger(input.dtype) &&
               input.dims.size() == 2) {
      roles.of.push_back(Roles::Positions);
    } else {
      errors.push_back(("input '" + name +
                        "' is neither tokens, a past, a mask nor "
                        "positions; give it a value with --fix")
                           .str());
      roles.of.push_back(Roles::Mask);
    }
  }
  if (!found) {
    std::string meant = suggestion(tokens, known);
    errors.push_back("--input: the model has no input '" + tokens.str() + "'" +
                     (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  }
  if (found && !cached)
    errors.push_back("--generate needs a model with a cache: inputs past.. "
                     "and outputs present..");
  bool hasLogits = false;
  for (size_t i = info.outputs.size(); i-- > 0;)
    if (!states.contains(i) && isFloatDType(info.outputs[i].dtype)) {
      roles.logits = i;
      hasLogits = true;
    }
  if (!hasLogits)
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
  const Signature &tokens = inputs[roles.tokens];
  say(tokens.dimNames[0], Twine(prompt[0]));
  say(tokens.dimNames[1], "1.." + Twine(length));
  for (auto [i, input] : llvm::enumerate(inputs))
    for (const std::string &name : input.dimNames)
      if (roles.of[i] == Roles::Past)
        say(name, "0.." + Twine(most));
      else if (roles.of[i] == Roles::Mask)
        say(name, "1.." + Twine(most));
      else
        say(name, "1.." + Twine(length));
  return texts;
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
  llvm::Expected<Roles> roles =
      rolesOf(opened->source.modelInfo(), opened->source.inputs(), name);
  if (!roles)
    return roles.takeError();
  llvm::Expected<Tensor> prompt = readTensor(file);
  if (!prompt)
    return prompt.takeError();
  const Signature tokens = opened->source.inputs()[roles->tokens];
  if (prompt->dtype != tokens.dtype || prompt->shape.size() != 2 ||
      prompt->count() == 0)
    return fail(ExitModel,
                "input '" + name + "': data has " + dtypeName(prompt->dtype) +
                    " " + shapeText(prompt->shape) + ", model needs " +
                    dtypeName(tokens.dtype) + " " + shapeText(tokens));
  int64_t batch = prompt->shape[0], length = prompt->shape[1];

  // With the prompt known, what is open has bounds.
  RunOptions bounded = options;
  llvm::append_range(bounded.dims,
                     openDims(*roles, opened->source.inputs(), prompt->shape,
                              options.generate, options.dims));
  llvm::Expected<ModelSource> source =
      ModelSource::open(*opened->context, bounded);
  if (!source)
    return source.takeError();
  Toolchain &tools = opened->tools;
  tools.options.embedWeights = false;
  llvm::Expected<Compiled> compiled =
      compileSource(*opened->context, *source, source->givenDims(), tools);
  if (!compiled)
    return compiled.takeError();
  auto model = load(compiled->code, tools);
  if (!model)
    return model.takeError();

  std::vector<Tensor> inputs(source->inputs().size());
  auto integers = [&](const Signature &input, std::vector<int64_t> shape,
                      auto value) {
    Tensor t = Tensor::zeros(input.dtype, shape);
    for (int64_t i = 0, count = t.count(); i < count; ++i)
      isFloatDType(input.dtype) ? t.setNumber(i, double(value(i)))
                                : t.setInteger(i, value(i));
    return t;
  };
  for (auto [i, input] : llvm::enumerate(source->inputs()))
    if (roles->of[i] == Roles::Past) { // nothing yet
      std::vector<int64_t> shape(input.dims);
      for (auto [extent, dim] : llvm::zip_equal(shape, input.dimNames))
        if (extent < 0)
          extent = dim == tokens.dimNames[0] ? batch : 0;
      inputs[i] = Tensor::zeros(input.dtype, shape);
    }
  Sampler sampler(options);
  std::vector<std::vector<int64_t>> made(batch);
  std::vector<bool> ended(batch);
  Tensor next = *prompt;
  int64_t past = 0;
  double prompted = 0, later = 0;
  int64_t step = 0;
  for (; step < options.generate && llvm::is_contained(ended, false); ++step) {
    int64_t now = next.shape[1];
    for (auto [i, input] : llvm::enumerate(source->inputs()))
      switch (roles->of[i]) {
      case Roles::Tokens:
        inputs[i] = next;
        break;
      case Roles::Mask:
        inputs[i] = integers(input, {batch, past + now},
                             [](int64_t) { return int64_t(1); });
        break;
      case Roles::Positions:
        inputs[i] = integers(input, {batch, now},
                             [&](int64_t k) { return past + k % now; });
        break;
      case Roles::Past:
        break;
      }
    Clock::time_point start = Clock::now();
    llvm::Expected<Call> call = (*model)->prepare(inputs);
    if (!call)
      return call.takeError();
    if (llvm::Error error = (*model)->run(*call))
      return error;
    double ms =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    (step ? later : prompted) += ms;
    past += now;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (roles->of[i] == Roles::Past)
        inputs[i] = call->outputs[roles->present[i]];
    // The logits of the last position.
    const Tensor &logits = call->outputs[roles->logits];
    int64_t words = logits.shape.empty() ? 0 : logits.shape.back();
    if (words < 1 || logits.count() % (batch * words) != 0)
      return fail(ExitModel, "the logits have shape " +
                                 shapeText(logits.shape) +
                                 ", not [batch, length, tokens]");
    int64_t rows = logits.count() / (batch * words);
    next = Tensor::zeros(tokens.dtype, {batch, 1});
    for (int64_t b = 0; b < batch; ++b) {
      int64_t token = sampler.pick(logits, ((b + 1) * rows - 1) * words, words);
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
               {"compile_ms", compiled->times.total()}});
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
