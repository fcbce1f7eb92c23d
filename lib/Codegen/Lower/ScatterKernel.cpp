//===- ScatterKernel.cpp - slices combined where an index says ------------===//
//
// A task clears its box of the result and adds to it, or combines with it by
// another kind, what the index sends there, in the order of the index
// (ScatterSchedule.cpp). The elements are words, so no two tasks touch one
// (WidenScatters.cpp).
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
namespace {

class ScatterLoops {
public:
  ScatterLoops(Body &body, const ScheduleReader &schedule,
               ArrayRef<Value> symbols, ScatterOp scatter)
      : body(body), b(body.b), loc(body.loc), symbols(symbols),
        scatter(scatter), axis(scatter.getAxis()),
        loops(schedule.list("loops")), inner(schedule.list("inner")),
        blockRows(schedule.number("block_rows", 1)),
        blockColumns(schedule.number("block_columns", 1)) {
    RankedTensorType type = scatter.getType();
    body.extents = boundedShape(type);
    extents = body.extents;
    body.lane = schedule.number("lane");
    body.lanes = schedule.number("lanes", 1);
    identity = simplify(loopIdentity(scatter.getContext(), type.getRank()),
                        body.extents);
    for (unsigned d = 0; d < extents.size(); ++d)
      body.ivs[d] = body.index(int64_t(0));
    lastExtent = inner.empty() ? 1 : extents[inner.back()];
    // An edited file may ask for more than there is.
    blockRows = std::min(blockRows, std::max<int64_t>(extents[axis], 1));
    blockColumns = std::min(blockColumns, std::max<int64_t>(lastExtent, 1));
    // Without rows there is still an index to check.
    rowParts = std::max<int64_t>(llvm::divideCeil(extents[axis], blockRows), 1);
    columnParts = llvm::divideCeil(lastExtent, blockColumns);
  }

  /// Tasks for each value of a symbolic dimension, if one is among the loops.
  int64_t count() {
    int64_t n = rowParts * columnParts;
    for (int64_t d : loops)
      if (!symbols[d])
        n *= extents[d];
    return n;
  }
  bool isEmpty() {
    for (auto [d, extent] : llvm::enumerate(extents))
      if (extent == 0 && int64_t(d) != axis)
        return true;
    return false;
  }
  /// The extent of the symbolic loop, or null.
  Value symbol() {
    for (int64_t d : loops)
      if (symbols[d])
        return symbols[d];
    return {};
  }
  void task(Value number);

private:
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t c) {
    return arith::MulIOp::create(b, loc, x, body.index(c));
  }
  void forEach(Value from, Value to, int64_t step,
               llvm::function_ref<void(Value)> emit) {
    auto loop = scf::ForOp::create(b, loc, from, to, body.index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body.scoped([&] { emit(loop.getInductionVar()); });
  }
  void when(Value condition, llvm::function_ref<void()> emit) {
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, condition, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    body.scoped(emit);
  }
  Value limit(Value from, int64_t block, int64_t extent) {
    return arith::MinSIOp::create(b, loc, add(from, body.index(block)),
                                  body.index(extent));
  }
  void columns(size_t depth, llvm::function_ref<void()> emit);
  void clear();
  void addSlices(unsigned k, unsigned first);

  Body &body;
  OpBuilder &b;
  Location loc;
  ArrayRef<Value> symbols;
  ScatterOp scatter;
  int64_t axis;
  SmallVector<int64_t> loops, inner, extents;
  int64_t blockRows, blockColumns;
  int64_t lastExtent, rowParts, columnParts;
  AffineMap identity;
  Value firstRow, endRow, firstColumn, endColumn; // of the task's box
};

/// The elements of one row that are in the box.
void ScatterLoops::columns(size_t depth, llvm::function_ref<void()> emit) {
  if (depth == inner.size())
    return body.scoped(emit);
  int64_t d = inner[depth];
  auto at = [&](Value i) {
    body.ivs[d] = i;
    columns(depth + 1, emit);
  };
  if (depth + 1 < inner.size())
    return forEach(body.index(int64_t(0)), body.index(extents[d]), 1, at);
  if (body.lane != d || body.lanes == 1)
    return forEach(firstColumn, endColumn, 1, at);
  Value count = arith::SubIOp::create(b, loc, endColumn, firstColumn);
  Value whole =
      add(firstColumn,
          mul(arith::DivUIOp::create(b, loc, count, body.index(body.lanes)),
              body.lanes));
  forEach(firstColumn, whole, body.lanes, at);
  if (lastExtent % body.lanes == 0 && blockColumns % body.lanes == 0)
    return;
  when(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, whole,
                             endColumn),
       [&] {
         body.limitLanes(arith::SubIOp::create(b, loc, endColumn, whole));
         at(whole);
         body.allLanes();
       });
}

void ScatterLoops::clear() {
  Type element = scatter.getType().getElementType();
  forEach(firstRow, endRow, 1, [&](Value row) {
    body.ivs[axis] = row;
    columns(0, [&] {
      body.store(0,
                 body.neutral(scatter.getKind(), element, storageType(element)),
                 identity);
    });
  });
}

/// Loops over axis k and those after it of the index, whose dimensions begin
/// with `first`.
void ScatterLoops::addSlices(unsigned k, unsigned first) {
  RankedTensorType indexType = tensorType(scatter.getIndex());
  unsigned rank = indexType.getRank();
  if (k < rank) {
    StringAttr symbol = symbolOf(indexType, k);
    Value bound = symbol ? body.symbols.lookup(symbol)
                         : body.index(body.extents[first + k]);
    return forEach(body.index(int64_t(0)), bound, 1, [&](Value i) {
      body.ivs[first + k] = i;
      addSlices(k + 1, first);
    });
  }
  MLIRContext *context = scatter.getContext();
  AffineMap picks = loopIdentity(context, rank, first);
  Value row = body.position(
      body.pull(scatter.getIndex(), simplify(picks, body.extents)),
      extents[axis], -1);
  Value below = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, row,
                                      endRow),
        above = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, row,
                                      firstRow);
  SmallVector<AffineExpr> at(identity.getResults().take_front(axis));
  llvm::append_range(at, picks.getResults());
  llvm::append_range(at, identity.getResults().drop_front(axis + 1));
  AffineMap update =
      simplify(AffineMap::get(maxLoopDims, 0, at, context), body.extents);
  auto place = cast<PlaceAttr>((*body.kernel.getResultPlaces())[0]);
  when(arith::AndIOp::create(b, loc, above, below), [&] {
    body.ivs[axis] = row;
    columns(0, [&] {
      AffineExpr address = linearAddress(
          identity, place.getStrides().asArrayRef(), body.extents);
      Type element = scatter.getType().getElementType();
      Value sum = body.load(body.results[0], element, address);
      Value v = body.pull(scatter.getUpdates(), update);
      if (isa<VectorType>(sum.getType()))
        v = body.splatTo(v);
      body.store(0, body.combine(scatter.getKind(), element, sum, v), identity);
    });
  });
}

/// An edited file.
LogicalResult notScatter(Body &body) {
  return body.kernel.emitOpError("kernel ")
         << body.kernel.getName()
         << ": a scatter schedule on a kernel without scatter";
}

void ScatterLoops::task(Value number) {
  auto take = [&](int64_t count) { return body.takeDigit(number, count); };
  firstColumn = mul(take(columnParts), blockColumns);
  endColumn = limit(firstColumn, blockColumns, lastExtent);
  for (int64_t d : llvm::reverse(loops))
    if (!symbols[d])
      body.ivs[d] = take(extents[d]);
  firstRow = mul(take(rowParts), blockRows);
  endRow = limit(firstRow, blockRows, extents[axis]);
  for (int64_t d : loops)
    if (symbols[d]) // what is left
      body.ivs[d] = number;
  clear();
  body.scoped([&] {
    unsigned first = body.extents.size();
    llvm::append_range(body.extents,
                       boundedShape(tensorType(scatter.getIndex())));
    addSlices(0, first);
  });
}

} // namespace

FailureOr<int64_t> lowerScatterKernel(Body &body,
                                      const ScheduleReader &schedule,
                                      ArrayRef<Value> symbols, Value begin,
                                      Value end) {
  auto scatter = schedule::yielded(body.kernel).getDefiningOp<ScatterOp>();
  if (!scatter)
    return notScatter(body);
  ScatterLoops loops(body, schedule, symbols, scatter);
  if (loops.isEmpty())
    return 0;
  OpBuilder &b = body.b;
  auto loop = scf::ForOp::create(b, body.loc, begin, end, body.index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  loops.task(loop.getInductionVar());
  return loops.count();
}

FailureOr<GridTasks> lowerGridScatter(Body &body,
                                      const ScheduleReader &schedule,
                                      ArrayRef<Value> symbols) {
  auto scatter = schedule::yielded(body.kernel).getDefiningOp<ScatterOp>();
  if (!scatter)
    return notScatter(body);
  ScatterLoops loops(body, schedule, symbols, scatter);
  GridTasks result;
  result.perGroup = body.group;
  result.tasks = loops.isEmpty() ? 0 : loops.count();
  if (loops.isEmpty())
    return result;
  OpBuilder &b = body.b;
  Location loc = body.loc;
  Value number = arith::AddIOp::create(
      b, loc,
      arith::MulIOp::create(b, loc, body.groupId, body.index(body.group)),
      body.itemId);
  Value all = body.index(result.tasks);
  if (Value symbol = loops.symbol())
    all = arith::MulIOp::create(b, loc, all, symbol);
  Value inside =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, number, all);
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, inside, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  loops.task(number);
  return result;
}

} // namespace nacre::codegen
