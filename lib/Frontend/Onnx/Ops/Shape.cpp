//===- Shape.cpp - shapes as values and changes of shape ------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::ShapedType;

namespace {

/// The extents as a constant; from opset 15 a range of them.
void shape(Node &n) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x), start = 0, end = rank;
  if (n.opset >= 15) {
    auto place = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
    };
    start = place(n.intAttr("start", 0));
    end = place(n.intAttr("end", rank));
  }
  Ints extents;
  for (int64_t a = start; a < end; ++a) {
    if (ShapedType::isDynamic(Node::shape(x)[a]))
      block("the symbolic extent of axis " + Twine(a) +
            " cannot be used as a value");
    extents.push_back(Node::shape(x)[a]);
  }
  n.set(0, n.ints(extents));
}

void size(Node &n) {
  Value x = n.in(0);
  n.needStatic(x);
  int64_t count = 1;
  for (int64_t extent : Node::shape(x))
    count = mulChecked(count, extent);
  n.set(0, n.constantOf(Tensor::of<int64_t>(DType::I64, {}, {count})));
}

void reshape(Node &n) {
  Value x = n.in(0);
  llvm::ArrayRef<int64_t> from = Node::shape(x);
  std::optional<Ints> given = n.intsAttrOrInput("shape", 1, 5);
  if (!given)
    block("E_ATTR: no shape");
  Ints to = *given;
  bool allowZero = n.intAttr("allowzero", 0) != 0;
  int64_t open = -1;
  for (auto [i, extent] : llvm::enumerate(to)) {
    if (extent == 0 && !allowZero) {
      if (i >= from.size())
        block("E_ATTR: shape[" + Twine(i) +
              "] copies an axis the input of "
              "shape " +
              shapeText(from) + " lacks");
      extent = from[i];
    } else if (extent == -1) {
      if (open >= 0)
        block("E_ATTR: shape " + shapeText(to) + " has two -1");
      open = i;
    } else if (extent < 0) {
      block("E_DIM: shape[" + Twine(i) + "] is " + Twine(extent));
    }
  }
  // A symbolic leading extent, 0 or -1 in front: the rest must agree.
  bool symbolic = !from.empty() && ShapedType::isDynamic(from[0]);
  if (symbolic && open == 0) {
    to[0] = ShapedType::kDynamic;
    open = -1;
  }
  if (open >= 0) {
    int64_t known = 1, total = 1;
    for (auto [i, extent] : llvm::enumerate(to))
      if (int64_t(i) != open && !ShapedType::isDynamic(extent))
        known = mulChecked(known, extent);
    for (int64_t extent : from)
      if (!ShapedType::isDynamic(extent))
        total = mulChecked(total, extent);
    if (known == 0 || total % known != 0)
      block("E_SHAPE: shape " + shapeText(from) + " cannot become " +
            shapeText(to));
    to[open] = total / known;
  }
  n.set(0, n.reshape(x, to));
}

void flatten(Node &n) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x), axis = n.intAttr("axis", 1);
  axis = axis == rank ? rank : n.axis(axis, rank);
  int64_t outer = 1, inner = 1;
  bool symbolic = rank > 0 && ShapedType::isDynamic(Node::shape(x)[0]);
  if (symbolic && axis == 1)
    outer = ShapedType::kDynamic;
  else if (symbolic)
    n.needStatic(x);
  else
    for (int64_t a = 0; a < axis; ++a)
      outer = mulChecked(outer, Node::shape(x)[a]);
  for (int64_t a = axis; a < rank; ++a)
    inner = mulChecked(inner, Node::shape(x)[a]);
  n.set(0, n.reshape(x, {outer, inner}));
}

void squeeze(Node &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.intsAttrOrInput("axes", 1, 13);
  Ints axes, to;
  if (given)
    axes = n.axes(*given, Node::rank(x));
  for (int64_t a = 0; a < Node::rank(x); ++a) {
    int64_t extent = Node::shape(x)[a];
    bool drop = given ? llvm::is_contained(axes, a) : extent == 1;
    if (drop && extent != 1)
      block("E_SHAPE: axis " + Twine(a) + " of shape " +
            shapeText(Node::shape(x)) + " is not 1");
    if (!drop)
      to.push_back(extent);
  }
  n.set(0, n.reshape(x, to));
}

void unsqueeze(Node &n) {
  Value x = n.in(0);
  std::optional<Ints> given = n.intsAttrOrInput("axes", 1, 13);
  if (!given)
    block("E_ATTR: no axes");
  int64_t rank = Node::rank(x) + given->size(), next = 0;
  Ints axes = n.axes(*given, rank), to;
  for (int64_t a = 0; a < rank; ++a)
    to.push_back(llvm::is_contained(axes, a) ? 1 : Node::shape(x)[next++]);
  n.set(0, n.reshape(x, to));
}

void expand(Node &n) {
  Value x = n.in(0);
  Ints wanted = n.constantInts(1, "shape");
  for (auto [i, extent] : llvm::enumerate(wanted))
    if (extent < 0)
      block("E_DIM: shape[" + Twine(i) + "] is " + Twine(extent));
  auto both = lazy::broadcastShapes(Node::shape(x), wanted);
  if (!both)
    block("E_SHAPE: shapes " + shapeText(Node::shape(x)) + " and " +
          shapeText(wanted) + " do not broadcast");
  n.needShape(*both);
  n.set(0, n.build.expand(x, *both));
}

/// Repeats along an axis become an axis of their own in front of it.
void tile(Node &n) {
  Value x = n.in(0);
  Ints repeats;
  if (n.opset < 6) { // so often along one axis
    Tensor times = n.constant(1, "tiles"), axis = n.constant(2, "axis");
    if (times.count() != 1 || axis.count() != 1)
      block("E_SHAPE: tiles and axis must be scalars");
    repeats.assign(Node::rank(x), 1);
    repeats[n.axis(int64_t(axis.numberAt(0)), Node::rank(x))] =
        int64_t(times.numberAt(0));
  } else {
    repeats = n.constantInts(1, "repeats");
  }
  if (int64_t(repeats.size()) != Node::rank(x))
    block("E_ATTR: " + Twine(repeats.size()) + " repeats for rank " +
          Twine(Node::rank(x)));
  Ints apart, grown, joined;
  for (auto [a, times] : llvm::enumerate(repeats)) {
    int64_t extent = Node::shape(x)[a];
    if (times < 0)
      block("E_ATTR: repeats[" + Twine(a) + "] is " + Twine(times));
    if (times == 1) {
      apart.push_back(extent);
      grown.push_back(extent);
      joined.push_back(extent);
      continue;
    }
    n.needStatic(x, a);
    if (extent != 1) {
      apart.push_back(1);
      grown.push_back(times);
    }
    apart.push_back(extent);
    grown.push_back(extent == 1 ? times : extent);
    joined.push_back(mulChecked(extent, times));
  }
  n.needShape(grown);
  n.set(0, n.reshape(n.build.expand(n.reshape(x, apart), grown), joined));
}

} // namespace

void onnx_frontend::addShapeOps(OpTable &t) {
  t["Shape"] = shape;
  t["Size"] = size;
  t["Reshape"] = reshape;
  t["Flatten"] = flatten;
  t["Squeeze"] = squeeze;
  t["Unsqueeze"] = unsqueeze;
  t["Expand"] = expand;
  t["Tile"] = tile;
}
