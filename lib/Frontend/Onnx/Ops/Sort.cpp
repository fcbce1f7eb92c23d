//===- Sort.cpp - sorting and distinct elements ---------------------------===//
#include "../Node.h"
#include "../OpTable.h"
#include "Index.h"
#include "Selection.h"
#include <numeric>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// TopK with a K of the run: all are sorted, and the first K are the output.
void topOfRun(Node &n, Value x, int64_t axis) {
  Value k = n.in(1);
  n.needStatic(x);
  n.needStatic(k);
  if (lazy::tensorType(k).getNumElements() != 1 || Node::dtype(k) != DType::I64)
    block("E_SHAPE: K is not one number of i64");
  int64_t extent = Node::shape(x)[axis];
  if (extent < 1 || extent >= INT32_MAX)
    block("E_SHAPE: axis " + Twine(axis) + " has extent " + Twine(extent));
  k = n.reshape(k, {});
  mlir::Type i64 = n.type(DType::I64);
  Value ok = n.build.binary<lazy::AndOp>(
      n.cmp(lazy::CmpKind::ge, k, n.build.splat(i64, 0)),
      n.cmp(lazy::CmpKind::le, k, n.build.splat(i64, double(extent))));
  k = requireIndex(n, k, ok);
  auto [values, indices] =
      n.build.topK(x, axis, extent, n.intAttr("largest", 1) != 0);
  Extents to = n.extents(x);
  to[axis] = countedExtent(n, k, extent, 0, axis);
  BoundedDims &dims = n.importer.dims;
  n.set(0, dims.withExtents(n.build.loc, values, to));
  n.set(1, dims.withExtents(n.build.loc, indices, to));
}

void topK(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 1);
  int64_t axis = n.axis(n.intAttr("axis", -1), Node::rank(x));
  n.needStatic(x, axis);
  int64_t extent = Node::shape(x)[axis], k = 0;
  if (axis == 0)
    n.needStatic(x);
  if (n.opset < 10) {
    k = n.intAttr("k", -1);
  } else {
    if (!n.importer.constantValue(n.in(1)))
      return topOfRun(n, x, axis);
    Ints given = n.constantInts(1, "K");
    if (given.size() != 1)
      block("E_SHAPE: K has " + Twine(given.size()) + " values, not 1");
    k = given[0];
  }
  if (k < 0 || k > extent || extent >= INT32_MAX)
    block("E_ATTR: K is " + Twine(k) + " for an axis of extent " +
          Twine(extent));
  bool largest = n.opset < 11 || n.intAttr("largest", 1) != 0;
  auto [values, indices] = n.build.topK(x, axis, k, largest);
  n.set(0, values);
  n.set(1, indices);
}

/// Compares elements a and b of t; NaN is above every number.
int compareAt(const Tensor &t, int64_t a, int64_t b) {
  bool isFloat = t.dtype == DType::F16 || t.dtype == DType::BF16 ||
                 t.dtype == DType::F32 || t.dtype == DType::F64;
  if (isFloat) {
    double x = t.numberAt(a), y = t.numberAt(b);
    if (x != x || y != y)
      return int(x != x) - int(y != y);
    return x < y ? -1 : x > y;
  }
  int64_t x = t.integerAt(a), y = t.integerAt(b);
  if (t.dtype == DType::U64)
    return uint64_t(x) < uint64_t(y) ? -1 : uint64_t(x) > uint64_t(y);
  return x < y ? -1 : x > y;
}

/// The distinct elements of data of the run: they are sorted, and each that
/// differs from the one before it begins a group.
void uniqueOfRun(Node &n, Value x) {
  n.needStatic(x);
  int64_t rank = Node::rank(x);
  if (n.attribute("axis") && rank != 1)
    block("needs a constant 'X' input along an axis; it depends on run-time "
          "data");
  Ints all;
  for (int64_t a = 0; a < rank; ++a)
    all.push_back(a);
  int64_t extent = n.countAlong(x, all);
  if (extent < 1)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) + " is empty");
  mlir::Type i64 = n.type(DType::I64);
  auto vector = [&](Value v) { return n.reshape(v, {extent}); };
  auto [values, from] = n.build.topK(vector(x), 0, extent, /*largest=*/false);
  Value begins = n.build.splat(n.type(DType::Bool), 1, {1});
  if (extent > 1)
    begins = n.concat(
        {begins, n.cmp(lazy::CmpKind::ne, n.sliceAxis(values, 0, 1, extent - 1),
                       n.sliceAxis(values, 0, 0, extent - 1))},
        0);
  Value group =
      n.binary<lazy::SubOp>(sumUpTo(n, n.build.cast(begins, i64), 0), 1.0);
  // Of each group the place among the sorted ones and in the input.
  Value place = placesWhere(n, begins, 0, 0);
  Value first = n.build.gather(from, place, 0);
  Value counts =
      n.build.scatter(n.build.splat(i64, 1, {extent}), group, 0, extent);
  n.importer.dims.declare(counts, n.extents(place));
  Value inverse = n.build.scatter(group, from, 0, extent);
  if (n.intAttr("sorted", 1) == 0) {
    // The groups by where they begin in the input; none begins behind it.
    Value inside = n.importer.dims.within(n.build.loc, n.extents(place), {0});
    Value keys =
        inside ? n.where(inside, first, n.build.splat(i64, double(extent)))
               : first;
    Ints room(Node::shape(keys));
    n.importer.dims.declare(keys, Extents(room.begin(), room.end()));
    Value order = n.build.topK(keys, 0, room[0], /*largest=*/false).second;
    Value numbers =
        n.build.iota(mlir::RankedTensorType::get({room[0]}, i64), 0);
    Value after = n.build.scatter(numbers, order, 0, room[0]);
    inverse = n.build.gather(after, inverse, 0);
    // The scatter needs all of the order, what follows the groups alone.
    n.extents(after);
    n.importer.dims.declare(order, n.extents(place));
    place = n.build.gather(place, order, 0);
    first = n.build.gather(first, order, 0);
    counts = n.build.gather(counts, order, 0);
  }
  n.set(0, n.build.gather(values, place, 0));
  n.set(1, first);
  n.set(2, inverse);
  n.set(3, counts);
}

/// The distinct slices along an axis, or elements.
void unique(Node &n) {
  if (Value given = n.in(0); !n.importer.constantValue(given))
    return uniqueOfRun(n, given);
  Tensor x = n.constant(0, "X");
  int64_t rank = x.shape.size(), outer = 1, extent = x.count(), inner = 1;
  bool along = n.attribute("axis");
  int64_t axis = along ? n.axis(n.intAttr("axis", 0), rank) : 0;
  if (along) {
    extent = x.shape[axis];
    for (int64_t i = 0; i < axis; ++i)
      outer *= x.shape[i];
    for (int64_t i = axis + 1; i < rank; ++i)
      inner *= x.shape[i];
  }
  auto compare = [&](int64_t a, int64_t b) {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i)
        if (int order = compareAt(x, (o * extent + a) * inner + i,
                                  (o * extent + b) * inner + i))
          return order;
    return 0;
  };
  std::vector<int64_t> order(extent);
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order,
                    [&](int64_t a, int64_t b) { return compare(a, b) < 0; });
  std::vector<int64_t> firsts, group(extent);
  for (int64_t i = 0; i < extent; ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0)
      firsts.push_back(order[i]);
    group[order[i]] = int64_t(firsts.size()) - 1;
  }
  int64_t count = firsts.size();
  std::vector<int64_t> places(count); // the place of each group in the result
  std::iota(places.begin(), places.end(), 0);
  if (n.intAttr("sorted", 1) == 0) {
    std::vector<int64_t> byFirst(places);
    llvm::sort(byFirst,
               [&](int64_t a, int64_t b) { return firsts[a] < firsts[b]; });
    for (int64_t i = 0; i < count; ++i)
      places[byFirst[i]] = i;
  }
  std::vector<int64_t> shape(1, count);
  if (along) {
    shape = x.shape;
    shape[axis] = count;
  }
  Tensor values = n.newTensor(x.dtype, shape);
  Tensor indices = n.newTensor(DType::I64, {count});
  Tensor inverse = n.newTensor(DType::I64, {extent});
  Tensor counts = n.newTensor(DType::I64, {count});
  int64_t width = dtypeBytes(x.dtype);
  for (int64_t g = 0; g < count; ++g) {
    indices.data<int64_t>()[places[g]] = firsts[g];
    for (int64_t o = 0; o < outer; ++o)
      std::copy_n(
          x.bytes + (o * extent + firsts[g]) * inner * width, inner * width,
          values.data<uint8_t>() + (o * count + places[g]) * inner * width);
  }
  for (int64_t i = 0; i < extent; ++i) {
    inverse.data<int64_t>()[i] = places[group[i]];
    ++counts.data<int64_t>()[places[group[i]]];
  }
  int next = 0;
  for (const Tensor &t : {values, indices, inverse, counts})
    n.set(next++, n.constantOf(t));
}

} // namespace

void onnx_frontend::addSortOps(OpTable &t) {
  t["TopK"] = bounded(topK);
  t["Unique"] = bounded(unique);
}
