//===- Join.cpp - concat, gather and scatter ------------------------------===//

#include "Evaluators.h"
#include "Scalar.h"

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

/// The elements of `index` as rows of an axis of `extent`.
static llvm::Expected<SmallVector<int64_t>>
rowsOf(Operation *op, const Tensor &index, int64_t axis, int64_t extent) {
  SmallVector<int64_t> rows(index.count());
  for (auto [i, row] : llvm::enumerate(rows)) {
    row = index.integerAt(i);
    if (row < -extent || row >= extent)
      return failed(op, "index " + Twine(row) + " is out of range on axis " +
                            Twine(axis) + " of extent " + Twine(extent));
    if (row < 0)
      row += extent;
  }
  return rows;
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
  llvm::Expected<SmallVector<int64_t>> rows = rowsOf(op, index, axis, extent);
  if (!rows)
    return rows.takeError();
  uint8_t *to = out.data<uint8_t>();
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t row : *rows)
      to = std::copy_n(x.bytes + (o * extent + row) * inner, inner, to);
  return llvm::Error::success();
}

llvm::Error evaluateScatter(lazy::ScatterOp op, const Tensor &updates,
                            const Tensor &index, Tensor &out) {
  int64_t axis = op.getAxis();
  ArrayRef<int64_t> shape(out.shape);
  int64_t extent = shape[axis];
  int64_t outer = product(shape.take_front(axis));
  int64_t inner = product(shape.drop_front(axis + 1));
  if (outer * index.count() * inner != updates.count())
    return failed(op, "the updates' extents do not follow from the result");
  llvm::Expected<SmallVector<int64_t>> rows = rowsOf(op, index, axis, extent);
  if (!rows)
    return rows.takeError();
  withElement(out.dtype, [&](auto t) {
    using T = decltype(t);
    using C = Compute<T>;
    auto combineAll = [&](C neutral, C (*combine)(C, C)) {
      std::vector<C> values(out.count(), neutral);
      const T *from = updates.data<T>();
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t row : *rows)
          for (int64_t r = 0; r < inner; ++r) {
            auto &value = values[(o * extent + row) * inner + r];
            value = combine(value, load(*from++));
          }
      T *to = out.data<T>();
      for (auto value : values)
        *to++ = store<T>(value);
    };
    switch (op.getKind()) {
    case lazy::ReduceKind::add:
      return combineAll(0, sumOf<C>);
    case lazy::ReduceKind::mul:
      return combineAll(1, productOf<C>);
    case lazy::ReduceKind::max:
      return combineAll(load(lowestValue<T>()), largerOf<C>);
    case lazy::ReduceKind::min:
      return combineAll(load(highestValue<T>()), smallerOf<C>);
    }
  });
  return llvm::Error::success();
}

llvm::Error evaluateWrite(lazy::WriteOp op, Operands xs, Tensor &out) {
  const Tensor &x = xs[0], &rows = xs[1];
  int64_t axis = op.getAxis(), first = xs[2].integerAt(0),
          count = xs[3].integerAt(0), extent = x.shape[axis],
          given = rows.shape[axis];
  if (first < 0 || count < 0 || count > given || first > extent - count)
    return failed(op, "cannot write " + Twine(count) + " of " + Twine(given) +
                          " slices at " + Twine(first) + " of extent " +
                          Twine(extent));
  ArrayRef<int64_t> shape(x.shape);
  int64_t outer = product(shape.take_front(axis));
  int64_t inner =
      product(shape.drop_front(axis + 1)) * dtypeBytes(x.dtype); // bytes
  uint8_t *to = out.data<uint8_t>();
  std::copy_n(x.bytes, x.byteCount(), to);
  for (int64_t o = 0; o < outer; ++o)
    std::copy_n(rows.bytes + o * given * inner, count * inner,
                to + (o * extent + first) * inner);
  return llvm::Error::success();
}

} // namespace nacre::reference
