//===- Access.cpp - which elements a kernel's body reads ------------------===//
#include "nacre/Lazy/Access.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::lazy {

AffineMap loopIdentity(MLIRContext *context, unsigned rank, unsigned first) {
  SmallVector<AffineExpr> results;
  for (unsigned i = 0; i < rank; ++i)
    results.push_back(getAffineDimExpr(first + i, context));
  return AffineMap::get(maxLoopDims, 0, results, context);
}

AffineMap composeView(ViewOpInterface view, AffineMap map,
                      ArrayRef<int64_t> extents) {
  return simplify(view.indexMap().compose(map), extents);
}

AffineMap openReduction(RankedTensorType input, ArrayRef<int64_t> axes,
                        AffineMap map, SmallVectorImpl<int64_t> &extents) {
  SmallVector<AffineExpr> results;
  auto shape = boundedShape(input);
  unsigned next = 0;
  for (int64_t i = 0; i < input.getRank(); ++i) {
    if (llvm::is_contained(axes, i)) {
      results.push_back(getAffineDimExpr(extents.size(), map.getContext()));
      extents.push_back(shape[i]);
    } else
      results.push_back(map.getResult(next++));
  }
  if (extents.size() > maxLoopDims)
    llvm::report_fatal_error("a kernel nests more loops than are supported");
  return AffineMap::get(maxLoopDims, 0, results, map.getContext());
}

AffineMap openContraction(ContractOp op, unsigned operand,
                          ArrayRef<AffineExpr> loops) {
  SmallVector<AffineExpr> results;
  for (AffineExpr e : op.map(operand).getResults())
    results.push_back(e.replaceDims(loops));
  return AffineMap::get(maxLoopDims, 0, results, op.getContext());
}

/// Values already walked at a map and for a purpose (guarded, indirect, index):
/// bodies are graphs, not trees.
using Seen = llvm::DenseSet<std::tuple<Value, const void *, unsigned>>;

static void walk(Value value, AffineMap map, SmallVectorImpl<int64_t> &extents,
                 bool guarded, bool indirect, bool index, Operation *stop,
                 Seen &seen, llvm::function_ref<void(const Access &)> visit) {
  unsigned purpose = guarded | indirect << 1 | index << 2;
  if (!seen.insert({value, map.getAsOpaquePointer(), purpose}).second)
    return;
  if (auto leaf = dyn_cast<BlockArgument>(value)) {
    visit({leaf, map, guarded, indirect, index});
    return;
  }
  Operation *op = value.getDefiningOp();
  if (op == stop)
    return;
  // Dimensions opened below are closed again; their numbers are used anew.
  size_t open = extents.size();
  if (auto view = dyn_cast<ViewOpInterface>(op)) {
    walk(view.source(), composeView(view, map, extents), extents,
         guarded || view.fillValue(), indirect, index, stop, seen, visit);
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    AffineMap inner = openReduction(tensorType(reduce.getX()), reduce.getAxes(),
                                    map, extents);
    walk(reduce.getX(), inner, extents, guarded, indirect, index, stop, seen,
         visit);
    extents.truncate(open);
  } else if (auto arg = dyn_cast<ArgReduceOp>(op)) {
    AffineMap inner = openReduction(tensorType(arg.getX()),
                                    {int64_t(arg.getAxis())}, map, extents);
    walk(arg.getX(), inner, extents, guarded, indirect, index, stop, seen,
         visit);
    extents.truncate(open);
  } else if (auto contract = dyn_cast<ContractOp>(op)) {
    SmallVector<AffineExpr> loops(contract.map(0).getNumDims());
    for (auto [i, e] : llvm::enumerate(contract.map(2).getResults()))
      loops[cast<AffineDimExpr>(e).getPosition()] = map.getResult(i);
    auto bounds = contract.extents();
    for (unsigned d = 0; d < loops.size(); ++d)
      if (!loops[d]) {
        loops[d] = getAffineDimExpr(extents.size(), map.getContext());
        extents.push_back(bounds[d]);
      }
    for (unsigned k = 0; k < 2; ++k)
      walk(contract->getOperand(k), openContraction(contract, k, loops),
           extents, guarded, indirect, index, stop, seen, visit);
    extents.truncate(open);
  } else if (auto gather = dyn_cast<GatherOp>(op)) {
    int64_t axis = gather.getAxis(),
            rank = tensorType(gather.getIndex()).getRank();
    AffineMap indexMap = AffineMap::get(
        maxLoopDims, 0, map.getResults().slice(axis, rank), map.getContext());
    walk(gather.getIndex(), indexMap, extents, guarded, indirect, true, stop,
         seen, visit);
    SmallVector<AffineExpr> results(map.getResults().take_front(axis));
    results.push_back(getAffineDimExpr(extents.size(), map.getContext()));
    extents.push_back(boundedShape(tensorType(gather.getX()))[axis]);
    llvm::append_range(results, map.getResults().drop_front(axis + rank));
    walk(gather.getX(),
         AffineMap::get(maxLoopDims, 0, results, map.getContext()), extents,
         guarded, true, index, stop, seen, visit);
    extents.truncate(open);
  } else if (auto scatter = dyn_cast<ScatterOp>(op)) {
    // An element may be the sum of any updates with its other coordinates.
    int64_t axis = scatter.getAxis();
    auto picks = boundedShape(tensorType(scatter.getIndex()));
    AffineMap indexMap = loopIdentity(map.getContext(), picks.size(), open);
    llvm::append_range(extents, picks);
    walk(scatter.getIndex(), indexMap, extents, guarded, indirect, true, stop,
         seen, visit);
    SmallVector<AffineExpr> results(map.getResults().take_front(axis));
    llvm::append_range(results, indexMap.getResults());
    llvm::append_range(results, map.getResults().drop_front(axis + 1));
    walk(scatter.getUpdates(),
         AffineMap::get(maxLoopDims, 0, results, map.getContext()), extents,
         guarded, true, index, stop, seen, visit);
    extents.truncate(open);
  } else {
    for (Value operand : op->getOperands())
      walk(operand, map, extents, guarded, indirect, index, stop, seen, visit);
  }
}

void walkAccesses(Value value, AffineMap map, SmallVectorImpl<int64_t> &extents,
                  llvm::function_ref<void(const Access &)> visit,
                  Operation *stop) {
  Seen seen;
  walk(value, map, extents, false, false, false, stop, seen, visit);
}

AffineExpr linearAddress(AffineMap map, ArrayRef<int64_t> strides,
                         ArrayRef<int64_t> extents) {
  AffineExpr sum = getAffineConstantExpr(0, map.getContext());
  for (auto [e, stride] : llvm::zip_equal(map.getResults(), strides))
    sum = sum + e * stride;
  return simplify(sum, extents);
}

} // namespace nacre::lazy
