//===- PlanMemory.cpp - a place for every tensor --------------------------===//
//
// Every tensor is a strided window of a storage: an input, an output, a weight
// or a block of the arena. Joining and viewing is then a matter of places:
//  - what a concat joins is stored inside the concat's storage;
//  - the source of a pad is stored inside the padded storage, and the pad's
//    kernel writes the border only;
//  - a view of a stored tensor shares its storage when strides can say it.
// Storages of the arena get offsets by lifetime. An elementwise result takes
// over the storage of an operand that dies there.
//
// A state's new value is an output whose buffer may be the buffer of the old
// value, an input (lazy.state). It is stored there directly when nothing reads
// the old value from then on, else it is copied there at the end.
//
// A write (lazy.write) stores its slices where the tensor lies that it writes
// into; when others still need that, into a copy. A new state that is the old
// one but for writes needs no copy: `lazy.kept` says that the buffer has to
// hold the old value.
//
// The function of a loop or a branch is planned by itself, before whoever runs
// it; its arena is a block of the caller's. What goes in and out lies densely.
// A carried value is a state of the loop's body: the old value and the new one
// share the storage of the loop's result.
//
// Users come after definitions, so storages are handed from users to
// definitions in a backward walk, and views left over follow their source in a
// forward walk.
//
//===----------------------------------------------------------------------===//
#include "Planner.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

void Planner::write() {
  MLIRContext *context = function.getContext();
  auto attr = [&](Value v) -> Attribute {
    const Placement &p = placed[v];
    const Storage &s = storages[root(p.storage)];
    return PlaceAttr::get(context, StringAttr::get(context, s.space), s.slot,
                          s.offset / s.elementBytes + p.offset,
                          DenseI64ArrayAttr::get(context, p.strides));
  };
  for (auto kernel : block.getOps<KernelOp>()) {
    SmallVector<Attribute> operands, results;
    for (Value v : kernel.getOperands())
      operands.push_back(attr(v));
    for (Value v : kernel.getResults())
      results.push_back(attr(v));
    kernel.setOperandPlacesAttr(ArrayAttr::get(context, operands));
    kernel.setResultPlacesAttr(ArrayAttr::get(context, results));
  }
  for (auto &[call, needed] : scratch) {
    auto list = [&](ValueRange values) {
      return ArrayAttr::get(context, llvm::map_to_vector(values, attr));
    };
    call->setAttr("operand_places", list(call->getOperands()));
    call->setAttr("result_places", list(call->getResults()));
    call->setAttr(
        "scratch",
        ArrayAttr::get(context, llvm::map_to_vector(needed, [&](int s) {
                         return Attribute(PlaceAttr::get(
                             context, StringAttr::get(context, "arena"), 0,
                             storages[s].offset,
                             DenseI64ArrayAttr::get(context, {})));
                       })));
  }
  // A view that is an alias stands as the bare view again: nothing runs.
  for (KernelOp kernel : aliases) {
    IRMapping mapping;
    mapping.map(kernel.getBody().front().getArguments(), kernel.getOperands());
    OpBuilder b(kernel);
    Operation *view = b.clone(*yielded(kernel).getDefiningOp(), mapping);
    kernel.getResult(0).replaceAllUsesWith(view->getResult(0));
    kernel.erase();
  }
}

void Planner::place() {
  orders = assignLayout(block);
  // All results of a kernel are stored in one order.
  for (auto kernel : block.getOps<KernelOp>())
    for (Value result : llvm::drop_begin(kernel.getResults()))
      if (orders.count(kernel.getResult(0)))
        orders[result] = orders.lookup(kernel.getResult(0));
  separateResults();
  int64_t weight = 0;
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    placeDense(argument, "input", i, rowMajor(argument));
  for (auto op : block.getOps<WeightOp>()) {
    op->setAttr(
        "lazy.slot",
        IntegerAttr::get(IntegerType::get(op.getContext(), 64), weight));
    placeDense(op.getResult(), "weights", weight++, rowMajor(op.getResult()));
  }
  for (auto [i, v] : llvm::enumerate(block.getTerminator()->getOperands()))
    placeDense(v, "output", i, rowMajor(v));
  handOut();
  followViews();
  for (auto &[v, place] : placed)
    tenants[place.storage]++;
}

Storages Planner::share() {
  place();
  Storages result;
  for (const Storage &s : storages)
    result.bytes.push_back(s.space == "arena" ? s.bytes() : 0);
  for (auto &[v, place] : placed)
    result.of[v] = place.storage;
  for (auto kernel : block.getOps<KernelOp>())
    if (auto pairs = inPlace(kernel); !pairs.empty())
      result.inPlace[kernel] = std::move(pairs);
  return result;
}

LogicalResult Planner::run() {
  place();
  computeLifetimes();
  takeOverDying();
  assignOffsets();
  write();
  return success();
}

/// Marks the carried values of a loop's body as states, and slices that do not
/// begin at a cache line.
static void describeBody(LoopOp loop) {
  func::FuncOp body = calleesOf(loop).front();
  Builder b(loop);
  unsigned carried = loop.getCarried().size(),
           conditional = loop.getConditional();
  for (unsigned i = 0; i < carried; ++i) {
    auto name = b.getStringAttr("carried" + Twine(i));
    body.setArgAttr(1 + i, "lazy.state", name);
    body.setResultAttr(conditional + i, "lazy.state", name);
  }
  auto align = [&](Type type, auto set) {
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes =
        tensor.getNumElements() * elementBytes(tensor.getElementType());
    if (bytes % alignment != 0)
      set(b.getI64IntegerAttr(bytes & -bytes));
  };
  for (unsigned i = 0; i < loop.getScanned().size(); ++i)
    align(body.getArgumentTypes()[1 + carried + i], [&](Attribute bytes) {
      body.setArgAttr(1 + carried + i, "lazy.align", bytes);
    });
  for (unsigned i = conditional + carried; i < body.getNumResults(); ++i)
    align(body.getResultTypes()[i],
          [&](Attribute bytes) { body.setResultAttr(i, "lazy.align", bytes); });
}

Storages shareStorages(ModuleOp module) {
  return Planner(module.lookupSymbol<func::FuncOp>("main")).share();
}

LogicalResult planMemory(ModuleOp module) {
  module.walk([](LoopOp loop) { describeBody(loop); });
  for (func::FuncOp function : functionsOf(module))
    if (failed(Planner(function).run()))
      return failure();
  return success();
}

} // namespace nacre::schedule
