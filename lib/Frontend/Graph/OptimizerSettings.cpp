//===- OptimizerSettings.cpp - optimizers and learning rates as written ---===//
#include "OptimizerSettings.h"
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
    if (!datum.isNumber() || !(datum.number() >= 0) ||
        datum.number() > largestSetting)
      reject(expr.at, "a learning rate is a number from 0 on, or constant, "
                      "step, cosine or line of one, got " +
                          describe(datum));
    rate.base = datum.number();
    return rate;
  }
  Settings settings(evaluator, frame, expr, {"lr"});
  rate.kind = kind->second;
  settings.number("lr", rate.base, 0, largestSetting);
  settings.number("last", rate.last, 0, largestSetting);
  settings.number("gamma", rate.gamma, 0, largestSetting);
  settings.integer("warmup", rate.warmup, 0);
  settings.integer("total", rate.total, 1);
  settings.integer("every", rate.every, 1);
  settings.end();
  bool needsTotal =
      rate.kind == LearningRate::Cosine || rate.kind == LearningRate::Linear;
  // Without it the schedule ends with the training.
  if (needsTotal && rate.total && rate.total <= rate.warmup)
    reject(expr.at, quote(name) + " needs total, the number of steps, above "
                                  "warmup");
  return rate;
}

} // namespace

Optimizer optimizerOf(Evaluator &evaluator, Frame &frame, const Expr &expr) {
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
  settings.number("weight_decay", made.weightDecay, 0, largestSetting);
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

} // namespace nacre::graph_frontend
