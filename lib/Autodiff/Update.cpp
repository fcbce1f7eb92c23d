//===- Update.cpp - from gradients to new states --------------------------===//
#include "Update.h"
#include "LearningRate.h"
#include "Optimizers.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;

std::vector<autodiff::State> slotStates(const TrainingSpec &spec,
                                        ArrayRef<Learned> parameters) {
  std::vector<autodiff::State> states;
  for (const Learned &parameter : parameters) {
    RankedTensorType type = parameter.state.type;
    for (StringRef slot :
         slotsOf(spec.optimizer, ruleOf(spec.optimizer, parameter.isMatrix)))
      states.push_back({parameter.state.name + "/" + slot.str(),
                        StateKind::Optimizer,
                        withElement(type, updateType(type.getElementType()))});
  }
  return states;
}

std::vector<Share> shareOut(const TrainingSpec &spec,
                            ArrayRef<Learned> parameters) {
  std::vector<Share> shares;
  std::vector<int64_t> bytes(spec.shards, 0);
  for (const Learned &parameter : parameters) {
    auto least = std::min_element(bytes.begin(), bytes.end());
    Share share{parameter.state.name, least - bytes.begin(),
                slotStates(spec, parameter)};
    // A parameter without slots still has to be updated by someone.
    RankedTensorType type = parameter.state.type;
    *least += type.getNumElements() *
              elementBytes(updateType(type.getElementType())) *
              int64_t(std::max<size_t>(share.slots.size(), 1));
    shares.push_back(std::move(share));
  }
  return shares;
}

Value isFinite(Build build, Value x) {
  auto element = cast<FloatType>(tensorType(x).getElementType());
  double largest =
      APFloat::getLargest(element.getFloatSemantics()).convertToDouble();
  return build.cmp(CmpKind::le, build.unary<AbsOp>(x),
                   build.splatLike(x, largest));
}

/// The sum of squares of all gradients, parameter by parameter: one order, so
/// one result.
static Value squaredNorm(MainFunction &main, ArrayRef<Value> gradients) {
  Build build = main.build("gradient_norm");
  Value sum;
  for (Value g : gradients) {
    Value part = build.cast(
        build.reduce(ReduceKind::add, build.binary<MulOp>(g, g), allAxes(g)),
        build.b.getF32Type());
    sum = sum ? build.binary<AddOp>(sum, part) : part;
  }
  return sum;
}

/// Clips elements, then the norm of all: as PyTorch's clip_grad_value_ and
/// clip_grad_norm_.
static void clip(MainFunction &main, const TrainingSpec &spec, Value square,
                 MutableArrayRef<Value> gradients) {
  Build build = main.build("clip");
  if (spec.clipValue > 0)
    for (Value &g : gradients)
      g = build.binary<MaxOp>(
          build.binary<MinOp>(g, build.splatLike(g, spec.clipValue)),
          build.splatLike(g, -spec.clipValue));
  if (spec.clipNorm == 0)
    return;
  if (spec.clipValue > 0)
    square = squaredNorm(main, gradients);
  Value norm = build.unary<SqrtOp>(square);
  Value below = build.binary<AddOp>(norm, build.splatLike(norm, 1e-6));
  Value factor = build.binary<MinOp>(
      build.binary<DivOp>(build.splatLike(norm, spec.clipNorm), below),
      build.splatLike(norm, 1));
  for (Value &g : gradients)
    g = build.binary<MulOp>(g,
                            build.cast(factor, tensorType(g).getElementType()));
}

Update buildUpdate(MainFunction &main, const TrainingSpec &spec, Value holds,
                   ArrayRef<Learned> parameters,
                   ArrayRef<NamedResult> buffers) {
  SmallVector<Value> gradients;
  for (const Learned &parameter : parameters)
    gradients.push_back(parameter.gradient);
  Value square = squaredNorm(main, gradients);
  Update result;
  {
    Build build = main.build("gradient_norm");
    result.norm = build.unary<SqrtOp>(square);
    result.ok = build.binary<AndOp>(holds, isFinite(build, square));
  }
  clip(main, spec, square, gradients);

  Build build = main.build("learning_rate");
  Value step = main.argument("nacre.step");
  Value next = build.binary<AddOp>(step, build.splatLike(step, 1));
  StepNumbers numbers{learningRate(build, spec.optimizer.rate, step),
                      build.cast(next, build.b.getF64Type())};
  result.rate = build.cast(numbers.rate, build.b.getF32Type());

  auto set = [&](StringRef name, StateKind kind, Value before, Value after) {
    Build build = main.build(name);
    Value v = build.cast(after, tensorType(before).getElementType());
    result.states.push_back(
        {name.str(), build.where(result.ok, v, before), kind});
  };
  std::vector<Share> shares = shareOut(spec, parameters);
  for (auto [parameter, gradient, share] :
       llvm::zip_equal(parameters, gradients, shares)) {
    if (share.owner != spec.shard)
      continue;
    Optimizer::Kind rule = ruleOf(spec.optimizer, parameter.isMatrix);
    SmallVector<Value> slots;
    for (const autodiff::State &slot : slotStates(spec, parameter))
      slots.push_back(main.argument(slot.name));
    Build build = main.build(parameter.state.name);
    Value before =
        build.cast(parameter.before, tensorType(gradient).getElementType());
    Updated after =
        update(build, spec.optimizer, rule, numbers, before, gradient, slots);
    set(parameter.state.name, StateKind::Parameter, parameter.before,
        after.parameter);
    for (auto [slot, before, value] :
         llvm::zip_equal(slotStates(spec, parameter), slots, after.slots))
      set(slot.name, StateKind::Optimizer, before, value);
  }
  for (const NamedResult &buffer : buffers)
    set(buffer.name, StateKind::Buffer, main.argument(buffer.name),
        buffer.value);
  set("nacre.step", StateKind::Counter, step, next);
  return result;
}

} // namespace nacre::autodiff
