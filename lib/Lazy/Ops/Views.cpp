//===- Views.cpp - operations that move no data ---------------------------===//
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::lazy {

static AffineMap mapOf(unsigned rank, ArrayRef<AffineExpr> results,
                       MLIRContext *context) {
  return AffineMap::get(rank, 0, results, context);
}

template <typename Op> static OpFoldResult foldIdentity(Op op) {
  return op.getX().getType() == op.getType() ? op.getX() : Value();
}

//===-- reshape -----------------------------------------------------------===//

template <typename Op> static LogicalResult keepsElement(Op op) {
  if (tensorType(op.getX()).getElementType() ==
      tensorType(op.getY()).getElementType())
    return success();
  return op.emitOpError("keeps the element type");
}

LogicalResult ReshapeOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto from = tensorType(getX()), to = getType();
  int64_t product[2] = {1, 1};
  bool leading[2] = {false, false};
  RankedTensorType types[2] = {from, to};
  for (int k = 0; k < 2; ++k)
    for (int64_t i = 0; i < types[k].getRank(); ++i) {
      if (types[k].isDynamicDim(i)) {
        if (i != 0)
          return emitOpError("a symbolic extent must be the leading one");
        leading[k] = true;
        continue;
      }
      if (llvm::MulOverflow(product[k], types[k].getDimSize(i), product[k]))
        return emitOpError("has more than 2^63 elements");
    }
  if (leading[0] != leading[1] || product[0] != product[1])
    return emitOpError("changes the number of elements: ")
           << from << " to " << RankedTensorType(to);
  return success();
}
AffineMap ReshapeOp::indexMap() {
  return reshapeMap(getContext(), boundedShape(getType()),
                    boundedShape(tensorType(getX())));
}
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    if (inner.getX().getType() == getType())
      return inner.getX();
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldIdentity(*this);
}

//===-- permute -----------------------------------------------------------===//

LogicalResult PermuteOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto perm = getPerm();
  auto from = tensorType(getX()), to = getType();
  SmallVector<bool> seen(from.getRank(), false);
  if (int64_t(perm.size()) != from.getRank() || to.getRank() != from.getRank())
    return emitOpError("perm has ")
           << perm.size() << " entries, the source rank " << from.getRank();
  for (auto [i, axis] : llvm::enumerate(perm)) {
    if (axis < 0 || axis >= from.getRank() || seen[axis])
      return emitOpError("perm is no permutation");
    seen[axis] = true;
    if (to.getDimSize(i) != from.getDimSize(axis))
      return emitOpError("extent ") << i << " does not match the source";
  }
  return success();
}
AffineMap PermuteOp::indexMap() {
  SmallVector<AffineExpr> results(getPerm().size());
  for (auto [i, axis] : llvm::enumerate(getPerm()))
    results[axis] = getAffineDimExpr(i, getContext());
  return mapOf(results.size(), results, getContext());
}
OpFoldResult PermuteOp::fold(FoldAdaptor) {
  for (auto [i, axis] : llvm::enumerate(getPerm()))
    if (int64_t(i) != axis)
      return {};
  return getX();
}

//===-- expand ------------------------------------------------------------===//

LogicalResult ExpandOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto from = tensorType(getX()), to = getType();
  if (from.getRank() != to.getRank())
    return emitOpError("keeps the rank: ")
           << from << " to " << RankedTensorType(to);
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (from.getDimSize(i) != 1 && from.getDimSize(i) != to.getDimSize(i))
      return emitOpError("extent ") << i << " is " << from.getDimSize(i)
                                    << ", neither 1 nor " << to.getDimSize(i);
  return success();
}
AffineMap ExpandOp::indexMap() {
  SmallVector<AffineExpr> results;
  auto from = tensorType(getX());
  for (int64_t i = 0; i < from.getRank(); ++i)
    results.push_back(from.getDimSize(i) == 1 && getType().getDimSize(i) != 1
                          ? getAffineConstantExpr(0, getContext())
                          : getAffineDimExpr(i, getContext()));
  return mapOf(from.getRank(), results, getContext());
}
OpFoldResult ExpandOp::fold(FoldAdaptor) { return foldIdentity(*this); }

//===-- pad ---------------------------------------------------------------===//

LogicalResult PadOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto from = tensorType(getX()), to = getType();
  if (int64_t(getLow().size()) != from.getRank() ||
      int64_t(getHigh().size()) != from.getRank() ||
      to.getRank() != from.getRank())
    return emitOpError("low, high and ranks differ");
  for (int64_t i = 0; i < from.getRank(); ++i) {
    if (getLow()[i] < 0 || getHigh()[i] < 0)
      return emitOpError("padding must not be negative");
    if (from.isDynamicDim(i)
            ? getLow()[i] || getHigh()[i] || !to.isDynamicDim(i)
            : from.getDimSize(i) + getLow()[i] + getHigh()[i] !=
                  to.getDimSize(i))
      return emitOpError("extent ") << i << " does not match the padding";
  }
  if (getValue().getType() != from.getElementType())
    return emitOpError("value has another type than the elements");
  return success();
}
AffineMap PadOp::indexMap() {
  SmallVector<AffineExpr> results;
  for (auto [i, low] : llvm::enumerate(getLow()))
    results.push_back(getAffineDimExpr(i, getContext()) - low);
  return mapOf(results.size(), results, getContext());
}
TypedAttr PadOp::fillValue() { return getValue(); }
OpFoldResult PadOp::fold(FoldAdaptor) { return foldIdentity(*this); }

//===-- slice -------------------------------------------------------------===//

LogicalResult SliceOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto from = tensorType(getX()), to = getType();
  if (int64_t(getStarts().size()) != from.getRank() ||
      int64_t(getSteps().size()) != from.getRank() ||
      to.getRank() != from.getRank())
    return emitOpError("starts, steps and ranks differ");
  for (int64_t i = 0; i < from.getRank(); ++i) {
    if (getSteps()[i] < 1 || getStarts()[i] < 0)
      return emitOpError("starts must be at least 0 and steps at least 1");
    if (from.isDynamicDim(i) || to.isDynamicDim(i)) {
      if (from.getDimSize(i) != to.getDimSize(i) || getStarts()[i] ||
          getSteps()[i] != 1)
        return emitOpError("cannot cut symbolic extent ") << i;
      continue;
    }
    int64_t last = 0;
    if (to.getDimSize(i) > 0 &&
        (llvm::MulOverflow(to.getDimSize(i) - 1, getSteps()[i], last) ||
         llvm::AddOverflow(last, getStarts()[i], last) ||
         last >= from.getDimSize(i)))
      return emitOpError("axis ") << i << " leaves the source";
  }
  return success();
}
AffineMap SliceOp::indexMap() {
  SmallVector<AffineExpr> results;
  for (auto [i, start] : llvm::enumerate(getStarts()))
    results.push_back(getAffineDimExpr(i, getContext()) * getSteps()[i] +
                      start);
  return mapOf(results.size(), results, getContext());
}
OpFoldResult SliceOp::fold(FoldAdaptor) { return foldIdentity(*this); }

//===-- flip --------------------------------------------------------------===//

LogicalResult FlipOp::verify() {
  if (getX().getType() != getType())
    return emitOpError("keeps the type");
  for (int64_t axis : getAxes())
    if (axis < 0 || axis >= getType().getRank() || getType().isDynamicDim(axis))
      return emitOpError("axis ")
             << axis << " is not a static axis of the source";
  return success();
}
AffineMap FlipOp::indexMap() {
  SmallVector<AffineExpr> results;
  for (int64_t i = 0; i < getType().getRank(); ++i) {
    AffineExpr d = getAffineDimExpr(i, getContext());
    results.push_back(
        llvm::is_contained(getAxes(), i) ? getType().getDimSize(i) - 1 - d : d);
  }
  return mapOf(results.size(), results, getContext());
}
OpFoldResult FlipOp::fold(FoldAdaptor) {
  return getAxes().empty() ? getX() : Value();
}

//===-- window ------------------------------------------------------------===//

LogicalResult WindowOp::verify() {
  if (failed(keepsElement(*this)))
    return failure();
  auto from = tensorType(getX()), to = getType();
  size_t count = getAxes().size();
  if (getSizes().size() != count || getStrides().size() != count ||
      getDilations().size() != count ||
      to.getRank() != from.getRank() + int64_t(count))
    return emitOpError("axes, sizes, strides, dilations and ranks differ");
  for (auto [k, axis] : llvm::enumerate(getAxes())) {
    if (axis < 0 || axis >= from.getRank() || from.isDynamicDim(axis))
      return emitOpError("axis ")
             << axis << " is not a static axis of the source";
    if (getSizes()[k] < 1 || getStrides()[k] < 1 || getDilations()[k] < 1)
      return emitOpError("sizes, strides and dilations must be at least 1");
    if (to.getDimSize(from.getRank() + k) != getSizes()[k])
      return emitOpError("window extent ") << k << " does not match its size";
    int64_t position = 0, within = 0;
    if (to.getDimSize(axis) > 0 &&
        (llvm::MulOverflow(to.getDimSize(axis) - 1, getStrides()[k],
                           position) ||
         llvm::MulOverflow(getSizes()[k] - 1, getDilations()[k], within) ||
         llvm::AddOverflow(position, within, position) ||
         position >= from.getDimSize(axis)))
      return emitOpError("axis ") << axis << " leaves the source";
  }
  for (int64_t axis = 0; axis < from.getRank(); ++axis) {
    auto listed = llvm::count(getAxes(), axis);
    if (listed > 1)
      return emitOpError("axis ") << axis << " is listed twice";
    if (!listed && from.getDimSize(axis) != to.getDimSize(axis))
      return emitOpError("extent ") << axis << " does not match the source";
  }
  return success();
}
AffineMap WindowOp::indexMap() {
  int64_t rank = tensorType(getX()).getRank();
  SmallVector<AffineExpr> results;
  for (int64_t i = 0; i < rank; ++i)
    results.push_back(getAffineDimExpr(i, getContext()));
  for (auto [k, axis] : llvm::enumerate(getAxes()))
    results[axis] =
        results[axis] * getStrides()[k] +
        getAffineDimExpr(rank + k, getContext()) * getDilations()[k];
  return mapOf(getType().getRank(), results, getContext());
}
OpFoldResult WindowOp::fold(FoldAdaptor) { return foldIdentity(*this); }

} // namespace nacre::lazy
