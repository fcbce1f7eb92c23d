// Each optimizer, and clipping, over 100 steps against PyTorch's figures.
#include "Optimizers.h"
#include "TrainingRuns.h"
#include "training_pytorch.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace nacre;
using namespace nacre::test;
using autodiff::LearningRate;
using autodiff::Optimizer;
using autodiff::TrainingSpec;

static TrainingSpec specOf(const std::string &name) {
  TrainingSpec spec;
  Optimizer &o = spec.optimizer;
  auto kind = [&](Optimizer::Kind kind, double rate, double decay) {
    o.kind = kind;
    o.rate.base = rate;
    o.weightDecay = decay;
  };
  if (name == "sgd_momentum" || name == "sgd_nesterov") {
    kind(Optimizer::Sgd, 0.05, name == "sgd_momentum" ? 0.01 : 0);
    o.momentum = 0.9;
    o.nesterov = name == "sgd_nesterov";
  } else if (name == "adam") {
    kind(Optimizer::Adam, 0.01, 0.02);
  } else if (name == "adamw") {
    kind(Optimizer::AdamW, 0.01, 0.05);
    o.beta1 = 0.8;
    o.beta2 = 0.95;
    o.epsilon = 1e-6;
  } else if (name == "lamb") {
    kind(Optimizer::Lamb, 0.02, 0.01);
    o.epsilon = 1e-6;
  } else if (name == "lion") {
    kind(Optimizer::Lion, 0.001, 0.1);
    o.beta2 = 0.99;
  } else if (name == "muon") {
    kind(Optimizer::Muon, 0.005, 0.1);
    o.momentum = 0.95;
    o.nesterov = true;
  } else {
    kind(Optimizer::Sgd, 0.1, 0);
    spec.clipValue = name == "clip_value" || name == "clip_both" ? 0.05 : 0;
    spec.clipNorm = name == "clip_norm" ? 0.1 : name == "clip_both" ? 0.02 : 0;
  }
  return spec;
}

/// Trains with the figures' settings; the largest distance from them, relative
/// to the largest number of its kind.
static double distanceFrom(const PytorchFigures &figures, DType dtype,
                           Way way) {
  autodiff::TrainingModel model = regression(dtype);
  model.spec = specOf(figures.name);
  Trainee trainee(std::move(model), way);
  double worst = 0;
  auto compare = [&](double got, double want, double size) {
    double distance = std::fabs(got - want) / size;
    worst = std::isnan(distance) ? HUGE_VAL : std::max(worst, distance);
  };
  for (int step = 0; step < 100; ++step) {
    auto results = trainee.step({regressionData(dtype)});
    int at = step == 0 ? 0 : step == 9 ? 1 : step == 99 ? 2 : -1;
    if (at >= 0)
      compare(results["loss"].numberAt(0), figures.losses[at],
              figures.losses[at]);
    // The norm is one of f32 whatever the parameters are.
    if (step == 0)
      CHECK(std::fabs(results["gradient_norm"].numberAt(0) / figures.norm - 1) <
            1e-6);
    CHECK(results["learning_rate"].numberAt(0) ==
          float(specOf(figures.name).optimizer.rate.base));
  }
  CHECK(trainee.states["nacre.step"].integerAt(0) == 100);
  double largest = 0;
  for (double p : figures.parameters)
    largest = std::max(largest, std::fabs(p));
  const double *want = figures.parameters;
  for (const char *name : {"w", "v", "b"})
    for (int64_t i = 0; i < trainee.states[name].count(); ++i)
      compare(trainee.states[name].numberAt(i), *want++, largest);
  return worst;
}

TEST_CASE("optimizers compute what PyTorch computes") {
  for (const PytorchFigures &figures : pytorchFigures)
    for (Way way : {Way::Interpreted, Way::Compiled}) {
      INFO(figures.name << ", " << nameOf(way));
      // Clipping goes through the norm, which is f32.
      bool isClipped = std::string(figures.name).find("clip") == 0;
      CHECK(distanceFrom(figures, DType::F64, way) < (isClipped ? 1e-6 : 1e-9));
      // PyTorch's own f32 is up to 3e-6 from these figures.
      CHECK(distanceFrom(figures, DType::F32, way) < 5e-6);
    }
}

TEST_CASE("Muon takes the axes of a convolution behind the first as one") {
  Tensor given = Tensor::zeros(DType::F32, {3, 2, 2, 1});
  for (int64_t i = 0; i < given.count(); ++i)
    given.setNumber(i, double(i * 5 % 12 - 6) / 4);
  auto through = [&](llvm::ArrayRef<int64_t> shape) {
    Tensor x = Tensor::view(DType::F32, shape, given.bytes, given.keepAlive);
    Runner runner(
        written([&](autodiff::MainFunction &main) {
          mlir::Value x = main.addInput("x", typeOf(DType::F32, shape));
          main.setResults({{"y", autodiff::orthogonalized(main.build("y"), x),
                            std::nullopt}});
        }),
        Way::Compiled);
    return runner.run({{"x", x}})["y"];
  };
  Tensor kernel = through({3, 2, 2, 1}), matrix = through({3, 4});
  CHECK(kernel.shape == std::vector<int64_t>{3, 2, 2, 1});
  // Rows of length 1 at right angles, as far as five iterations bring them.
  for (int64_t a = 0; a < 3; ++a)
    for (int64_t b = 0; b < 3; ++b) {
      double product = 0;
      for (int64_t i = 0; i < 4; ++i) {
        CHECK(kernel.numberAt(4 * a + i) == matrix.numberAt(4 * a + i));
        product += kernel.numberAt(4 * a + i) * kernel.numberAt(4 * b + i);
      }
      INFO(a << " " << b << ": " << product);
      CHECK(std::fabs(product - (a == b ? 1 : 0)) < 0.5);
    }
}
