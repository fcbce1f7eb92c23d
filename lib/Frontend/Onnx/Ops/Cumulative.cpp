//===- Cumulative.cpp - sums and products up to each place ----------------===//
//
// An axis is cut into blocks of 16. In a block each place combines the places
// up to its own; the block totals, 16 times fewer, are accumulated the same way
// and combined with all places of the next block. That is some 18 operations an
// element, in loops that vectorise, and four levels for 10^5 elements. A mask
// instead of a matrix of ones keeps infinities from meeting zeros.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Index.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

constexpr int64_t kBlock = 16;

struct Scan {
  Node &n;
  ReduceKind kind;

  double neutral() const { return kind == ReduceKind::mul ? 1 : 0; }
  Value combine(Value a, Value b) const {
    return kind == ReduceKind::mul ? n.binary<lazy::MulOp>(a, b)
                                   : n.binary<lazy::AddOp>(a, b);
  }
  /// Every place combines those up to its own, by a mask.
  Value masked(Value x, int64_t axis) const {
    int64_t rank = Node::rank(x) + 1, extent = Node::shape(x)[axis];
    Ints apart(Node::shape(x));
    apart.insert(apart.begin() + axis, 1);
    Value keep = n.cmp(lazy::CmpKind::le, positions(n, extent, axis + 1, rank),
                       positions(n, extent, axis, rank));
    Value terms = n.where(keep, n.reshape(x, apart),
                          n.build.splat(Node::element(x), neutral()));
    return n.build.reduce(kind, terms, {axis + 1});
  }
  /// Every place takes what stands before it, the first the neutral element.
  Value shifted(Value x, int64_t axis) const {
    int64_t extent = Node::shape(x)[axis];
    Ints low(Node::rank(x), 0), high(Node::rank(x), 0);
    low[axis] = 1;
    return n.pad(n.sliceAxis(x, axis, 0, extent - 1), low, high, neutral());
  }
  Value upTo(Value x, int64_t axis) const {
    int64_t extent = Node::shape(x)[axis], blocks = extent / kBlock;
    if (extent <= 2 * kBlock)
      return masked(x, axis);
    Ints cut(Node::shape(x)), totalled(cut), joined(cut);
    int64_t whole = joined[axis] = blocks * kBlock;
    cut[axis] = totalled[axis] = blocks;
    cut.insert(cut.begin() + axis + 1, kBlock);
    Value inBlocks =
        masked(n.reshape(n.sliceAxis(x, axis, 0, whole), cut), axis + 1);
    Value totals =
        n.reshape(n.sliceAxis(inBlocks, axis + 1, kBlock - 1, 1), totalled);
    Value before = shifted(upTo(totals, axis), axis);
    totalled.insert(totalled.begin() + axis + 1, 1);
    Value y = n.reshape(combine(inBlocks, n.reshape(before, totalled)), joined);
    if (whole == extent)
      return y;
    // What no block holds, rather than a pad, which every read would ask about.
    Value rest = masked(n.sliceAxis(x, axis, whole, extent - whole), axis);
    Value last = n.sliceAxis(y, axis, whole - 1, 1);
    return n.concat({y, combine(rest, last)}, axis);
  }
};

Value cumulateAlong(Node &n, ReduceKind kind, Value x, int64_t axis) {
  n.needStatic(x, axis);
  if (Node::shape(x)[axis] == 0)
    return x;
  bool reverse = n.intAttr("reverse", 0) != 0;
  if (reverse)
    x = n.build.flip(x, {axis});
  // The half types are accumulated in f32.
  mlir::Type element = Node::element(x);
  if (Node::isFloat(x) && element.getIntOrFloatBitWidth() == 16)
    x = n.build.cast(x, n.type(DType::F32));
  Scan scan{n, kind};
  Value y = scan.upTo(x, axis);
  if (n.intAttr("exclusive", 0) != 0)
    y = scan.shifted(y, axis);
  if (reverse)
    y = n.build.flip(y, {axis});
  return n.build.cast(y, element);
}

template <ReduceKind kind> void cumulative(Node &n) {
  Value x = n.in(0), given = n.in(1);
  n.needRank(x, 1);
  n.needStatic(given);
  if (int64_t count = lazy::tensorType(given).getNumElements(); count != 1)
    block("E_SHAPE: axis has " + Twine(count) + " elements, not 1");
  int64_t rank = Node::rank(x);
  if (std::optional<Tensor> known = n.importer.constantValue(given))
    return n.set(0,
                 cumulateAlong(n, kind, x, n.axis(known->integerAt(0), rank)));
  // Along each axis, and the run chooses.
  Value axis = n.reshape(checkedIndex(n, given, rank), {});
  Value y = cumulateAlong(n, kind, x, 0);
  for (int64_t a = 1; a < rank; ++a)
    y = n.where(n.cmp(lazy::CmpKind::eq, axis,
                      n.build.splat(n.type(DType::I64), double(a))),
                cumulateAlong(n, kind, x, a), y);
  n.set(0, y);
}

} // namespace

Value onnx_frontend::sumUpTo(Node &n, Value x, int64_t axis) {
  return Scan{n, ReduceKind::add}.upTo(x, axis);
}

void onnx_frontend::addCumulativeOps(OpTable &t) {
  t["CumSum"] = bounded(cumulative<ReduceKind::add>);
  t["CumProd"] = bounded(cumulative<ReduceKind::mul>);
}
