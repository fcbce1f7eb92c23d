//===- VerifyGroups.cpp - groups of an edited program ---------------------===//
#include "Scheduler.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Schedule/KernelGroup.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

static InFlightDiagnostic fail(KernelOp kernel) {
  return kernel.emitOpError("kernel ") << kernel.getName() << ": ";
}

/// Whether the slots lie in the arena.
static bool slotsFit(const KernelGroup &group, int64_t arenaBytes) {
  int64_t bytes, end;
  return group.slots >= 1 && group.slotBytes >= 0 && group.offset >= 0 &&
         group.offset % 64 == 0 && group.slotBytes % 64 == 0 &&
         !llvm::MulOverflow(group.slots, group.slotBytes, bytes) &&
         !llvm::AddOverflow(group.offset, bytes, end) && end <= arenaBytes;
}

LogicalResult verifyGroups(func::FuncOp function, int64_t arenaBytes) {
  llvm::SmallPtrSet<Operation *, 8> grouped;
  for (auto kernel : function.getBody().front().getOps<KernelOp>()) {
    if (!kernel->hasAttr(groupAttr)) {
      if (kernel->hasAttr(sliceAttr) && !grouped.contains(kernel))
        return fail(kernel) << "has slices, but is in no group";
      continue;
    }
    auto group = groupOf(kernel);
    if (!group)
      return fail(kernel) << "its group is not one: 'members' kernels in a "
                             "row, two at least, with slices of 'points'";
    if (!slotsFit(*group, arenaBytes))
      return fail(kernel) << "the slots of its group lie outside the arena of "
                          << arenaBytes << " bytes";
    if (auto problem = problemOf(*group))
      return fail(problem->kernel) << problem->text;
    for (KernelOp member : group->members)
      grouped.insert(member);
  }
  return success();
}

} // namespace nacre::schedule
