//===- Reduce.cpp - reductions over axes ----------------------------------===//
//
// Axes that only the run knows: along each axis the reduction is put in the
// place of all elements where the axis is one of them, so that the result lies
// in the first places of a tensor of the shape of x. Its extents are then those
// of x, or 1, as the run decides.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Index.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

struct Reduction {
  Value x;
  Ints axes;
  bool keep;
  /// Where the run says the axes: how many they are, and for each of x whether
  /// it is one, of bool [rank]. Else null.
  Value chosen;
  int64_t count = 0;
};

/// Axes that are an input which is not known: how many is, as its shape says.
void readChosenAxes(Node &n, Reduction &r) {
  Value axes = n.in(1);
  n.needStatic(axes);
  n.needStatic(r.x);
  if (Node::rank(axes) != 1)
    block("'axes' must be a vector, its shape is " +
          shapeText(Node::shape(axes)));
  int64_t rank = Node::rank(r.x);
  r.count = Node::shape(axes)[0];
  if (r.count > rank)
    block("E_SHAPE: " + Twine(r.count) + " axes for rank " + Twine(rank));
  if (r.count == 0)
    return;
  if (r.count == rank) { // each once, so all of them
    for (int64_t a = 0; a < rank; ++a)
      r.axes.push_back(a);
    return;
  }
  Value hit = n.cmp(lazy::CmpKind::eq,
                    n.reshape(checkedIndex(n, axes, rank), {r.count, 1}),
                    positions(n, rank, 1, 2));
  mlir::Type i64 = n.type(DType::I64);
  Value times = n.build.reduce(ReduceKind::add, n.build.cast(hit, i64), {0});
  Value one = n.build.splat(i64, 1);
  times = requireIndex(n, times, n.cmp(lazy::CmpKind::le, times, one));
  r.chosen = n.cmp(lazy::CmpKind::eq, times, one);
}

/// Axes are an attribute at first and an input from `sinceOpset` on.
Reduction readReduction(Node &n, int64_t sinceOpset) {
  Reduction r{n.in(0), {}, n.intAttr("keepdims", 1) != 0, {}};
  int64_t rank = Node::rank(r.x);
  if (n.opset >= sinceOpset && n.has(1) && canCount(n) &&
      !n.importer.constantValue(n.in(1)))
    readChosenAxes(n, r);
  else
    r.axes =
        n.axes(n.intsAttrOrInput("axes", 1, sinceOpset).value_or(Ints()), rank);
  if (r.axes.empty() && !r.chosen && n.intAttr("noop_with_empty_axes", 0) == 0)
    for (int64_t a = 0; a < rank; ++a)
      r.axes.push_back(a);
  return r;
}

/// Whether axis `a` is one of those the run says, as a scalar.
Value isChosen(Node &n, const Reduction &r, int64_t a) {
  return n.reshape(n.sliceAxis(r.chosen, 0, a, 1), {});
}

/// x reduced; along chosen axes every place has the result.
Value apply(Node &n, ReduceKind kind, const Reduction &r, Value x) {
  if (!r.chosen)
    return n.build.reduce(kind, x, r.axes, r.keep);
  for (int64_t a = 0; a < Node::rank(x); ++a)
    if (int64_t extent = Node::shape(x)[a]; extent != 1) {
      Value y = n.build.reduce(kind, x, {a}, /*keepDims=*/true);
      // Of no elements there is room for what the reduction gives.
      x = extent == 0 ? y : n.where(isChosen(n, r, a), y, x);
    }
  return x;
}

/// The number of elements that make one of the result.
Value overCount(Node &n, const Reduction &r, Value sum) {
  if (!r.chosen)
    return n.overCount(sum, r.x, r.axes);
  Ints shape(Node::shape(r.x));
  Value counts =
      n.where(r.chosen, n.ints(shape), n.build.splat(n.type(DType::I64), 1));
  Value count = n.build.reduce(ReduceKind::mul, counts, {0});
  return n.binary<lazy::DivOp>(sum, n.build.cast(count, Node::element(sum)));
}

/// The extents that the axes of the result have, as the run decides.
Extents chosenExtents(Node &n, const Reduction &r) {
  mlir::Type i64 = n.type(DType::I64);
  Ints shape(Node::shape(r.x));
  int64_t rank = shape.size();
  Value one = n.build.splat(i64, 1);
  Extents extents;
  if (r.keep) {
    for (int64_t a = 0; a < rank; ++a)
      extents.push_back(
          shape[a] == 1
              ? Extent(1)
              : countedExtent(n,
                              n.where(isChosen(n, r, a), one,
                                      n.build.splat(i64, double(shape[a]))),
                              std::max<int64_t>(shape[a], 1), 0, a));
    return extents;
  }
  // Axis a is the one of this number among those that stay.
  Value stays = n.build.cast(n.build.unary<lazy::NotOp>(r.chosen), i64);
  Value number = sumUpTo(n, stays, 0);
  for (int64_t i = 0; i < rank - r.count; ++i) {
    Value here = n.build.binary<lazy::AndOp>(
        n.cmp(lazy::CmpKind::eq, number, n.build.splat(i64, double(i + 1))),
        n.build.unary<lazy::NotOp>(r.chosen));
    Value extent = n.build.reduce(
        ReduceKind::add, n.where(here, n.ints(shape), n.build.splat(i64, 0)),
        {0});
    int64_t most = *llvm::max_element(shape);
    extents.push_back(
        countedExtent(n, extent, std::max<int64_t>(most, 1), 0, i));
  }
  return extents;
}

/// Sets the output, which still has the shape of x where the run says the axes.
void finish(Node &n, const Reduction &r, Value y) {
  if (!r.chosen)
    return n.set(0, y);
  BoundedDims &dims = n.importer.dims;
  Reduction kept = r;
  kept.keep = true;
  Extents extents = chosenExtents(n, kept);
  y = dims.withExtents(n.build.loc, y, extents);
  if (r.keep)
    return n.set(0, y);
  // As many elements in the same order, whatever the axes that stay.
  Extents left = chosenExtents(n, r);
  int64_t room = 1;
  for (int64_t bound : dims.bounds(left))
    room = mulChecked(room, bound);
  Value dense = dims.gatherDense(n.build.loc, y);
  int64_t have = Node::shape(dense)[0];
  if (have > room)
    dense = n.sliceAxis(dense, 0, 0, room);
  else if (have < room)
    dense = n.pad(dense, {0}, {room - have}, 0);
  n.set(0, dims.spread(n.build.loc, dense, left));
}

template <ReduceKind kind, int64_t sinceOpset> void plain(Node &n) {
  Reduction r = readReduction(n, sinceOpset);
  finish(n, r, apply(n, kind, r, r.x));
}

void mean(Node &n) {
  Reduction r = readReduction(n, 18);
  finish(n, r, overCount(n, r, apply(n, ReduceKind::add, r, r.x)));
}

Value square(Node &n, Value x) { return n.binary<lazy::MulOp>(x, x); }

void l1(Node &n) {
  Reduction r = readReduction(n, 18);
  Value x = lazy::isUnsignedElement(Node::element(r.x))
                ? r.x
                : n.build.unary<lazy::AbsOp>(r.x);
  finish(n, r, apply(n, ReduceKind::add, r, x));
}

void l2(Node &n) {
  Reduction r = readReduction(n, 18);
  mlir::Type given = Node::element(r.x);
  Value x = Node::isFloat(r.x) ? r.x : n.build.cast(r.x, n.type(DType::F64));
  Value y = n.unary<lazy::SqrtOp>(apply(n, ReduceKind::add, r, square(n, x)));
  finish(n, r, n.build.cast(y, given));
}

void sumSquare(Node &n) {
  Reduction r = readReduction(n, 18);
  finish(n, r, apply(n, ReduceKind::add, r, square(n, r.x)));
}

void logSum(Node &n) {
  Reduction r = readReduction(n, 18);
  finish(n, r, n.unary<lazy::LogOp>(apply(n, ReduceKind::add, r, r.x)));
}

/// Shifted by the largest element; an infinite one is not subtracted.
void logSumExp(Node &n) {
  Reduction r = readReduction(n, 18);
  n.needFloat(r.x);
  Reduction kept = r;
  kept.keep = true;
  Value top = apply(n, ReduceKind::max, kept, r.x);
  double inf = std::numeric_limits<double>::infinity();
  Value finite = n.cmp(lazy::CmpKind::lt, n.build.unary<lazy::AbsOp>(top),
                       n.build.splat(Node::element(top), inf));
  top = n.where(finite, top, n.build.splat(Node::element(top), 0));
  Value sum = apply(n, ReduceKind::add, kept,
                    n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(r.x, top)));
  Value y = n.binary<lazy::AddOp>(n.unary<lazy::LogOp>(sum), top);
  if (!r.keep && !r.chosen) {
    Ints shape;
    for (int64_t a = 0; a < Node::rank(y); ++a)
      if (!llvm::is_contained(r.axes, a))
        shape.push_back(Node::shape(y)[a]);
    y = n.reshape(y, shape);
  }
  finish(n, r, y);
}

template <ReduceKind kind> void arg(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 1);
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(x));
  if (n.extent(x, axis).isConstant())
    n.needStatic(x, axis);
  if (Node::shape(x)[axis] == 0)
    block("E_SHAPE: axis " + Twine(axis) + " is empty");
  n.set(0,
        n.build.argReduce(kind, x, axis, n.intAttr("select_last_index", 0) != 0,
                          n.intAttr("keepdims", 1) != 0));
}

} // namespace

void onnx_frontend::addReduceOps(OpTable &t) {
  t["ReduceSum"] = bounded(plain<ReduceKind::add, 13>);
  t["ReduceProd"] = bounded(plain<ReduceKind::mul, 18>);
  t["ReduceMax"] = bounded(plain<ReduceKind::max, 18>);
  t["ReduceMin"] = bounded(plain<ReduceKind::min, 18>);
  t["ReduceMean"] = bounded(mean);
  t["ReduceL1"] = bounded(l1);
  t["ReduceL2"] = bounded(l2);
  t["ReduceSumSquare"] = bounded(sumSquare);
  t["ReduceLogSum"] = bounded(logSum);
  t["ReduceLogSumExp"] = bounded(logSumExp);
  t["ArgMax"] = bounded(arg<ReduceKind::max>);
  t["ArgMin"] = bounded(arg<ReduceKind::min>);
}
