//===- RowQuotients.cpp - quotients by what a row shares ------------------===//
//
// A division takes as long as a dozen multiplications. Where all elements of a
// row are divided by one number, as in a softmax, they are multiplied by its
// reciprocal. That rounds twice, to 1.5 units in the last place instead of 0.5.
// A number next to a step, as before a rounding, is left alone.
//
//===----------------------------------------------------------------------===//
#include "Scheduler.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

/// Operations looked through, so that the walk over a graph as over a tree ends
/// soon.
constexpr unsigned farthest = 8;

static bool isSame(Value v, AffineMap map, ArrayRef<int64_t> extents,
                   const llvm::SmallBitVector &dims, unsigned depth) {
  if (depth > farthest)
    return false;
  Operation *op = v.getDefiningOp();
  if (op && isa<SplatOp>(op))
    return true;
  if (auto view = dyn_cast_or_null<ViewOpInterface>(op))
    return !view.fillValue() &&
           isSame(view.source(), composeView(view, map, extents), extents, dims,
                  depth + 1);
  if (op && isa<ElementwiseOpInterface>(op))
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      return isSame(operand, map, extents, dims, depth + 1);
    });
  return llvm::none_of(dims.set_bits(),
                       [&](unsigned d) { return map.isFunctionOfDim(d); });
}

bool isSameAlong(Value v, AffineMap map, ArrayRef<int64_t> extents,
                 const llvm::SmallBitVector &dims) {
  return isSame(v, map, extents, dims, 0);
}

/// Whether the result jumps where the operand changes by the least.
static bool isStep(Operation &op) {
  if (isa<FloorOp, CeilOp, RoundOp, RemOp, CmpOp>(op))
    return true;
  return isa<CastOp>(op) &&
         !isa<FloatType>(tensorType(op.getResult(0)).getElementType());
}

bool dividesRows(KernelOp kernel, const llvm::SmallBitVector &rowAxes) {
  Block &body = kernel.getBody().front();
  if (rowAxes.none() || llvm::any_of(body, isStep))
    return false;
  auto type = tensorType(yielded(kernel));
  SmallVector<int64_t> extents = boundedShape(type);
  AffineMap identity = loopIdentity(kernel.getContext(), type.getRank());
  return llvm::any_of(body, [&](Operation &op) {
    auto div = dyn_cast<DivOp>(op);
    return div && div.getType() == type && type.getElementType().isF32() &&
           !div.getB().getDefiningOp<SplatOp>() &&
           isSameAlong(div.getB(), identity, extents, rowAxes);
  });
}

} // namespace nacre::schedule
