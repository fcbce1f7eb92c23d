//===- SplitReductions.cpp - long sums with few results, in two steps -----===//
//
// A reduction runs as one task for each element of its result. A loss, the norm
// of a gradient or a global maximum has one element: one thread, or one
// work-group, would read everything. Such a reduction becomes two: the leading
// axes that it reduces stay for the first step, which then has many results,
// and are reduced by the second. The order of the sums is still fixed by the
// shapes alone.
//
// So does a contraction that sums over far more than a cache holds for each of
// few results, as the gradient of a convolution's weights does over all
// positions of a batch: each tile of its result would read both operands from
// memory again. Of parts of the batch they stay in the cache.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// Results that are enough to keep a machine busy.
static constexpr int64_t enoughResults = 16;
/// Points for each result below which one step is as good.
static constexpr int64_t fewPoints = 1 << 15;
/// Results of the first step at most, so that the second is short.
static constexpr int64_t mostParts = 1 << 12;

/// A divisor of `extent` nearest to its square root, from 16 to mostParts, or 1
/// if there is none.
static int64_t partsOf(int64_t extent) {
  int64_t best = 1;
  for (int64_t d = enoughResults; d <= mostParts && d * d <= extent; ++d)
    if (extent % d == 0)
      best = d;
  return best;
}

static void split(ReduceOp op) {
  auto type = tensorType(op.getX());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return;
  int64_t results = tensorType(op.getY()).getNumElements();
  if (results >= enoughResults || type.getNumElements() / results < fewPoints)
    return;
  OpBuilder b(op);
  Build build{b, op.getLoc()};
  Value x = op.getX();
  SmallVector<int64_t> axes(op.getAxes());
  llvm::sort(axes);
  // Leading reduced axes until there are enough parts.
  size_t kept = 0;
  int64_t parts = 1;
  while (kept < axes.size() && parts < enoughResults &&
         parts * type.getDimSize(axes[kept]) <= mostParts)
    parts *= type.getDimSize(axes[kept++]);
  if (kept == axes.size() || parts < enoughResults) {
    // The longest reduced axis becomes two.
    int64_t longest = axes[0];
    for (int64_t axis : axes)
      if (type.getDimSize(axis) > type.getDimSize(longest))
        longest = axis;
    int64_t extent = type.getDimSize(longest), outer = partsOf(extent);
    if (outer == 1)
      return;
    SmallVector<int64_t> shape(type.getShape());
    shape[longest] = outer;
    shape.insert(shape.begin() + longest + 1, extent / outer);
    x = build.reshape(x, shape);
    SmallVector<int64_t> inner;
    for (int64_t axis : axes)
      inner.push_back(axis < longest ? axis : axis + 1);
    Value partial = build.reduce(op.getKind(), x, inner);
    // The kept axis stands behind the axes that were never reduced and before.
    int64_t at = longest - llvm::count_if(axes, [&](int64_t axis) {
                   return axis < longest;
                 });
    op.getY().replaceAllUsesWith(build.reduce(op.getKind(), partial, {at}));
    op.erase();
    return;
  }
  ArrayRef<int64_t> first = ArrayRef(axes).drop_front(kept);
  Value partial = build.reduce(op.getKind(), x, first);
  // Every axis before a kept one is still there: kept ones lead the reduced.
  SmallVector<int64_t> second(ArrayRef(axes).take_front(kept));
  op.getY().replaceAllUsesWith(build.reduce(op.getKind(), partial, second));
  op.erase();
}

/// Bytes of both operands of a part that a cache is taken to hold.
static constexpr int64_t partBytes = 1 << 20;
/// Points of the sum below which a contraction stays as it is.
static constexpr int64_t longSum = 1024;

/// The axis of the operand that dimension `d` walks alone, or -1 when it occurs
/// in another way too.
static int64_t axisOf(AffineMap map, unsigned d) {
  int64_t axis = -1;
  for (auto [i, e] : llvm::enumerate(map.getResults()))
    if (e.isFunctionOfDim(d)) {
      if (axis >= 0 || !isa<AffineDimExpr>(e))
        return -1;
      axis = i;
    }
  return axis;
}

static bool isConstant(Value v) {
  while (auto view = v.getDefiningOp<ViewOpInterface>())
    v = view.source();
  return v.getDefiningOp<WeightOp>() != nullptr;
}

static void split(ContractOp op) {
  auto a = tensorType(op.getA()), c = tensorType(op.getB()),
       y = tensorType(op.getY());
  if (!a.hasStaticShape() || !c.hasStaticShape() || isConstant(op.getA()) ||
      isConstant(op.getB()) ||
      !(y.getElementType().isF32() || y.getElementType().isF64()))
    return;
  int64_t operands = a.getNumElements() + c.getNumElements();
  int64_t bytes = operands * elementBytes(y.getElementType());
  auto extents = op.extents();
  int64_t points = 1, best = -1;
  for (unsigned d = 0; d < extents.size(); ++d) {
    if (op.map(2).isFunctionOfDim(d))
      continue;
    points *= extents[d];
    // The axis furthest out, whose parts lie together.
    int64_t axis = axisOf(op.map(0), d);
    if (axis >= 0 && axisOf(op.map(1), d) >= 0 && extents[d] > 1 &&
        (best < 0 || axis < axisOf(op.map(0), best)))
      best = d;
  }
  if (best < 0 || points < longSum || bytes <= partBytes)
    return;
  // As few parts as fit the cache, and partial results that are much less than
  // the operands.
  int64_t extent = extents[best], parts = 1;
  for (int64_t p = 2; p <= extent; ++p)
    if (extent % p == 0 && y.getNumElements() * p <= operands / 2) {
      parts = p;
      if (bytes / p <= partBytes)
        break;
    }
  if (parts == 1)
    return;
  OpBuilder b(op);
  Build build{b, op.getLoc()};
  Value operand[2] = {op.getA(), op.getB()};
  AffineMap maps[3] = {op.map(0), op.map(1), op.map(2)};
  unsigned dims = extents.size(), part = best;
  if (parts < extent) {
    part = dims++;
    for (int k = 0; k < 2; ++k) {
      int64_t axis = axisOf(maps[k], best);
      SmallVector<int64_t> shape(tensorType(operand[k]).getShape());
      shape[axis] = parts;
      shape.insert(shape.begin() + axis + 1, extent / parts);
      operand[k] = build.reshape(operand[k], shape);
      SmallVector<AffineExpr> results(maps[k].getResults());
      results.insert(results.begin() + axis, b.getAffineDimExpr(part));
      maps[k] = AffineMap::get(dims, 0, results, b.getContext());
    }
  }
  SmallVector<AffineExpr> results{b.getAffineDimExpr(part)};
  llvm::append_range(results, maps[2].getResults());
  // The extent of a window's position may be told by the result only.
  maps[2] = AffineMap::get(dims, 0, results, b.getContext());
  SmallVector<int64_t> shape{parts};
  llvm::append_range(shape, y.getShape());
  Value partial = ContractOp::create(
      b, op.getLoc(), RankedTensorType::get(shape, y.getElementType()),
      operand[0], operand[1], b.getAffineMapArrayAttr(maps));
  op.getY().replaceAllUsesWith(
      build.reduce(ReduceKind::add, partial, ArrayRef<int64_t>{0}));
  op.erase();
}

void splitReductions(ModuleOp module) {
  for (func::FuncOp function : functionsOf(module)) {
    Block &block = function.getBody().front();
    for (auto op : llvm::make_early_inc_range(block.getOps<ContractOp>()))
      split(op);
    for (auto op : llvm::make_early_inc_range(block.getOps<ReduceOp>()))
      split(op);
  }
}

} // namespace nacre::fuse
