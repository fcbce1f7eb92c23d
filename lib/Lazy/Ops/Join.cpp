//===- Join.cpp - concat and gather ---------------------------------------===//
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

/// Slices of `updates` added where `index` says, in a tensor of `extent` along
/// `axis`: a product with the matrix that has a 1 at (i, index[i]).
static Value scatterAdd(Build &build, Value updates, Value index, int64_t axis,
                        int64_t extent) {
  auto from = tensorType(updates), at = tensorType(index);
  MLIRContext *context = from.getContext();
  Value zero = build.splatLike(index, 0);
  Value position = build.where(
      build.cmp(CmpKind::lt, index, zero),
      build.binary<AddOp>(index, build.splatLike(index, double(extent))),
      index);
  SmallVector<int64_t> column(at.getShape()), shape(at.getShape());
  column.push_back(1);
  shape.push_back(extent);
  auto matrix = withShape(at, shape);
  Value rows = build.reshape(position, column);
  if (matrix != rows.getType())
    rows = ExpandOp::create(build.b, build.loc, matrix, rows);
  Value hits =
      build.cast(build.cmp(CmpKind::eq, rows, build.iota(matrix, at.getRank())),
                 from.getElementType());
  // Dimensions: those of updates, then the place along `axis`.
  int64_t rank = from.getRank();
  SmallVector<AffineExpr> all, pair, result;
  for (int64_t d = 0; d <= rank; ++d)
    all.push_back(getAffineDimExpr(d, context));
  pair.assign(all.begin() + axis, all.begin() + axis + at.getRank());
  pair.push_back(all[rank]);
  result.assign(all.begin(), all.begin() + axis);
  result.push_back(all[rank]);
  result.append(all.begin() + axis + at.getRank(), all.begin() + rank);
  all.pop_back();
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(rank + 1, 0, exprs, context);
  };
  return build.contract(updates, hits, map(all), map(pair), map(result));
}

Value GatherOp::gradient(Build &build, Value g, unsigned) {
  return scatterAdd(build, g, getIndex(), getAxis(),
                    tensorType(getX()).getDimSize(getAxis()));
}

} // namespace nacre::lazy
