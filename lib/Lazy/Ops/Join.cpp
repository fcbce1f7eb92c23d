//===- Join.cpp - concat and gather ---------------------------------------===//
#include "nacre/Lazy/Lazy.h"

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

LogicalResult GatherOp::verify() {
  auto from = tensorType(getX()), index = tensorType(getIndex());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= from.getRank())
    return emitOpError("axis ")
           << axis << " is outside rank " << from.getRank();
  SmallVector<int64_t> shape(from.getShape().take_front(axis));
  llvm::append_range(shape, index.getShape());
  llvm::append_range(shape, from.getShape().drop_front(axis + 1));
  if (ArrayRef<int64_t>(shape) != getType().getShape() ||
      from.getElementType() != getType().getElementType())
    return emitOpError("result type does not follow from source and index");
  return success();
}

} // namespace nacre::lazy
