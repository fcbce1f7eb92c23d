//===- HandOut.cpp - which tensors share a storage ------------------------===//
#include "Planner.h"
#include "StateWrites.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/State.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

Order Planner::rowMajor(Value v) {
  Order order(tensorType(v).getRank());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

int Planner::newStorage(StringRef space, int64_t slot, Value v) {
  Storage s;
  s.space = space;
  s.slot = slot;
  s.elements = elementsOf(v);
  s.elementBytes = elementBytes(tensorType(v).getElementType());
  storages.push_back(s);
  return storages.size() - 1;
}

void Planner::placeDense(Value v, StringRef space, int64_t slot,
                         const Order &order) {
  placed[v] = {newStorage(space, slot, v), 0,
               stridesIn(order, boundedShape(tensorType(v)))};
}

/// Whether a contraction reads `v`, directly or padded or joined.
static bool feedsContraction(Value v, int depth = 0) {
  return llvm::any_of(v.getUsers(), [&](Operation *user) {
    if (auto kernel = dyn_cast<KernelOp>(user))
      return bool(contractionOf(kernel)) ||
             (depth < 4 && soleView(kernel) &&
              feedsContraction(kernel.getResult(0), depth + 1));
    return isa<ConcatOp>(user) && depth < 4 &&
           feedsContraction(user->getResult(0), depth + 1);
  });
}

/// A tile of a contraction reads some dozen rows at once. Rows whose distance
/// is a multiple of 512 bytes compete for a few cache sets, so one cache line
/// is left free after each.
void Planner::placeInArena(Value v) {
  Order order = orders.count(v) ? orders[v] : rowMajor(v);
  auto shape = boundedShape(tensorType(v));
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  int64_t inner = order.empty() ? -1 : order.back();
  if (inner < 0 || shape[inner] == 0 || shape[inner] * bytes % 512 != 0 ||
      elementsOf(v) == shape[inner] || !feedsContraction(v)) {
    placeDense(v, "arena", 0, order);
    return;
  }
  shape[inner] += alignment / bytes;
  int storage = newStorage("arena", 0, v);
  storages[storage].elements = 1;
  for (int64_t extent : shape)
    storages[storage].elements *= extent;
  placed[v] = {storage, 0, stridesIn(order, shape)};
}

/// Whether a producer of `x` may be made to store in `strides`: a contraction
/// writes whole vectors and wants its innermost axis contiguous.
static bool producerAccepts(Value x, const Order &order,
                            ArrayRef<int64_t> strides) {
  auto kernel = x.getDefiningOp<KernelOp>();
  if (!kernel || !contractionOf(kernel))
    return true;
  for (int64_t axis : llvm::reverse(order))
    if (tensorType(x).getDimSize(axis) != 1)
      return strides[axis] == 1;
  return true;
}

/// Results of the function must be distinct kernel results that may be stored
/// row-major; anything else is copied.
void Planner::separateResults() {
  Operation *ret = block.getTerminator();
  // What leaves the function as a new state's value and is itself an old one,
  // or a view of it, is saved before any state is written.
  for (OpOperand &operand : ret->getOpOperands()) {
    Value source = operand.get();
    while (auto kernel = source.getDefiningOp<KernelOp>()) {
      if (!soleView(kernel))
        break;
      source = kernel.getOperand(0);
    }
    auto old = stateBefore(function, operand.getOperandNumber());
    auto argument = dyn_cast<BlockArgument>(source);
    if (!old || !argument || operand.get() == *old ||
        !function.getArgAttr(argument.getArgNumber(), "lazy.state"))
      continue;
    Value saved = insertCopy(operand.get(), ret, "state");
    orders[saved] = rowMajor(saved);
    operand.set(saved);
  }
  // What is no state comes first: it may read an old one, which states then
  // replace.
  SmallVector<OpOperand *> results, states;
  for (OpOperand &operand : ret->getOpOperands())
    (stateBefore(function, operand.getOperandNumber()) ? states : results)
        .push_back(&operand);
  results.append(states);
  llvm::DenseSet<Value> seen;
  for (OpOperand *result : results) {
    OpOperand &operand = *result;
    Value v = operand.get();
    auto kernel = v.getDefiningOp<KernelOp>();
    Order order = orders.count(v) ? orders[v] : rowMajor(v);
    bool direct =
        kernel && seen.insert(v).second &&
        producerAccepts(v, order,
                        stridesIn(rowMajor(v), boundedShape(tensorType(v))));
    if (v.getDefiningOp<ConcatOp>() && seen.insert(v).second)
      direct = true;
    if (auto old = stateBefore(function, operand.getOperandNumber());
        old && direct) {
      SmallVector<KernelOp> writes = writesInPlace(v, *old);
      bool kept = !writes.empty();
      inState.insert(writes.begin(), writes.end());
      direct = kept || replacesInPlace(v, *old);
      if (kept)
        function.setResultAttr(operand.getOperandNumber(), "lazy.kept",
                               UnitAttr::get(function.getContext()));
    }
    if (!direct) {
      bool early = isa<BlockArgument>(v) && !llvm::is_contained(states, result);
      Value copy = insertCopy(v, early ? &block.front() : ret, "result");
      orders[copy] = rowMajor(copy);
      operand.set(copy);
    }
  }
}

bool Planner::claim(Value x, int storage, int64_t offset,
                    ArrayRef<int64_t> strides) {
  Operation *op = x.getDefiningOp();
  if (!op || !isa<KernelOp, ConcatOp>(op) || placed.count(x))
    return false;
  Order order = orders.count(x) ? orders[x] : rowMajor(x);
  if (!producerAccepts(x, order, strides))
    return false;
  placed[x] = {storage, offset, SmallVector<int64_t>(strides)};
  return true;
}

/// `x`, or a copy of it that lies densely and in row-major order.
Value Planner::denseOperand(Operation *call, Value x) {
  auto strides = stridesIn(rowMajor(x), boundedShape(tensorType(x)));
  if (!placed.count(x) &&
      isa_and_nonnull<KernelOp, ConcatOp>(x.getDefiningOp()) &&
      producerAccepts(x, orders.count(x) ? orders[x] : rowMajor(x), strides)) {
    placeDense(x, "arena", 0, rowMajor(x));
    return x;
  }
  // A call's result is dense, but a later operation than this one.
  if (isCall(x.getDefiningOp()))
    return x;
  auto found = placed.find(x);
  if (found != placed.end() && found->second.strides == strides &&
      found->second.offset == 0)
    return x;
  Value copy = insertCopy(x, call, "argument");
  orders[copy] = rowMajor(copy);
  placeDense(copy, "arena", 0, rowMajor(copy));
  return copy;
}

/// Storages of what a loop or a branch gives, takes and needs meanwhile.
void Planner::placeCall(Operation *call) {
  for (Value result : call->getResults())
    placeDense(result, "arena", 0, rowMajor(result));
  auto loop = dyn_cast<LoopOp>(call);
  OperandRange carried =
      loop ? loop.getCarried() : call->getOperands().take_front(0);
  unsigned firstCarried = loop && loop.getTrips() ? 1 : 0;
  for (OpOperand &operand : call->getOpOperands()) {
    Value x = operand.get();
    unsigned k = operand.getOperandNumber() - firstCarried;
    if (operand.getOperandNumber() < firstCarried || k >= carried.size()) {
      operand.set(denseOperand(call, x));
      continue;
    }
    // The first value is stored where the loop replaces it, by its kernel if
    // nobody else reads it.
    const Placement place = placed[loop.getResult(k)];
    auto kernel = x.getDefiningOp<KernelOp>();
    if (kernel && !soleView(kernel) && x.hasOneUse() &&
        claim(x, place.storage, 0, place.strides))
      continue;
    Value copy = insertCopy(x, call, "carry");
    orders[copy] = rowMajor(copy);
    placed[copy] = place;
    operand.set(copy);
  }
  int64_t arena = 0;
  for (func::FuncOp callee : calleesOf(call))
    arena = std::max(
        arena, callee->getAttrOfType<IntegerAttr>("lazy.arena_bytes").getInt());
  auto reserve = [&](int64_t bytes) {
    Storage s;
    s.space = "arena";
    s.elements = bytes;
    storages.push_back(s);
    scratch[call].push_back(storages.size() - 1);
  };
  reserve(arena);
  if (loop) {
    reserve(8); // the counter
    reserve(1); // whether to go on
  }
}

/// What a write writes into is stored where its result is.
void Planner::placeWritten(KernelOp kernel, WriteOp write) {
  if (inState.contains(kernel))
    return;
  unsigned number = writtenOperand(write);
  Value x = kernel.getOperand(number);
  const Placement place = placed[kernel.getResult(0)];
  auto source = x.getDefiningOp<KernelOp>();
  if (source && !soleView(source) && source.getNumResults() == 1 &&
      x.hasOneUse() && claim(x, place.storage, place.offset, place.strides))
    return;
  Value copy = insertCopy(x, kernel, "written");
  orders[copy] = orders.count(x) ? orders[x] : rowMajor(x);
  placed[copy] = place;
  kernel.setOperand(number, copy);
}

void Planner::handOut() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isCall(&op)) {
      placeCall(&op);
      continue;
    }
    if (auto concat = dyn_cast<ConcatOp>(op)) {
      Value v = concat.getResult();
      if (!placed.count(v))
        placeInArena(v);
      Placement place = placed[v];
      int64_t axis = concat.getAxis(), offset = place.offset;
      for (OpOperand &operand : concat.getXsMutable()) {
        Value x = operand.get();
        if (!claim(x, place.storage, offset, place.strides)) {
          Value copy = insertCopy(x, concat, "join");
          orders[copy] = orders.count(x) ? orders[x] : rowMajor(x);
          operand.set(copy);
          placed[copy] = {place.storage, offset, place.strides};
        }
        offset += tensorType(x).getDimSize(axis) * place.strides[axis];
      }
      continue;
    }
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel)
      continue;
    Value v = kernel.getResult(0);
    ViewOpInterface view = soleView(kernel);
    // A pure view without a storage of its own shares its source's.
    if (!placed.count(v) && view && !view.fillValue()) {
      following.push_back(kernel);
      continue;
    }
    for (Value result : kernel.getResults())
      if (!placed.count(result))
        placeInArena(result);
    if (WriteOp write = writeOf(kernel))
      placeWritten(kernel, write);
    if (!view)
      continue;
    const Placement place = placed[v];
    Value x =
        kernel.getOperands()[cast<BlockArgument>(view.source()).getArgNumber()];
    if (elementBytes(tensorType(x).getElementType()) !=
        elementBytes(tensorType(v).getElementType()))
      continue;
    if (auto inner = sourceStrides(view, place.strides))
      if (claim(x, place.storage, place.offset + inner->offset,
                inner->strides)) {
        if (view.fillValue() && tensorType(v).hasStaticShape())
          kernel->setAttr("lazy.border", UnitAttr::get(kernel.getContext()));
        else if (!view.fillValue())
          aliases.push_back(kernel);
      }
  }
}

void Planner::followViews() {
  for (KernelOp kernel : llvm::reverse(following)) {
    ViewOpInterface view = soleView(kernel);
    Value v = kernel.getResult(0);
    Value x =
        kernel.getOperands()[cast<BlockArgument>(view.source()).getArgNumber()];
    Placement source = placed[x];
    if (auto strides = viewStrides(view, source.strides)) {
      placed[v] = {source.storage, source.offset + strides->offset,
                   strides->strides};
      aliases.push_back(kernel);
      continue;
    }
    placeInArena(v);
  }
}

} // namespace nacre::schedule
