//===- BuildTraining.cpp - from a model and a loss to training steps ------===//
//
// docs/training.md says what the programs compute; this file puts them
// together of a backward pass (Backward.h) and an update (Update.h).
//
//===----------------------------------------------------------------------===//
#include "CheckSpec.h"
#include "Optimizers.h"
#include "Update.h"
#include "nacre/Failure/Failure.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;
namespace {

constexpr StringLiteral stepName = "nacre.step", seedName = "nacre.seed",
                        microBatch = "nacre.micro_batch",
                        lossSum = "nacre.loss",
                        countSum = "nacre.micro_batches",
                        failureSum = "nacre.failed";
/// nacre_status of a run whose numbers are not finite (include nacre/model.h).
constexpr int32_t statusArith = 9;

RankedTensorType scalar(Type element) {
  return RankedTensorType::get({}, element);
}

/// The sum over micro-batches of a value of this type: integers, which
/// buffers may be, are exact in f64 to 2^53.
RankedTensorType sumType(RankedTensorType type) {
  Type element = type.getElementType();
  return RankedTensorType::get(type.getShape(),
                               lazy::isFloatElement(element)
                                   ? updateType(element)
                                   : Type(Float64Type::get(type.getContext())));
}

/// What the programs are made of.
struct Assembly {
  TrainingModel model;
  MLIRContext *context;
  bool isApart = false; ///< gradient and apply
  /// All states: those of train, then slots, then sums.
  std::vector<State> states;

  Type f32() { return Float32Type::get(context); }
  RankedTensorType counter() { return scalar(IntegerType::get(context, 64)); }
  Program named(Program program, const char *what) {
    program.name = model.name + "_" + what;
    return program;
  }
  void addStates(StateKind kind, MainFunction &main) {
    for (const State &state : states)
      if (state.kind == kind)
        main.addState(state);
  }

  void addCounters(MainFunction &main);
  void shuffleMicroBatches(MainFunction &main);
  Value require(MainFunction &main, Value loss, Value holds);
  void finishStep(MainFunction &main, const Backward &backward);
  void finishGradient(MainFunction &main, const Backward &backward);
  Program apply(const Backward &backward);
  llvm::Error finishInit();
};

void Assembly::addCounters(MainFunction &main) {
  SmallVector<StringRef> names{stepName, seedName};
  if (isApart)
    names.push_back(microBatch);
  for (StringRef name : names)
    if (!main.argument(name))
      main.addState({name.str(), StateKind::Counter, counter()});
}

/// The micro-batches of a step share nacre.step, and must not share dropout's
/// masks: each has a seed of its own. The first has the step's.
void Assembly::shuffleMicroBatches(MainFunction &main) {
  Value seed = main.argument(seedName);
  if (seed.use_empty())
    return;
  OpBuilder b = OpBuilder::atBlockBegin(&main.function.front());
  Build build{b, NameLoc::get(b.getStringAttr(seedName))};
  // 2^64 / golden ratio, odd: no small number of steps comes back to a seed
  // that another run may have.
  Value odd = SplatOp::create(
      b, build.loc, cast<RankedTensorType>(seed.getType()),
      b.getIntegerAttr(b.getI64Type(), int64_t(0x9e3779b97f4a7c15)));
  Value far = build.binary<MulOp>(main.argument(microBatch), odd);
  Value own = build.binary<AddOp>(seed, far);
  seed.replaceAllUsesExcept(own, own.getDefiningOp());
}

/// The loss, and a run that fails unless `holds`.
Value Assembly::require(MainFunction &main, Value loss, Value holds) {
  return main.build("loss").require(loss, holds, statusArith,
                                    "loss or gradient is not finite");
}

/// (data, states) -> (loss, metrics, gradient_norm, learning_rate, new states)
void Assembly::finishStep(MainFunction &main, const Backward &backward) {
  Build build = main.build("loss");
  Value finite = isFinite(build, backward.loss);
  Value holds = build.binary<AndOp>(finite, backward.valid);
  Update update = buildUpdate(main, model.spec, holds, backward.parameters,
                              backward.buffers);
  // Of data that are not valid the operation that wants them so tells.
  Value told =
      build.binary<OrOp>(update.ok, build.unary<NotOp>(backward.valid));
  std::vector<NamedResult> results{
      {"loss", require(main, backward.loss, told), std::nullopt}};
  llvm::append_range(results, backward.metrics);
  results.push_back({"gradient_norm", update.norm, std::nullopt});
  results.push_back({"learning_rate", update.rate, std::nullopt});
  for (const State &state : states)
    for (const NamedResult &result : update.states)
      if (result.name == state.name)
        results.push_back(result);
  main.setResults(results);
}

/// (data, states) -> (loss, metrics, sums)
void Assembly::finishGradient(MainFunction &main, const Backward &backward) {
  Build build = main.build("loss");
  Value finite = isFinite(build, backward.loss);
  Value told = build.binary<OrOp>(finite, build.unary<NotOp>(backward.valid));
  Value good = build.binary<AndOp>(finite, backward.valid);
  std::vector<NamedResult> results{
      {"loss", require(main, backward.loss, told), std::nullopt}};
  llvm::append_range(results, backward.metrics);

  Value one = build.splat(f32(), 1);
  auto valueOf = [&](const State &state) -> Value {
    StringRef of = StringRef(state.name);
    if (of == lossSum)
      return backward.loss;
    if (of == countSum)
      return one;
    if (of == failureSum)
      return build.where(good, build.splat(f32(), 0), one);
    of.consume_back("/gradient");
    for (const Learned &parameter : backward.parameters)
      if (parameter.state.name == of)
        return parameter.gradient;
    of.consume_back("/sum");
    for (const NamedResult &buffer : backward.buffers)
      if (buffer.name == of)
        return buffer.value;
    llvm_unreachable("a sum of nothing");
  };
  for (const State &state : states)
    if (state.kind == StateKind::Gradient)
      results.push_back(
          {state.name, build.cast(valueOf(state), state.type.getElementType()),
           StateKind::Gradient});
  main.setResults(results);
}

/// (sums, states) -> (loss, gradient_norm, learning_rate, new states)
Program Assembly::apply(const Backward &backward) {
  Program program;
  program.module = MainFunction::create(context);
  MainFunction main(*program.module);
  for (const State &state : states)
    main.addState(state);
  Build build = main.build("mean");
  Value count = main.argument(countSum);
  auto mean = [&](const std::string &sum) {
    Value v = main.argument(sum);
    return build.binary<DivOp>(
        v, build.cast(count, tensorType(v).getElementType()));
  };
  std::vector<Learned> parameters = backward.parameters;
  for (Learned &parameter : parameters) {
    parameter.before = main.argument(parameter.state.name);
    parameter.gradient = mean(parameter.state.name + "/gradient");
  }
  std::vector<NamedResult> buffers = backward.buffers;
  for (NamedResult &buffer : buffers)
    buffer.value = mean(buffer.name + "/sum");
  Value loss = mean(lossSum.str()), failed = main.argument(failureSum);
  Value holds = build.binary<AndOp>(
      isFinite(build, loss),
      build.cmp(CmpKind::eq, failed, build.splatLike(failed, 0)));
  Update update = buildUpdate(main, model.spec, holds, parameters, buffers);
  std::vector<NamedResult> results{
      {"loss", require(main, loss, update.ok), std::nullopt},
      {"gradient_norm", update.norm, std::nullopt},
      {"learning_rate", update.rate, std::nullopt}};
  for (const State &state : states)
    for (const NamedResult &result : update.states)
      if (result.name == state.name)
        results.push_back(result);
  main.setResults(results);
  main.dropUnused([](const State &) { return true; });
  return program;
}

/// (nacre.seed) -> (states): the frontend's values, the counters, and zeros.
llvm::Error Assembly::finishInit() {
  MainFunction main(*model.init.module);
  std::vector<NamedResult> given = main.results(), results;
  Value seed = main.argument(seedName);
  if (!seed)
    seed = main.addInput(seedName, counter());
  Build build = main.build("zeros");
  for (const State &state : states) {
    auto at = llvm::find_if(given, [&](const NamedResult &result) {
      return result.name == state.name;
    });
    Value value;
    if (at != given.end())
      value = at->value;
    else if (state.name == seedName)
      value = seed;
    else if (state.kind == StateKind::Parameter ||
             state.kind == StateKind::Frozen || state.kind == StateKind::Buffer)
      return fail(ExitBug, "init gives no value of '" + state.name + "'");
    else
      value =
          build.splat(state.type.getElementType(), 0, state.type.getShape());
    if (value.getType() != state.type)
      return fail(ExitBug, "init gives '" + state.name +
                               "' another type than train has");
    results.push_back({state.name, value, state.kind});
  }
  main.setResults(results);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<TrainingPrograms> buildTraining(TrainingModel given) {
  if (llvm::Error error = checkSpec(given.spec))
    return error;
  MLIRContext *context = given.train.module->getContext();
  bool isApart = given.spec.separateApply || given.spec.accumulate > 1;
  Assembly assembly{std::move(given), context, isApart, {}};
  TrainingModel &model = assembly.model;

  MainFunction main(*model.train.module);
  assembly.addCounters(main);
  if (isApart)
    assembly.shuffleMicroBatches(main);
  llvm::Expected<Backward> backward = buildBackward(main, model.spec);
  if (!backward)
    return backward.takeError();
  for (const NamedResult &metric : backward->metrics)
    for (StringRef own : {"loss", "gradient_norm", "learning_rate"})
      if (metric.name == own)
        return fail(ExitModel, "a metric cannot be named '" + own + "'");

  assembly.states = statesOf(main.function);
  TrainingPrograms programs;
  std::vector<Share> shares = shareOut(model.spec, backward->parameters);
  for (const Share &share : shares)
    if (share.owner == model.spec.shard)
      llvm::append_range(assembly.states, share.slots);
  if (model.spec.shards > 1)
    programs.shares = std::move(shares);
  if (!isApart) {
    assembly.addStates(StateKind::Optimizer, main);
    assembly.finishStep(main, *backward);
    programs.step = assembly.named(std::move(model.train), "step");
  } else {
    auto addSum = [&](std::string name, RankedTensorType type) {
      assembly.states.push_back(
          {std::move(name), StateKind::Gradient, sumType(type)});
    };
    for (const Learned &parameter : backward->parameters)
      addSum(parameter.state.name + "/gradient", parameter.state.type);
    for (const NamedResult &buffer : backward->buffers)
      addSum(buffer.name + "/sum",
             cast<RankedTensorType>(buffer.value.getType()));
    for (StringRef name : {lossSum, countSum, failureSum})
      addSum(name.str(), scalar(assembly.f32()));
    programs.apply = assembly.named(assembly.apply(*backward), "apply");
    assembly.finishGradient(main, *backward);
    programs.gradient = assembly.named(std::move(model.train), "gradient");
  }
  if (llvm::Error error = assembly.finishInit())
    return error;
  programs.init = assembly.named(std::move(model.init), "init");
  programs.eval = assembly.named(std::move(model.eval), "eval");
  return programs;
}

} // namespace nacre::autodiff
