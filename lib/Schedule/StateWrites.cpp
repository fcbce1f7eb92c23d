//===- StateWrites.cpp - new states that are old ones but for writes ------===//
#include "StateWrites.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;
namespace {

/// Where `v` lies in `old`, dense, when it is a view of it.
std::optional<StridedView> windowOf(Value v, BlockArgument old) {
  if (v == old)
    return StridedView{0, rowMajorStrides(boundedShape(tensorType(v)))};
  auto kernel = v.getDefiningOp<KernelOp>();
  ViewOpInterface view = kernel ? soleView(kernel) : ViewOpInterface();
  if (!view)
    return std::nullopt;
  auto source = windowOf(kernel.getOperand(0), old);
  auto window = source ? viewStrides(view, source->strides)
                       : std::optional<StridedView>();
  if (window)
    window->offset += source->offset;
  return window;
}

/// Whether `v`, stored in this window, is what `old` has there but for writes.
bool findWrites(Value v, StridedView window, BlockArgument old,
                SmallVectorImpl<KernelOp> &writes) {
  if (auto concat = v.getDefiningOp<ConcatOp>()) {
    int64_t axis = concat.getAxis();
    for (Value x : concat.getXs()) {
      if (!findWrites(x, window, old, writes))
        return false;
      window.offset += tensorType(x).getDimSize(axis) * window.strides[axis];
    }
    return true;
  }
  auto kernel = v.getDefiningOp<KernelOp>();
  if (!kernel)
    return false;
  if (ViewOpInterface view = soleView(kernel)) {
    auto inner = view.fillValue() ? std::optional<StridedView>()
                                  : sourceStrides(view, window.strides);
    if (!inner)
      return false;
    inner->offset += window.offset;
    return findWrites(kernel.getOperand(0), *inner, old, writes);
  }
  WriteOp write = writeOf(kernel);
  if (!write)
    return false;
  writes.push_back(kernel);
  auto before = windowOf(kernel.getOperand(writtenOperand(write)), old);
  if (!before || before->offset != window.offset)
    return false;
  // Of an extent of 1 any stride will do.
  for (auto [axis, extent] : llvm::enumerate(tensorType(v).getShape()))
    if (extent != 1 && before->strides[axis] != window.strides[axis])
      return false;
  return true;
}

} // namespace

SmallVector<KernelOp> writesInPlace(Value v, BlockArgument old) {
  SmallVector<KernelOp> writes;
  if (!findWrites(v, *windowOf(old, old), old, writes) || writes.empty())
    return {};
  KernelOp first = writes.front();
  for (KernelOp write : writes)
    if (write->isBeforeInBlock(first))
      first = write;
  SmallVector<Value> work{old};
  while (!work.empty()) {
    Value x = work.pop_back_val();
    for (OpOperand &use : x.getUses()) {
      auto kernel = dyn_cast<KernelOp>(use.getOwner());
      if (!kernel)
        return {};
      if (soleView(kernel)) {
        work.push_back(kernel.getResult(0));
        continue;
      }
      bool written = llvm::is_contained(writes, kernel) &&
                     use.getOperandNumber() == writtenOperand(writeOf(kernel));
      if (!written && !kernel->isBeforeInBlock(first))
        return {};
    }
  }
  return writes;
}

} // namespace nacre::schedule
