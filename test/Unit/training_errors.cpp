// Settings that make no sense, and models that cannot be trained.
#include "TrainingRuns.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace nacre;
using namespace nacre::test;
using autodiff::LearningRate;
using autodiff::Optimizer;
using autodiff::StateKind;
using autodiff::TrainingModel;
using autodiff::TrainingSpec;

static std::string errorOf(TrainingModel model) {
  auto built = autodiff::buildTraining(std::move(model));
  return built ? "" : llvm::toString(built.takeError());
}

static std::string errorOf(std::function<void(TrainingSpec &)> change) {
  TrainingModel model = regression(DType::F32);
  change(model.spec);
  return errorOf(std::move(model));
}

static std::string errorOfRate(std::function<void(LearningRate &)> change) {
  return errorOf([&](TrainingSpec &spec) { change(spec.optimizer.rate); });
}

TEST_CASE("settings of the schedule") {
  CHECK(errorOfRate([](LearningRate &r) { r.base = -1; }) ==
        "learning rate is -1, must be >= 0 and finite");
  CHECK(errorOfRate([](LearningRate &r) { r.base = NAN; }) ==
        "learning rate is nan, must be >= 0 and finite");
  CHECK(errorOfRate([](LearningRate &r) { r.warmup = -3; }) ==
        "warmup is -3, must be >= 0 steps");
  CHECK(errorOfRate([](LearningRate &r) {
          r.kind = LearningRate::Cosine;
          r.warmup = 10;
          r.total = 10;
        }) == "total is 10, must be above the warmup of 10 steps");
  CHECK(errorOfRate([](LearningRate &r) { r.kind = LearningRate::Linear; }) ==
        "total is 0, must be >= 1 step");
  CHECK(errorOfRate([](LearningRate &r) {
          r.kind = LearningRate::Linear;
          r.total = 10;
          r.last = -INFINITY;
        }) == "last learning rate is -inf, must be >= 0 and finite");
  CHECK(errorOfRate([](LearningRate &r) {
          r.kind = LearningRate::Step;
          r.gamma = 0;
          r.every = 0;
        }) == "gamma is 0, must be > 0 and finite\n"
              "every is 0, must be >= 1 step");
  // What a kind has no use for is not looked at.
  CHECK(errorOfRate([](LearningRate &r) { r.gamma = r.last = -1; }) == "");
}

TEST_CASE("settings of optimizers") {
  auto with = [](Optimizer::Kind kind, auto change) {
    return errorOf([&](TrainingSpec &spec) {
      spec.optimizer.kind = kind;
      change(spec.optimizer);
    });
  };
  CHECK(with(Optimizer::Sgd, [](Optimizer &o) { o.momentum = 1; }) ==
        "momentum is 1, must be >= 0 and < 1");
  CHECK(with(Optimizer::Sgd, [](Optimizer &o) { o.nesterov = true; }) ==
        "nesterov needs a momentum above 0");
  CHECK(with(Optimizer::Adam, [](Optimizer &o) { o.beta1 = 1.5; }) ==
        "beta1 is 1.5, must be >= 0 and < 1");
  CHECK(with(Optimizer::Lamb, [](Optimizer &o) { o.beta2 = -0.1; }) ==
        "beta2 is -0.1, must be >= 0 and < 1");
  CHECK(with(Optimizer::AdamW, [](Optimizer &o) { o.epsilon = -1e-8; }) ==
        "epsilon is -1e-08, must be >= 0 and finite");
  CHECK(with(Optimizer::Lion, [](Optimizer &o) { o.weightDecay = -2; }) ==
        "weight decay is -2, must be >= 0 and finite");
  CHECK(with(Optimizer::Sgd, [](Optimizer &o) { o.beta1 = 7; }) == "");
  CHECK(with(Optimizer::Lion, [](Optimizer &o) { o.epsilon = -1; }) == "");
}

TEST_CASE("settings of a step") {
  CHECK(errorOf([](TrainingSpec &s) { s.clipNorm = -1; }) ==
        "clip norm is -1, must be >= 0 and finite");
  CHECK(errorOf([](TrainingSpec &s) { s.clipValue = INFINITY; }) ==
        "clip value is inf, must be >= 0 and finite");
  CHECK(errorOf([](TrainingSpec &s) { s.lossScale = 0; }) ==
        "loss scale is 0, must be > 0 and finite");
  CHECK(errorOf([](TrainingSpec &s) { s.accumulate = 0; }) ==
        "accumulate is 0, must be >= 1 micro-batch");
}

TEST_CASE("models that cannot be trained") {
  auto changed = [](auto change) {
    TrainingModel model = regression(DType::F32);
    autodiff::MainFunction main(*model.train.module);
    change(main);
    return errorOf(std::move(model));
  };
  CHECK(changed([](autodiff::MainFunction &main) {
          for (unsigned i = 2; i < 5; ++i)
            main.function.setArgAttr(
                i, "lazy.state_kind",
                mlir::StringAttr::get(context(), "frozen"));
        }) == "the model has no parameter that learns");
  CHECK(changed([](autodiff::MainFunction &main) {
          auto results = main.results();
          results.push_back({"gradient_norm", results[0].value, std::nullopt});
          main.setResults(results);
        }) == "a metric cannot be named 'gradient_norm'");
  CHECK(changed([](autodiff::MainFunction &main) {
          auto results = main.results();
          results[0].value = lazy::BitcastOp::create(
              main.build("x").b, main.build("encoder/turned").loc,
              results[0].value.getType(), results[0].value);
          main.setResults(results);
        }) == "node 'encoder/turned': 'lazy.bitcast' op has no gradient");
}
