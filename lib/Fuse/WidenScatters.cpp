//===- WidenScatters.cpp - scatters of narrow elements --------------------===//
//
// A scatter combines in its result's memory. f16 and bf16 are to be accumulated
// in f32, and neighbours of less than a word cannot be changed by two threads
// at once on every target. So both are combined as words and narrowed at the
// end; the lowest bits of a sum or product do not depend on its width.
//
//===----------------------------------------------------------------------===//
#include "WidenScatters.h"
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// The largest or least number of an integer type.
static double endOf(Type element, bool largest) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (isUnsignedElement(element))
    return largest ? double((1u << width) - 1) : 0;
  double half = double(1u << (width - 1));
  return largest ? half - 1 : -half;
}

void widenScatters(Block &block) {
  for (auto op : llvm::make_early_inc_range(block.getOps<ScatterOp>())) {
    Type element = op.getType().getElementType();
    if (element.getIntOrFloatBitWidth() >= 32)
      continue;
    OpBuilder b(op);
    Build build{b, op.getLoc()};
    Type wide = isa<FloatType>(element) ? Type(b.getF32Type()) : b.getI32Type();
    ReduceKind kind = op.getKind();
    Value y = build.scatter(build.cast(op.getUpdates(), wide), op.getIndex(),
                            op.getAxis(), op.getType().getDimSize(op.getAxis()),
                            kind);
    // Where nothing is scattered stands the end of the word's range.
    if (isa<IntegerType>(element) && kind == ReduceKind::max)
      y = build.binary<MaxOp>(y, build.splatLike(y, endOf(element, false)));
    if (isa<IntegerType>(element) && kind == ReduceKind::min)
      y = build.binary<MinOp>(y, build.splatLike(y, endOf(element, true)));
    // A cast to i1 asks whether any bit is set.
    if (element.isInteger(1) && kind == ReduceKind::add)
      y = build.binary<AndOp>(y, build.splatLike(y, 1));
    op.getResult().replaceAllUsesWith(build.cast(y, element));
    op.erase();
  }
}

} // namespace nacre::fuse
