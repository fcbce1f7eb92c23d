//===- RaiseContraction.cpp - sums of products become lazy.contract -------===//
//
// reduce(add, mul(views of a, views of b)) is a contraction whose maps are the
// composed index maps of the views. A view under an existing contraction is
// absorbed the same way. Only pure affine maps qualify: a reshape that needs
// floordiv stays outside, but for repetitions within an axis (SplitRepeats.h).
// A product with what unpacks a weight stays a sum: the operands of a
// contraction are written to memory.
//
//===----------------------------------------------------------------------===//
#include "PackedWeights.h"
#include "SplitRepeats.h"
#include "SumRows.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

static bool isPureAffine(AffineMap map) {
  bool pure = true;
  map.walkExprs([&](AffineExpr e) {
    pure &= e.getKind() != AffineExprKind::FloorDiv &&
            e.getKind() != AffineExprKind::CeilDiv &&
            e.getKind() != AffineExprKind::Mod;
  });
  return pure;
}

/// A dimension that stands alone on an axis gives its extent, so a slice of an
/// axis cannot be absorbed as the bare dimension.
static bool spansAxes(AffineMap map, RankedTensorType source,
                      ArrayRef<int64_t> extents) {
  for (auto [axis, e] : llvm::enumerate(map.getResults()))
    if (auto d = dyn_cast<AffineDimExpr>(e))
      if (source.getDimSize(axis) != extents[d.getPosition()])
        return false;
  return true;
}

std::pair<Value, AffineMap> throughViews(Value v, AffineMap map,
                                         ArrayRef<int64_t> extents) {
  while (auto view = v.getDefiningOp<ViewOpInterface>()) {
    if (view.fillValue() || !tensorType(v).hasStaticShape() ||
        !tensorType(view.source()).hasStaticShape())
      break;
    AffineMap composed = simplify(view.indexMap().compose(map), extents);
    if (!isPureAffine(composed) ||
        !spansAxes(composed, tensorType(view.source()), extents))
      break;
    v = view.source();
    map = composed;
  }
  return {v, map};
}

/// Whether every dimension still stands alone in some map.
static bool coversAll(ArrayRef<AffineMap> maps) {
  llvm::SmallBitVector seen(maps[0].getNumDims());
  for (AffineMap map : maps)
    for (AffineExpr e : map.getResults())
      if (auto d = dyn_cast<AffineDimExpr>(e))
        seen.set(d.getPosition());
  return seen.all();
}

static void absorbViews(ContractOp op) {
  SmallVector<int64_t> extents = op.extents();
  if (llvm::is_contained(extents, ShapedType::kDynamic))
    return;
  AffineMap maps[3] = {op.map(0), op.map(1), op.map(2)};
  Value values[2] = {op.getA(), op.getB()};
  bool changed = false;
  for (int k = 0; k < 2; ++k) {
    auto [v, map] = throughViews(values[k], maps[k], extents);
    AffineMap previous = maps[k];
    maps[k] = map;
    // simplify() turns dimensions of extent 1 into 0; they must stay named.
    if (v != values[k] && coversAll(maps)) {
      values[k] = v;
      changed = true;
    } else
      maps[k] = previous;
  }
  if (!changed)
    return;
  OpBuilder b(op);
  op.getAMutable().assign(values[0]);
  op.getBMutable().assign(values[1]);
  op.setMapsAttr(b.getAffineMapArrayAttr(maps));
}

static void raise(ReduceOp op, const llvm::DenseSet<Value> &unpacked) {
  auto mul = op.getX().getDefiningOp<MulOp>();
  auto type = tensorType(op.getX());
  if (op.getKind() != ReduceKind::add || !mul || !mul->hasOneUse() ||
      !type.hasStaticShape() || unpacked.contains(mul))
    return;
  SmallVector<int64_t> extents(type.getShape());
  MLIRContext *context = op.getContext();
  AffineMap identity =
      AffineMap::getMultiDimIdentityMap(type.getRank(), context);
  SmallVector<AffineExpr> kept;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (!llvm::is_contained(op.getAxes(), i))
      kept.push_back(getAffineDimExpr(i, context));
  auto [a, aMap] = throughViews(mul.getA(), identity, extents);
  auto [c, cMap] = throughViews(mul.getB(), identity, extents);
  AffineMap result = AffineMap::get(type.getRank(), 0, kept, context);
  // Both operands of full shape: an elementwise product summed, better left a
  // reduction. A contraction has reuse: some dimension misses in an operand.
  bool reuse = false;
  for (int64_t i = 0; i < type.getRank(); ++i)
    reuse |= extents[i] > 1 &&
             (!aMap.isFunctionOfDim(i) || !cMap.isFunctionOfDim(i));
  if (!reuse || !coversAll({aMap, cMap, result}))
    return;
  OpBuilder b(op);
  Value y = ContractOp::create(b, op.getLoc(), op.getType(), a, c,
                               b.getAffineMapArrayAttr({aMap, cMap, result}));
  op.getResult().replaceAllUsesWith(y);
  op.erase();
}

void raiseContraction(ModuleOp module, bool sumRows) {
  for (auto function : module.getOps<func::FuncOp>()) {
    llvm::DenseSet<Value> unpacked = unpackedValues(function);
    SmallVector<ReduceOp> reduces;
    function.walk([&](ReduceOp op) { reduces.push_back(op); });
    for (ReduceOp op : reduces)
      raise(op, unpacked);
  }
  SmallVector<ContractOp> contractions;
  module.walk([&](ContractOp op) { contractions.push_back(op); });
  for (ContractOp op : contractions) {
    if (sumRows && sumsRows(op)) {
      lowerToSum(op);
      continue;
    }
    absorbViews(op);
    if (ContractOp split = splitRepeats(op); split != op)
      absorbViews(split);
  }
}

} // namespace nacre::fuse
