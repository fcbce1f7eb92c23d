//===- MapKernel.cpp - kernels over an output space; entry of lowering ----===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Lazy/State.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
using namespace nacre::schedule;

namespace {

/// Runs the innermost loops of a map kernel.
class MapLoops {
public:
  MapLoops(Body &body, const ScheduleReader &schedule, ArrayRef<Value> symbolOf)
      : body(body), symbolOf(symbolOf), loops(schedule.list("loops")),
        extents(schedule.list("extents")), prefix(schedule.number("prefix", 0)),
        grain(schedule.number("grain", 4096)) {
    // Where loops run as one, addresses are still made over the result's own
    // dimensions: views know their shapes' bounds. They are linear there, so
    // the one loop takes the inner place and the outer ones stand at 0.
    auto type = tensorType(yielded(body.kernel));
    body.extents = boundedShape(type);
    shape = body.extents;
    body.lane = schedule.number("lane");
    body.lanes = schedule.number("lanes", 1);
    identity = simplify(loopIdentity(body.kernel.getContext(), type.getRank()),
                        body.extents);
    for (unsigned d = 0; d < extents.size(); ++d)
      body.ivs[d] = body.index(int64_t(0));
    if (int64_t held = schedule.number("held"); held >= 0) {
      Operation &op = *std::next(body.kernel.getBody().front().begin(), held);
      body.held = Body::Held{op.getResult(0), identity};
    }
    if (schedule.number("reciprocals", 0)) {
      body.quotientDims.resize(maxLoopDims);
      for (size_t i = prefix; i < loops.size(); ++i)
        body.quotientDims.set(loops[i]);
    }
  }
  int64_t run(Value begin, Value end);
  GridTasks runGrid(bool cooperative);

private:
  /// Where a loop ends, and whether the run decides that.
  struct Bound {
    Value end;
    bool limited;
  };
  Bound bound(int64_t d) {
    Value limit = body.limitOf(d, extents, shape);
    if (symbolOf[d])
      return {symbolOf[d], bool(limit)};
    return {limit ? limit : body.index(extents[d]), bool(limit)};
  }
  void points();
  void inner(size_t depth);
  void laneLoop(Value from, Value to, bool exact,
                llvm::function_ref<void()> emit);
  void taskBody(bool masked);
  void afterPrefix();
  void shareRow();

  Body &body;
  ArrayRef<Value> symbolOf;
  SmallVector<int64_t> loops, extents, shape;
  int64_t prefix, grain;
  AffineMap identity;
};

void MapLoops::points() {
  body.scoped([&] {
    SmallVector<Value> values;
    for (Value v : yieldedAll(body.kernel))
      values.push_back(body.pull(v, identity));
    for (auto [i, v] : llvm::enumerate(values))
      body.store(i, v, identity);
  });
}

/// for from..to by lanes, then one masked step for what is left.
void MapLoops::laneLoop(Value from, Value to, bool exact,
                        llvm::function_ref<void()> emit) {
  OpBuilder &b = body.b;
  Location loc = body.loc;
  int64_t d = body.lane;
  Value lanes = body.index(body.lanes);
  Value wholeEnd = to;
  if (!exact) {
    Value count = arith::SubIOp::create(b, loc, to, from);
    Value whole = arith::MulIOp::create(
        b, loc, arith::DivUIOp::create(b, loc, count, lanes), lanes);
    wholeEnd = arith::AddIOp::create(b, loc, from, whole);
  }
  auto loop = scf::ForOp::create(b, loc, from, wholeEnd, lanes);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body.ivs[d] = loop.getInductionVar();
    body.scoped(emit);
  }
  if (exact)
    return;
  Value more =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, wholeEnd, to);
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, more, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  body.ivs[d] = wholeEnd;
  body.limitLanes(arith::SubIOp::create(b, loc, to, wholeEnd));
  body.scoped(emit);
  body.allLanes();
}

void MapLoops::inner(size_t depth) {
  if (depth == loops.size()) {
    points();
    return;
  }
  OpBuilder &b = body.b;
  int64_t d = loops[depth];
  Value zero = body.index(int64_t(0));
  auto [end, limited] = bound(d);
  if (d == body.lane && body.lanes > 1) {
    laneLoop(zero, end, extents[d] % body.lanes == 0 && !limited,
             [&] { inner(depth + 1); });
    return;
  }
  auto loop = scf::ForOp::create(b, body.loc, zero, end, body.index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body.ivs[d] = loop.getInductionVar();
  body.scoped([&] { inner(depth + 1); });
}

void MapLoops::afterPrefix() {
  body.scoped([&] {
    llvm::SmallBitVector open(maxLoopDims);
    for (size_t i = prefix; i < loops.size(); ++i)
      open.set(loops[i]);
    if (body.held)
      body.held->fills = true;
    if (open.any())
      for (Value v : yieldedAll(body.kernel))
        body.hoistReductions(v, identity, open);
    if (body.held)
      body.held->fills = false;
    inner(prefix);
    if (body.held)
      body.held->filled = false;
  });
}

int64_t MapLoops::run(Value begin, Value end) {
  OpBuilder &b = body.b;
  Location loc = body.loc;
  if (llvm::is_contained(extents, 0))
    return 0;
  if (prefix == 0 && loops.size() == 1 && !symbolOf[loops[0]]) {
    // One long loop, cut into tasks of `grain` elements.
    int64_t d = loops[0], extent = extents[d];
    Value g = body.index(grain);
    Value from = arith::MulIOp::create(b, loc, begin, g);
    auto [last, limited] = bound(d);
    Value to = arith::MinSIOp::create(
        b, loc, arith::MulIOp::create(b, loc, end, g), last);
    if (limited) // a task may begin behind it
      from = arith::MinSIOp::create(b, loc, from, to);
    if (body.lane == d && body.lanes > 1) {
      laneLoop(from, to,
               !limited && extent % body.lanes == 0 && grain % body.lanes == 0,
               [&] { points(); });
    } else {
      auto loop = scf::ForOp::create(b, loc, from, to, body.index(1));
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      body.ivs[d] = loop.getInductionVar();
      points();
    }
    return llvm::divideCeil(extent, grain);
  }
  // Tasks enumerate the prefix, its last loop fastest; a symbolic loop is the
  // outermost and multiplies the task count at run time.
  int64_t tasks = 1;
  auto loop = scf::ForOp::create(b, loc, begin, end, body.index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVar();
  bool masked = false;
  for (int64_t i = prefix; i-- > 0;) {
    int64_t d = loops[i];
    bool isLane = d == body.lane && body.lanes > 1;
    int64_t count =
        isLane ? int64_t(llvm::divideCeil(extents[d], body.lanes)) : extents[d];
    Value at = i > 0 ? body.takeDigit(rest, count) : rest;
    if (isLane) {
      at = arith::MulIOp::create(b, loc, at, body.index(body.lanes));
      masked = extents[d] % body.lanes != 0;
    }
    body.ivs[d] = at;
    if (!symbolOf[d])
      tasks *= count;
  }
  body.whereOpen(ArrayRef(loops).take_front(prefix), extents, shape,
                 [&] { taskBody(masked); });
  return tasks;
}

/// What a task does once its indices are set.
void MapLoops::taskBody(bool masked) {
  OpBuilder &b = body.b;
  Location loc = body.loc;
  if (!masked) {
    afterPrefix();
    return;
  }
  Value left = arith::SubIOp::create(b, loc, body.index(extents[body.lane]),
                                     body.ivs[body.lane]);
  if (extents[body.lane] < body.lanes) { // a single, partial vector
    body.limitLanes(left);
    afterPrefix();
    body.allLanes();
    return;
  }
  Value whole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, left,
                                      body.index(body.lanes));
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, whole, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  afterPrefix();
  b.setInsertionPoint(branch.elseYield());
  body.limitLanes(left);
  afterPrefix();
  body.allLanes();
}

/// The inner loops of one point of the prefix, by all items of a group.
void MapLoops::shareRow() {
  OpBuilder &b = body.b;
  Location loc = body.loc;
  body.scoped([&] {
    llvm::SmallBitVector open(maxLoopDims);
    int64_t points = 1;
    for (size_t i = prefix; i < loops.size(); ++i) {
      open.set(loops[i]);
      points *= extents[loops[i]];
    }
    body.cooperative = true;
    for (Value v : yieldedAll(body.kernel))
      body.hoistReductions(v, identity, open);
    body.cooperative = false;
    // A result may lie in an operand's place: no item writes before all have
    // read what the reductions needed.
    if (points > 1)
      gpu::BarrierOp::create(b, loc);
    auto loop = scf::ForOp::create(b, loc, body.itemId, body.index(points),
                                   body.index(body.group));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body.setLoops(ArrayRef(loops).drop_front(prefix), extents,
                  loop.getInductionVar());
    this->points();
  });
}

/// Tasks enumerate the prefix, its last loop fastest. A task belongs to one
/// item, or with `cooperative` to a group.
GridTasks MapLoops::runGrid(bool cooperative) {
  OpBuilder &b = body.b;
  Location loc = body.loc;
  GridTasks result;
  result.perGroup = cooperative ? 1 : body.group;
  if (llvm::is_contained(extents, 0)) {
    result.tasks = 0;
    return result;
  }
  Value rest = body.groupId, symbol;
  if (!cooperative)
    rest = arith::AddIOp::create(
        b, loc,
        arith::MulIOp::create(b, loc, body.groupId, body.index(body.group)),
        body.itemId);
  for (int64_t i = 0; i < prefix; ++i) {
    if (symbolOf[loops[i]])
      symbol = symbolOf[loops[i]];
    else
      result.tasks *= extents[loops[i]];
  }
  Value all = body.index(result.tasks);
  if (symbol)
    all = arith::MulIOp::create(b, loc, all, symbol);
  OpBuilder::InsertionGuard guard(b);
  if (!cooperative || symbol) { // else there are exactly as many groups
    Value inside =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, rest, all);
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, inside, false);
    b.setInsertionPoint(branch.thenYield());
  }
  body.setLoops(ArrayRef(loops).take_front(prefix), extents, rest);
  cooperative ? shareRow() : afterPrefix();
  return result;
}

} // namespace

FailureOr<GridTasks> lowerGridMap(Body &body, const ScheduleReader &schedule,
                                  ArrayRef<Value> symbolOf) {
  auto rank = tensorType(yielded(body.kernel)).getRank();
  int64_t loops = schedule.list("loops").size();
  if (int64_t(schedule.list("extents").size()) != rank ||
      schedule.number("prefix", 0) > loops)
    return body.kernel.emitOpError("kernel ")
           << body.kernel.getName()
           << ": the schedule does not fit the result's rank " << rank;
  return MapLoops(body, schedule, symbolOf)
      .runGrid(schedule.number("cooperative", 0) == 1);
}

int64_t placeSpan(PlaceAttr place, RankedTensorType type) {
  int64_t last = 0;
  for (auto [stride, extent] :
       llvm::zip(place.getStrides().asArrayRef(), boundedShape(type)))
    last += stride * std::max<int64_t>(extent - 1, 0);
  return last + 1;
}

FailureOr<int64_t> lowerMapKernel(Body &body, const ScheduleReader &schedule,
                                  ArrayRef<Value> symbolOf, Value begin,
                                  Value end) {
  auto rank = tensorType(yielded(body.kernel)).getRank();
  if (int64_t(schedule.list("extents").size()) != rank ||
      schedule.number("prefix", 0) > int64_t(schedule.list("loops").size()))
    return body.kernel.emitOpError("kernel ")
           << body.kernel.getName()
           << ": the schedule does not fit the result's rank " << rank;
  MapLoops loops(body, schedule, symbolOf);
  WriteOp write = writeOf(body.kernel);
  if (!write || tensorType(write.getRows()).getDimSize(write.getAxis()) != 1)
    return loops.run(begin, end);
  // One slice has no loop that could end before it.
  int64_t tasks = 0, axis = write.getAxis();
  SmallVector<int64_t> one(rank, 1);
  body.whereOpen({axis}, one, one, [&] { tasks = loops.run(begin, end); });
  return tasks;
}

/// What a renderer must know of the function beyond its body.
static void describeForGrid(func::FuncOp function, const LoweredKernel &lowered,
                            Body &body) {
  Builder b(function.getContext());
  function->setAttr("nacre.kernel", b.getUnitAttr());
  function->setAttr("nacre.group", b.getI64IntegerAttr(lowered.group));
  if (!lowered.taskSymbol)
    function->setAttr("nacre.groups", b.getI64IntegerAttr(llvm::divideCeil(
                                          lowered.tasks, lowered.perGroup)));
  KernelOp kernel = body.kernel;
  unsigned operands = kernel.getNumOperands(), inputs = 0, weights = 0;
  for (unsigned i = 0; i < operands + kernel.getNumResults(); ++i) {
    bool written = i >= operands;
    auto place =
        cast<PlaceAttr>(written ? (*kernel.getResultPlaces())[i - operands]
                                : (*kernel.getOperandPlaces())[i]);
    // A weight without elements is read from no file.
    bool weight =
        place.getSpace() == "weights" &&
        !llvm::is_contained(tensorType(kernel.getOperand(i)).getShape(), 0);
    std::string name = written  ? "y" + std::to_string(i - operands)
                       : weight ? "w" + std::to_string(weights++)
                                : "x" + std::to_string(inputs++);
    function.setArgAttr(i, "nacre.name", b.getStringAttr(name));
    function.setArgAttr(i, "nacre.space",
                        b.getStringAttr(weight ? "weights" : "memory"));
    if (written)
      function.setArgAttr(i, "nacre.write", b.getUnitAttr());
    bool packed = lowered.packing && i == lowered.packing->operand;
    int64_t align = packed ? 64 : body.alignment(i);
    function.setArgAttr(i, "nacre.align", b.getI64IntegerAttr(align));
  }
}

FailureOr<LoweredKernel> lowerKernel(KernelOp kernel, ModuleOp module,
                                     StringRef name) {
  MLIRContext *context = kernel.getContext();
  OpBuilder b(context);
  b.setInsertionPointToEnd(module.getBody());
  // One location for all: equal kernels must print equal.
  Location loc = UnknownLoc::get(context);
  LoweredKernel lowered;
  ScheduleReader schedule{*kernel.getSchedule()};
  lowered.packing = packingOf(kernel);
  const std::optional<Packing> &packing = lowered.packing;

  auto flat = [&](RankedTensorType type, int64_t elements) {
    Type element = storageType(type.getElementType());
    if (element.isInteger(1))
      element = b.getI8Type();
    return MemRefType::get({elements}, element);
  };
  SmallVector<Type> types;
  struct Window {
    StringRef space;
    int64_t slot, from, to; // bytes
  };
  SmallVector<Window> windows;
  auto add = [&](Attribute attr, Value v, bool packed) {
    auto place = cast<PlaceAttr>(attr);
    auto type = tensorType(v);
    int64_t elements = packed ? packing->elements : placeSpan(place, type);
    int64_t bytes = elementBytes(type.getElementType());
    Window window{place.getSpace().getValue(), place.getSlot(),
                  place.getOffset() * bytes,
                  (place.getOffset() + elements) * bytes};
    // A state's output may be the buffer of its input.
    if (window.space == "output")
      if (auto old = stateBefore(kernel->getParentOfType<func::FuncOp>(),
                                 window.slot)) {
        window.space = "input";
        window.slot = old->getArgNumber();
      }
    windows.push_back(window);
    types.push_back(flat(type, elements));
  };
  for (auto [i, v] : llvm::enumerate(kernel.getOperands()))
    add((*kernel.getOperandPlaces())[i], v, packing && i == packing->operand);
  for (auto [i, v] : llvm::enumerate(kernel.getResults()))
    add((*kernel.getResultPlaces())[i], v, false);
  unsigned buffers = types.size();
  types.push_back(MemRefType::get({1}, b.getI32Type()));
  auto noteSymbols = [&](Value v) {
    auto type = tensorType(v);
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (StringAttr symbol = symbolOf(type, i))
        if (!llvm::is_contained(lowered.symbols, symbol))
          lowered.symbols.push_back(symbol);
  };
  for (Value v : kernel.getResults())
    noteSymbols(v);
  for (Value v : kernel.getOperands())
    noteSymbols(v);
  // What is made inside may have an extent that nothing outside has.
  for (Operation &op : kernel.getBody().front())
    for (Value v : op.getOperands())
      noteSymbols(v);
  ContractOp contract = contractionOf(kernel);
  auto noteName = [&](StringAttr name) {
    if (name && !llvm::is_contained(lowered.symbols, name))
      lowered.symbols.push_back(name);
  };
  SmallVector<StringAttr> open = schedule::openExtents(kernel), contractDims;
  llvm::for_each(open, noteName);
  if (contract)
    contractDims = openNames(contract, openDims, contract.map(0).getNumDims());
  llvm::for_each(contractDims, noteName);
  for (Operation &op : kernel.getBody().front())
    if (auto reduce = dyn_cast<ReduceOp>(op))
      llvm::for_each(openNames(reduce, openDims, reduce.getAxes().size()),
                     noteName);
  for (size_t i = 0; i < lowered.symbols.size() + 2; ++i)
    types.push_back(b.getIndexType());

  auto function =
      func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  function.setPrivate();
  // A buffer that overlaps no written one, and a written one that overlaps no
  // other, cannot alias within this call.
  for (unsigned i = 0; i < buffers; ++i) {
    bool alone = true;
    for (unsigned j = 0; j < buffers; ++j) {
      bool written =
          i >= kernel.getNumOperands() || j >= kernel.getNumOperands();
      const Window &x = windows[i], &y = windows[j];
      if (i != j && written && x.space == y.space && x.slot == y.slot &&
          x.from < y.to && y.from < x.to)
        alone = false;
    }
    if (alone)
      function.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(),
                          b.getUnitAttr());
  }
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Body body(b, loc, kernel);
  for (unsigned i = 0; i < kernel.getNumOperands(); ++i)
    body.operands.push_back(entry->getArgument(i));
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    body.results.push_back(entry->getArgument(kernel.getNumOperands() + i));
  body.status = entry->getArgument(buffers);
  for (auto [i, symbol] : llvm::enumerate(lowered.symbols))
    body.symbols[symbol] = entry->getArgument(buffers + 1 + i);
  unsigned n = entry->getNumArguments();
  Value begin = entry->getArgument(n - 2), end = entry->getArgument(n - 1);

  StringRef kind = "map";
  if (auto attr = schedule.dict.getAs<StringAttr>("kind"))
    kind = attr.getValue();
  bool isContract = kind == "contract";
  auto resultType = tensorType(yielded(kernel));
  SmallVector<Value> symbols(maxLoopDims);
  for (int64_t i = 0; i < resultType.getRank(); ++i)
    if (StringAttr symbol = symbolOf(resultType, i)) {
      unsigned at =
          llvm::find(lowered.symbols, symbol) - lowered.symbols.begin();
      unsigned dim = i;
      if (isContract)
        dim = cast<AffineDimExpr>(contract.map(2).getResult(i)).getPosition();
      symbols[dim] = entry->getArgument(buffers + 1 + at);
      lowered.taskSymbol = symbol;
    }
  // Extents that end loops early, per loop dimension.
  SmallVector<int64_t> loopExtents =
      isContract ? analyseContraction(kernel, contract).extents
                 : boundedShape(resultType);
  auto limit = [&](unsigned dim, StringAttr name) {
    body.limits.resize(maxLoopDims);
    body.limits[dim] = body.within(body.symbols.lookup(name), loopExtents[dim]);
  };
  for (auto [axis, name] : llvm::enumerate(open))
    if (name)
      limit(isContract ? cast<AffineDimExpr>(contract.map(2).getResult(axis))
                             .getPosition()
                       : axis,
            name);
  if (isContract)
    for (auto [dim, name] : llvm::enumerate(contractDims))
      if (name && !llvm::is_contained(contract.map(2).getResults(),
                                      getAffineDimExpr(dim, context)))
        limit(dim, name);
  if (WriteOp write = writeOf(kernel))
    body.beginWrite(write);
  lowered.group = schedule.number("group", 0);
  if (lowered.group > 0) {
    body.group = lowered.group;
    body.groupId = begin;
    body.itemId = end;
    auto tasks = isContract         ? lowerGridContract(body, schedule, symbols)
                 : kind == "border" ? lowerGridBorder(body, schedule)
                 : kind == "scatter" ? lowerGridScatter(body, schedule, symbols)
                                     : lowerGridMap(body, schedule, symbols);
    if (failed(tasks))
      return failure();
    lowered.tasks = tasks->tasks;
    lowered.perGroup = tasks->perGroup;
    describeForGrid(function, lowered, body);
    b.setInsertionPointToEnd(entry);
    func::ReturnOp::create(b, loc);
    lowered.function = function;
    return lowered;
  }
  auto tasks =
      isContract ? lowerContractKernel(body, schedule, symbols, begin, end)
      : kind == "border" ? lowerBorderKernel(body, schedule, begin, end)
      : kind == "scatter"
          ? lowerScatterKernel(body, schedule, symbols, begin, end)
          : lowerMapKernel(body, schedule, symbols, begin, end);
  if (failed(tasks))
    return failure();
  lowered.tasks = *tasks;
  b.setInsertionPointToEnd(entry);
  func::ReturnOp::create(b, loc);
  lowered.function = function;
  return lowered;
}

} // namespace nacre::codegen
