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
  if (!n.importer.dims.isStatic(x)) {
    llvm::SmallVector<Value> parts;
    for (int64_t a = start; a < end; ++a)
      parts.push_back(n.reshape(n.scalar(n.extent(x, a)), {1}));
    return n.set(0, parts.empty() ? n.ints({}) : n.concat(parts, 0));
  }
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
  if (!n.importer.dims.isStatic(x)) {
    Extent count(1);
    for (const Extent &e : n.extents(x))
      count = count * e;
    return n.set(0, n.scalar(count));
  }
  n.needStatic(x);
  int64_t count = 1;
  for (int64_t extent : Node::shape(x))
    count = mulChecked(count, extent);
  n.set(0, n.constantOf(Tensor::of<int64_t>(DType::I64, {}, {count})));
}

/// A reshape where x or the shape depends on bounded dims.
void reshapeBounded(Node &n, Value x) {
  BoundedDims &dims = n.importer.dims;
  Extents from = n.extents(x), to;
  if (n.opset < 5) {
    Ints given = n.intsAttr("shape").value_or(Ints());
    to.assign(given.begin(), given.end());
  } else {
    to = n.extentInts(1, "shape");
  }
  bool allowZero = n.intAttr("allowzero", 0) != 0;
  Extent total(1), rest(1);
  for (const Extent &e : from)
    total = total * e;
  std::optional<size_t> open;
  for (auto [i, e] : llvm::enumerate(to)) {
    if (e == Extent(0) && !allowZero) {
      if (i >= from.size())
        block("E_ATTR: shape[" + Twine(i) + "] copies an axis the input lacks");
      e = from[i];
    } else if (e == Extent(-1)) {
      if (open)
        block("E_ATTR: the shape has two -1");
      open = i;
      continue;
    } else if (dims.table.range(e).least < 0) {
      block("E_DIM: shape[" + Twine(i) + "] is " + dims.table.text(e));
    }
    rest = rest * e;
  }
  if (open) {
    auto left = Extent::divideExactly(total, rest);
    if (!left)
      block("E_SHAPE: " + dims.table.text(total) +
            " elements are no multiple of " + dims.table.text(rest));
    to[*open] = *left;
  }
  n.needShape(dims.bounds(to));
  n.set(0, dims.reshape(n.build.loc, x, to));
}

/// Whether extents of an input or the integers of another depend on the run.
bool isBounded(Node &n, Value x, int shape) {
  BoundedDims &dims = n.importer.dims;
  if (!dims.active())
    return false;
  if (!dims.isStatic(x))
    return true;
  auto known = n.has(shape) ? dims.elements(n.in(shape)) : std::nullopt;
  return known && !isConstant(*known);
}

void reshape(Node &n) {
  Value x = n.in(0);
  if (isBounded(n, x, 1))
    return reshapeBounded(n, x);
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
  if (!n.importer.dims.isStatic(x)) {
    Extents to{Extent(1), Extent(1)};
    for (auto [a, e] : llvm::enumerate(n.extents(x)))
      to[int64_t(a) >= axis] = to[int64_t(a) >= axis] * e;
    n.needShape(n.importer.dims.bounds(to));
    return n.set(0, n.importer.dims.reshape(n.build.loc, x, to));
  }
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

/// Numpy's broadcast of a value to extents.
Value expandBounded(Node &n, Value x, Extents to) {
  BoundedDims &dims = n.importer.dims;
  Extents from = n.extents(x);
  while (to.size() < from.size())
    to.insert(to.begin(), Extent(1));
  while (from.size() < to.size())
    from.insert(from.begin(), Extent(1));
  for (auto [i, e] : llvm::enumerate(to)) {
    if (dims.table.range(e).least < 0)
      block("E_DIM: shape[" + Twine(i) + "] is " + dims.table.text(e));
    if (e == Extent(1))
      e = from[i];
    else if (!(from[i] == Extent(1)) && !(from[i] == e))
      block("E_SHAPE: extents " + dims.table.text(from[i]) + " and " +
            dims.table.text(e) + " do not broadcast");
  }
  Ints most = dims.bounds(to);
  n.needShape(most);
  Value y = n.build.expand(x, most);
  if (y == x)
    return dims.withExtents(n.build.loc, y, to);
  dims.declare(y, to);
  return y;
}

void expand(Node &n) {
  Value x = n.in(0);
  if (isBounded(n, x, 1))
    return n.set(0, expandBounded(n, x, n.extentInts(1, "shape")));
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
  t["Shape"] = bounded(shape);
  t["Size"] = bounded(size);
  t["Reshape"] = bounded(reshape);
  t["Flatten"] = bounded(flatten);
  t["Squeeze"] = bounded(squeeze);
  t["Unsqueeze"] = bounded(unsqueeze);
  t["Expand"] = bounded(expand);
  t["Tile"] = bounded(tile);
}
