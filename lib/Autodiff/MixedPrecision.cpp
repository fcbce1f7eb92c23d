//===- MixedPrecision.cpp - products of bf16, sums of f32 -----------------===//
//
// Operands of contractions are rounded to bf16. The product of two such
// numbers is exact in f32, where it is accumulated, so the contraction itself
// stays one of f32 and only reads rounded operands. Everything else
// (reductions, normalisations, parameters and their updates) keeps f32.
//
//===----------------------------------------------------------------------===//
#include "nacre/Autodiff/MixedPrecision.h"
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;

/// Whether every element is a bf16 number already.
static bool isRounded(Value v) {
  auto cast = v.getDefiningOp<CastOp>();
  return cast && tensorType(cast.getX()).getElementType().isBF16();
}

void mixPrecision(ModuleOp module) {
  module.walk([](ContractOp op) {
    OpBuilder b(op);
    Build build{b, op.getLoc()};
    if (!op.getType().getElementType().isF32())
      return;
    for (OpOperand &operand : op->getOpOperands())
      if (!isRounded(operand.get()))
        operand.set(build.cast(build.cast(operand.get(), b.getBF16Type()),
                               b.getF32Type()));
  });
}

} // namespace nacre::autodiff
