// What the programs of a training step take and give, and what they do to the
// states.
#include "TrainingRuns.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace nacre;
using namespace nacre::test;
using autodiff::MainFunction;
using autodiff::Optimizer;
using autodiff::StateKind;
using autodiff::TrainingModel;
using mlir::Value;
using Named = std::map<std::string, Tensor>;
using Names = std::vector<std::string>;

static autodiff::TrainingPrograms built(TrainingModel model) {
  auto programs = autodiff::buildTraining(std::move(model));
  if (!programs)
    FAIL(llvm::toString(programs.takeError()));
  return std::move(*programs);
}

static bool sameBytes(const Tensor &a, const Tensor &b) {
  return a.dtype == b.dtype && a.shape == b.shape &&
         std::memcmp(a.bytes, b.bytes, a.byteCount()) == 0;
}

/// The largest distance of the elements, relative to the largest element.
static double distance(const Tensor &a, const Tensor &b) {
  REQUIRE(a.shape == b.shape);
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    worst = std::max(worst, std::fabs(a.numberAt(i) - b.numberAt(i)));
    largest = std::max(largest, std::fabs(b.numberAt(i)));
  }
  return largest > 0 ? worst / largest : worst;
}

static Tensor integers(llvm::ArrayRef<int64_t> values) {
  return Tensor::of<int64_t>(DType::I64, {int64_t(values.size())}, values);
}
static Tensor floats(llvm::ArrayRef<int64_t> shape,
                     llvm::ArrayRef<float> values) {
  return Tensor::of<float>(DType::F32, shape, values);
}

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

TEST_CASE("a step takes data and states and gives loss, metrics and states") {
  TrainingModel model = everything();
  autodiff::TrainingPrograms programs = built(std::move(model));
  REQUIRE(programs.step);
  CHECK(!programs.gradient);
  CHECK(!programs.apply);
  Runner step(*programs.step, Way::Interpreted);
  CHECK(step.arguments == Names{"i", "table", "frozen", "running", "seen",
                                "nacre.seed", "nacre.step", "table/adam.m",
                                "table/adam.v"});
  CHECK(step.results == Names{"loss", "picked", "gradient_norm",
                              "learning_rate", "table", "running", "seen",
                              "nacre.step", "table/adam.m", "table/adam.v"});
  CHECK(Runner(programs.init, Way::Interpreted).results ==
        Names{"table", "frozen", "running", "seen", "nacre.seed", "nacre.step",
              "table/adam.m", "table/adam.v"});
  std::vector<autodiff::State> states = autodiff::statesOf(*programs.step);
  REQUIRE(states.size() == 8);
  CHECK(states[1].kind == StateKind::Frozen);
  CHECK(states[1].result == -1);
  CHECK(states[7].kind == StateKind::Optimizer);
  CHECK(states[7].argument == 8);
  CHECK(states[7].result == 9);
}

TEST_CASE("a step of several micro-batches is gradient and apply") {
  TrainingModel model = everything();
  model.spec.accumulate = 2;
  autodiff::TrainingPrograms programs = built(std::move(model));
  CHECK(!programs.step);
  REQUIRE(programs.gradient);
  REQUIRE(programs.apply);
  Names sums{"table/gradient", "running/sum",         "seen/sum",
             "nacre.loss",     "nacre.micro_batches", "nacre.failed"};
  auto joined = [](Names a, const Names &b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  Runner gradient(*programs.gradient, Way::Interpreted);
  CHECK(gradient.arguments == Names{"i", "table", "frozen", "running", "seen",
                                    "nacre.seed", "nacre.step",
                                    "nacre.micro_batch"});
  CHECK(gradient.results == joined({"loss", "picked"}, sums));
  Runner apply(*programs.apply, Way::Interpreted);
  CHECK(apply.arguments == joined({"table", "running", "seen", "nacre.step",
                                   "table/adam.m", "table/adam.v"},
                                  sums));
  CHECK(apply.results == Names{"loss", "gradient_norm", "learning_rate",
                               "table", "running", "seen", "nacre.step",
                               "table/adam.m", "table/adam.v"});
  CHECK(
      Runner(programs.init, Way::Interpreted).results ==
      joined({"table", "frozen", "running", "seen", "nacre.seed", "nacre.step",
              "nacre.micro_batch", "table/adam.m", "table/adam.v"},
             sums));
}

TEST_CASE("init gives the frontend's values, its seed and zeros") {
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    TrainingModel model = everything();
    model.spec.seed = 77;
    Trainee trainee(std::move(model), way);
    CHECK(trainee.states["nacre.seed"].integerAt(0) == 77);
    CHECK(trainee.states["nacre.step"].integerAt(0) == 0);
    CHECK(trainee.states["frozen"].numberAt(3) == 2);
    CHECK(trainee.states["table"].numberAt(0) != 0);
    for (const char *slot : {"table/adam.m", "table/adam.v"}) {
      CHECK(sameBytes(trainee.states[slot], Tensor::zeros(DType::F32, {5, 4})));
    }
  }
}

TEST_CASE("counters that a frontend left out are added") {
  TrainingModel model = regression(DType::F32);
  model.spec.optimizer.kind = Optimizer::Sgd;
  Runner step(*built(std::move(model)).step, Way::Interpreted);
  CHECK(step.arguments ==
        Names{"x", "y", "w", "v", "b", "nacre.step", "nacre.seed"});
  CHECK(step.results == Names{"loss", "gradient_norm", "learning_rate", "w",
                              "v", "b", "nacre.step"});
}

TEST_CASE("Muon is for matrices: tables and vectors get AdamW") {
  auto with = [](TrainingModel model) {
    model.spec.optimizer.kind = Optimizer::Muon;
    model.spec.optimizer.momentum = 0.95;
    std::string slots;
    for (const autodiff::State &state :
         autodiff::statesOf(*built(std::move(model)).step))
      if (state.kind == StateKind::Optimizer)
        slots += state.name + " ";
    return slots;
  };
  CHECK(with(regression(DType::F32)) ==
        "w/muon.momentum v/muon.momentum b/adam.m b/adam.v ");
  CHECK(with(everything()) == "table/adam.m table/adam.v ");
}

//===----------------------------------------------------------------------===//
// Micro-batches
//===----------------------------------------------------------------------===//

TEST_CASE("four micro-batches are one batch") {
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    TrainingModel one = regression(DType::F32, 8);
    TrainingModel four = regression(DType::F32, 2);
    four.spec.accumulate = 4;
    one.spec.clipNorm = four.spec.clipNorm = 0.1;
    Trainee whole(std::move(one), way), parts(std::move(four), way);
    for (int step = 0; step < 20; ++step) {
      Named a = whole.step({regressionData(DType::F32, 0, 8)});
      Named b = parts.step(
          {regressionData(DType::F32, 0, 2), regressionData(DType::F32, 2, 2),
           regressionData(DType::F32, 4, 2), regressionData(DType::F32, 6, 2)});
      for (const char *name : {"loss", "gradient_norm", "learning_rate"})
        CHECK(distance(b[name], a[name]) < 1e-6);
    }
    INFO(nameOf(way));
    for (const char *name : {"w", "v", "b", "w/adam.m", "v/adam.v"})
      CHECK(distance(parts.states[name], whole.states[name]) < 1e-6);
    CHECK(parts.states["nacre.step"].integerAt(0) == 20);
  }
}

TEST_CASE("one micro-batch apart is a whole step") {
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    TrainingModel apart = everything();
    apart.spec.separateApply = true;
    Trainee whole(everything(), way), parts(std::move(apart), way);
    for (int step = 0; step < 3; ++step) {
      Named data{{"i", integers({4, 1, -5})}};
      Named a = whole.step({data}), b = parts.step({data});
      CHECK(sameBytes(a["loss"], b["loss"]));
    }
    for (auto &[name, state] : whole.states) {
      INFO(nameOf(way) << ", " << name);
      CHECK(sameBytes(state, parts.states[name]));
    }
  }
}

TEST_CASE("a buffer moves once a step, by the mean of its micro-batches") {
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    TrainingModel model = everything();
    model.spec.accumulate = 2;
    model.spec.optimizer.rate.base = 0;
    Trainee trainee(std::move(model), way);
    Tensor table = trainee.states["table"];
    trainee.step({{{"i", integers({0, 0, 0})}}, {{"i", integers({1, 1, 1})}}});
    for (int64_t c = 0; c < 4; ++c) {
      double mean = (table.numberAt(c) + table.numberAt(4 + c)) / 2;
      CHECK(std::fabs(trainee.states["running"].numberAt(c) - (1 + mean) / 2) <
            1e-6);
    }
    CHECK(trainee.states["seen"].integerAt(0) == 1);
    trainee.step({{{"i", integers({0, 0, 0})}}, {{"i", integers({1, 1, 1})}}});
    CHECK(trainee.states["seen"].integerAt(0) == 2);
  }
}

TEST_CASE("micro-batches have random numbers of their own") {
  TrainingModel apart = everything(), whole = everything();
  apart.spec.separateApply = true;
  Trainee trainee(std::move(apart), Way::Compiled);
  Runner step(*built(std::move(whole)).step, Way::Compiled);
  Named given = trainee.states;
  given["i"] = integers({0, 1, 2});
  auto lossOf = [&](int64_t microBatch) {
    given["nacre.micro_batch"] = Tensor::zeros(DType::I64, {});
    given["nacre.micro_batch"].setInteger(0, microBatch);
    return trainee.gradient->run(given)["loss"].numberAt(0);
  };
  CHECK(lossOf(0) == step.run(given)["loss"].numberAt(0));
  CHECK(lossOf(1) != lossOf(0));
  CHECK(lossOf(2) != lossOf(0));
  CHECK(lossOf(2) != lossOf(1));
}

//===----------------------------------------------------------------------===//
// Precision
//===----------------------------------------------------------------------===//

TEST_CASE("a loss scale that is a power of two changes nothing") {
  TrainingModel scaled = regression(DType::F32);
  scaled.spec.lossScale = 1024;
  Trainee a(regression(DType::F32), Way::Compiled),
      b(std::move(scaled), Way::Compiled);
  for (int step = 0; step < 5; ++step) {
    Named x = a.step({regressionData(DType::F32)});
    Named y = b.step({regressionData(DType::F32)});
    CHECK(sameBytes(x["loss"], y["loss"]));
    CHECK(sameBytes(x["gradient_norm"], y["gradient_norm"]));
  }
  for (const char *name : {"w", "v", "b"})
    CHECK(sameBytes(a.states[name], b.states[name]));
}

TEST_CASE("bf16 rounds the operands of products, forward and backward") {
  // loss = sum(x w c), so dw = x' c'. 1 + 2^-9 is 1 in bf16, 1 + 2^-7 stays.
  auto model = [](bool bf16) {
    TrainingModel model;
    model.name = "product";
    auto forward = [](MainFunction &main) {
      Value x = main.addInput("x", typeOf(DType::F32, {2, 2}));
      Value c = main.addInput("c", typeOf(DType::F32, {2, 2}));
      Value w = main.addState(
          {"w", StateKind::Parameter, typeOf(DType::F32, {2, 2})});
      lazy::Build build = main.build("forward");
      Value z = build.reduce(
          lazy::ReduceKind::add,
          build.binary<lazy::MulOp>(build.reshape(x, {2, 2, 1}), w), {1});
      main.setResults({{"loss",
                        build.reduce(lazy::ReduceKind::add,
                                     build.binary<lazy::MulOp>(z, c), {0, 1}),
                        std::nullopt}});
    };
    model.train = written(forward);
    model.eval = written(forward);
    model.init = written([](MainFunction &main) {
      main.setResults({{"w",
                        main.build("w").splat(mlir::Float32Type::get(context()),
                                              1 + 0x1p-9, {2, 2}),
                        StateKind::Parameter}});
    });
    model.spec.optimizer.kind = Optimizer::Sgd;
    model.spec.optimizer.rate.base = 1;
    model.spec.bf16 = bf16;
    return model;
  };
  float fine = 1 + 0x1p-9f, coarse = 1 + 0x1p-7f;
  Named data{{"x", floats({2, 2}, {fine, coarse, 0, 0})},
             {"c", floats({2, 2}, {1, fine, 0, 0})}};
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    INFO(nameOf(way));
    Trainee full(model(false), way), mixed(model(true), way);
    double exact = full.step({data})["loss"].numberAt(0);
    CHECK(std::fabs(exact - (fine + coarse) * fine * (1 + fine)) < 1e-6);
    // z = (x w) has operands in bf16 and is not rounded itself; the product
    // with c is elementwise.
    CHECK(mixed.step({data})["loss"].numberAt(0) == (1 + coarse) * (1 + fine));
    auto after = [&](Trainee &trainee, int64_t i) {
      return trainee.states["w"].numberAt(i);
    };
    CHECK(after(full, 0) == float(fine - fine));
    CHECK(after(full, 3) == float(fine - coarse * fine));
    // The parameter keeps the digits that bf16 has not.
    CHECK(after(mixed, 0) == fine - 1);
    CHECK(after(mixed, 3) == fine - coarse);
  }
}

//===----------------------------------------------------------------------===//
// Steps that fail
//===----------------------------------------------------------------------===//

/// Runs a program that must fail with `error` in its text, and checks that
/// compiled code leaves every state as it was.
static void checkFails(const Runner &runner, Way way, const Named &given,
                       const std::string &interpreted,
                       const std::string &compiled) {
  std::string error;
  Named results = runner.run(given, error);
  CHECK(error == (way == Way::Interpreted ? interpreted : compiled));
  for (auto &[name, value] : results)
    if (given.count(name)) {
      INFO(name);
      CHECK(sameBytes(value, given.at(name)));
    }
  if (way == Way::Compiled)
    CHECK(results.count("nacre.step"));
}

static std::string refused(const std::string &why) {
  return "the model refused the data: " + why;
}

static const char *const notFinite =
    "lazy.require: loss or gradient is not finite";

TEST_CASE("a loss or a gradient that is not finite changes nothing") {
  for (auto kind : {Optimizer::Sgd, Optimizer::Adam, Optimizer::AdamW,
                    Optimizer::Lamb, Optimizer::Lion, Optimizer::Muon})
    for (Way way : {Way::Interpreted, Way::Compiled}) {
      TrainingModel model = regression(DType::F32);
      model.spec.optimizer.kind = kind;
      model.spec.optimizer.momentum = 0.9;
      model.spec.clipNorm = 1;
      model.spec.clipValue = 1;
      Trainee trainee(std::move(model), way);
      trainee.step({regressionData(DType::F32)});
      for (float bad : {NAN, INFINITY, 1e30f}) {
        INFO(nameOf(way) << ", " << kind << ", " << bad);
        Named given = trainee.states;
        given.merge(regressionData(DType::F32));
        given["x"].data<float>()[4] = bad;
        checkFails(*trainee.whole, way, given, notFinite,
                   refused("arithmetic error"));
      }
    }
}

TEST_CASE("an index out of range changes nothing") {
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    Trainee trainee(everything(), way);
    trainee.step({{{"i", integers({0, 1, 2})}}});
    for (int64_t bad : {int64_t(5), int64_t(-6), INT64_MIN, INT64_MAX}) {
      INFO(nameOf(way) << ", " << bad);
      Named given = trainee.states;
      given["i"] = integers({0, bad, 2});
      checkFails(*trainee.whole, way, given,
                 "lazy.gather: index " + std::to_string(bad) +
                     " is out of range on axis 0 of extent 5",
                 refused("index out of range"));
    }
  }
}

TEST_CASE("a micro-batch that failed fails the step, whoever applies it") {
  TrainingModel model = everything();
  model.spec.accumulate = 2;
  Trainee trainee(std::move(model), Way::Compiled);
  trainee.step({{{"i", integers({0, 1, 2})}}, {{"i", integers({2, 3, 4})}}});
  // What a second rank has in its sums after an index that is out of range.
  Named given = trainee.states;
  given["i"] = integers({0, 9, 2});
  std::string error;
  Named sums = trainee.gradient->run(given, error);
  CHECK(error == refused("index out of range"));
  CHECK(sums["nacre.failed"].numberAt(0) == 1);
  given["nacre.failed"] = sums["nacre.failed"];
  checkFails(*trainee.apply, Way::Compiled, given, "",
             refused("arithmetic error"));
}
