//===- VerifySchedule.cpp - the border after the schedule phase -----------===//
#include "Scheduler.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/State.h"
#include "nacre/Schedule/KernelGroup.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

namespace {

/// What an edited file may hold is checked here, so that lowering may assert.
class PlanVerifier {
public:
  explicit PlanVerifier(func::FuncOp function) : function(function) {}
  LogicalResult run();

private:
  InFlightDiagnostic fail(Operation *op) {
    status = failure();
    InFlightDiagnostic diagnostic = op->emitOpError();
    if (auto kernel = dyn_cast<KernelOp>(op))
      diagnostic << "kernel " << kernel.getName() << ": ";
    return diagnostic;
  }
  void place(Operation *op, Attribute attr, Value v, StringRef what,
             bool written);
  void call(Operation *op);
  void inPlace(KernelOp kernel, WriteOp write);
  /// Elements of a buffer of that space, or nullopt when there is none.
  std::optional<int64_t> bufferElements(PlaceAttr place, Value v);

  func::FuncOp function;
  int64_t arenaBytes = 0;
  LogicalResult status = success();
};

int64_t elementsOf(RankedTensorType type) {
  int64_t n = 1;
  for (int64_t extent : boundedShape(type))
    n *= extent;
  return n;
}

std::optional<int64_t> PlanVerifier::bufferElements(PlaceAttr place, Value v) {
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  auto sized = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return elementsOf(tensor) * elementBytes(tensor.getElementType()) / bytes;
  };
  int64_t slot = place.getSlot();
  StringRef space = place.getSpace().getValue();
  if (space == "arena" && slot == 0)
    return arenaBytes / bytes;
  if (space == "input" && slot >= 0 &&
      slot < int64_t(function.getNumArguments()))
    return sized(function.getArgumentTypes()[slot]);
  if (space == "output" && slot >= 0 &&
      slot < int64_t(function.getNumResults()))
    return sized(function.getResultTypes()[slot]);
  if (space == "weights") {
    // A weight is found through the value, past views that share its bytes.
    while (auto view = v.getDefiningOp<ViewOpInterface>())
      v = view.source();
    auto weight = v.getDefiningOp<WeightOp>();
    auto number = weight ? weight->getAttrOfType<IntegerAttr>("lazy.slot")
                         : IntegerAttr();
    if (number && number.getInt() == slot)
      return sized(weight.getType());
  }
  return std::nullopt;
}

void PlanVerifier::place(Operation *op, Attribute attr, Value v, StringRef what,
                         bool written) {
  auto place = cast<PlaceAttr>(attr);
  auto type = tensorType(v);
  if (written &&
      (place.getSpace() == "weights" || place.getSpace() == "input")) {
    fail(op) << "writes to read-only memory";
    return;
  }
  if (isSliced(place)) {
    if (!op->hasAttr(sliceAttr)) // else its group is checked
      fail(op) << what << " is stored by slices, which only a group has";
    return;
  }
  auto elements = bufferElements(place, v);
  if (!elements) {
    fail(op) << what << " is placed in " << place.getSpace() << " "
             << place.getSlot() << ", which is no buffer of it";
    return;
  }
  if (llvm::is_contained(type.getShape(), 0))
    return;
  int64_t last = place.getOffset();
  bool inside = last >= 0;
  for (auto [stride, extent] :
       llvm::zip(place.getStrides().asArrayRef(), boundedShape(type))) {
    int64_t reach = 0;
    inside = inside && stride >= 0 &&
             !llvm::MulOverflow(stride, extent - 1, reach) &&
             !llvm::AddOverflow(last, reach, last);
  }
  if (!inside || last >= *elements)
    fail(op) << what << " lies outside its buffer of " << *elements
             << " elements";
}

/// A write's result lies where what it writes into does, which the buffers of a
/// state are.
void PlanVerifier::inPlace(KernelOp kernel, WriteOp write) {
  auto from =
      cast<PlaceAttr>((*kernel.getOperandPlaces())[writtenOperand(write)]);
  auto to = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
  bool same =
      from.getSpace() == to.getSpace() && from.getSlot() == to.getSlot();
  if (to.getSpace() == "output" && from.getSpace() == "input")
    if (auto old = stateBefore(function, to.getSlot()))
      same = int64_t(old->getArgNumber()) == from.getSlot() &&
             function.getResultAttr(to.getSlot(), "lazy.kept");
  auto shape = write.getType().getShape();
  for (auto [axis, extent] : llvm::enumerate(shape))
    same &= extent == 1 || from.getStrides()[axis] == to.getStrides()[axis];
  if (!same || from.getOffset() != to.getOffset())
    fail(kernel) << "writes elsewhere than into what it changes";
}

/// What a loop or a branch takes and gives lies densely; what it needs
/// meanwhile lies in the arena.
void PlanVerifier::call(Operation *op) {
  auto check = [&](StringRef name, ValueRange values, bool written) {
    auto places = op->getAttrOfType<ArrayAttr>(name);
    if (!places || places.size() != values.size()) {
      fail(op) << "needs a place for each of its " << values.size() << " "
               << (written ? "results" : "operands");
      return;
    }
    for (auto [attr, v] : llvm::zip(places, values)) {
      auto where = dyn_cast<PlaceAttr>(attr);
      int64_t bytes = elementBytes(tensorType(v).getElementType());
      if (!where ||
          where.getStrides().asArrayRef() !=
              ArrayRef(rowMajorStrides(boundedShape(tensorType(v)))) ||
          where.getOffset() * bytes % 64 != 0)
        fail(op) << "has a place that is not dense";
      else
        place(op, attr, v, written ? "a result" : "an operand", written);
    }
  };
  check("operand_places", op->getOperands(), false);
  check("result_places", op->getResults(), true);
  int64_t inner = 0;
  for (func::FuncOp callee : calleesOf(op)) {
    auto bytes = callee->getAttrOfType<IntegerAttr>("lazy.arena_bytes");
    inner = std::max(inner, bytes ? bytes.getInt() : 0);
  }
  SmallVector<int64_t> needs{inner};
  if (isa<LoopOp>(op))
    needs.append({8, 1});
  auto scratch = op->getAttrOfType<ArrayAttr>("scratch");
  bool fits = scratch && scratch.size() == needs.size();
  for (unsigned i = 0; fits && i < needs.size(); ++i) {
    auto where = dyn_cast<PlaceAttr>(scratch[i]);
    fits = where && where.getSpace() == "arena" && where.getOffset() >= 0 &&
           where.getOffset() % 64 == 0 &&
           where.getOffset() <= arenaBytes - needs[i];
  }
  if (!fits)
    fail(op) << "has no room in the arena";
}

LogicalResult PlanVerifier::run() {
  Operation *owner = function;
  if (function.getSymName() == "main")
    owner = owner->getParentOp();
  auto arena = owner->getAttrOfType<IntegerAttr>("lazy.arena_bytes");
  if (!arena)
    return owner->emitError("has no memory plan (lazy.arena_bytes)");
  arenaBytes = arena.getInt();
  if (arenaBytes < 0)
    return owner->emitError("has a negative arena");
  for (Operation &op : function.getBody().front())
    if (isCall(&op))
      call(&op);
  for (auto kernel : function.getBody().front().getOps<KernelOp>()) {
    if (!kernel.getSchedule() || !kernel.getOperandPlaces() ||
        !kernel.getResultPlaces()) {
      fail(kernel) << "has no schedule or no places";
      continue;
    }
    for (auto [attr, v] :
         llvm::zip(*kernel.getOperandPlaces(), kernel.getOperands()))
      place(kernel, attr, v, "an operand", false);
    for (auto [attr, v] :
         llvm::zip(*kernel.getResultPlaces(), kernel.getResults()))
      place(kernel, attr, v, "a result", true);
    if (WriteOp write = writeOf(kernel); write && succeeded(status))
      inPlace(kernel, write);
    if (succeeded(status))
      status = verifyKernelSchedule(kernel);
  }
  if (succeeded(status))
    status = verifyGroups(function, arenaBytes);
  // Every result of the function must have been written where it belongs.
  for (auto [i, v] : llvm::enumerate(
           function.getBody().front().getTerminator()->getOperands())) {
    Value source = v;
    while (auto view = source.getDefiningOp<ViewOpInterface>())
      source = view.source();
    if (!source.getDefiningOp() ||
        !isa<KernelOp, ConcatOp>(source.getDefiningOp()))
      return function.emitError()
             << "result " << i << " is not computed by a kernel";
  }
  return status;
}

} // namespace

LogicalResult verifySchedule(ModuleOp module) {
  for (func::FuncOp function : functionsOf(module))
    if (failed(PlanVerifier(function).run()))
      return failure();
  return success();
}

void printPlan(ModuleOp module, raw_ostream &os) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto arena = module->getAttrOfType<IntegerAttr>("lazy.arena_bytes");
  os << "arena " << (arena ? arena.getInt() : 0) << " bytes\n";
  std::optional<KernelGroup> group;
  for (auto kernel : main.getBody().front().getOps<KernelOp>()) {
    if (auto begun = groupOf(kernel)) {
      group = std::move(begun);
      os << llvm::format("%-8s %12lld  %12lld  ", "arena",
                         (long long)group->offset,
                         (long long)(group->slots * group->slotBytes))
         << "slots of " << group->members.size() << " kernels, "
         << group->slices() << " slices\n";
    }
    auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
    auto type = tensorType(kernel.getResult(0));
    int64_t bytes = elementBytes(type.getElementType()), size = bytes;
    for (int64_t extent : boundedShape(type))
      size *= extent;
    int member = group ? group->memberOf(kernel.getResult(0)) : -1;
    if (isSliced(place) && member >= 0)
      size = bytes * sliceSpan(*group, group->axes[member],
                               place.getStrides().asArrayRef(),
                               boundedShape(type));
    os << llvm::format("%-8s %12lld  %12lld  ", place.getSpace().str().c_str(),
                       (long long)(place.getOffset() * bytes), (long long)size)
       << kernel.getName() << "  " << type << "\n";
  }
}

} // namespace nacre::schedule
