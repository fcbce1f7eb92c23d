//===- Scatter.cpp - picking and scattering by many indices ---------------===//
//
// A place that several indices name is one index into the axes they pick from,
// flattened; then it is a gather, or a scatter and what it meets in the data.
// Each index is checked against its own axis first.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Index.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

int64_t product(llvm::ArrayRef<int64_t> extents) {
  int64_t count = 1;
  for (int64_t extent : extents)
    count = mulChecked(count, extent);
  return count;
}

/// sum += index * stride; a null sum is 0.
void addTo(Node &n, Value &sum, Value index, int64_t stride) {
  Value term = n.binary<lazy::MulOp>(index, double(stride));
  sum = sum ? n.binary<lazy::AddOp>(sum, term) : term;
}

//===----------------------------------------------------------------------===//
// An index for each element
//===----------------------------------------------------------------------===//

/// Where the elements of `index` point to in the flattened data: along `axis`
/// as they say, along the others to their own place.
Value elementPlaces(Node &n, Value data, Value index, int64_t axis) {
  n.needStatic(data);
  n.needStatic(index);
  llvm::ArrayRef<int64_t> from = Node::shape(data), at = Node::shape(index);
  int64_t rank = from.size();
  bool fits = int64_t(at.size()) == rank;
  for (int64_t a = 0; fits && a < rank; ++a)
    fits = a == axis || at[a] <= from[a];
  if (!fits)
    block("E_SHAPE: indices of shape " + shapeText(at) +
          " do not fit data of shape " + shapeText(from) + " on axis " +
          Twine(axis));
  Value flat;
  addTo(n, flat, checkedIndex(n, index, from[axis]),
        product(from.drop_front(axis + 1)));
  for (int64_t a = 0; a < rank; ++a)
    if (a != axis && at[a] > 1)
      addTo(n, flat, positions(n, at[a], a, rank),
            product(from.drop_front(a + 1)));
  return flat;
}

int64_t givenAxis(Node &n, Value data) {
  n.needRank(data, 1);
  return n.axis(n.intAttr("axis", 0), Node::rank(data));
}

void gatherElements(Node &n) {
  Value data = n.in(0), index = n.in(1);
  Value flat = elementPlaces(n, data, index, givenAxis(n, data));
  Value line = n.reshape(data, {product(Node::shape(data))});
  n.set(0, n.build.gather(line, flat, 0));
}

//===----------------------------------------------------------------------===//
// An index for each slice
//===----------------------------------------------------------------------===//

/// Where the vectors along the last axis of `index` point to in the axes of
/// `data` after the first `batch` ones; those follow the index's own place.
Value slicePlaces(Node &n, Value data, Value index, int64_t batch) {
  n.needStatic(data);
  n.needStatic(index);
  n.needRank(data, 1);
  n.needRank(index, 1);
  llvm::ArrayRef<int64_t> from = Node::shape(data), at = Node::shape(index);
  int64_t places = at.size() - 1, width = at.back();
  bool fits =
      batch >= 0 && batch <= places && batch + width <= int64_t(from.size());
  for (int64_t a = 0; fits && a < batch; ++a)
    fits = at[a] == from[a];
  if (!fits)
    block("E_SHAPE: indices of shape " + shapeText(at) +
          " do not fit data of shape " + shapeText(from) +
          (batch ? " with batch_dims " + std::to_string(batch) : ""));
  from = from.take_front(batch + width);
  Value flat = n.build.splat(n.type(DType::I64), 0, at.drop_back());
  for (int64_t k = 0; k < width; ++k) {
    Value part = n.reshape(n.sliceAxis(index, places, k, 1), at.drop_back());
    addTo(n, flat, checkedIndex(n, part, from[batch + k]),
          product(from.drop_front(batch + k + 1)));
  }
  for (int64_t a = 0; a < batch; ++a)
    addTo(n, flat, positions(n, at[a], a, places),
          product(from.drop_front(a + 1)));
  return flat;
}

/// x with its first `count` axes made one.
Value mergeFront(Node &n, Value x, int64_t count) {
  Ints to{product(Node::shape(x).take_front(count))};
  llvm::append_range(to, Node::shape(x).drop_front(count));
  return n.reshape(x, to);
}

void gatherNd(Node &n) {
  Value data = n.in(0), index = n.in(1);
  int64_t batch = n.intAttr("batch_dims", 0);
  Value flat = slicePlaces(n, data, index, batch);
  Value rows = mergeFront(n, data, batch + Node::shape(index).back());
  n.set(0, n.build.gather(rows, flat, 0));
}

//===----------------------------------------------------------------------===//
// Scattering
//===----------------------------------------------------------------------===//

/// `rows` with the slices of `updates` put or combined where `index` says. Of
/// several put in one place, which ONNX leaves undefined, the largest stays.
Value scatterInto(Node &n, Value rows, Value updates, Value index) {
  n.needSameElement(rows, updates);
  int64_t extent = Node::shape(rows)[0];
  auto scattered = [&](Value v, ReduceKind kind) {
    return n.build.scatter(v, index, 0, extent, kind);
  };
  std::string reduction = n.stringAttr("reduction", "none");
  if (reduction == "none") {
    Value yes = n.build.splat(n.type(DType::Bool), 1, Node::shape(index));
    Value hit = scattered(yes, ReduceKind::max);
    Ints shape(Node::rank(rows), 1);
    shape[0] = extent;
    return n.where(n.reshape(hit, shape), scattered(updates, ReduceKind::max),
                   rows);
  }
  if (Node::dtype(rows) == DType::Bool)
    block("E_ATTR: reduction is " + quoted(reduction) + " on bool");
  if (reduction == "add")
    return n.binary<lazy::AddOp>(rows, scattered(updates, ReduceKind::add));
  if (reduction == "mul")
    return n.binary<lazy::MulOp>(rows, scattered(updates, ReduceKind::mul));
  if (reduction == "max")
    return n.binary<lazy::MaxOp>(rows, scattered(updates, ReduceKind::max));
  if (reduction == "min")
    return n.binary<lazy::MinOp>(rows, scattered(updates, ReduceKind::min));
  block("E_ATTR: reduction is " + quoted(reduction) +
        ", not 'none', 'add', 'mul', 'max' or 'min'");
}

void scatterElements(Node &n) {
  Value data = n.in(0), index = n.in(1), updates = n.in(2);
  Value flat = elementPlaces(n, data, index, givenAxis(n, data));
  if (Node::shape(updates) != Node::shape(index))
    block("E_SHAPE: updates of shape " + shapeText(Node::shape(updates)) +
          " for indices of shape " + shapeText(Node::shape(index)));
  Value line = n.reshape(data, {product(Node::shape(data))});
  n.set(0, n.reshape(scatterInto(n, line, updates, flat), Node::shape(data)));
}

void scatterNd(Node &n) {
  Value data = n.in(0), index = n.in(1), updates = n.in(2);
  Value flat = slicePlaces(n, data, index, 0);
  int64_t width = Node::shape(index).back();
  Ints wanted(Node::shape(index).drop_back());
  llvm::append_range(wanted, Node::shape(data).drop_front(width));
  if (Node::shape(updates) != llvm::ArrayRef<int64_t>(wanted))
    block("E_SHAPE: updates of shape " + shapeText(Node::shape(updates)) +
          ", they must have " + shapeText(wanted));
  Value rows = mergeFront(n, data, width);
  n.set(0, n.reshape(scatterInto(n, rows, updates, flat), Node::shape(data)));
}

//===----------------------------------------------------------------------===//
// An index for each of a batch
//===----------------------------------------------------------------------===//

/// The input i, a vector of i32 or i64 with an element for each of the batch,
/// as i64 of shape [B, 1] that lies within [0, most].
Value batchVector(Node &n, int i, llvm::StringRef what, int64_t batch,
                  std::optional<int64_t> most) {
  Value v = n.in(i);
  DType dtype = Node::dtype(v);
  if (dtype != DType::I32 && dtype != DType::I64)
    block(what + " has element type " + dtypeName(dtype));
  if (Node::shape(v) != llvm::ArrayRef<int64_t>(batch))
    block("E_SHAPE: " + what + " has shape " + shapeText(Node::shape(v)) +
          " for a batch of " + Twine(batch));
  mlir::Type i64 = n.type(DType::I64);
  v = n.reshape(n.build.cast(v, i64), {batch, 1});
  Value ok = n.cmp(CmpKind::ge, v, n.build.splat(i64, 0));
  if (most)
    ok = n.build.binary<lazy::AndOp>(
        ok, n.cmp(CmpKind::le, v, n.build.splat(i64, double(*most))));
  return requireIndex(n, v, ok);
}

/// Writes a piece of a sequence into a cache. Every place of the cache asks
/// which place of the piece it takes, so nothing is scattered.
void tensorScatter(Node &n) {
  Value cache = n.in(0), update = n.in(1);
  n.needStatic(cache);
  n.needStatic(update);
  n.needRank(cache, 2);
  n.needSameElement(cache, update);
  int64_t rank = Node::rank(cache), axis = n.axis(n.intAttr("axis", -2), rank);
  Ints shape(Node::shape(cache)), piece(shape);
  int64_t batch = shape[0], most = shape[axis];
  int64_t length = Node::rank(update) == rank ? Node::shape(update)[axis] : -1;
  piece[axis] = length;
  if (axis == 0)
    block("E_ATTR: axis 0 is the batch's");
  if (Node::shape(update) != llvm::ArrayRef<int64_t>(piece) || length > most)
    block("E_SHAPE: an update of shape " + shapeText(Node::shape(update)) +
          " for a cache of shape " + shapeText(shape));
  std::string mode = n.stringAttr("mode", "linear");
  if (mode != "linear" && mode != "circular")
    block("E_ATTR: mode is " + quoted(mode) + ", not 'linear' or 'circular'");
  if (length == 0)
    return n.set(0, cache);
  bool circular = mode == "circular";
  mlir::Type i64 = n.type(DType::I64);
  Value at = positions(n, most, 1, 2); // [1, most]
  if (n.has(2)) {
    std::optional<int64_t> last;
    if (!circular)
      last = most - length;
    Value start = batchVector(n, 2, "write_indices", batch, last);
    if (circular)
      start = n.binary<lazy::RemOp>(start, double(most));
    at = n.binary<lazy::SubOp>(at, start);
    if (circular)
      at = n.where(n.cmp(CmpKind::lt, at, n.build.splat(i64, 0)),
                   n.binary<lazy::AddOp>(at, double(most)), at);
  } else {
    at = n.build.expand(at, {batch, most});
  }
  Value inside = n.build.binary<lazy::AndOp>(
      n.cmp(CmpKind::ge, at, n.build.splat(i64, 0)),
      n.cmp(CmpKind::lt, at, n.build.splat(i64, double(length))));
  at = n.where(inside, at, n.build.splat(i64, 0));
  Ints along(rank, 1);
  along[0] = batch;
  along[axis] = most;
  n.set(0, n.where(n.reshape(inside, along),
                   pickPerBatch(n, update, 0, axis, at), cache));
}

/// The first lengths[b] elements of sequence b in reverse.
void reverseSequence(Node &n) {
  Value x = n.in(0);
  n.needStatic(x);
  n.needRank(x, 2);
  int64_t batch = n.intAttr("batch_axis", 1), time = n.intAttr("time_axis", 0);
  if (batch + time != 1 || batch * time != 0)
    block("E_ATTR: batch_axis " + Twine(batch) + " and time_axis " +
          Twine(time) + " are not 0 and 1");
  int64_t steps = Node::shape(x)[time];
  Value length =
      batchVector(n, 1, "sequence_lens", Node::shape(x)[batch], steps);
  Value at = positions(n, steps, 1, 2);
  Value mirrored =
      n.binary<lazy::SubOp>(n.binary<lazy::SubOp>(length, 1.0), at);
  Value source = n.where(n.cmp(CmpKind::lt, at, length), mirrored, at);
  n.set(0, pickPerBatch(n, x, batch, time, source));
}

} // namespace

void onnx_frontend::addScatterOps(OpTable &t) {
  t["GatherElements"] = gatherElements;
  t["GatherND"] = gatherNd;
  t["Scatter"] = scatterElements;
  t["ScatterElements"] = scatterElements;
  t["ScatterND"] = scatterNd;
  t["TensorScatter"] = tensorScatter;
  t["ReverseSequence"] = reverseSequence;
}
