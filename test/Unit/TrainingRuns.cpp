//===- TrainingRuns.cpp - small models that are trained in tests ----------===//
#include "TrainingRuns.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Driver/Pipeline.h"
#include "nacre/Reference/Interpreter.h"
#include <catch2/catch.hpp>

using namespace mlir;
namespace nacre::test {
using autodiff::MainFunction;
using autodiff::StateKind;

MLIRContext *context() {
  static MLIRContext *made = makeContext().release();
  return made;
}
RankedTensorType typeOf(DType dtype, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, elementType(context(), dtype));
}

Program written(llvm::function_ref<void(MainFunction &)> write) {
  Program program;
  program.name = "test";
  program.module = MainFunction::create(context());
  MainFunction main(*program.module);
  write(main);
  REQUIRE(succeeded(verify(*program.module)));
  return program;
}

std::string nameOf(Way way) {
  return way == Way::Interpreted ? "interpreted" : "compiled";
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

template <typename T> static T must(llvm::Expected<T> value) {
  if (!value)
    FAIL(llvm::toString(value.takeError()));
  return std::move(*value);
}

static Program copyOf(const Program &program) {
  Program copy;
  copy.name = program.name;
  copy.module =
      OwningOpRef<ModuleOp>(cast<ModuleOp>(program.module.get()->clone()));
  *copy.weights = *program.weights;
  return copy;
}

Runner::Runner(const Program &given, Way way, int64_t threads)
    : program(copyOf(given)) {
  MainFunction main(*program.module);
  REQUIRE(succeeded(verify(*program.module)));
  for (unsigned i = 0; i < main.function.getNumArguments(); ++i)
    arguments.push_back(
        main.function.getArgAttrOfType<StringAttr>(i, "lazy.name").str());
  for (const autodiff::NamedResult &result : main.results())
    results.push_back(result.name);
  if (way == Way::Interpreted)
    return;
  const Target *target = must(findTarget("cpu"));
  CodegenOptions options;
  options.embedWeights = false;
  MachineDescription machine = must(target->describe(options));
  REQUIRE(succeeded(
      runPhases(program, Phase::Import, Phase::Schedule, options, machine)));
  code = must(target->emit(program, options));
  model = must(target->load(code, options, threads));
}

std::map<std::string, Tensor>
Runner::run(const std::map<std::string, Tensor> &given,
            std::string &error) const {
  std::vector<Tensor> inputs;
  for (const std::string &name : arguments) {
    INFO(name);
    REQUIRE(given.count(name));
    inputs.push_back(given.at(name));
  }
  std::map<std::string, Tensor> named;
  error.clear();
  if (!model) {
    auto values = reference::run(program, inputs);
    if (!values)
      error = llvm::toString(values.takeError());
    else
      for (auto [name, value] : llvm::zip_equal(results, *values))
        named[name] = value;
    return named;
  }
  Call call = must(model->prepare(inputs));
  if (llvm::Error failed = model->run(call))
    error = llvm::toString(std::move(failed));
  for (auto [name, value] : llvm::zip_equal(results, call.outputs))
    named[name] = value;
  return named;
}

std::map<std::string, Tensor>
Runner::run(const std::map<std::string, Tensor> &given) const {
  std::string error;
  std::map<std::string, Tensor> named = run(given, error);
  REQUIRE(error == "");
  return named;
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

Trainee::Trainee(autodiff::TrainingModel model, Way way) {
  Tensor seed = Tensor::zeros(DType::I64, {});
  seed.setInteger(0, int64_t(model.spec.seed));
  autodiff::TrainingPrograms programs =
      must(autodiff::buildTraining(std::move(model)));
  states = Runner(programs.init, way).run({{"nacre.seed", seed}});
  if (programs.step)
    whole.emplace(*programs.step, way);
  if (programs.gradient)
    gradient.emplace(*programs.gradient, way);
  if (programs.apply)
    apply.emplace(*programs.apply, way);
}

static void add(Tensor &sum, const Tensor &part) {
  for (int64_t i = 0; i < sum.count(); ++i)
    sum.setNumber(i, sum.numberAt(i) + part.numberAt(i));
}

std::map<std::string, Tensor>
Trainee::step(const std::vector<std::map<std::string, Tensor>> &data) {
  std::map<std::string, Tensor> results;
  if (whole) {
    REQUIRE(data.size() == 1);
    std::map<std::string, Tensor> given = states;
    given.insert(data[0].begin(), data[0].end());
    results = whole->run(given);
  } else {
    for (size_t i = 0; i < data.size(); ++i) {
      std::map<std::string, Tensor> given = states;
      given.insert(data[i].begin(), data[i].end());
      given["nacre.micro_batch"] = Tensor::zeros(DType::I64, {});
      given["nacre.micro_batch"].setInteger(0, int64_t(i));
      std::map<std::string, Tensor> parts = gradient->run(given);
      for (auto &[name, part] : parts)
        if (states.count(name)) {
          if (i == 0)
            states[name] = part;
          else
            add(states[name], part);
        }
    }
    results = apply->run(states);
  }
  for (auto at = results.begin(); at != results.end();)
    if (states.count(at->first)) {
      states[at->first] = at->second;
      at = results.erase(at);
    } else {
      ++at;
    }
  return results;
}

//===----------------------------------------------------------------------===//
// The regression
//===----------------------------------------------------------------------===//

static Tensor numbers(DType dtype, ArrayRef<int64_t> shape, int64_t factor,
                      int64_t start) {
  Tensor t = Tensor::zeros(dtype, shape);
  for (int64_t i = 0; i < t.count(); ++i)
    t.setNumber(i, double((factor * i + start) % 13 - 6) / 16);
  return t;
}

std::map<std::string, Tensor> regressionData(DType dtype, int64_t from,
                                             int64_t count) {
  auto rows = [&](Tensor all) {
    int64_t width = all.shape[1];
    Tensor t = Tensor::zeros(dtype, {count, width});
    for (int64_t i = 0; i < t.count(); ++i)
      t.setNumber(i, all.numberAt(from * width + i));
    return t;
  };
  return {{"x", rows(numbers(dtype, {8, 3}, 7, 3))},
          {"y", rows(numbers(dtype, {8, 3}, 5, 1))}};
}

/// As a frontend writes it: a sum of products of views.
static Value matmul(lazy::Build build, Value x, Value y) {
  auto shape = lazy::tensorType(x).getShape();
  Value wide = build.reshape(x, {shape[0], shape[1], 1});
  return build.reduce(lazy::ReduceKind::add, build.binary<lazy::MulOp>(wide, y),
                      {1});
}

autodiff::TrainingModel regression(DType dtype, int64_t batch) {
  autodiff::TrainingModel model;
  model.name = "regression";
  struct Parameter {
    const char *name;
    Tensor value;
  };
  std::vector<Parameter> parameters{{"w", numbers(dtype, {3, 4}, 4, 2)},
                                    {"v", numbers(dtype, {4, 3}, 9, 5)},
                                    {"b", numbers(dtype, {3}, 3, 7)}};
  auto forward = [&](MainFunction &main) {
    Value x = main.addInput("x", typeOf(dtype, {batch, 3}));
    Value y = main.addInput("y", typeOf(dtype, {batch, 3}));
    for (const Parameter &p : parameters)
      main.addState(
          {p.name, StateKind::Parameter, typeOf(dtype, p.value.shape)});
    lazy::Build build = main.build("forward");
    Value z =
        matmul(build, matmul(build, x, main.argument("w")), main.argument("v"));
    z = build.binary<lazy::AddOp>(z, main.argument("b"));
    Value off = build.binary<lazy::SubOp>(z, y);
    Value sum = build.reduce(lazy::ReduceKind::add,
                             build.binary<lazy::MulOp>(off, off), {0, 1});
    Value loss = build.binary<lazy::MulOp>(
        sum, build.splatLike(sum, 1 / double(3 * batch)));
    main.setResults({{"loss", loss, std::nullopt}});
  };
  model.train = written(forward);
  model.eval = written(forward);
  model.init = written([&](MainFunction &main) {
    main.addInput("nacre.seed", typeOf(DType::I64, {}));
    lazy::Build build = main.build("init");
    std::vector<autodiff::NamedResult> results;
    for (const Parameter &p : parameters)
      results.push_back({p.name,
                         build.weight(p.name, typeOf(dtype, p.value.shape)),
                         StateKind::Parameter});
    main.setResults(results);
  });
  for (const Parameter &p : parameters)
    model.init.weights->add(p.name, p.value);
  return model;
}

//===----------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------===//

autodiff::TrainingModel everything() {
  autodiff::TrainingModel model;
  model.name = "everything";
  auto forward = [](bool isTraining) {
    return [isTraining](MainFunction &main) {
      Value i = main.addInput("i", typeOf(DType::I64, {3}));
      Value table = main.addState(
          {"table", StateKind::Parameter, typeOf(DType::F32, {5, 4})});
      Value frozen =
          main.addState({"frozen", StateKind::Frozen, typeOf(DType::F32, {4})});
      Value running = main.addState(
          {"running", StateKind::Buffer, typeOf(DType::F32, {4})});
      Value seen =
          main.addState({"seen", StateKind::Buffer, typeOf(DType::I64, {})});
      Value seed = main.addState(
          {"nacre.seed", StateKind::Counter, typeOf(DType::I64, {})});
      Value step = main.addState(
          {"nacre.step", StateKind::Counter, typeOf(DType::I64, {})});
      lazy::Build build = main.build("forward");
      Value rows = build.gather(table, i, 0);
      Value u = build.uniform(seed, step, 0, {3, 4});
      Value product =
          build.binary<lazy::MulOp>(build.binary<lazy::MulOp>(rows, frozen), u);
      auto sum = [&](Value v) {
        return build.reduce(lazy::ReduceKind::add, v, {0, 1});
      };
      Value loss = sum(product);
      loss = build.binary<lazy::MulOp>(loss, build.splatLike(loss, 1.0 / 12));
      std::vector<autodiff::NamedResult> results{
          {"loss", loss, std::nullopt}, {"picked", sum(rows), std::nullopt}};
      if (isTraining) {
        Value mean = build.reduce(lazy::ReduceKind::add, rows, {0});
        mean = build.binary<lazy::MulOp>(mean, build.splatLike(mean, 1.0 / 3));
        Value next = build.binary<lazy::AddOp>(running, mean);
        next = build.binary<lazy::MulOp>(next, build.splatLike(next, 0.5));
        results.push_back({"running", next, StateKind::Buffer});
        results.push_back(
            {"seen", build.binary<lazy::AddOp>(seen, build.splatLike(seen, 1)),
             StateKind::Buffer});
      }
      main.setResults(results);
    };
  };
  model.train = written(forward(true));
  model.eval = written(forward(false));
  model.init = written([](MainFunction &main) {
    Value seed = main.addInput("nacre.seed", typeOf(DType::I64, {}));
    lazy::Build build = main.build("init");
    Value zero = build.splat(build.b.getI64Type(), 0);
    main.setResults(
        {{"frozen", build.splat(build.b.getF32Type(), 2, {4}),
          StateKind::Frozen},
         {"table", build.normal(seed, zero, 9, {5, 4}), StateKind::Parameter},
         {"running", build.splat(build.b.getF32Type(), 1, {4}),
          StateKind::Buffer},
         {"seen", zero, StateKind::Buffer}});
  });
  return model;
}

} // namespace nacre::test
