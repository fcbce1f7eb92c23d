//===- Train.cpp - the train block ----------------------------------------===//
//
// Inputs, patterns and settings are read first, wherever they stand: how a
// parameter learns must be known when it is made. Then the other statements
// run in order.
//
//===----------------------------------------------------------------------===//
#include "Train.h"
#include "Builtins.h"
#include "nacre/Failure/Failure.h"

using llvm::StringRef;
using llvm::Twine;
using nacre::autodiff::LearningRate;
using nacre::autodiff::Optimizer;

namespace nacre::graph_frontend {
namespace {

/// NAME(arguments) with constants, each read once; what is left is unknown.
struct Settings {
  Evaluator &evaluator;
  Frame &frame;
  const Expr &call;
  std::string name;
  std::vector<std::pair<std::string, const Expr *>> left;

  Settings(Evaluator &evaluator, Frame &frame, const Expr &expr,
           llvm::ArrayRef<StringRef> positional)
      : evaluator(evaluator), frame(frame), call(expr) {
    const Expr &callee = expr.kind == Expr::Call ? *expr.parts[0] : expr;
    if (callee.kind != Expr::Name)
      reject(expr.at, "expected NAME(SETTING = VALUE, ...)");
    name = callee.text;
    for (size_t i = 1; expr.kind == Expr::Call && i < expr.parts.size(); ++i) {
      std::string key = expr.keywords[i - 1];
      if (key.empty()) {
        if (i - 1 >= positional.size())
          reject(expr.parts[i]->at, "expected SETTING = VALUE");
        key = positional[i - 1].str();
      }
      for (const auto &other : left)
        if (other.first == key)
          reject(expr.parts[i]->at, quote(key) + " is given twice");
      left.emplace_back(key, expr.parts[i].get());
    }
  }
  const Expr *take(StringRef key) {
    for (auto at = left.begin(); at != left.end(); ++at)
      if (at->first == key) {
        const Expr *expr = at->second;
        left.erase(at);
        return expr;
      }
    return nullptr;
  }
  void number(StringRef key, double &value, double least, double most) {
    const Expr *expr = take(key);
    if (!expr)
      return;
    Datum datum = evaluator.evaluate(*expr, frame);
    if (!datum.isNumber())
      reject(expr->at,
             quote(key) + " must be a number, got " + describe(datum));
    value = datum.number();
    if (!(value >= least && value <= most))
      reject(expr->at, quote(key) + " must be in " + shown(least) + ".." +
                           shown(most) + ", got " + describe(datum));
  }
  void integer(StringRef key, int64_t &value, int64_t least) {
    const Expr *expr = take(key);
    if (!expr)
      return;
    value = integerOf(evaluator.evaluate(*expr, frame), expr->at, quote(key));
    if (value < least)
      reject(expr->at, quote(key) + " must be at least " + Twine(least) +
                           ", got " + Twine(value));
  }
  void flag(StringRef key, bool &value) {
    const Expr *expr = take(key);
    if (!expr)
      return;
    Datum datum = evaluator.evaluate(*expr, frame);
    if (!datum.is<bool>())
      reject(expr->at,
             quote(key) + " must be true or false, got " + describe(datum));
    value = datum.as<bool>();
  }
  void end() {
    if (!left.empty())
      reject(left[0].second->at,
             quote(name) + " has no setting " + quote(left[0].first));
  }
  static std::string shown(double x) {
    std::string text = describe(Datum(x));
    return text.substr(text.rfind(' ') + 1);
  }
};

constexpr double largest = 1e30;

LearningRate learningRate(Evaluator &evaluator, Frame &frame,
                          const Expr &expr) {
  LearningRate rate;
  static const std::pair<StringRef, LearningRate::Kind> kinds[] = {
      {"constant", LearningRate::Constant},
      {"step", LearningRate::Step},
      {"cosine", LearningRate::Cosine},
      {"line", LearningRate::Linear}};
  StringRef name = expr.kind == Expr::Call && expr.parts[0]->kind == Expr::Name
                       ? StringRef(expr.parts[0]->text)
                       : StringRef();
  const auto *kind = llvm::find_if(
      kinds, [&](const auto &entry) { return entry.first == name; });
  if (kind == std::end(kinds)) {
    Datum datum = evaluator.evaluate(expr, frame);
    if (!datum.isNumber() || !(datum.number() >= 0) || datum.number() > largest)
      reject(expr.at, "a learning rate is a number from 0 on, or constant, "
                      "step, cosine or line of one, got " +
                          describe(datum));
    rate.base = datum.number();
    return rate;
  }
  Settings settings(evaluator, frame, expr, {"lr"});
  rate.kind = kind->second;
  settings.number("lr", rate.base, 0, largest);
  settings.number("last", rate.last, 0, largest);
  settings.number("gamma", rate.gamma, 0, largest);
  settings.integer("warmup", rate.warmup, 0);
  settings.integer("total", rate.total, 1);
  settings.integer("every", rate.every, 1);
  settings.end();
  bool needsTotal =
      rate.kind == LearningRate::Cosine || rate.kind == LearningRate::Linear;
  if (needsTotal && rate.total <= rate.warmup)
    reject(expr.at, quote(name) + " needs total, the number of steps, above "
                                  "warmup");
  return rate;
}

Optimizer optimizer(Evaluator &evaluator, Frame &frame, const Expr &expr) {
  static const std::pair<StringRef, Optimizer::Kind> kinds[] = {
      {"sgd", Optimizer::Sgd},     {"adam", Optimizer::Adam},
      {"adamw", Optimizer::AdamW}, {"lamb", Optimizer::Lamb},
      {"lion", Optimizer::Lion},   {"muon", Optimizer::Muon}};
  Settings settings(evaluator, frame, expr, {"lr"});
  const auto *kind = llvm::find_if(
      kinds, [&](const auto &entry) { return entry.first == settings.name; });
  if (kind == std::end(kinds)) {
    std::vector<std::string> known;
    for (const auto &entry : kinds)
      known.push_back(entry.first.str());
    reject(expr.at, "unknown optimizer " + quote(settings.name) +
                        ", expected " + enumeration(known));
  }
  Optimizer made;
  made.kind = kind->second;
  if (made.kind == Optimizer::Muon)
    made.momentum = 0.95;
  if (made.kind == Optimizer::Lion)
    made.beta2 = 0.99;
  if (made.kind == Optimizer::Lamb)
    made.epsilon = 1e-6;
  if (const Expr *rate = settings.take("lr"))
    made.rate = learningRate(evaluator, frame, *rate);
  settings.number("weight_decay", made.weightDecay, 0, largest);
  bool momentum = made.kind == Optimizer::Sgd || made.kind == Optimizer::Muon;
  if (momentum) {
    settings.number("momentum", made.momentum, 0, 1);
    settings.flag("nesterov", made.nesterov);
  } else {
    settings.number("beta1", made.beta1, 0, 1);
    settings.number("beta2", made.beta2, 0, 1);
    settings.number("eps", made.epsilon, 0, 1);
  }
  settings.end();
  return made;
}

llvm::GlobPattern patternOf(StringRef text, Position at) {
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(text);
  if (!pattern)
    reject(at, "wrong pattern " + quote(text) + ": " +
                   llvm::toString(pattern.takeError()));
  return std::move(*pattern);
}

struct TrainBlock {
  Evaluator &evaluator;
  const TrainingOptions &options;
  Frame &frame;
  TrainRun run = {};

  /// Patterns keep a view of their text: it must live on.
  std::string &keep(std::string text) {
    static thread_local std::vector<std::unique_ptr<std::string>> texts;
    texts.push_back(std::make_unique<std::string>(std::move(text)));
    return *texts.back();
  }

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
    std::string &text = keep(stringOf(*s.value));
    llvm::GlobPattern pattern = patternOf(text, s.value->at);
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
          value.number() > largest)
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
      run.spec.optimizer = optimizer(evaluator, frame, *s.value);
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
    auto replace = [&](std::vector<llvm::GlobPattern> &list,
                       llvm::ArrayRef<std::string> texts) {
      if (texts.empty())
        return;
      list.clear();
      for (const std::string &text : texts)
        list.push_back(patternOf(keep(text), {}));
    };
    replace(rules.learn, options.learn);
    replace(rules.freeze, options.freeze);
    if (options.lora) {
      rules.adapters.clear();
      rules.adapters.push_back({patternOf("*", {})});
      rules.adapters.back().rank = *options.lora;
      if (*options.lora < 1 || *options.lora > 65536)
        reject({}, "--lora needs a rank in 1..65536");
    }
    if (options.optimizer) {
      static thread_local std::vector<std::unique_ptr<Source>> sources;
      sources.push_back(
          std::make_unique<Source>(Source{"--optimizer", *options.optimizer}));
      if (ExprPtr expr =
              parseExpression(*sources.back(), evaluator.diagnostics))
        run.spec.optimizer = optimizer(evaluator, frame, *expr);
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
  try {
    train.override();
  } catch (const Problem &problem) {
    evaluator.diagnostics.report(problem);
  }
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
