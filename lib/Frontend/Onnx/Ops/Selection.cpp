//===- Selection.cpp - NonZero, Compress, NonMaxSuppression ---------------===//
//
// How many elements such an op gives is in the data. Its output has room for
// the most there can be, and an extent that the run works out.
//
//===----------------------------------------------------------------------===//
#include "Selection.h"
#include "../OpTable.h"
#include "Index.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

Extent onnx_frontend::countedExtent(Node &n, Value value, int64_t most,
                                    int output, int64_t axis) {
  std::string name =
      output < n.proto.output_size() ? n.proto.output(output) : std::string();
  if (name.empty())
    name = n.name;
  name += "." + std::to_string(axis);
  return n.importer.dims.counted(name, {0, most}, value);
}

bool onnx_frontend::canCount(Node &n) {
  mlir::Operation *function = n.build.b.getInsertionBlock()->getParentOp();
  return mlir::SymbolTable::getSymbolName(function).getValue() == "main";
}

Value onnx_frontend::placesWhere(Node &n, Value keep, int output,
                                 int64_t axis) {
  int64_t extent = Node::shape(keep)[0];
  if (std::optional<Tensor> known = n.importer.constantValue(keep)) {
    std::vector<int64_t> kept;
    for (int64_t i = 0; i < extent; ++i)
      if (known->integerAt(i))
        kept.push_back(i);
    Tensor index = n.newTensor(DType::I64, {int64_t(kept.size())});
    std::copy(kept.begin(), kept.end(), index.data<int64_t>());
    return n.constantOf(index);
  }
  mlir::Type i64 = n.type(DType::I64);
  Value upTo = sumUpTo(n, n.build.cast(keep, i64), 0);
  Value count = n.reshape(n.sliceAxis(upTo, 0, extent - 1, 1), {});
  // Those that do not hold meet in a place of their own behind all others.
  Value place = n.where(keep, n.binary<lazy::SubOp>(upTo, 1.0),
                        n.build.splat(i64, double(extent)));
  Value all = n.build.iota(mlir::RankedTensorType::get({extent}, i64), 0);
  Value order = n.build.scatter(all, place, 0, extent + 1);
  order = n.sliceAxis(order, 0, 0, extent);
  n.importer.dims.declare(order,
                          {countedExtent(n, count, extent, output, axis)});
  return order;
}

namespace {

/// A vector of truth values for the elements of x in the order of its bounds.
Value flatTruth(Node &n, Value truth) {
  BoundedDims &dims = n.importer.dims;
  Ints all;
  for (int64_t a = 0; a < Node::rank(truth); ++a)
    all.push_back(a);
  if (Value inside = dims.within(n.build.loc, n.extents(truth), all))
    truth = n.build.binary<lazy::AndOp>(truth, inside);
  Ints bounds(Node::shape(truth));
  dims.declare(truth, Extents(bounds.begin(), bounds.end()));
  return n.reshape(truth, {n.countAlong(truth, all)});
}

/// The place along each axis of what a flat index means, side by side.
Value coordinates(Node &n, Value flat, llvm::ArrayRef<int64_t> shape,
                  int64_t axis) {
  llvm::SmallVector<Value> parts;
  int64_t stride = 1;
  Ints form{Node::shape(flat)[0], 1};
  if (axis == 0)
    std::swap(form[0], form[1]);
  for (int64_t a = shape.size(); a-- > 0; stride *= shape[a]) {
    Value at = n.binary<lazy::DivOp>(flat, double(stride));
    if (a > 0)
      at = n.binary<lazy::RemOp>(at, double(shape[a]));
    parts.push_back(n.reshape(at, form));
  }
  std::reverse(parts.begin(), parts.end());
  return n.concat(parts, axis);
}

/// [rank, count]: where x is not zero, in row-major order.
void nonZero(Node &n) {
  Value x = n.in(0);
  if (Node::rank(x) == 0) // as a vector of one element
    x = n.reshape(x, {1});
  for (int64_t extent : Node::shape(x))
    if (extent < 1)
      block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
            " is empty");
  Value truth = Node::dtype(x) == DType::Bool
                    ? x
                    : n.cmp(CmpKind::ne, x, n.build.splat(Node::element(x), 0));
  Value order = placesWhere(n, flatTruth(n, truth), 0, 1);
  n.set(0, coordinates(n, order, Node::shape(x), 0));
}

/// The slices where a condition holds, of the flattened input when there is no
/// axis.
void compress(Node &n) {
  Value x = n.in(0), condition = n.in(1);
  if (Node::dtype(condition) != DType::Bool || Node::rank(condition) != 1)
    block("E_SHAPE: condition is not a vector of bool");
  int64_t axis = 0;
  n.needStatic(x);
  if (n.attribute("axis")) {
    n.needRank(x, 1);
    axis = n.axis(n.intAttr("axis", 0), Node::rank(x));
  } else {
    Ints all;
    for (int64_t a = 0; a < Node::rank(x); ++a)
      all.push_back(a);
    x = n.reshape(x, {n.countAlong(x, all)});
  }
  int64_t length = Node::shape(condition)[0];
  if (length > Node::shape(x)[axis])
    block("E_SHAPE: condition has " + Twine(length) +
          " elements for an extent of " + Twine(Node::shape(x)[axis]));
  if (length < 1)
    block("E_SHAPE: condition is empty");
  Value order = placesWhere(n, flatTruth(n, condition), 0, axis);
  n.set(0, n.build.gather(x, order, axis));
}

//===----------------------------------------------------------------------===//
// NonMaxSuppression
//===----------------------------------------------------------------------===//

/// An input of one element as a scalar, or null.
Value scalarInput(Node &n, int i, llvm::StringRef what) {
  Value v = n.optional(i);
  if (!v)
    return v;
  n.needStatic(v);
  return n.scalarOf(v, what);
}

/// Corners of boxes [B,S,4] as four [B,1,S], and the area.
struct Boxes {
  Value y1, x1, y2, x2;
  Value area(Node &n) const {
    return n.binary<lazy::MulOp>(n.binary<lazy::SubOp>(y2, y1),
                                 n.binary<lazy::SubOp>(x2, x1));
  }
};

Boxes readBoxes(Node &n, Value boxes) {
  Ints shape(Node::shape(boxes));
  auto part = [&](int64_t i) {
    return n.reshape(n.sliceAxis(boxes, 2, i, 1), {shape[0], 1, shape[1]});
  };
  Value a = part(0), b = part(1), c = part(2), d = part(3);
  if (n.intAttr("center_point_box", 0) != 0) { // x, y, width, height
    Value w = n.binary<lazy::MulOp>(c, 0.5), h = n.binary<lazy::MulOp>(d, 0.5);
    return {n.binary<lazy::SubOp>(b, h), n.binary<lazy::SubOp>(a, w),
            n.binary<lazy::AddOp>(b, h), n.binary<lazy::AddOp>(a, w)};
  }
  return {n.binary<lazy::MinOp>(a, c), n.binary<lazy::MinOp>(b, d),
          n.binary<lazy::MaxOp>(a, c), n.binary<lazy::MaxOp>(b, d)};
}

/// Whether boxes [B,1,S] and [B,C,1] overlap by more than a share of what they
/// cover together.
Value overlap(Node &n, const Boxes &p, Value pArea, const Boxes &q, Value qArea,
              Value threshold) {
  auto side = [&](Value low1, Value low2, Value high1, Value high2) {
    return n.binary<lazy::MaxOp>(
        n.binary<lazy::SubOp>(n.binary<lazy::MinOp>(high1, high2),
                              n.binary<lazy::MaxOp>(low1, low2)),
        0.0);
  };
  Value common = n.binary<lazy::MulOp>(side(p.y1, q.y1, p.y2, q.y2),
                                       side(p.x1, q.x1, p.x2, q.x2));
  Value both =
      n.binary<lazy::SubOp>(n.binary<lazy::AddOp>(pArea, qArea), common);
  Value zero = n.build.splat(Node::element(both), 0);
  Value share = n.where(n.cmp(CmpKind::gt, both, zero),
                        n.binary<lazy::DivOp>(common, both), zero);
  return n.cmp(CmpKind::gt, share, threshold);
}

/// One box a step for each batch and class: the one of the best score that is
/// left; those that overlap it too much go with it.
void nonMaxSuppression(Node &n) {
  Value boxes = n.in(0), scores = n.in(1);
  n.needFloat(boxes);
  n.needSameElement(boxes, scores);
  if (Node::rank(boxes) != 3 || Node::rank(scores) != 3 ||
      Node::shape(boxes)[2] != 4 ||
      Node::shape(boxes)[0] != Node::shape(scores)[0] ||
      Node::shape(boxes)[1] != Node::shape(scores)[2])
    block("E_SHAPE: boxes of shape " + shapeText(Node::shape(boxes)) +
          " and scores of shape " + shapeText(Node::shape(scores)));
  n.needStatic(boxes);
  n.needStatic(scores);
  int64_t batches = Node::shape(scores)[0], classes = Node::shape(scores)[1],
          count = Node::shape(scores)[2];
  mlir::Type i64 = n.type(DType::I64), element = Node::element(scores);
  auto number = [&](double v) { return n.build.splat(i64, v); };
  Value most = scalarInput(n, 2, "max_output_boxes_per_class"),
        iou = scalarInput(n, 3, "iou_threshold"),
        least = scalarInput(n, 4, "score_threshold");
  int64_t steps = count;
  if (!most)
    steps = 0;
  else if (auto known = n.importer.constantValue(most))
    steps = std::clamp<int64_t>(known->integerAt(0), 0, count);
  if (steps == 0 || batches == 0 || classes == 0)
    return n.set(0, n.constantOf(Tensor::zeros(DType::I64, {0, 3})));
  most = n.build.cast(most, i64);
  if (!iou)
    iou = n.build.splat(element, 0);
  Ints grid{batches, classes, count};
  Value alive = least ? n.cmp(CmpKind::gt, scores, least)
                      : n.build.splat(n.type(DType::Bool), 1, grid);
  Boxes all = readBoxes(n, boxes);
  llvm::SmallVector<Value> captured{scores, all.y1, all.x1, all.y2,
                                    all.x2, most,   iou};
  llvm::SmallVector<mlir::Type> types{mlir::RankedTensorType::get({}, i64),
                                      alive.getType()};
  for (Value v : captured)
    types.push_back(v.getType());
  auto body = lazy::makeCallee(*n.importer.program.module, n.name + "_step",
                               types, n.build.loc);
  n.importer.inBlock(&body.getBody().front(), [&] {
    auto arguments = body.getArguments();
    Value left = arguments[1], score = arguments[2];
    Boxes box{arguments[3], arguments[4], arguments[5], arguments[6]};
    double lowest = -std::numeric_limits<double>::infinity();
    Value open = n.where(left, score, n.build.splat(element, lowest));
    Value best = n.build.argReduce(ReduceKind::max, open, 2, false, true);
    Value any = n.build.reduce(ReduceKind::max, n.build.cast(left, i64), {2},
                               /*keepDims=*/true);
    Value takes = n.build.binary<lazy::AndOp>(
        n.cmp(CmpKind::ne, any, number(0)),
        n.build.expandLike(n.cmp(CmpKind::lt, arguments[0], arguments[7]),
                           any));
    Value hit = n.cmp(CmpKind::eq, positions(n, count, 2, 3), best);
    Value zero = n.build.splat(element, 0);
    auto ofBest = [&](Value corner) {
      return n.build.reduce(ReduceKind::add, n.where(hit, corner, zero), {2},
                            /*keepDims=*/true);
    };
    Boxes taken{ofBest(box.y1), ofBest(box.x1), ofBest(box.y2), ofBest(box.x2)};
    Value gone = n.build.binary<lazy::OrOp>(
        overlap(n, box, box.area(n), taken, taken.area(n), arguments[8]), hit);
    Value stays =
        n.build.binary<lazy::AndOp>(left, n.build.unary<lazy::NotOp>(gone));
    Ints flat{batches, classes};
    lazy::endCallee(body,
                    {stays, n.reshape(best, flat), n.reshape(takes, flat)});
  });
  auto loop = lazy::makeLoop(n.build, body, steps, {}, false, {alive}, {},
                             captured, {false, false});
  // [steps, batches, classes] -> batch by batch, class by class.
  auto inOrder = [&](Value v) {
    return n.reshape(n.build.permute(v, {1, 2, 0}),
                     {batches * classes * steps});
  };
  Value order = placesWhere(n, inOrder(loop.getResult(2)), 0, 0);
  Value chosen = n.build.gather(inOrder(loop.getResult(1)), order, 0);
  Value places = coordinates(n, order, {batches, classes, steps}, 1);
  n.set(0, n.concat({n.sliceAxis(places, 1, 0, 2),
                     n.reshape(chosen, {Node::shape(chosen)[0], 1})},
                    1));
}

} // namespace

void onnx_frontend::addSelectionOps(OpTable &t) {
  t["NonZero"] = bounded(nonZero);
  t["Compress"] = bounded(compress);
  t["NonMaxSuppression"] = bounded(nonMaxSuppression);
}
