//===- RunTimeCut.cpp - cutting where the run says ------------------------===//
//
// A part of an axis has at most as many places as the axis, so there is room
// for all, an extent that the run works out, and a gather of what is in it.
//
//===----------------------------------------------------------------------===//
#include "RunTimeCut.h"
#include "Index.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

/// Arithmetic on scalars of i64.
struct Scalars {
  Node &n;

  Value number(int64_t v) {
    return n.build.splat(n.type(DType::I64), double(v));
  }
  Value add(Value a, Value b) { return n.binary<lazy::AddOp>(a, b); }
  Value sub(Value a, Value b) { return n.binary<lazy::SubOp>(a, b); }
  Value clamp(Value v, Value least, Value most) {
    return n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(v, least), most);
  }
  Value isNegative(Value v) { return n.cmp(CmpKind::lt, v, number(0)); }
};

/// The input i, a vector of i32 or i64, as i64.
Value vectorInput(Node &n, int i, llvm::StringRef what) {
  Value v = n.in(i);
  n.needStatic(v);
  DType dtype = Node::dtype(v);
  if (Node::rank(v) != 1 || (dtype != DType::I32 && dtype != DType::I64))
    block("E_SHAPE: " + what + " is " + dtypeName(dtype) + " of shape " +
          shapeText(Node::shape(v)) + ", not a vector of i32 or i64");
  return n.build.cast(v, n.type(DType::I64));
}

Value elementOf(Node &n, Value vector, int64_t i) {
  return n.reshape(n.sliceAxis(vector, 0, i, 1), {});
}

/// The places start + i * step, `count` of them, along one axis. All three are
/// scalars of i64, and the places lie within the axis.
Value cut(Node &n, Value x, int64_t axis, Value start, Value step, Value count,
          int output) {
  Scalars s{n};
  int64_t room = Node::shape(x)[axis];
  if (room == 0)
    return x;
  Value index = n.binary<lazy::MulOp>(positions(n, room, 0, 1), step);
  // What lies beyond the count is not looked at, but gathered.
  index = s.clamp(s.add(index, start), s.number(0), s.number(room - 1));
  n.importer.dims.declare(index, {countedExtent(n, count, room, output, axis)});
  return n.build.gather(x, index, axis);
}

/// One axis of Slice in numpy's way, as `resolve` of Movement.cpp has it for
/// numbers that are known.
Value cutBetween(Node &n, Value x, int64_t axis, Value start, Value end,
                 Value step) {
  Scalars s{n};
  int64_t room = Node::shape(x)[axis];
  Value zero = s.number(0), extent = s.number(room);
  step = requireIndex(n, step, n.cmp(CmpKind::ne, step, zero));
  // A longer step takes the same single element.
  step = s.clamp(step, s.number(-room - 1), s.number(room + 1));
  Value back = s.isNegative(step);
  Value least = n.where(back, s.number(-1), zero),
        most = n.where(back, s.number(room - 1), extent);
  auto within = [&](Value at) {
    return s.clamp(n.where(s.isNegative(at), s.add(at, extent), at), least,
                   most);
  };
  start = within(start);
  end = within(end);
  Value distance = n.where(back, s.sub(start, end), s.sub(end, start));
  Value last = n.binary<lazy::MaxOp>(s.sub(distance, s.number(1)), zero);
  Value count =
      s.add(n.binary<lazy::DivOp>(last, n.build.unary<lazy::AbsOp>(step)),
            s.number(1));
  count = n.where(n.cmp(CmpKind::gt, distance, zero), count, zero);
  return cut(n, x, axis, start, step, count, 0);
}

} // namespace

void onnx_frontend::sliceByRun(Node &n) {
  Value x = n.in(0);
  n.needStatic(x);
  Scalars s{n};
  Value starts = vectorInput(n, 1, "starts"), ends = vectorInput(n, 2, "ends");
  int64_t count = Node::shape(starts)[0], rank = Node::rank(x);
  auto oneLength = [&](Value v) {
    if (Node::shape(v)[0] != count)
      block("E_ATTR: starts, ends, axes and steps must have one length");
    return v;
  };
  oneLength(ends);
  Value steps = n.has(4) ? oneLength(vectorInput(n, 4, "steps")) : Value();
  auto step = [&](int64_t i) {
    return steps ? elementOf(n, steps, i) : s.number(1);
  };
  bool known = !n.has(3) || n.importer.constantValue(n.in(3));
  if (known) {
    Ints axes;
    for (int64_t a = 0; a < count; ++a)
      axes.push_back(a);
    if (n.has(3))
      axes = n.constantInts(3, "axes");
    if (int64_t(axes.size()) != count)
      block("E_ATTR: starts, ends, axes and steps must have one length");
    for (auto [i, axis] : llvm::enumerate(n.axes(axes, rank)))
      x = cutBetween(n, x, axis, elementOf(n, starts, i), elementOf(n, ends, i),
                     step(i));
    return n.set(0, x);
  }
  // Each axis, whole unless the run names it.
  Value axes = checkedIndex(n, oneLength(vectorInput(n, 3, "axes")), rank);
  for (int64_t a = 0; a < rank; ++a) {
    Value from = s.number(0), to = s.number(Node::shape(x)[a]),
          by = s.number(1);
    for (int64_t i = 0; i < count; ++i) {
      Value here = n.cmp(CmpKind::eq, elementOf(n, axes, i), s.number(a));
      from = n.where(here, elementOf(n, starts, i), from);
      to = n.where(here, elementOf(n, ends, i), to);
      by = n.where(here, step(i), by);
    }
    x = cutBetween(n, x, a, from, to, by);
  }
  n.set(0, x);
}

void onnx_frontend::splitByRun(Node &n, int64_t axis) {
  Value x = n.in(0);
  n.needStatic(x);
  Scalars s{n};
  int64_t extent = Node::shape(x)[axis], parts = n.proto.output_size();
  Value sizes = vectorInput(n, 1, "split");
  if (Node::shape(sizes)[0] != parts)
    block("E_ATTR: split has " + Twine(Node::shape(sizes)[0]) +
          " elements for " + Twine(parts) + " outputs");
  Value total = n.build.reduce(lazy::ReduceKind::add, sizes, {0}, true);
  sizes = requireIndex(
      n, sizes,
      n.build.binary<lazy::AndOp>(
          n.cmp(CmpKind::ge, sizes, s.number(0)),
          n.build.expandLike(n.cmp(CmpKind::eq, total, s.number(extent)),
                             sizes)));
  Value start = s.number(0);
  for (int64_t i = 0; i < parts; ++i) {
    Value size = elementOf(n, sizes, i);
    if (n.wants(i))
      n.set(i, cut(n, x, axis, start, s.number(1), size, i));
    start = s.add(start, size);
  }
}
