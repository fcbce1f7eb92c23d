//===- GroupKernel.cpp - kernels that run slice by slice ------------------===//
//
// A part of the launch has a range of the slices and a slot of its own. For
// each slice it calls the members in turn. The tasks of a slice are those whose
// number has the slice's digits: one range of numbers where these are the
// outermost, else several, in loops over the digits between.
//
// What lies in the slot is given to a member as if the whole tensor lay around
// it, so that all of the kernel's addresses hold: its start is as far before
// the slot as the slice is from the tensor's. Such an address may lie outside
// of the arena; LowerToLlvm.cpp keeps LLVM from the assumption that it does
// not.
//
//===----------------------------------------------------------------------===//
#include "GroupKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
using namespace nacre::schedule;
namespace {

class GroupLowering {
public:
  GroupLowering(const KernelGroup &group, ArrayRef<GroupMember> members,
                ModuleOp module)
      : group(group), members(members), b(module.getContext()),
        loc(UnknownLoc::get(module.getContext())) {
    b.setInsertionPointToEnd(module.getBody());
  }
  func::FuncOp run(StringRef name);

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t c) {
    return c == 1 ? x : arith::MulIOp::create(b, loc, x, index(c));
  }
  template <typename Visit> void forEachBuffer(size_t member, Visit visit);
  func::FuncOp declare(StringRef name);
  void findSlice(Value number);
  Value inSlot(Value v, PlaceAttr place, Type type);
  void tasks(size_t member, ArrayRef<TaskDigit> digits, Value before);
  void loop(Value from, Value to, llvm::function_ref<void(Value)> body);

  const KernelGroup &group;
  ArrayRef<GroupMember> members;
  OpBuilder b;
  Location loc;
  Value slots, slotStart, status;
  SmallVector<Value> slice; ///< per cut axis, the last one's in chunks
  SmallVector<Value> arguments;
};

/// The member's buffers in the order of its arguments: the value, its place and
/// the argument's number.
template <typename Visit>
void GroupLowering::forEachBuffer(size_t number, Visit visit) {
  KernelOp kernel = group.members[number];
  unsigned i = 0;
  for (auto [v, place] :
       llvm::zip(kernel.getOperands(), *kernel.getOperandPlaces()))
    visit(Value(v), cast<PlaceAttr>(place), i++);
  for (auto [v, place] :
       llvm::zip(kernel.getResults(), *kernel.getResultPlaces()))
    visit(Value(v), cast<PlaceAttr>(place), i++);
}

func::FuncOp GroupLowering::declare(StringRef name) {
  SmallVector<Type> types;
  for (size_t m = 0; m < members.size(); ++m)
    forEachBuffer(m, [&](Value, PlaceAttr place, unsigned i) {
      if (!isSliced(place))
        types.push_back(members[m].type.getInput(i));
    });
  types.push_back(
      MemRefType::get({group.slots * group.slotBytes}, b.getI8Type()));
  types.push_back(MemRefType::get({1}, b.getI32Type()));
  types.append(3, b.getIndexType());
  auto function =
      func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  function.setPrivate();
  return function;
}

/// The indices of a slice from its number.
void GroupLowering::findSlice(Value number) {
  slice.assign(group.extents.size(), Value());
  for (size_t k = group.extents.size(); k-- > 0;) {
    int64_t count = k + 1 == group.extents.size()
                        ? llvm::divideCeil(group.extents[k], group.points)
                        : group.extents[k];
    slice[k] = k ? arith::RemUIOp::create(b, loc, number, index(count))
                 : Value(number);
    if (k)
      number = arith::DivUIOp::create(b, loc, number, index(count));
  }
}

/// Where a tensor would begin whose slice lies in the slot.
Value GroupLowering::inSlot(Value v, PlaceAttr place, Type type) {
  auto source = cast<OpResult>(sourceOf(v));
  auto maker = cast<KernelOp>(source.getOwner());
  auto made =
      cast<PlaceAttr>((*maker.getResultPlaces())[source.getResultNumber()]);
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  Value start = index(int64_t(0));
  ArrayRef<int64_t> axes = group.axes[group.memberOf(source)];
  for (auto [k, axis] : llvm::enumerate(axes)) {
    int64_t points = k + 1 == axes.size() ? group.points : 1;
    start = add(start, mul(slice[k], made.getStrides()[axis] * points * bytes));
  }
  Value shift = arith::SubIOp::create(
      b, loc, add(slotStart, index(place.getOffset() * bytes)), start);
  return memref::ViewOp::create(b, loc, cast<MemRefType>(type), slots, shift,
                                ValueRange{});
}

void GroupLowering::loop(Value from, Value to,
                         llvm::function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, from, to, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

/// Calls a member for the tasks of the slice whose outer digits are `before`.
void GroupLowering::tasks(size_t number, ArrayRef<TaskDigit> digits,
                          Value before) {
  ArrayRef<int64_t> axes = group.axes[number];
  auto cut = [&](const TaskDigit &digit) {
    return llvm::is_contained(axes, digit.axis);
  };
  auto run = [&](ArrayRef<TaskDigit> inner, Value from, Value to) {
    int64_t each = 1;
    for (const TaskDigit &digit : inner)
      each *= digit.count;
    SmallVector<Value> all(arguments);
    all.append({status, mul(from, each), mul(to, each)});
    func::CallOp::create(b, loc, members[number].function, TypeRange{}, all);
  };
  if (llvm::none_of(digits, cut)) {
    run(digits, before, add(before, index(1)));
    return;
  }
  const TaskDigit &digit = digits.front();
  ArrayRef<TaskDigit> inner = digits.drop_front();
  Value base = mul(before, digit.count);
  auto with = [&](Value value) { tasks(number, inner, add(base, value)); };
  if (!cut(digit)) {
    loop(index(int64_t(0)), index(digit.count), with);
    return;
  }
  size_t k = llvm::find(axes, digit.axis) - axes.begin();
  if (k + 1 < axes.size() || digit.points > 1 || group.points == 1) {
    with(slice[k]);
    return;
  }
  Value from = mul(slice[k], group.points);
  Value to = add(from, index(group.points));
  if (digit.count % group.points != 0)
    to = arith::MinSIOp::create(b, loc, to, index(digit.count));
  if (llvm::none_of(inner, cut))
    run(inner, add(base, from), add(base, to));
  else
    loop(from, to, with);
}

func::FuncOp GroupLowering::run(StringRef name) {
  func::FuncOp function = declare(name);
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  ArrayRef<BlockArgument> own = entry->getArguments().take_back(5);
  slots = own[0];
  status = own[1];
  Value begin = own[3], end = own[4];
  Value parts = arith::MinSIOp::create(
      b, loc, arith::MaxSIOp::create(b, loc, own[2], index(1)),
      index(group.slots));
  auto bound = [&](Value part) -> Value {
    return arith::DivUIOp::create(b, loc, mul(part, group.slices()), parts);
  };
  // No other call has the same first part.
  slotStart = mul(begin, group.slotBytes);
  loop(bound(begin), bound(end), [&](Value number) {
    findSlice(number);
    size_t next = 0;
    for (size_t m = 0; m < members.size(); ++m) {
      arguments.clear();
      forEachBuffer(m, [&](Value v, PlaceAttr place, unsigned i) {
        arguments.push_back(isSliced(place)
                                ? inSlot(v, place, members[m].type.getInput(i))
                                : Value(entry->getArgument(next++)));
      });
      tasks(m, *taskDigits(group.members[m]), index(int64_t(0)));
    }
  });
  func::ReturnOp::create(b, loc);
  return function;
}

} // namespace

func::FuncOp lowerGroup(const KernelGroup &group, ArrayRef<GroupMember> members,
                        ModuleOp module, StringRef name) {
  return GroupLowering(group, members, module).run(name);
}

} // namespace nacre::codegen
