// Schedules at chosen steps against their formulas.
#include "LearningRate.h"
#include "TrainingRuns.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace nacre;
using namespace nacre::test;
using autodiff::LearningRate;

/// The rate, an f64, of each step.
static std::vector<double> ratesOf(const LearningRate &rate, Way way,
                                   const std::vector<int64_t> &steps) {
  Runner runner(
      written([&](autodiff::MainFunction &main) {
        mlir::Value step = main.addInput("step", typeOf(DType::I64, {}));
        main.setResults(
            {{"rate", autodiff::learningRate(main.build("rate"), rate, step),
              std::nullopt}});
      }),
      way);
  std::vector<double> rates;
  for (int64_t step : steps) {
    Tensor at = Tensor::zeros(DType::I64, {});
    at.setInteger(0, step);
    rates.push_back(runner.run({{"step", at}})["rate"].numberAt(0));
  }
  return rates;
}

static void compare(const LearningRate &rate,
                    const std::vector<std::pair<int64_t, double>> &expected) {
  std::vector<int64_t> steps;
  for (auto &[step, want] : expected)
    steps.push_back(step);
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    std::vector<double> rates = ratesOf(rate, way, steps);
    for (size_t i = 0; i < steps.size(); ++i) {
      INFO(nameOf(way) << ", step " << steps[i]);
      CHECK(std::fabs(rates[i] - expected[i].second) <=
            1e-12 * std::fabs(expected[i].second));
    }
  }
}

TEST_CASE("a constant rate, with and without warmup") {
  LearningRate rate;
  rate.base = 0.1;
  compare(rate, {{0, 0.1}, {1, 0.1}, {1000000007, 0.1}});
  rate.warmup = 4;
  compare(rate, {{0, 0.025}, {1, 0.05}, {2, 0.075}, {3, 0.1}, {4, 0.1}});
}

TEST_CASE("a rate of steps is multiplied by gamma every so many") {
  LearningRate rate;
  rate.kind = LearningRate::Step;
  rate.base = 3;
  rate.gamma = 0.1;
  rate.every = 30;
  rate.warmup = 5;
  compare(rate, {{0, 0.6},
                 {4, 3},
                 {5, 3},
                 {34, 3},
                 {35, 3 * 0.1},
                 {64, 3 * 0.1},
                 {65, 3 * 0.1 * 0.1},
                 {305, 3e-10}});
}

TEST_CASE("a cosine from base to last, and last from then on") {
  LearningRate rate;
  rate.kind = LearningRate::Cosine;
  rate.base = 1e-3;
  rate.last = 1e-5;
  rate.total = 1000;
  double mean = (1e-3 + 1e-5) / 2, half = (1e-3 - 1e-5) / 2;
  compare(rate, {{0, 1e-3},
                 {250, mean + half * std::sqrt(0.5)},
                 {500, mean},
                 {750, mean - half * std::sqrt(0.5)},
                 {999, mean + half * std::cos(M_PI * 0.999)},
                 {1000, 1e-5},
                 {123456, 1e-5}});
  rate.warmup = 200;
  compare(rate, {{0, 5e-6},
                 {199, 1e-3},
                 {200, 1e-3},
                 {400, mean + half * std::sqrt(0.5)},
                 {600, mean},
                 {1000, 1e-5}});
}

TEST_CASE("a line from base to last, and last from then on") {
  LearningRate rate;
  rate.kind = LearningRate::Linear;
  rate.base = 0.5;
  rate.last = 0.1;
  rate.warmup = 10;
  rate.total = 50;
  compare(rate, {{0, 0.05},
                 {9, 0.5},
                 {10, 0.5},
                 {20, 0.4},
                 {30, 0.3},
                 {49, 0.11},
                 {50, 0.1},
                 {51, 0.1}});
}
