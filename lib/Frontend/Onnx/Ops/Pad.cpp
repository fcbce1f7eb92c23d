//===- Pad.cpp - borders: constant, edge, reflect, wrap -------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// One axis grown by copies of its own elements.
Value padAxis(Node &n, Value x, int64_t axis, int64_t low, int64_t high,
              llvm::StringRef mode) {
  if (low == 0 && high == 0)
    return x;
  n.needStatic(x, axis);
  int64_t extent = Node::shape(x)[axis];
  if (extent == 0)
    block("E_SHAPE: cannot extend the empty axis " + Twine(axis));
  auto part = [&](int64_t start, int64_t size) {
    return n.sliceAxis(x, axis, start, size);
  };
  llvm::SmallVector<Value> parts;
  if (mode == "edge") {
    auto repeat = [&](Value v, int64_t times) {
      Ints shape(Node::shape(v));
      shape[axis] = times;
      n.needShape(shape);
      return n.build.expand(v, shape);
    };
    if (low)
      parts.push_back(repeat(part(0, 1), low));
    parts.push_back(x);
    if (high)
      parts.push_back(repeat(part(extent - 1, 1), high));
    return n.concat(parts, axis);
  }
  // One reflection or turn reaches this far.
  int64_t reach = mode == "reflect" ? extent - 1 : extent;
  if (low > reach || high > reach)
    block("E_SHAPE: pads on axis " + Twine(axis) + " exceed what mode " +
          quoted(mode) + " takes from an extent of " + Twine(extent));
  if (mode == "reflect") {
    if (low)
      parts.push_back(n.build.flip(part(1, low), {axis}));
    parts.push_back(x);
    if (high)
      parts.push_back(n.build.flip(part(extent - 1 - high, high), {axis}));
  } else {
    if (low)
      parts.push_back(part(extent - low, low));
    parts.push_back(x);
    if (high)
      parts.push_back(part(0, high));
  }
  return n.concat(parts, axis);
}

void pad(Node &n) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x);
  std::optional<Ints> pads =
      n.intsAttrOrInput(n.opset < 2 ? "paddings" : "pads", 1, 11);
  if (!pads)
    block("E_ATTR: no pads");
  Ints axes;
  if (n.opset >= 18 && n.has(3))
    axes = n.axes(n.constantInts(3, "axes"), rank);
  else
    for (int64_t a = 0; a < rank; ++a)
      axes.push_back(a);
  if (pads->size() != 2 * axes.size())
    block("E_ATTR: pads has " + Twine(pads->size()) + " values for " +
          Twine(axes.size()) + " axes");
  Ints low(rank, 0), high(rank, 0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = (*pads)[i];
    high[axis] = (*pads)[i + axes.size()];
  }
  // Negative pads cut.
  for (int64_t a = 0; a < rank; ++a) {
    if (low[a] >= 0 && high[a] >= 0)
      continue;
    n.needStatic(x, a);
    int64_t extent = Node::shape(x)[a];
    if (low[a] < -extent || high[a] < -extent ||
        std::min<int64_t>(low[a], 0) + std::min<int64_t>(high[a], 0) < -extent)
      block("E_SHAPE: pads cut more than the extent " + Twine(extent) +
            " of axis " + Twine(a));
    int64_t cut = std::max<int64_t>(-low[a], 0);
    x = n.sliceAxis(x, a, cut, extent - cut - std::max<int64_t>(-high[a], 0));
    low[a] = std::max<int64_t>(low[a], 0);
    high[a] = std::max<int64_t>(high[a], 0);
  }
  std::string mode = n.stringAttr("mode", "constant");
  if (mode == "constant") {
    double value = 0;
    if (n.opset < 11) {
      value = n.floatAttr("value", 0);
    } else if (n.has(2)) {
      Tensor given = n.constant(2, "constant_value");
      if (given.count() != 1)
        block("E_SHAPE: constant_value has " + Twine(given.count()) +
              " elements, not 1");
      value = given.numberAt(0);
    }
    return n.set(0, n.pad(x, low, high, value));
  }
  if (mode != "edge" && mode != "reflect" && mode != "wrap")
    block("E_ATTR: unknown mode " + quoted(mode));
  for (int64_t a = 0; a < rank; ++a)
    x = padAxis(n, x, a, low[a], high[a], mode);
  n.set(0, x);
}

/// Cuts or borders with zeros to the extents given, the middle staying there.
void centerCropPad(Node &n) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x);
  Ints wanted = n.constantInts(1, "shape"), axes;
  if (auto given = n.intsAttr("axes"))
    axes = n.axes(*given, rank);
  else
    for (int64_t a = 0; a < rank; ++a)
      axes.push_back(a);
  if (wanted.size() != axes.size())
    block("E_ATTR: shape has " + Twine(wanted.size()) + " values for " +
          Twine(axes.size()) + " axes");
  Ints low(rank, 0), high(rank, 0);
  for (auto [axis, to] : llvm::zip(axes, wanted)) {
    n.needStatic(x, axis);
    int64_t from = Node::shape(x)[axis];
    if (to < 0)
      block("E_DIM: shape has the extent " + Twine(to));
    if (to < from)
      x = n.sliceAxis(x, axis, (from - to) / 2, to);
    low[axis] = std::max<int64_t>(to - from, 0) / 2;
    high[axis] = std::max<int64_t>(to - from, 0) - low[axis];
  }
  n.set(0, n.pad(x, low, high, 0));
}

} // namespace

void onnx_frontend::addPadOps(OpTable &t) {
  t["Pad"] = bounded(pad);
  t["CenterCropPad"] = centerCropPad;
}
