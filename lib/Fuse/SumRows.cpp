//===- SumRows.cpp - contractions that reuse nothing are sums -------------===//
//
// A matrix that is made at run time and multiplied by one row, as the keys of a
// cache by the query of one token, is read once. A contraction would first copy
// it so that its free axis lies innermost; a sum of products walks it as it
// lies.
//
//===----------------------------------------------------------------------===//
#include "SumRows.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Signature.h"
#include <numeric>

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// Below this many products in a row vectors along it gain nothing.
constexpr int64_t leastRow = 32;

static bool isMadeAtRunTime(Value v) {
  while (auto view = v.getDefiningOp<ViewOpInterface>())
    v = view.source();
  return !v.getDefiningOp<WeightOp>() && !v.getDefiningOp<SplatOp>() &&
         !v.getDefiningOp<IotaOp>();
}

/// Whether every element of an operand is read once, along rows of what is
/// summed.
static bool readsRows(ContractOp op, Value operand, AffineMap operandMap) {
  SmallVector<int64_t> extents = op.extents();
  auto [v, map] = throughViews(operand, operandMap, extents);
  for (unsigned d = 0; d < extents.size(); ++d)
    if (extents[d] > 1 && !map.isFunctionOfDim(d))
      return false;
  auto row = dyn_cast<AffineDimExpr>(map.getResults().back());
  return row && !op.map(2).isFunctionOfDim(row.getPosition()) &&
         extents[row.getPosition()] >= leastRow && isMadeAtRunTime(v);
}

bool sumsRows(ContractOp op) {
  auto type = op.getType();
  return (type.getElementType().isF32() || type.getElementType().isF64()) &&
         tensorType(op.getA()).hasStaticShape() &&
         tensorType(op.getB()).hasStaticShape() && !op->hasAttr(openDims) &&
         llvm::all_of(
             ArrayRef{op.map(0), op.map(1), op.map(2)},
             [](AffineMap m) { return m.isProjectedPermutation(true); }) &&
         (readsRows(op, op.getA(), op.map(0)) ||
          readsRows(op, op.getB(), op.map(1)));
}

void lowerToSum(ContractOp op) {
  AffineMap maps[2] = {op.map(0), op.map(1)}, result = op.map(2);
  Value values[2] = {op.getA(), op.getB()};
  // The result's dimensions, then what is summed. Axes of extent 1 may have no
  // dimension.
  SmallVector<int64_t> extents = op.extents(), order, place(extents.size());
  for (AffineExpr e : result.getResults())
    if (auto d = dyn_cast<AffineDimExpr>(e))
      order.push_back(d.getPosition());
  size_t kept = order.size();
  for (unsigned d = 0; d < extents.size(); ++d)
    if (!result.isFunctionOfDim(d))
      order.push_back(d);
  SmallVector<int64_t> shape, summed;
  for (auto [at, d] : llvm::enumerate(order)) {
    place[d] = at;
    shape.push_back(extents[d]);
    if (at >= kept)
      summed.push_back(at);
  }
  OpBuilder builder(op);
  Build b{builder, op.getLoc()};
  for (auto [v, map] : llvm::zip(values, maps)) {
    SmallVector<int64_t> axes(map.getNumResults()), ones(shape.size(), 1);
    std::iota(axes.begin(), axes.end(), 0);
    auto placeOf = [&](int64_t axis) -> int64_t {
      auto d = dyn_cast<AffineDimExpr>(map.getResult(axis));
      return d ? place[d.getPosition()] : -1;
    };
    llvm::stable_sort(
        axes, [&](int64_t p, int64_t q) { return placeOf(p) < placeOf(q); });
    for (int64_t at : llvm::map_range(axes, placeOf))
      if (at >= 0)
        ones[at] = shape[at];
    v = b.expand(b.reshape(b.permute(v, axes), ones), shape);
  }
  Value y =
      b.reduce(ReduceKind::add, b.binary<MulOp>(values[0], values[1]), summed);
  op.getResult().replaceAllUsesWith(b.reshape(y, op.getType().getShape()));
  op.erase();
}

} // namespace nacre::fuse
