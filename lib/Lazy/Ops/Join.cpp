//===- Join.cpp - concat, gather, scatter and write -----------------------===//
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::lazy {

LogicalResult ConcatOp::verify() {
  auto to = getType();
  int64_t axis = getAxis(), sum = 0;
  if (getXs().empty())
    return emitOpError("needs an operand");
  if (axis < 0 || axis >= to.getRank())
    return emitOpError("axis ") << axis << " is outside rank " << to.getRank();
  for (Value x : getXs()) {
    auto from = tensorType(x);
    if (from.getRank() != to.getRank() ||
        from.getElementType() != to.getElementType())
      return emitOpError("operands and result have one rank and element type");
    for (int64_t i = 0; i < to.getRank(); ++i)
      if (i != axis && from.getDimSize(i) != to.getDimSize(i))
        return emitOpError("extent ") << i << " differs between operands";
    if (from.isDynamicDim(axis))
      return emitOpError("cannot join along a symbolic extent");
    sum += from.getDimSize(axis);
  }
  if (sum != to.getDimSize(axis))
    return emitOpError("result extent is ")
           << to.getDimSize(axis) << ", the operands add up to " << sum;
  return success();
}
OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getXs().size() == 1 ? OpFoldResult(getXs().front()) : OpFoldResult();
}

Value ConcatOp::gradient(Build &build, Value g, unsigned operand) {
  SmallVector<int64_t> starts(getType().getRank(), 0);
  for (Value x : getXs().take_front(operand))
    starts[getAxis()] += tensorType(x).getDimSize(getAxis());
  return build.slice(g, starts, tensorType(getXs()[operand]).getShape());
}

/// Whether `picked` is the type of slices of `from` along `axis`, one for each
/// element of `index`.
static bool areSlices(RankedTensorType picked, RankedTensorType from,
                      RankedTensorType index, int64_t axis) {
  SmallVector<int64_t> shape(from.getShape().take_front(axis));
  llvm::append_range(shape, index.getShape());
  llvm::append_range(shape, from.getShape().drop_front(axis + 1));
  return ArrayRef<int64_t>(shape) == picked.getShape() &&
         from.getElementType() == picked.getElementType();
}

LogicalResult GatherOp::verify() {
  auto from = tensorType(getX());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank())
    return emitOpError("axis ")
           << axis << " is outside rank " << from.getRank();
  if (!areSlices(getType(), from, tensorType(getIndex()), axis))
    return emitOpError("result type does not follow from source and index");
  return success();
}

LogicalResult ScatterOp::verify() {
  auto to = getType();
  int64_t axis = getAxis();
  if (axis < 0 || axis >= to.getRank())
    return emitOpError("axis ") << axis << " is outside rank " << to.getRank();
  if (to.isDynamicDim(axis))
    return emitOpError("cannot scatter along a symbolic extent");
  if (!areSlices(tensorType(getUpdates()), to, tensorType(getIndex()), axis))
    return emitOpError("the updates are not what a gather of the result by the "
                       "index would give");
  return success();
}

LogicalResult WriteOp::verify() {
  auto to = getType(), from = tensorType(getRows());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= to.getRank())
    return emitOpError("axis ") << axis << " is outside rank " << to.getRank();
  if (!to.hasStaticShape() || !from.hasStaticShape())
    return emitOpError("cannot write to symbolic extents");
  SmallVector<int64_t> shape(to.getShape());
  if (from.getRank() == to.getRank())
    shape[axis] = std::min(shape[axis], from.getDimSize(axis));
  if (from.getShape() != ArrayRef(shape))
    return emitOpError("the rows are no slices of the result along axis ")
           << axis;
  return success();
}

// Gather and scatter are each other's transpose, where a scatter sums.
bool ScatterOp::hasGradient() { return getKind() == ReduceKind::add; }
Value ScatterOp::gradient(Build &build, Value g, unsigned) {
  return build.gather(g, getIndex(), getAxis());
}
Value GatherOp::gradient(Build &build, Value g, unsigned) {
  return build.scatter(g, getIndex(), getAxis(),
                       tensorType(getX()).getDimSize(getAxis()));
}

} // namespace nacre::lazy
