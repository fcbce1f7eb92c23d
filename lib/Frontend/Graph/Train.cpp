//===- Train.cpp - the train block ----------------------------------------===//
//
// Inputs, patterns and settings are read first, wherever they stand: how a
// parameter learns must be known when it is made. Then the other statements
// run in order.
//
//===----------------------------------------------------------------------===//
#include "Train.h"
#include "Builtins.h"
#include "OptimizerSettings.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {
namespace {

NamePattern patternOf(std::string text, Position at) {
  auto kept = std::make_unique<std::string>(std::move(text));
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(*kept);
  if (!glob)
    reject(at, "wrong pattern " + quote(*kept) + ": " +
                   llvm::toString(glob.takeError()));
  return {std::move(kept), std::move(*glob)};
}

struct TrainBlock {
  Evaluator &evaluator;
  const TrainingOptions &options;
  Frame &frame;
  TrainRun run = {};

  std::string stringOf(const Expr &expr) {
    Datum datum = evaluator.evaluate(expr, frame);
    if (!datum.is<std::string>())
      reject(expr.at,
             "expected a pattern of names in quotes, got " + describe(datum));
    return datum.as<std::string>();
  }

  void data(const Statement &s) {
    const std::string &name = s.names[0];
    for (const DataInput &other : run.data)
      if (other.name == name)
        reject(s.at, "there is an input " + quote(name) + " already");
    mlir::RankedTensorType type = evaluator.inputType(s.type, frame, name);
    run.data.push_back({name, type});
    frame.variables[name] = TensorValue{evaluator.addInput(type, s.at)};
  }

  void pattern(const Statement &s) {
    NamePattern pattern = patternOf(stringOf(*s.value), s.value->at);
    LearningRules &rules = evaluator.rules;
    if (s.names[0] == "learn") {
      rules.learn.push_back(std::move(pattern));
    } else if (s.names[0] == "freeze") {
      rules.freeze.push_back(std::move(pattern));
    } else {
      Adapters adapters{std::move(pattern)};
      double alpha = -1;
      for (const auto &[option, expr] : s.options) {
        Datum datum = evaluator.evaluate(*expr, frame);
        if (option == "rank")
          adapters.rank = integerOf(datum, expr->at, "rank");
        else if (option == "alpha" && datum.isNumber())
          alpha = datum.number();
        else
          reject(expr->at, "lora has rank and alpha, both numbers");
      }
      if (adapters.rank < 1 || adapters.rank > 65536)
        reject(s.at, "lora needs a rank in 1..65536");
      adapters.scale = alpha < 0 ? 1 : alpha / double(adapters.rank);
      rules.adapters.push_back(std::move(adapters));
    }
  }

  void setting(const Statement &s) {
    const std::string &name = s.names[0];
    Position at = s.value->at;
    Datum value = name == "precision" && s.value->kind == Expr::Name
                      ? Datum(s.value->text)
                      : evaluator.evaluate(*s.value, frame);
    auto positive = [&] {
      if (!value.isNumber() || !(value.number() > 0) ||
          value.number() > largestSetting)
        reject(at, quote(name) + " must be a number above 0, got " +
                       describe(value));
      return value.number();
    };
    if (name == "clip" && s.names[1] == "norm")
      run.spec.clipNorm = positive();
    else if (name == "clip" && s.names[1] == "value")
      run.spec.clipValue = positive();
    else if (name == "clip")
      reject(s.at, "expected clip norm = NUMBER or clip value = NUMBER");
    else if (name == "loss_scale")
      run.spec.lossScale = positive();
    else if (name == "accumulate" || name == "seed") {
      int64_t number = integerOf(value, at, quote(name));
      if (number < (name == "seed" ? 0 : 1))
        reject(at, quote(name) + " must be at least " +
                       (name == "seed" ? "0" : "1"));
      (name == "seed" ? run.spec.seed : (uint64_t &)run.spec.accumulate) =
          number;
    } else {
      if (!value.is<std::string>() || (value.as<std::string>() != "f32" &&
                                       value.as<std::string>() != "bf16"))
        reject(at, "precision must be f32 or bf16");
      run.spec.bf16 = value.as<std::string>() == "bf16";
    }
  }

  /// A scalar float of the run.
  mlir::Value scalar(const Expr &expr, const Twine &what, bool isFloat) {
    Datum datum = evaluator.evaluate(expr, frame);
    if (!datum.isTensor())
      reject(expr.at,
             what + " must be a scalar tensor, got " + describe(datum));
    mlir::Value value = evaluator.usable(datum, expr.at);
    auto type = lazy::tensorType(value);
    if (type.getRank() != 0 ||
        (isFloat && !mlir::isa<mlir::FloatType>(type.getElementType())))
      reject(expr.at, what + " must be a scalar" +
                          (isFloat ? " of a float type" : "") + ", got " +
                          describe(datum) +
                          (type.getRank() ? "; mean(x) makes one of it" : ""));
    return value;
  }

  void output(const Statement &s) {
    bool isLoss = s.kind == Statement::Loss;
    std::string name = isLoss ? "loss" : s.names[0];
    for (const Output &other : run.outputs)
      if (other.name == name)
        reject(s.at, "there is a " + Twine(isLoss ? "" : "loss or metric ") +
                         (isLoss ? "loss" : quote(name)) + " already");
    mlir::Value value = scalar(
        *s.value, isLoss ? Twine("the loss") : "metric " + quote(name), isLoss);
    run.outputs.insert(isLoss ? run.outputs.begin() : run.outputs.end(),
                       {name, value});
  }

  static bool comesFirst(const Statement &s) {
    return s.kind == Statement::Data || s.kind == Statement::Pattern ||
           s.kind == Statement::Setting || s.kind == Statement::Optimizer;
  }
  void execute(const Statement &s) {
    switch (s.kind) {
    case Statement::Data:
      return data(s);
    case Statement::Pattern:
      return pattern(s);
    case Statement::Setting:
      return setting(s);
    case Statement::Optimizer:
      run.spec.optimizer = optimizerOf(evaluator, frame, *s.value);
      return;
    case Statement::Loss:
    case Statement::Metric:
      return output(s);
    default: {
      Datum value = Nothing{};
      evaluator.execute(s, frame, value, /*last=*/false);
    }
    }
  }

  /// What the command line says in place of the file.
  void override() {
    LearningRules &rules = evaluator.rules;
    auto replace = [&](std::vector<NamePattern> &list,
                       llvm::ArrayRef<std::string> texts) {
      if (texts.empty())
        return;
      list.clear();
      for (const std::string &text : texts)
        list.push_back(patternOf(text, {}));
    };
    // Outlives what is thrown of it.
    Source given{"--optimizer", options.optimizer.value_or("")};
    try {
      replace(rules.learn, options.learn);
      replace(rules.freeze, options.freeze);
      if (options.lora) {
        if (*options.lora < 1 || *options.lora > 65536)
          reject({}, "--lora needs a rank in 1..65536");
        rules.adapters.clear();
        rules.adapters.push_back({patternOf("*", {}), *options.lora});
      }
      if (options.optimizer)
        if (ExprPtr expr = parseExpression(given, evaluator.diagnostics))
          run.spec.optimizer = optimizerOf(evaluator, frame, *expr);
    } catch (const Problem &problem) {
      evaluator.diagnostics.report(problem);
    }
  }
};

} // namespace

TrainRun runTrain(Evaluator &evaluator, const Block &block, Position at,
                  const TrainingOptions &options) {
  Frame frame;
  Scope scope;
  frame.scope = &scope;
  TrainBlock train{evaluator, options, frame};
  auto pass = [&](bool first) {
    for (const Statement &statement : block)
      if (TrainBlock::comesFirst(statement) == first)
        evaluator.attempt(statement, frame, [&] { train.execute(statement); });
  };
  pass(true);
  train.override();
  beginCounters(evaluator);
  pass(false);
  if (evaluator.diagnostics.any())
    return std::move(train.run);
  if (train.run.outputs.empty() || train.run.outputs[0].name != "loss")
    evaluator.diagnostics.report(Problem{at, "the train block has no loss"});
  for (const Adapters &adapters : evaluator.rules.adapters)
    if (!adapters.used)
      evaluator.diagnostics.report(
          Problem{at, "lora fits no parameter of two axes"});
  bool learns = llvm::any_of(evaluator.states, [](const auto &state) {
    return state->kind == autodiff::StateKind::Parameter;
  });
  if (!learns)
    evaluator.diagnostics.report(Problem{at, "no parameter learns"});
  return std::move(train.run);
}

} // namespace nacre::graph_frontend
