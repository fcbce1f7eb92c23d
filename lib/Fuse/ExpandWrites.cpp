//===- ExpandWrites.cpp - writes in place as choices ----------------------===//
//
// For targets that have no buffer which is both an input and an output: a write
// is a choice, element by element, between the rows and what was there.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

constexpr int32_t outOfRange = 2; // NACRE_E_INDEX

/// 1 along all axes but the one that is written along.
static SmallVector<int64_t> shapeAlong(WriteOp write) {
  SmallVector<int64_t> shape(write.getType().getRank(), 1);
  shape[write.getAxis()] = write.getType().getDimSize(write.getAxis());
  return shape;
}

static Value chosen(WriteOp write) {
  OpBuilder at(write);
  Build b{at, write.getLoc()};
  Type i64 = at.getI64Type();
  int64_t axis = write.getAxis(), extent = write.getType().getDimSize(axis),
          given = tensorType(write.getRows()).getDimSize(axis);
  auto number = [&](int64_t n) { return b.splat(i64, double(n)); };
  auto both = [&](Value x, Value y) { return b.binary<AndOp>(x, y); };
  Value first = write.getFirst(), count = write.getCount();
  Value end = b.binary<AddOp>(first, count);
  Value fits = both(b.cmp(CmpKind::ge, first, number(0)),
                    both(b.cmp(CmpKind::ge, count, number(0)),
                         both(b.cmp(CmpKind::le, count, number(given)),
                              b.cmp(CmpKind::le, first,
                                    b.binary<SubOp>(number(extent), count)))));
  Value place = b.iota(RankedTensorType::get({extent}, i64), 0);
  Value inside =
      both(b.cmp(CmpKind::ge, place, first), b.cmp(CmpKind::lt, place, end));
  inside = b.require(inside, b.expandLike(fits, inside), outOfRange,
                     "slices are written outside of the tensor");
  if (given == 0) // none can be taken
    return b.where(b.reshape(inside, shapeAlong(write)), write.getX(),
                   write.getX());
  Value row = b.where(inside, b.binary<SubOp>(place, first), number(0));
  Value rows = b.gather(write.getRows(), row, axis);
  return b.where(b.reshape(inside, shapeAlong(write)), rows, write.getX());
}

void expandWrites(ModuleOp module) {
  SmallVector<WriteOp> writes;
  module.walk([&](WriteOp write) { writes.push_back(write); });
  for (WriteOp write : writes) {
    write.getResult().replaceAllUsesWith(chosen(write));
    write.erase();
  }
}

} // namespace nacre::fuse
