//===- ScatterSchedule.cpp - which part of a scatter a task does ----------===//
//
// A task owns a box of the result: one index of each of `loops`, block_rows
// rows, and block_columns of the last of the `inner` dimensions. It clears the
// box, walks the whole index in order and adds what belongs in the box. So each
// element is summed in order by one task, however many threads there are; the
// price is that every task looks at every index.
//
// On a grid a task is an item with one column of rows: neighbouring items have
// neighbouring columns.
//
//===----------------------------------------------------------------------===//
#include "ScatterSchedule.h"
#include "Scheduler.h"
#include "nacre/Lazy/Access.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

static int64_t divideCeil(int64_t a, int64_t b) {
  return llvm::divideCeil(a, b);
}
static int64_t countOf(RankedTensorType type) {
  int64_t n = 1;
  for (int64_t extent : boundedShape(type))
    n *= extent;
  return n;
}

/// The innermost dimension of `inner` if vectors of it can be added: the result
/// is contiguous along it, and what is added is read at constant distances.
static int64_t laneOf(KernelOp kernel, ScatterOp scatter, int64_t dim,
                      ArrayRef<int64_t> strides) {
  RankedTensorType type = scatter.getType();
  if (strides[dim] != 1 || type.getDimSize(dim) < 4)
    return -1;
  bool possible = true;
  SmallVector<int64_t> extents = boundedShape(type);
  walkAccesses(
      scatter.getResult(), loopIdentity(kernel.getContext(), type.getRank()),
      extents, [&](const Access &a) {
        auto place = cast<PlaceAttr>(
            (*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
        auto split = splitLinear(
            linearAddress(a.map, place.getStrides().asArrayRef(), extents),
            dim);
        possible &= split && !(a.index && split->first != 0);
      });
  return possible ? dim : -1;
}

/// Bytes of the widest element that is added or read to be added.
static int64_t widestElement(KernelOp kernel) {
  int64_t widest = 4;
  for (Operation &op : kernel.getBody().front())
    for (Value v : op.getOperands()) {
      bool isIndex = isa<GatherOp, ScatterOp>(op) && v == op.getOperand(1);
      if (!isIndex)
        widest = std::max(widest, elementBytes(tensorType(v).getElementType()));
    }
  return widest;
}

DictionaryAttr scheduleScatter(KernelOp kernel, ScatterOp scatter,
                               const MachineDescription &machine) {
  Builder b(kernel.getContext());
  RankedTensorType type = scatter.getType();
  int64_t axis = scatter.getAxis(), rank = type.getRank();
  SmallVector<int64_t> extents = boundedShape(type);
  auto strides =
      cast<PlaceAttr>((*kernel.getResultPlaces())[0]).getStrides().asArrayRef();
  SmallVector<int64_t> loops, inner;
  for (int64_t d = 0; d < rank; ++d) {
    if (d == axis || extents[d] == 1)
      continue;
    // A symbolic dimension multiplies the tasks.
    bool isLoop = d < axis || type.isDynamicDim(d) || machine.groupItems;
    (isLoop ? loops : inner).push_back(d);
  }
  auto byStride = [&](int64_t p, int64_t q) {
    if (type.isDynamicDim(p) != type.isDynamicDim(q))
      return type.isDynamicDim(p);
    return strides[p] > strides[q];
  };
  llvm::stable_sort(loops, byStride);
  llvm::stable_sort(inner, byStride);

  int64_t rows = extents[axis], picks = countOf(tensorType(scatter.getIndex()));
  int64_t outer = 1, columns = 1;
  for (int64_t d : loops)
    outer *= extents[d];
  for (int64_t d : inner)
    columns *= extents[d];
  int64_t last = inner.empty() ? 1 : extents[inner.back()];
  int64_t blockRows = std::max<int64_t>(rows, 1),
          blockColumns = std::max<int64_t>(last, 1);
  int64_t lane = -1, lanes = 1;
  if (machine.groupItems) {
    // Enough items to fill the machine.
    int64_t wanted = int64_t(machine.computeUnits) * 128;
    int64_t parts =
        std::clamp<int64_t>(divideCeil(wanted, std::max<int64_t>(outer, 1)), 1,
                            std::max<int64_t>(rows, 1));
    blockRows = std::max<int64_t>(divideCeil(rows, parts), 1);
  } else {
    if (!inner.empty())
      lane = laneOf(kernel, scatter, inner.back(), strides);
    if (lane >= 0)
      lanes = std::max<int64_t>(machine.vectorBytes / widestElement(kernel), 1);
    while (lanes > 1 && lanes >= 2 * extents[lane])
      lanes /= 2;
    if (lanes == 1)
      lane = -1;
    // Up to 64 tasks, of some thousand elements each, in which looking at the
    // index is a small part.
    int64_t work = (rows + picks) * columns;
    int64_t parts =
        std::min({divideCeil(64, std::max<int64_t>(outer, 1)), work / 4096,
                  work / (4 * std::max<int64_t>(picks, 1))});
    int64_t rowParts = std::clamp<int64_t>(parts, 1, blockRows);
    blockRows = divideCeil(blockRows, rowParts);
    if (int64_t columnParts = parts / rowParts; columnParts > 1)
      blockColumns =
          std::max(int64_t(llvm::alignTo(divideCeil(last, columnParts), lanes)),
                   int64_t(64));
  }
  SmallVector<NamedAttribute> entries{
      b.getNamedAttr("kind", b.getStringAttr("scatter")),
      named(b, "loops", loops),
      named(b, "inner", inner),
      named(b, "extents", extents),
      named(b, "lane", lane),
      named(b, "lanes", lanes),
      named(b, "block_rows", blockRows),
      named(b, "block_columns", blockColumns)};
  if (machine.groupItems)
    entries.push_back(
        named(b, "group", std::min<int64_t>(machine.groupItems, 128)));
  return b.getDictionaryAttr(entries);
}

} // namespace nacre::schedule
