//===- WidenScatters.cpp - scatters of narrow elements --------------------===//
//
// A scatter sums in its result's memory. f16 and bf16 are to be accumulated in
// f32, and neighbours of less than a word cannot be changed by two threads at
// once on every target. So both are summed as words and narrowed at the end;
// the lowest bits of a sum do not depend on its width.
//
//===----------------------------------------------------------------------===//
#include "WidenScatters.h"
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

void widenScatters(Block &block) {
  for (auto op : llvm::make_early_inc_range(block.getOps<ScatterOp>())) {
    Type element = op.getType().getElementType();
    if (element.getIntOrFloatBitWidth() >= 32)
      continue;
    OpBuilder b(op);
    Build build{b, op.getLoc()};
    Type wide = isa<FloatType>(element) ? Type(b.getF32Type()) : b.getI32Type();
    Value sum =
        build.scatter(build.cast(op.getUpdates(), wide), op.getIndex(),
                      op.getAxis(), op.getType().getDimSize(op.getAxis()));
    // A cast to i1 asks whether any bit is set.
    if (element.isInteger(1))
      sum = build.binary<AndOp>(sum, build.splatLike(sum, 1));
    op.getResult().replaceAllUsesWith(build.cast(sum, element));
    op.erase();
  }
}

} // namespace nacre::fuse
