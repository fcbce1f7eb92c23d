//===- LearningRate.cpp - the schedule as arithmetic on the step ----------===//
//
// With w steps of warmup and q = step - w:
//
//   warmup    base * (step + 1) / w
//   constant  base
//   step      base * gamma ^ floor(q / every)
//   cosine    last + (base - last) * (1 + cos(pi * p)) / 2
//   linear    base + (last - base) * p
//
// where p = q / (total - w), at most 1. The cosine is that of Loshchilov and
// Hutter, "SGDR", 2017, without restarts.
//
//===----------------------------------------------------------------------===//
#include "LearningRate.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;

Value learningRate(Build build, const LearningRate &rate, Value step) {
  Type f64 = build.b.getF64Type();
  auto number = [&](double v) { return build.splat(f64, v); };
  // Integers below 2^53 are exact.
  Value at = build.cast(step, f64);
  Value since = build.binary<SubOp>(at, number(rate.warmup));
  Value result = number(rate.base);
  switch (rate.kind) {
  case LearningRate::Constant:
    break;
  case LearningRate::Step: {
    Value times =
        build.unary<FloorOp>(build.binary<DivOp>(since, number(rate.every)));
    result = build.binary<MulOp>(
        result, build.binary<PowOp>(number(rate.gamma), times));
    break;
  }
  case LearningRate::Cosine:
  case LearningRate::Linear: {
    Value part = build.binary<MinOp>(
        build.binary<DivOp>(since, number(rate.total - rate.warmup)),
        number(1));
    if (rate.kind == LearningRate::Linear) {
      result = build.binary<AddOp>(
          result, build.binary<MulOp>(number(rate.last - rate.base), part));
      break;
    }
    Value wave = build.unary<CosOp>(
        build.binary<MulOp>(part, number(3.14159265358979323846)));
    result = build.binary<AddOp>(
        number(rate.last),
        build.binary<MulOp>(number((rate.base - rate.last) / 2),
                            build.binary<AddOp>(number(1), wave)));
    break;
  }
  }
  if (rate.warmup == 0)
    return result;
  Value growing = build.binary<MulOp>(build.binary<AddOp>(at, number(1)),
                                      number(rate.base / rate.warmup));
  return build.where(build.cmp(CmpKind::lt, at, number(rate.warmup)), growing,
                     result);
}

} // namespace nacre::autodiff
