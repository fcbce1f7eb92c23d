//===- Reduce.cpp - reductions over axes ----------------------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

struct Reduction {
  Value x;
  Ints axes;
  bool keep;
};

/// Axes are an attribute at first and an input from `sinceOpset` on.
Reduction readReduction(Node &n, int64_t sinceOpset) {
  Reduction r{n.in(0), {}, n.intAttr("keepdims", 1) != 0};
  int64_t rank = Node::rank(r.x);
  r.axes =
      n.axes(n.intsAttrOrInput("axes", 1, sinceOpset).value_or(Ints()), rank);
  if (r.axes.empty() && n.intAttr("noop_with_empty_axes", 0) == 0)
    for (int64_t a = 0; a < rank; ++a)
      r.axes.push_back(a);
  return r;
}

Value apply(Node &n, ReduceKind kind, const Reduction &r, Value x) {
  return n.build.reduce(kind, x, r.axes, r.keep);
}

template <ReduceKind kind, int64_t sinceOpset> void plain(Node &n) {
  Reduction r = readReduction(n, sinceOpset);
  n.set(0, apply(n, kind, r, r.x));
}

void mean(Node &n) {
  Reduction r = readReduction(n, 18);
  n.set(0, n.overCount(apply(n, ReduceKind::add, r, r.x), r.x, r.axes));
}

Value square(Node &n, Value x) { return n.binary<lazy::MulOp>(x, x); }

void l1(Node &n) {
  Reduction r = readReduction(n, 18);
  Value x = lazy::isUnsignedElement(Node::element(r.x))
                ? r.x
                : n.build.unary<lazy::AbsOp>(r.x);
  n.set(0, apply(n, ReduceKind::add, r, x));
}

void l2(Node &n) {
  Reduction r = readReduction(n, 18);
  mlir::Type given = Node::element(r.x);
  Value x = Node::isFloat(r.x) ? r.x : n.build.cast(r.x, n.type(DType::F64));
  Value y = n.unary<lazy::SqrtOp>(apply(n, ReduceKind::add, r, square(n, x)));
  n.set(0, n.build.cast(y, given));
}

void sumSquare(Node &n) {
  Reduction r = readReduction(n, 18);
  n.set(0, apply(n, ReduceKind::add, r, square(n, r.x)));
}

void logSum(Node &n) {
  Reduction r = readReduction(n, 18);
  n.set(0, n.unary<lazy::LogOp>(apply(n, ReduceKind::add, r, r.x)));
}

/// Shifted by the largest element; an infinite one is not subtracted.
void logSumExp(Node &n) {
  Reduction r = readReduction(n, 18);
  n.needFloat(r.x);
  Reduction kept{r.x, r.axes, true};
  Value top = apply(n, ReduceKind::max, kept, r.x);
  double inf = std::numeric_limits<double>::infinity();
  Value finite = n.cmp(lazy::CmpKind::lt, n.build.unary<lazy::AbsOp>(top),
                       n.build.splat(Node::element(top), inf));
  top = n.where(finite, top, n.build.splat(Node::element(top), 0));
  Value sum = apply(n, ReduceKind::add, kept,
                    n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(r.x, top)));
  Value y = n.binary<lazy::AddOp>(n.unary<lazy::LogOp>(sum), top);
  if (!r.keep) {
    Ints shape;
    for (int64_t a = 0; a < Node::rank(y); ++a)
      if (!llvm::is_contained(r.axes, a))
        shape.push_back(Node::shape(y)[a]);
    y = n.reshape(y, shape);
  }
  n.set(0, y);
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
