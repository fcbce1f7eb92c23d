//===- Reduce.cpp - reductions and contraction ----------------------------===//
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::lazy {

LogicalResult ReduceOp::verify() {
  auto from = tensorType(getX()), to = getType();
  if (from.getElementType() != to.getElementType())
    return emitOpError("keeps the element type");
  SmallVector<int64_t> kept;
  for (int64_t axis : getAxes())
    if (axis < 0 || axis >= from.getRank())
      return emitOpError("axis ")
             << axis << " is outside rank " << from.getRank();
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (!llvm::is_contained(getAxes(), i))
      kept.push_back(from.getDimSize(i));
  if (ArrayRef<int64_t>(kept) != to.getShape())
    return emitOpError("result shape is not the source's without the axes");
  return success();
}

LogicalResult ArgReduceOp::verify() {
  auto from = tensorType(getX());
  int64_t axis = getAxis();
  if (getKind() != ReduceKind::max && getKind() != ReduceKind::min)
    return emitOpError("kind must be max or min");
  if (axis < 0 || axis >= from.getRank())
    return emitOpError("axis ")
           << axis << " is outside rank " << from.getRank();
  if (from.getDimSize(axis) == 0)
    return emitOpError("axis ") << axis << " is empty";
  SmallVector<int64_t> kept(from.getShape());
  kept.erase(kept.begin() + axis);
  if (ArrayRef<int64_t>(kept) != tensorType(getY()).getShape())
    return emitOpError("result shape is not the source's without the axis");
  return success();
}

SmallVector<int64_t> ContractOp::extents() {
  SmallVector<int64_t> extents(map(0).getNumDims(), -1);
  RankedTensorType types[3] = {tensorType(getA()), tensorType(getB()),
                               getType()};
  for (unsigned k = 0; k < 3; ++k)
    for (auto [axis, expr] : llvm::enumerate(map(k).getResults()))
      if (auto d = dyn_cast<AffineDimExpr>(expr))
        extents[d.getPosition()] = types[k].getDimSize(axis);
  return extents;
}

static bool hasDivision(AffineExpr expr) {
  bool found = false;
  expr.walk([&](AffineExpr e) {
    found |= e.getKind() == AffineExprKind::FloorDiv ||
             e.getKind() == AffineExprKind::CeilDiv ||
             e.getKind() == AffineExprKind::Mod;
  });
  return found;
}

LogicalResult ContractOp::verify() {
  if (getMaps().size() != 3)
    return emitOpError("needs three maps");
  RankedTensorType types[3] = {tensorType(getA()), tensorType(getB()),
                               getType()};
  unsigned dims = map(0).getNumDims();
  SmallVector<int64_t> extents(dims, -1), bounded(dims, -1);
  for (unsigned k = 0; k < 3; ++k) {
    if (map(k).getNumDims() != dims || map(k).getNumSymbols() != 0 ||
        int64_t(map(k).getNumResults()) != types[k].getRank())
      return emitOpError("map ") << k << " does not fit its tensor";
    if (types[k].getElementType() != types[0].getElementType())
      return emitOpError("operands and result have one element type");
    auto shape = boundedShape(types[k]);
    for (auto [axis, expr] : llvm::enumerate(map(k).getResults()))
      if (auto d = dyn_cast<AffineDimExpr>(expr)) {
        int64_t &extent = extents[d.getPosition()];
        if (extent != -1 && extent != types[k].getDimSize(axis))
          return emitOpError("dimension ")
                 << d.getPosition() << " is " << extent << " and "
                 << types[k].getDimSize(axis);
        extent = types[k].getDimSize(axis);
        bounded[d.getPosition()] = shape[axis];
      }
  }
  for (unsigned d = 0; d < dims; ++d)
    if (extents[d] == -1)
      return emitOpError("dimension ") << d << " stands alone in no map";
  for (unsigned k = 0; k < 2; ++k)
    for (AffineExpr e : map(k).getResults())
      if (!e.isPureAffine() || hasDivision(e))
        return emitOpError("map ")
               << k
               << " divides; only sums of multiples are maps of a contraction";
  if (!map(2).isProjectedPermutation())
    return emitOpError("the result map must hold distinct dimensions");
  for (unsigned k = 0; k < 2; ++k) {
    auto shape = boundedShape(types[k]);
    for (auto [axis, expr] : llvm::enumerate(map(k).getResults())) {
      auto range = rangeOf(expr, bounded);
      bool empty = llvm::is_contained(bounded, 0);
      if (!range || (!empty && (range->min < 0 || range->max >= shape[axis])))
        return emitOpError("map ")
               << k << " leaves axis " << axis << " of its tensor";
    }
  }
  return success();
}

} // namespace nacre::lazy
