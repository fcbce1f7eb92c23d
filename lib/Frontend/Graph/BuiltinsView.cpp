//===- BuiltinsView.cpp - shapes, joins and picking -----------------------===//
#include "Builtins.h"

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::Twine;

namespace {

constexpr int64_t open = mlir::ShapedType::kDynamic;

/// The written extents; -1 is what is left, the open one of x is kDynamic.
llvm::SmallVector<int64_t> target(BuiltinCall &c, unsigned i, mlir::Value x) {
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> shape;
  for (const Datum &item : c.list(i)) {
    if (item.is<OpenExtent>()) {
      if (!shape.empty() || type.getRank() == 0 ||
          lazy::symbolOf(type, 0) != item.as<OpenExtent>().symbol)
        c.fail("an open extent must be the leading one of both shapes");
      shape.push_back(open);
      continue;
    }
    shape.push_back(integerOf(item, c.at, c.what(i)));
    if (shape.back() < -1)
      c.fail("the extent " + Twine(shape.back()) + " is negative");
  }
  if (shape.size() > size_t(lazy::maxRank))
    c.fail("the result has more than " + Twine(lazy::maxRank) + " axes");
  return shape;
}

Datum reshape(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> shape = target(c, 1, x);
  auto from = llvm::to_vector(type.getShape());
  bool isOpen = !from.empty() && from[0] == open;
  if (isOpen != (!shape.empty() && shape[0] == open)) {
    // -1 in front takes the open extent.
    if (isOpen && !shape.empty() && shape[0] == -1)
      shape[0] = open;
    else
      c.needStatic(x, {0});
  }
  if (isOpen)
    from[0] = 1;
  llvm::SmallVector<int64_t> known(shape);
  if (isOpen)
    known[0] = 1;
  std::optional<int64_t> count = elementCount(from);
  auto mismatch = [&] {
    std::string text;
    for (int64_t extent : shape)
      text += (text.empty() ? "" : ", ") +
              (extent == open ? "open" : std::to_string(extent));
    c.fail(describe(type) + " has not the elements of the shape [" + text +
           "]");
  };
  auto *unknown = llvm::find(known, -1);
  if (llvm::count(known, -1) > 1)
    c.fail("only one extent may be -1");
  if (unknown != known.end()) {
    *unknown = 1;
    std::optional<int64_t> rest = elementCount(known);
    if (!rest || *rest == 0 || *count % *rest != 0)
      mismatch();
    *unknown = *count / *rest;
    shape[unknown - known.begin()] = *unknown;
  }
  if (elementCount(known) != count)
    mismatch();
  return c.done(c.build().reshape(x, shape));
}

/// Checks that a view leaves an open extent in front.
Datum doneView(BuiltinCall &c, mlir::Value y) {
  auto type = lazy::tensorType(y);
  for (int64_t axis = 1; axis < type.getRank(); ++axis)
    c.needStatic(y, {axis});
  return c.done(y);
}

Datum permute(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> perm = c.axes(1, type.getRank());
  if (int64_t(perm.size()) != type.getRank())
    c.fail("the order has " + Twine(perm.size()) + " axes, the tensor " +
           Twine(type.getRank()));
  return doneView(c, c.build().permute(x, perm));
}

Datum transpose(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  int64_t rank = lazy::tensorType(x).getRank();
  llvm::SmallVector<int64_t> perm;
  for (int64_t axis = 0; axis < rank; ++axis)
    perm.push_back(axis);
  int64_t a = c.axisOf(c.integer(1, -2), rank, 1);
  int64_t b = c.axisOf(c.integer(2, -1), rank, 2);
  std::swap(perm[a], perm[b]);
  return doneView(c, c.build().permute(x, perm));
}

Datum expand(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> shape = target(c, 1, x);
  if (llvm::is_contained(shape, -1))
    c.fail("an extent must not be negative");
  auto common = lazy::broadcastShapes(type.getShape(), shape);
  if (!common || *common != shape)
    c.fail(describe(type) + " does not broadcast to the shape");
  c.checkSize(shape, mlir::IntegerType::get(&c.evaluator.context, 8));
  return c.done(c.build().expand(x, shape));
}

/// low and high: an integer for each axis.
Datum pad(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> low = c.integers(1), high = c.integers(2);
  if (int64_t(low.size()) != type.getRank() ||
      int64_t(high.size()) != type.getRank())
    c.fail("needs one integer for each of the " + Twine(type.getRank()) +
           " axes, got " + Twine(low.size()) + " and " + Twine(high.size()));
  llvm::SmallVector<int64_t> shape(type.getShape());
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    if (low[axis] < 0 || high[axis] < 0)
      c.fail("the border must not be negative");
    if (low[axis] || high[axis])
      c.needStatic(x, {int64_t(axis)});
    else
      continue;
    if (llvm::AddOverflow(extent, low[axis], extent) ||
        llvm::AddOverflow(extent, high[axis], extent))
      c.fail("the border is too wide");
  }
  c.checkSize(shape, type.getElementType());
  double value = c.number(3, 0);
  return c.done(c.build().pad(x, low, high, value));
}

Datum flip(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  llvm::SmallVector<int64_t> axes = c.axes(1, lazy::tensorType(x).getRank());
  c.needStatic(x, axes);
  llvm::sort(axes);
  return c.done(c.build().flip(x, axes));
}

/// What x[.., start:end, ..] is on one axis.
Datum slice(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  int64_t axis = c.axis(1, type.getRank());
  c.needStatic(x, {axis});
  int64_t start = c.integer(2), end = c.integer(3), step = c.integer(4, 1);
  int64_t extent = type.getDimSize(axis);
  if (start < 0 || end < start || end > extent || step < 1)
    c.fail("there is no slice from " + Twine(start) + " to " + Twine(end) +
           " by " + Twine(step) + " of an axis of " + Twine(extent));
  llvm::SmallVector<int64_t> starts(type.getRank(), 0),
      steps(type.getRank(), 1), sizes(type.getShape());
  starts[axis] = start;
  steps[axis] = step;
  sizes[axis] = (end - start) / step + ((end - start) % step != 0);
  return c.done(c.build().slice(x, starts, sizes, steps));
}

/// A list of one integer for each of `count` axes, or one for all.
llvm::SmallVector<int64_t> perAxis(BuiltinCall &c, unsigned i, size_t count,
                                   int64_t fallback) {
  llvm::SmallVector<int64_t> values(count, fallback);
  if (c.has(i)) {
    values = c.integers(i);
    if (!c.arguments[i].isList())
      values.assign(count, values[0]);
  }
  if (values.size() != count)
    reject(c.at, c.what(i) + " needs " + Twine(count) + " integers, got " +
                     Twine(values.size()));
  for (int64_t value : values)
    if (value < 1)
      reject(c.at, c.what(i) + " must be at least 1, got " + Twine(value));
  return values;
}

Datum window(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> axes = c.axes(1, type.getRank());
  c.needStatic(x, axes);
  auto sizes = perAxis(c, 2, axes.size(), 1);
  auto strides = perAxis(c, 3, axes.size(), 1);
  auto dilations = perAxis(c, 4, axes.size(), 1);
  llvm::SmallVector<int64_t> shape(type.getShape());
  for (auto [k, axis] : llvm::enumerate(axes)) {
    int64_t reach, extent = type.getDimSize(axis);
    if (llvm::MulOverflow(sizes[k] - 1, dilations[k], reach) || reach >= extent)
      c.fail("a window of " + Twine(sizes[k]) +
             (dilations[k] > 1 ? " with dilation " + Twine(dilations[k])
                               : Twine()) +
             " does not fit into axis " + Twine(axis) + " of " +
             describe(type));
    shape[axis] = (extent - 1 - reach) / strides[k] + 1;
  }
  llvm::append_range(shape, sizes);
  // Repeated by reading, not stored: the count alone is checked.
  c.checkSize(shape, mlir::IntegerType::get(&c.evaluator.context, 8));
  return c.done(c.build().window(x, axes, sizes, strides, dilations));
}

Datum concat(BuiltinCall &c) {
  llvm::SmallVector<mlir::Value> xs;
  for (const Datum &item : c.list(0)) {
    if (!item.isTensor())
      c.fail("the list must hold tensors, got " + describe(item));
    xs.push_back(c.evaluator.usable(item, c.at));
  }
  if (xs.empty())
    c.fail("the list is empty");
  auto first = lazy::tensorType(xs[0]);
  int64_t axis = c.axis(1, first.getRank());
  int64_t sum = 0;
  for (mlir::Value x : xs) {
    auto type = lazy::tensorType(x);
    bool fits = type.getRank() == first.getRank() &&
                type.getElementType() == first.getElementType();
    for (int64_t i = 0; fits && i < type.getRank(); ++i)
      fits = i == axis || type.getDimSize(i) == first.getDimSize(i);
    if (!fits)
      c.fail(describe(first) + " and " + describe(type) +
             " do not join along axis " + Twine(axis));
    c.needStatic(x, {axis});
    if (llvm::AddOverflow(sum, type.getDimSize(axis), sum))
      c.fail("the result is too large");
  }
  llvm::SmallVector<int64_t> shape(first.getShape());
  shape[axis] = sum;
  c.checkSize(shape, first.getElementType());
  return c.done(c.build().concat(xs, axis));
}

Datum gather(BuiltinCall &c) {
  mlir::Value x = c.tensor(0), index = c.tensor(1);
  auto type = lazy::tensorType(x), picks = lazy::tensorType(index);
  if (!picks.getElementType().isSignlessInteger(32) &&
      !picks.getElementType().isSignlessInteger(64))
    c.fail("the index must be i32 or i64, got " + describe(picks));
  int64_t axis =
      c.has(2) ? c.axis(2, type.getRank()) : c.axisOf(0, type.getRank(), 2);
  c.needStatic(x, {axis});
  if (axis > 0 && !picks.hasStaticShape())
    c.needStatic(index, {0});
  llvm::SmallVector<int64_t> shape(type.getShape().take_front(axis));
  llvm::append_range(shape, picks.getShape());
  llvm::append_range(shape, type.getShape().drop_front(axis + 1));
  c.checkSize(shape, type.getElementType());
  return doneView(c, c.build().gather(x, index, axis));
}

} // namespace

void graph_frontend::addViews(std::vector<Builtin> &t) {
  t.push_back({"reshape", "x shape", reshape});
  t.push_back({"permute", "x order", permute});
  t.push_back({"transpose", "x a? b?", transpose});
  t.push_back({"expand", "x shape", expand});
  t.push_back({"pad", "x low high value?", pad});
  t.push_back({"slice", "x axis start end step?", slice});
  t.push_back({"flip", "x axes", flip});
  t.push_back({"window", "x axes sizes strides? dilations?", window});
  t.push_back({"concat", "xs axis", concat});
  t.push_back({"gather", "x index axis?", gather});
}
