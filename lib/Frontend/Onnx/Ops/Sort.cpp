//===- Sort.cpp - sorting and distinct elements ---------------------------===//
#include "../Node.h"
#include "../OpTable.h"
#include <numeric>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

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

/// The distinct slices along an axis, or elements: how many there are is in
/// the data, so the input is known now.
void unique(Node &n) {
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
  t["TopK"] = topK;
  t["Unique"] = unique;
}
