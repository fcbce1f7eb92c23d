//===- Index.cpp - picking by index ---------------------------------------===//
#include "Index.h"
#include "../OpTable.h"
#include "nacre/model.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

void onnx_frontend::needKnownInRange(const Tensor &index, int64_t extent) {
  for (int64_t i = 0, count = index.count(); i < count; ++i)
    if (int64_t at = index.integerAt(i); at < -extent || at >= extent)
      block("E_INDEX: index " + Twine(at) + ", axis size " + Twine(extent));
}

Value onnx_frontend::requireIndex(Node &n, Value x, Value ok) {
  Value all = n.build.expandLike(ok, x);
  return n.build.require(x, all, NACRE_E_INDEX, "an index is out of range");
}

Value onnx_frontend::checkedIndex(Node &n, Value index, int64_t extent) {
  DType dtype = Node::dtype(index);
  if (dtype != DType::I32 && dtype != DType::I64)
    block("indices have element type " + Twine(dtypeName(dtype)));
  std::optional<Tensor> known = n.importer.constantValue(index);
  if (known)
    needKnownInRange(*known, extent);
  mlir::Type i64 = n.type(DType::I64);
  index = n.build.cast(index, i64);
  auto number = [&](double value) { return n.build.splat(i64, value); };
  if (!known)
    index = requireIndex(
        n, index,
        n.build.binary<lazy::AndOp>(
            n.cmp(lazy::CmpKind::ge, index, number(-double(extent))),
            n.cmp(lazy::CmpKind::lt, index, number(double(extent)))));
  return n.where(n.cmp(lazy::CmpKind::lt, index, number(0)),
                 n.binary<lazy::AddOp>(index, double(extent)), index);
}

Value onnx_frontend::positions(Node &n, int64_t extent, int64_t axis,
                               int64_t rank) {
  Ints shape(rank, 1);
  shape[axis] = extent;
  return n.build.iota(mlir::RankedTensorType::get(shape, n.type(DType::I64)),
                      axis);
}

Value onnx_frontend::pickPerBatch(Node &n, Value x, int64_t batch, int64_t axis,
                                  Value index) {
  int64_t rank = Node::rank(x);
  Ints front{batch, axis}, back(rank);
  for (int64_t a = 0; a < rank; ++a)
    if (a != batch && a != axis)
      front.push_back(a);
  for (auto [to, from] : llvm::enumerate(front))
    back[from] = to;
  Value turned = n.build.permute(x, front);
  Ints shape(Node::shape(turned)), merged{shape[0] * shape[1]};
  merged.append(shape.begin() + 2, shape.end());
  Value row =
      n.binary<lazy::MulOp>(positions(n, shape[0], 0, 2), double(shape[1]));
  Value picked = n.build.gather(n.reshape(turned, merged),
                                n.binary<lazy::AddOp>(index, row), 0);
  return n.build.permute(picked, back);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

namespace {

/// Constant indices that count up by one: a slice, which costs nothing.
std::optional<int64_t> consecutive(const Tensor &index, int64_t extent) {
  int64_t first = index.integerAt(0);
  first = first < 0 ? first + extent : first;
  for (int64_t i = 1, n = index.count(); i < n; ++i) {
    int64_t at = index.integerAt(i);
    if ((at < 0 ? at + extent : at) != first + i)
      return std::nullopt;
  }
  return first;
}

/// Gather along an axis whose extent the run decides.
Value gatherBounded(Node &n, Value x, Value index, int64_t axis) {
  const Extent extent = n.extent(x, axis);
  mlir::Type i64 = n.type(DType::I64);
  Ints shape(Node::shape(x).take_front(axis));
  llvm::append_range(shape, Node::shape(index));
  llvm::append_range(shape, Node::shape(x).drop_front(axis + 1));
  n.needShape(shape);
  std::optional<Tensor> known = n.importer.constantValue(index);
  int64_t least = n.importer.dims.table.range(extent).least;
  if (known && known->count() > 0)
    if (std::optional<int64_t> first = consecutive(*known, INT64_MAX / 2);
        first && *first >= 0 && *first + known->count() <= least)
      return n.reshape(n.sliceAxis(x, axis, *first, known->count()), shape);
  index = n.build.cast(index, i64);
  Value size = n.scalar(extent);
  Value negative = n.cmp(lazy::CmpKind::lt, index, n.build.splat(i64, 0));
  index = n.where(negative, n.binary<lazy::AddOp>(index, size), index);
  Value ok = n.build.binary<lazy::AndOp>(
      n.cmp(lazy::CmpKind::ge, index, n.build.splat(i64, 0)),
      n.cmp(lazy::CmpKind::lt, index, size));
  return n.build.gather(x, requireIndex(n, index, ok), axis);
}

void gather(Node &n) {
  Value x = n.in(0), index = n.in(1);
  n.needRank(x, 1);
  DType dtype = Node::dtype(index);
  if (dtype != DType::I32 && dtype != DType::I64)
    block("indices have element type " + Twine(dtypeName(dtype)));
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(x));
  if (!n.extent(x, axis).isConstant())
    return n.set(0, gatherBounded(n, x, index, axis));
  n.needStatic(x, axis);
  if (axis > 0 && !lazy::tensorType(index).hasStaticShape())
    n.needStatic(index);
  int64_t extent = Node::shape(x)[axis];
  std::optional<Tensor> known = n.importer.constantValue(index);
  if (known)
    needKnownInRange(*known, extent);
  Ints shape(Node::shape(x).take_front(axis));
  llvm::append_range(shape, Node::shape(index));
  llvm::append_range(shape, Node::shape(x).drop_front(axis + 1));
  if (known && known->count() > 0)
    if (std::optional<int64_t> first = consecutive(*known, extent)) {
      Value cut = n.sliceAxis(x, axis, *first, known->count());
      return n.set(0, n.reshape(cut, shape));
    }
  n.needShape(shape);
  n.set(0, n.build.gather(x, index, axis));
}

/// values[1] where the class along the new axis is the index, values[0]
/// elsewhere; an index out of range gives a row of values[0].
void oneHot(Node &n) {
  Value index = n.in(0);
  Tensor depths = n.constant(1, "depth");
  Value values = n.in(2);
  if (depths.count() != 1 || Node::rank(values) != 1 ||
      Node::shape(values)[0] != 2)
    block("E_SHAPE: depth must be a scalar and values a pair");
  int64_t depth = depths.integerAt(0);
  if (depth < 1)
    block("E_ATTR: depth is " + Twine(depth) + ", must be > 0");
  int64_t rank = Node::rank(index) + 1;
  int64_t axis = n.axis(n.intAttr("axis", -1), rank);
  mlir::Type i64 = n.type(DType::I64);
  index = n.build.cast(index, i64);
  Value negative = n.cmp(lazy::CmpKind::lt, index, n.build.splat(i64, 0));
  index = n.where(negative, n.binary<lazy::AddOp>(index, double(depth)), index);
  Ints shape(Node::shape(index)), classes(rank, 1);
  shape.insert(shape.begin() + axis, 1);
  classes[axis] = depth;
  Value iota = n.build.iota(mlir::RankedTensorType::get({depth}, i64), 0);
  Value hit = n.cmp(lazy::CmpKind::eq, n.reshape(index, shape),
                    n.reshape(iota, classes));
  Value off = n.reshape(n.sliceAxis(values, 0, 0, 1), {});
  Value on = n.reshape(n.sliceAxis(values, 0, 1, 1), {});
  n.set(0, n.where(hit, on, off));
}

/// Keeps the upper or lower triangle of the last two axes.
void trilu(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 2);
  int64_t rank = Node::rank(x);
  for (int64_t a : {rank - 2, rank - 1})
    if (n.extent(x, a).isConstant())
      n.needStatic(x, a);
  mlir::Type i64 = n.type(DType::I64);
  Value k = n.build.splat(i64, 0);
  if (Value offset = n.optional(1)) {
    n.needStatic(offset);
    if (Node::dtype(offset) != DType::I64 ||
        lazy::tensorType(offset).getNumElements() != 1)
      block("E_SHAPE: k must be a scalar of i64");
    // Beyond the matrix nothing changes any more.
    double far = 0x1p40;
    k = n.binary<lazy::MinOp>(
        n.binary<lazy::MaxOp>(n.reshape(offset, {}), -far), far);
  }
  bool upper = n.intAttr("upper", 1) != 0;
  auto type = mlir::RankedTensorType::get(Node::shape(x).take_back(2), i64);
  Value row = n.binary<lazy::AddOp>(n.build.iota(type, 0), k);
  Value column = n.build.iota(type, 1);
  Value keep =
      n.cmp(upper ? lazy::CmpKind::ge : lazy::CmpKind::le, column, row);
  n.set(0, n.where(keep, x, n.build.splat(Node::element(x), 0)));
}

} // namespace

void onnx_frontend::addIndexOps(OpTable &t) {
  t["Gather"] = bounded(gather);
  t["OneHot"] = bounded(oneHot);
  t["Trilu"] = bounded(trilu);
}
