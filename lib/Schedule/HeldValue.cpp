//===- HeldValue.cpp - what a row kernel computes once --------------------===//
//
// A row kernel computes its reductions first and then its results, each from
// what it reads: a softmax would compute every exponential twice, for the sum
// and for the quotient. The memory of a result is free until the result is
// stored. There the row of one value is held from the reduction that computes
// it on.
//
// A kernel with a reduction writes over none of its operands (InPlace.cpp), so
// what it reads stays.
//
//===----------------------------------------------------------------------===//
#include "Scheduler.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

namespace {

/// Cheaper ones are computed again: to store and load has a price too.
constexpr int64_t leastCost = 8;

using Values = llvm::SetVector<Value>;

/// What computing `v` at an index computes at the same index.
void atSameIndex(Value v, Values &found) {
  auto elementwise = v.getDefiningOp<ElementwiseOpInterface>();
  if (!elementwise || !found.insert(v))
    return;
  for (Value operand : elementwise->getOperands())
    atSameIndex(operand, found);
}

int64_t costOf(Value v) {
  Values all;
  atSameIndex(v, all);
  int64_t cost = 0;
  for (Value w : all)
    cost += cast<ElementwiseOpInterface>(w.getDefiningOp()).scalarCost();
  return cost;
}

/// Where the values of a body are read, beginning with the results at their own
/// index. A reduction is entered with loops of its own.
class Reads {
public:
  explicit Reads(KernelOp kernel)
      : extents(boundedShape(tensorType(yielded(kernel)))),
        identity(simplify(loopIdentity(kernel.getContext(), extents.size()),
                          extents)) {
    for (Value v : yieldedAll(kernel))
      walk(v, identity, false);
  }
  SmallVector<int64_t> extents;
  AffineMap identity;
  /// Per value read for the results, outside of reductions, whether it is read
  /// at its own index only.
  llvm::MapVector<Value, bool> forResults;
  /// Whether each reduction is read where its row is.
  llvm::MapVector<ReduceOp, bool> reductions;

private:
  void walk(Value v, AffineMap map, bool reduced) {
    Operation *op = v.getDefiningOp();
    if (!op ||
        !seen.insert({v, map.getAsOpaquePointer(), unsigned(reduced)}).second)
      return;
    if (!reduced)
      note(forResults, v, map == identity);
    if (auto view = dyn_cast<ViewOpInterface>(op)) {
      walk(view.source(), composeView(view, map, extents), reduced);
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      note(reductions, reduce, isAtRow(map, identity, reduce.getAxes()));
      size_t open = extents.size();
      AffineMap inner = openReduction(tensorType(reduce.getX()),
                                      reduce.getAxes(), map, extents);
      walk(reduce.getX(), inner, true);
      extents.resize(open);
    } else {
      for (Value operand : op->getOperands())
        walk(operand, map, reduced);
    }
  }
  template <typename Key>
  static void note(llvm::MapVector<Key, bool> &all, Key key, bool holds) {
    auto [it, fresh] = all.insert({key, holds});
    it->second &= holds;
  }
  llvm::DenseSet<std::tuple<Value, const void *, unsigned>> seen;
};

} // namespace

bool computesAtSameIndex(Value root, Value v) {
  Values found;
  atSameIndex(root, found);
  return found.contains(v);
}

bool isAtRow(AffineMap map, AffineMap identity, ArrayRef<int64_t> axes) {
  SmallVector<AffineExpr> row;
  for (auto [axis, e] : llvm::enumerate(identity.getResults()))
    if (!llvm::is_contained(axes, int64_t(axis)))
      row.push_back(e);
  return map.getResults() == ArrayRef(row);
}

int64_t heldValue(KernelOp kernel, const llvm::SmallBitVector &rowAxes) {
  Block &body = kernel.getBody().front();
  bool plain = llvm::all_of(body, [](Operation &op) {
    auto view = dyn_cast<ViewOpInterface>(op);
    return view ? !view.fillValue()
                : isa<ElementwiseOpInterface, ReduceOp, SplatOp, IotaOp,
                      YieldOp>(op);
  });
  if (!plain || rowAxes.none())
    return -1;
  Reads reads(kernel);
  // The reductions that run over the row and no more.
  auto overRow = [&](ReduceOp reduce, bool atRow) {
    llvm::SmallBitVector axes(rowAxes.size());
    for (int64_t axis : reduce.getAxes())
      if (axis < int64_t(axes.size()) && reads.extents[axis] != 1)
        axes.set(axis);
    return atRow && axes == rowAxes && !reduce->hasAttr(openDims);
  };
  RankedTensorType result = tensorType(yielded(kernel));
  int64_t best = -1, most = leastCost - 1, position = -1;
  for (Operation &op : body) {
    ++position;
    if (!isa<ElementwiseOpInterface>(op) ||
        tensorType(op.getResult(0)) != result)
      continue;
    Value v = op.getResult(0);
    auto forResults = reads.forResults.find(v);
    if (forResults == reads.forResults.end() || !forResults->second)
      continue;
    bool reduced = false, fits = true;
    for (auto [reduce, atRow] : reads.reductions)
      if (computesAtSameIndex(reduce.getX(), v)) {
        reduced = true;
        fits &= overRow(reduce, atRow);
      }
    if (int64_t cost = costOf(v); reduced && fits && cost > most) {
      most = cost;
      best = position;
    }
  }
  return best;
}

} // namespace nacre::schedule
