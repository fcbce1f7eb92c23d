//===- Join.cpp - concat and gather ---------------------------------------===//

#include "Evaluators.h"

using namespace mlir;

namespace nacre::reference {

/// Product of some extents.
static int64_t product(ArrayRef<int64_t> extents) {
  int64_t result = 1;
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

llvm::Error evaluateConcat(lazy::ConcatOp op, Operands xs, Tensor &out) {
  int64_t axis = op.getAxis(), width = dtypeBytes(out.dtype), total = 0;
  ArrayRef<int64_t> shape(out.shape);
  for (const Tensor &x : xs) {
    ArrayRef<int64_t> part(x.shape);
    if (part.take_front(axis) != shape.take_front(axis) ||
        part.drop_front(axis + 1) != shape.drop_front(axis + 1))
      return failed(op, "operands differ in more than the axis");
    total += part[axis];
  }
  if (total != shape[axis])
    return failed(op, "the operands do not add up to the result");
  int64_t outer = product(shape.take_front(axis));
  int64_t inner = product(shape.drop_front(axis + 1)) * width;
  uint8_t *to = out.data<uint8_t>();
  for (int64_t o = 0; o < outer; ++o)
    for (const Tensor &x : xs) {
      int64_t run = x.shape[axis] * inner;
      to = std::copy_n(x.bytes + o * run, run, to);
    }
  return llvm::Error::success();
}

llvm::Error evaluateGather(lazy::GatherOp op, const Tensor &x,
                           const Tensor &index, Tensor &out) {
  int64_t axis = op.getAxis();
  ArrayRef<int64_t> shape(x.shape);
  int64_t extent = shape[axis];
  int64_t outer = product(shape.take_front(axis));
  int64_t inner =
      product(shape.drop_front(axis + 1)) * dtypeBytes(x.dtype); // bytes
  int64_t picks = index.count();
  if (outer * picks * inner != out.byteCount())
    return failed(op, "the result's extents do not follow from the operands");
  SmallVector<int64_t> rows(picks);
  for (int64_t i = 0; i < picks; ++i) {
    int64_t row = index.integerAt(i);
    if (row < -extent || row >= extent)
      return failed(op, "index " + Twine(row) + " is out of range on axis " +
                            Twine(axis) + " of extent " + Twine(extent));
    rows[i] = row < 0 ? row + extent : row;
  }
  uint8_t *to = out.data<uint8_t>();
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t row : rows)
      to = std::copy_n(x.bytes + (o * extent + row) * inner, inner, to);
  return llvm::Error::success();
}

} // namespace nacre::reference
