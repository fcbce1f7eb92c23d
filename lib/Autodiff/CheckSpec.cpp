//===- CheckSpec.cpp - whether the settings of training make sense --------===//
#include "CheckSpec.h"
#include "nacre/Failure/Failure.h"
#include <cmath>

using namespace mlir;
namespace nacre::autodiff {
namespace {

std::string text(double v) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.6g", v);
  return digits;
}
std::string text(int64_t v) { return std::to_string(v); }

struct Checks {
  std::vector<std::string> lines;

  template <typename T>
  void need(bool holds, StringRef what, T value, StringRef must) {
    if (!holds)
      lines.push_back(
          (what + " is " + text(value) + ", must be " + must).str());
  }
  void notNegative(StringRef what, double value) {
    need(value >= 0 && std::isfinite(value), what, value, ">= 0 and finite");
  }
  void positive(StringRef what, double value) {
    need(value > 0 && std::isfinite(value), what, value, "> 0 and finite");
  }
  /// Decay of a running mean.
  void decay(StringRef what, double value) {
    need(value >= 0 && value < 1, what, value, ">= 0 and < 1");
  }
};

} // namespace

static void checkRate(Checks &checks, const LearningRate &rate) {
  checks.notNegative("learning rate", rate.base);
  checks.need(rate.warmup >= 0, "warmup", rate.warmup, ">= 0 steps");
  switch (rate.kind) {
  case LearningRate::Constant:
    break;
  case LearningRate::Step:
    checks.positive("gamma", rate.gamma);
    checks.need(rate.every >= 1, "every", rate.every, ">= 1 step");
    break;
  case LearningRate::Cosine:
  case LearningRate::Linear:
    checks.notNegative("last learning rate", rate.last);
    checks.need(
        rate.total > std::max<int64_t>(rate.warmup, 0), "total", rate.total,
        rate.warmup > 0 ? "above the warmup of " + text(rate.warmup) + " steps"
                        : ">= 1 step");
    break;
  }
}

llvm::Error checkSpec(const TrainingSpec &spec) {
  Checks checks;
  const Optimizer &optimizer = spec.optimizer;
  checkRate(checks, optimizer.rate);
  bool hasMomentum =
      optimizer.kind == Optimizer::Sgd || optimizer.kind == Optimizer::Muon;
  if (hasMomentum) {
    checks.decay("momentum", optimizer.momentum);
    if (optimizer.nesterov && optimizer.momentum == 0)
      checks.lines.push_back("nesterov needs a momentum above 0");
  }
  if (optimizer.kind != Optimizer::Sgd) {
    checks.decay("beta1", optimizer.beta1);
    checks.decay("beta2", optimizer.beta2);
    if (optimizer.kind != Optimizer::Lion)
      checks.notNegative("epsilon", optimizer.epsilon);
  }
  checks.notNegative("weight decay", optimizer.weightDecay);
  checks.notNegative("clip norm", spec.clipNorm);
  checks.notNegative("clip value", spec.clipValue);
  checks.positive("loss scale", spec.lossScale);
  checks.need(spec.accumulate >= 1, "accumulate", spec.accumulate,
              ">= 1 micro-batch");
  if (checks.lines.empty())
    return llvm::Error::success();
  return fail(ExitModel, std::move(checks.lines));
}

} // namespace nacre::autodiff
