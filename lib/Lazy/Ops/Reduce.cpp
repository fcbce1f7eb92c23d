//===- Reduce.cpp - reductions and contraction ----------------------------===//
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/IndexMap.h"

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

/// Extremes share g evenly among equals. A product's gradient is the product of
/// the other factors: with no zero among the factors y / x; with one zero, at
/// that zero, the product of the others; else 0. So the zeros are counted, and
/// left out of a product that is always safe to divide.
Value ReduceOp::gradient(Build &build, Value g, unsigned) {
  Value x = getX();
  auto type = tensorType(x);
  auto spread = [&](Value v) {
    SmallVector<int64_t> kept(type.getShape());
    for (int64_t axis : getAxes())
      kept[axis] = 1;
    return build.expandLike(build.reshape(v, kept), x);
  };
  auto count = [&](Value mask) {
    return build.reduce(ReduceKind::add,
                        build.cast(mask, type.getElementType()), getAxes());
  };
  if (getKind() == ReduceKind::add)
    return spread(g);
  Value zero = build.splatLike(x, 0);
  if (getKind() != ReduceKind::mul) {
    Value mask = build.cmp(CmpKind::eq, x, spread(getY()));
    return build.where(mask, spread(build.binary<DivOp>(g, count(mask))), zero);
  }
  Value isZero = build.cmp(CmpKind::eq, x, zero);
  Value factors = build.where(isZero, build.splatLike(x, 1), x);
  Value product =
      build.binary<MulOp>(g, build.reduce(ReduceKind::mul, factors, getAxes()));
  Value zeros = count(isZero);
  Value atOthers =
      build.where(build.cmp(CmpKind::eq, zeros, build.splatLike(zeros, 0)),
                  product, build.splatLike(product, 0));
  Value atZero =
      build.where(build.cmp(CmpKind::eq, zeros, build.splatLike(zeros, 1)),
                  product, build.splatLike(product, 0));
  return build.where(isZero, spread(atZero),
                     build.binary<DivOp>(spread(atOthers), factors));
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

/// Whether products of these elements may be summed in that one.
static bool sumsIn(Type a, Type b, Type sum) {
  auto isByte = [](Type t) { return t.isInteger(8); };
  return (a == sum && b == sum) ||
         (isByte(a) && isByte(b) && sum.isSignlessInteger(32));
}

LogicalResult ContractOp::verify() {
  if (getMaps().size() != 3)
    return emitOpError("needs three maps");
  RankedTensorType types[3] = {tensorType(getA()), tensorType(getB()),
                               getType()};
  if (!sumsIn(types[0].getElementType(), types[1].getElementType(),
              types[2].getElementType()))
    return emitOpError("operands and result have one element type, or "
                       "operands of i8 and u8 a result of i32");
  unsigned dims = map(0).getNumDims();
  SmallVector<int64_t> extents(dims, -1), bounded(dims, -1);
  for (unsigned k = 0; k < 3; ++k) {
    if (map(k).getNumDims() != dims || map(k).getNumSymbols() != 0 ||
        int64_t(map(k).getNumResults()) != types[k].getRank())
      return emitOpError("map ") << k << " does not fit its tensor";
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
