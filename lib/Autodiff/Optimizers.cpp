//===- Optimizers.cpp - update rules of one parameter ---------------------===//
//
// With parameter p, gradient g, learning rate r, weight decay d and t counting
// from 1. What PyTorch has is computed in its order of operations.
//
//   SGD     Polyak 1964, Nesterov 1983; Sutskever et al., "On the importance of
//           initialization and momentum in deep learning", 2013
//   Adam    Kingma and Ba, "Adam", 2015
//   AdamW   Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
//   2019 LAMB    You et al., "Large Batch Optimization for Deep Learning", 2020
//   Lion    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023
//   Muon    Jordan et al., "Muon", 2024 (Muon.cpp)
//
//===----------------------------------------------------------------------===//
#include "Optimizers.h"
#include "MainFunction.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;
namespace {

/// Arithmetic on tensors of one type, and f64 scalars rounded to it.
struct Rule {
  Build build;
  const Optimizer &o;
  const StepNumbers &numbers;
  Value p, g;
  ArrayRef<Value> slots;

  Type element() { return tensorType(p).getElementType(); }
  Value add(Value a, Value b) { return build.binary<AddOp>(a, b); }
  Value sub(Value a, Value b) { return build.binary<SubOp>(a, b); }
  Value mul(Value a, Value b) { return build.binary<MulOp>(a, b); }
  Value div(Value a, Value b) { return build.binary<DivOp>(a, b); }
  Value add(Value a, double b) { return add(a, build.splatLike(a, b)); }
  Value mul(Value a, double b) { return mul(a, build.splatLike(a, b)); }
  /// An f64 scalar as one of the parameter's type.
  Value rounded(Value scalar) { return build.cast(scalar, element()); }
  /// a + (b - a) * weight
  Value lerp(Value a, Value b, double weight) {
    return add(a, mul(sub(b, a), weight));
  }
  /// 1 - beta ^ t, in f64
  Value correction(double beta) {
    Value one = build.splat(build.b.getF64Type(), 1);
    return sub(one,
               build.binary<PowOp>(build.splatLike(one, beta), numbers.count));
  }
  /// p * (1 - r * d)
  Value decayed() {
    if (o.weightDecay == 0)
      return p;
    Value shrink = mul(numbers.rate, -o.weightDecay);
    return mul(p, rounded(add(shrink, 1)));
  }
  /// g + d * p
  Value coupled() {
    return o.weightDecay == 0 ? g : add(g, mul(p, o.weightDecay));
  }
  Value descend(Value from, Value direction) {
    return sub(from, mul(direction, rounded(numbers.rate)));
  }
  /// Square root of the sum of squares, a scalar.
  Value norm(Value x) {
    return build.unary<SqrtOp>(
        build.reduce(ReduceKind::add, mul(x, x), allAxes(x)));
  }

  Updated sgd();
  Updated adam(Value start, Value gradient);
  Updated lamb();
  Updated lion();
  Updated muon();
};

Updated Rule::sgd() {
  Value gradient = coupled();
  if (o.momentum == 0)
    return {descend(p, gradient), {}};
  Value m = add(mul(slots[0], o.momentum), gradient);
  Value direction = o.nesterov ? add(gradient, mul(m, o.momentum)) : m;
  return {descend(p, direction), {m}};
}

Updated Rule::adam(Value start, Value gradient) {
  Value m = lerp(slots[0], gradient, 1 - o.beta1);
  Value v =
      add(mul(slots[1], o.beta2), mul(mul(gradient, gradient), 1 - o.beta2));
  Value root = build.unary<SqrtOp>(correction(o.beta2));
  Value below = add(div(build.unary<SqrtOp>(v), rounded(root)), o.epsilon);
  Value rate = rounded(div(numbers.rate, correction(o.beta1)));
  return {sub(start, mul(div(m, below), rate)), {m, v}};
}

Updated Rule::lamb() {
  Value m = lerp(slots[0], g, 1 - o.beta1);
  Value v = add(mul(slots[1], o.beta2), mul(mul(g, g), 1 - o.beta2));
  Value mean = div(m, rounded(correction(o.beta1)));
  Value square = div(v, rounded(correction(o.beta2)));
  Value direction = div(mean, add(build.unary<SqrtOp>(square), o.epsilon));
  if (o.weightDecay != 0)
    direction = add(direction, mul(p, o.weightDecay));
  // The trust ratio; 1 where it would be 0 or infinite.
  Value length = norm(p), step = norm(direction);
  Value zero = build.splatLike(length, 0), one = build.splatLike(length, 1);
  Value bothMove = build.binary<AndOp>(build.cmp(CmpKind::gt, length, zero),
                                       build.cmp(CmpKind::gt, step, zero));
  Value trust =
      build.where(bothMove, div(length, build.where(bothMove, step, one)), one);
  return {sub(p, mul(direction, mul(trust, rounded(numbers.rate)))), {m, v}};
}

Updated Rule::lion() {
  Value direction = lerp(slots[0], g, 1 - o.beta1);
  Value zero = build.splatLike(p, 0);
  Value sign = build.where(build.cmp(CmpKind::gt, direction, zero),
                           build.splatLike(p, 1),
                           build.where(build.cmp(CmpKind::lt, direction, zero),
                                       build.splatLike(p, -1), zero));
  // As in the paper: p * (1 - r * d) would lose digits of a small r * d.
  Value step = o.weightDecay == 0 ? sign : add(sign, mul(p, o.weightDecay));
  return {descend(p, step), {lerp(slots[0], g, 1 - o.beta2)}};
}

Updated Rule::muon() {
  Value m = lerp(slots[0], g, 1 - o.momentum);
  Value direction = o.nesterov ? lerp(g, m, o.momentum) : m;
  return {descend(decayed(), orthogonalized(build, direction)), {m}};
}

} // namespace

Type updateType(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

Optimizer::Kind ruleOf(const Optimizer &optimizer, bool isMatrix) {
  return optimizer.kind == Optimizer::Muon && !isMatrix ? Optimizer::AdamW
                                                        : optimizer.kind;
}

SmallVector<StringRef> slotsOf(const Optimizer &optimizer,
                               Optimizer::Kind rule) {
  switch (rule) {
  case Optimizer::Sgd:
    if (optimizer.momentum == 0)
      return {};
    return {"sgd.momentum"};
  case Optimizer::Adam:
  case Optimizer::AdamW:
    return {"adam.m", "adam.v"};
  case Optimizer::Lamb:
    return {"lamb.m", "lamb.v"};
  case Optimizer::Lion:
    return {"lion.m"};
  case Optimizer::Muon:
    return {"muon.momentum"};
  }
  llvm_unreachable("unknown optimizer");
}

Updated update(Build build, const Optimizer &optimizer, Optimizer::Kind kind,
               const StepNumbers &numbers, Value parameter, Value gradient,
               ArrayRef<Value> slots) {
  Rule rule{build, optimizer, numbers, parameter, gradient, slots};
  switch (kind) {
  case Optimizer::Sgd:
    return rule.sgd();
  case Optimizer::Adam:
    return rule.adam(parameter, rule.coupled());
  case Optimizer::AdamW:
    return rule.adam(rule.decayed(), gradient);
  case Optimizer::Lamb:
    return rule.lamb();
  case Optimizer::Lion:
    return rule.lion();
  case Optimizer::Muon:
    return rule.muon();
  }
  llvm_unreachable("unknown optimizer");
}

} // namespace nacre::autodiff
