//===- Movement.cpp - transposing, joining, cutting -----------------------===//
#include "../OpTable.h"
#include "Concat.h"
#include "RunTimeCut.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// A permutation that keeps a symbolic extent in front.
Value permute(Node &n, Value x, llvm::ArrayRef<int64_t> perm) {
  if (!perm.empty() && perm[0] != 0 && n.importer.dims.isStatic(x))
    n.needStatic(x);
  return n.build.permute(x, perm);
}

void transpose(Node &n) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x);
  std::optional<Ints> perm = n.intsAttr("perm");
  if (!perm) {
    perm.emplace();
    for (int64_t a = rank; a > 0; --a)
      perm->push_back(a - 1);
  }
  Ints sorted = *perm;
  llvm::sort(sorted);
  bool valid = int64_t(sorted.size()) == rank;
  for (int64_t a = 0; valid && a < rank; ++a)
    valid = sorted[a] == a;
  if (!valid)
    block("E_ATTR: perm " + shapeText(*perm) + " is not a permutation of " +
          Twine(rank) + " axes");
  n.set(0, permute(n, x, *perm));
}

/// Joined with room for the largest of each, then what lies beyond the extents
/// of the run is left out.
Value concatBounded(Node &n, llvm::ArrayRef<Value> xs, int64_t axis) {
  BoundedDims &dims = n.importer.dims;
  Value joined = n.concat(xs, axis);
  Extents to = n.extents(xs[0]);
  for (Value x : xs)
    for (int64_t a = 0; a < Node::rank(x); ++a)
      if (Extent e = n.extent(x, a); a != axis && !e.isConstant())
        to[a] = e;
  Extents room = to;
  mlir::Type i64 = n.type(DType::I64);
  int64_t most = Node::shape(joined)[axis];
  room[axis] = most;
  dims.declare(joined, room);
  Value at = n.build.iota(mlir::RankedTensorType::get({most}, i64), 0);
  Value index = at;
  Extent end(0);
  for (Value x : xs.drop_back()) {
    end = end + n.extent(x, axis);
    Extent unused = Extent(Node::shape(x)[axis]) - n.extent(x, axis);
    Value behind = n.cmp(lazy::CmpKind::ge, at, n.scalar(end));
    index = n.binary<lazy::AddOp>(
        index, n.where(behind, n.scalar(unused), n.build.splat(i64, 0)));
  }
  to[axis] = end + n.extent(xs.back(), axis);
  dims.declare(index, {to[axis]});
  return n.build.gather(joined, index, axis);
}

void concat(Node &n) {
  llvm::SmallVector<Value> xs;
  for (int i = 0; i < n.inputCount(); ++i)
    xs.push_back(n.in(i));
  if (xs.empty())
    block("has no inputs");
  if (!n.attribute("axis") && n.opset >= 4)
    block("E_ATTR: no axis");
  int64_t axis = n.axis(n.intAttr("axis", 1), Node::rank(xs[0]));
  n.set(0, joined(n, xs, axis));
}

void split(Node &n) {
  Value x = n.in(0);
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(x));
  n.needStatic(x, axis);
  int64_t extent = Node::shape(x)[axis], parts = n.proto.output_size();
  if (n.opset >= 13 && n.has(1) && canCount(n) &&
      !n.importer.constantValue(n.in(1)))
    return splitByRun(n, axis);
  std::optional<Ints> sizes = n.intsAttrOrInput("split", 1, 13);
  if (n.opset < 2 && n.has(1))
    sizes = n.constantInts(1, "split");
  if (!sizes) {
    parts = n.opset >= 18 ? n.intAttr("num_outputs", parts) : parts;
    if (parts < 1 || parts != n.proto.output_size())
      block("E_ATTR: num_outputs is " + Twine(parts) + " for " +
            Twine(n.proto.output_size()) + " outputs");
    if (n.opset < 18 && extent % parts != 0)
      block("E_SHAPE: extent " + Twine(extent) + " does not split into " +
            Twine(parts) + " equal parts");
    int64_t each = (extent + parts - 1) / parts, left = extent;
    sizes.emplace();
    for (int64_t i = 0; i < parts; ++i, left -= sizes->back())
      sizes->push_back(std::min(each, left));
  }
  int64_t total = 0;
  for (auto [i, size] : llvm::enumerate(*sizes)) {
    if (size < 0)
      block("E_ATTR: split[" + Twine(i) + "] is " + Twine(size) +
            ", must be >= 0");
    total = addChecked(total, size);
  }
  if (int64_t(sizes->size()) != parts || total != extent)
    block("E_ATTR: split " + shapeText(*sizes) + " does not cut extent " +
          Twine(extent) + " into " + Twine(parts) + " outputs");
  int64_t start = 0;
  for (auto [i, size] : llvm::enumerate(*sizes)) {
    n.set(i, n.sliceAxis(x, axis, start, size));
    start += size;
  }
}

/// One axis of Slice: the range of indices it takes, in numpy's way.
struct Cut {
  int64_t start, size, step;
};

Cut resolve(int64_t extent, int64_t start, int64_t end, int64_t step) {
  auto fromEnd = [&](int64_t at) { return at < 0 ? at + extent : at; };
  // A longer step takes the same single element; so no sum overflows.
  step = std::clamp(step, -extent - 1, extent + 1);
  start = fromEnd(start);
  end = fromEnd(end);
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
    return {start, end <= start ? 0 : (end - start - 1) / step + 1, step};
  }
  start = std::clamp<int64_t>(start, -1, extent - 1);
  end = std::clamp<int64_t>(end, -1, extent - 1);
  return {start, start <= end ? 0 : (start - end - 1) / -step + 1, step};
}

/// One axis cut where an extent or an end depends on the run.
Value cutBounded(Node &n, Value x, int64_t axis, Extent start, Extent end,
                 int64_t step) {
  BoundedDims &dims = n.importer.dims;
  ExtentTable &table = dims.table;
  Extent extent = n.extent(x, axis), size;
  auto fromEnd = [&](const Extent &at) {
    ExtentTable::Range r = table.range(at);
    if (r.least < 0 && r.most >= 0)
      block("E_DIM: " + table.text(at) + " may count from the end or not");
    return r.most < 0 ? at + extent : at;
  };
  // Ends far away stand for all there is.
  constexpr int64_t far = INT32_MAX;
  auto clamped = [&](const Extent &at, const Extent &least,
                     const Extent &most) {
    if (at.isConstant() && (at.value() >= far || at.value() <= -far))
      return at.value() > 0 ? most : least;
    return table.smallest(table.largest(fromEnd(at), least), most);
  };
  if (step > 0) {
    start = clamped(start, 0, extent);
    end = clamped(end, 0, extent);
    size = table.largest(table.quotient(end - start + (step - 1), step), 0);
  } else {
    start = clamped(start, -1, extent - 1);
    end = clamped(end, -1, extent - 1);
    size = table.largest(table.quotient(start - end + (-step - 1), -step), 0);
  }
  int64_t most = dims.bounds({size})[0], room = Node::shape(x)[axis];
  Extents to = n.extents(x);
  to[axis] = size;
  if (start == Extent(0) && step == 1 && most <= room) {
    Value y = n.sliceAxis(x, axis, 0, most);
    if (y == x) // all that there is room for
      return dims.withExtents(n.build.loc, y, to);
    dims.declare(y, to);
    return y;
  }
  mlir::Type i64 = n.type(DType::I64);
  Value index = n.build.iota(mlir::RankedTensorType::get({most}, i64), 0);
  index = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(index, double(step)),
                                n.scalar(start));
  dims.declare(index, {size});
  return n.build.gather(x, index, axis);
}

/// A slice where something depends on bounded dims.
void sliceBounded(Node &n, Value x) {
  Extents starts = n.extentInts(1, "starts"), ends = n.extentInts(2, "ends");
  Ints axes, steps(starts.size(), 1);
  if (n.has(3))
    axes = n.constantInts(3, "axes");
  else
    for (size_t a = 0; a < starts.size(); ++a)
      axes.push_back(a);
  if (n.has(4))
    steps = n.constantInts(4, "steps");
  if (starts.size() != ends.size() || starts.size() != axes.size() ||
      starts.size() != steps.size())
    block("E_ATTR: starts, ends, axes and steps must have one length");
  axes = n.axes(axes, Node::rank(x));
  for (size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0)
      block("E_ATTR: step is 0 on axis " + Twine(axes[i]));
    x = cutBounded(n, x, axes[i], starts[i], ends[i],
                   std::clamp<int64_t>(steps[i], INT32_MIN, INT32_MAX));
  }
  n.set(0, x);
}

void slice(Node &n) {
  Value x = n.in(0);
  if (n.importer.dims.active() && n.opset >= 10)
    for (int i = 0; i < 3; ++i) {
      auto known =
          i && n.has(i) ? n.importer.dims.elements(n.in(i)) : std::nullopt;
      bool open = known && !isConstant(*known);
      if (i ? open : !n.importer.dims.isStatic(x))
        return sliceBounded(n, x);
    }
  for (int i = 1; i < 5 && n.opset >= 10 && canCount(n); ++i)
    if (n.has(i) && !n.importer.constantValue(n.in(i)))
      return sliceByRun(n);
  int64_t rank = Node::rank(x);
  std::optional<Ints> starts = n.intsAttrOrInput("starts", 1, 10);
  std::optional<Ints> ends = n.intsAttrOrInput("ends", 2, 10);
  std::optional<Ints> axes = n.intsAttrOrInput("axes", 3, 10), steps;
  if (n.opset >= 10 && n.has(4))
    steps = n.constantInts(4, "steps");
  if (!starts || !ends || starts->size() != ends->size())
    block("E_ATTR: starts and ends must have one length");
  if (!axes) {
    axes.emplace();
    for (size_t a = 0; a < starts->size(); ++a)
      axes->push_back(a);
  }
  if (axes->size() != starts->size() ||
      (steps && steps->size() != starts->size()))
    block("E_ATTR: starts, axes and steps must have one length");
  *axes = n.axes(*axes, rank);
  Ints from(rank, 0), sizes(Node::shape(x)), by(rank, 1), flipped;
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    int64_t step = steps ? (*steps)[i] : 1, extent = Node::shape(x)[axis];
    if (step == 0)
      block("E_ATTR: step is 0 on axis " + Twine(axis));
    if (mlir::ShapedType::isDynamic(extent)) {
      if ((*starts)[i] == 0 && step == 1 && (*ends)[i] >= INT32_MAX)
        continue;
      n.needStatic(x, axis);
    }
    Cut cut = resolve(extent, (*starts)[i], (*ends)[i], step);
    if (cut.step < 0) {
      flipped.push_back(axis);
      cut.start = extent - 1 - cut.start;
      cut.step = -cut.step;
    }
    // An empty or single cut has no step; its start stays in the axis.
    from[axis] = cut.size == 0 ? 0 : cut.start;
    sizes[axis] = cut.size;
    by[axis] = cut.size <= 1 ? 1 : cut.step;
  }
  llvm::sort(flipped);
  n.set(0, n.build.slice(n.build.flip(x, flipped), from, sizes, by));
}

/// The block size b of an [N,C,H,W] input, of which some extents must be known.
int64_t blockSize(Node &n, Value x, llvm::ArrayRef<int64_t> known) {
  if (Node::rank(x) != 4)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " does not have rank 4");
  int64_t b = n.intAttr("blocksize", 0);
  if (b <= 0 || b > INT32_MAX)
    block("E_ATTR: blocksize is " + Twine(b) + ", must be > 0");
  for (int64_t a : known)
    n.needStatic(x, a);
  return b;
}

void depthToSpace(Node &n) {
  Value x = n.in(0);
  int64_t b = blockSize(n, x, {1});
  Ints s(Node::shape(x));
  if (s[1] % (b * b) != 0)
    block("E_SHAPE: " + Twine(s[1]) + " channels are not a multiple of " +
          Twine(b) + "^2");
  int64_t c = s[1] / (b * b);
  std::string mode = n.stringAttr("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    block("E_ATTR: unknown mode " + quoted(mode));
  Value y = mode == "DCR"
                ? permute(n, n.reshape(x, {s[0], b, b, c, s[2], s[3]}),
                          {0, 3, 4, 1, 5, 2})
                : permute(n, n.reshape(x, {s[0], c, b, b, s[2], s[3]}),
                          {0, 1, 4, 2, 5, 3});
  n.set(0, n.reshape(y, {s[0], c, mulChecked(s[2], b), mulChecked(s[3], b)}));
}

void spaceToDepth(Node &n) {
  Value x = n.in(0);
  int64_t b = blockSize(n, x, {1, 2, 3});
  Ints s(Node::shape(x));
  if (s[2] % b != 0 || s[3] % b != 0)
    block("E_SHAPE: shape " + shapeText(s) +
          " is not a multiple of blocks of " + Twine(b));
  Value y = n.reshape(x, {s[0], s[1], s[2] / b, b, s[3] / b, b});
  y = permute(n, y, {0, 3, 5, 1, 2, 4});
  n.set(0, n.reshape(y, {s[0], mulChecked(s[1], b * b), s[2] / b, s[3] / b}));
}

} // namespace

Value onnx_frontend::joined(Node &n, llvm::ArrayRef<Value> xs, int64_t axis) {
  bool open = false; // an extent on the axis, but for the last one's
  for (Value x : xs.drop_back())
    open |= axis < Node::rank(x) && !n.extent(x, axis).isConstant();
  if (!open)
    return n.concat(xs, axis);
  // A state that grows is written where it is.
  Value y = xs.size() == 2
                ? n.importer.appended(n.build.loc, xs[0], xs[1], axis)
                : Value();
  return y ? y : concatBounded(n, xs, axis);
}

void onnx_frontend::addMovementOps(OpTable &t) {
  t["Transpose"] = bounded(transpose);
  t["Concat"] = bounded(concat);
  t["Split"] = bounded(split);
  t["Slice"] = bounded(slice);
  t["DepthToSpace"] = bounded(depthToSpace);
  t["SpaceToDepth"] = bounded(spaceToDepth);
}
