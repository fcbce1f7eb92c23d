//===- Scheduler.h - the schedule of one kernel -----------------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_SCHEDULER_H
#define NACRE_SCHEDULE_SCHEDULER_H

#include "RegisterTile.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Schedule.h"

namespace nacre::schedule {

/// Choices for a contraction that are made already; the cost model makes the
/// others to go with them.
struct Wanted {
  std::optional<Tile> tile;
  std::optional<int64_t> lanes; ///< where the kernel has a lane
};

/// The schedule the cost model gives a kernel whose places are set.
mlir::DictionaryAttr scheduleFor(lazy::KernelOp kernel,
                                 const MachineDescription &machine,
                                 const Wanted &wanted = {});

/// The value of a row kernel, as its operation's place in the body, that the
/// memory of the first result holds while it is free; -1: none. `rowAxes` are
/// the axes of the results within a row.
int64_t heldValue(lazy::KernelOp kernel, const llvm::SmallBitVector &rowAxes);

/// Whether rows of the results are divided by a number of their own that need
/// not be a division.
bool dividesRows(lazy::KernelOp kernel, const llvm::SmallBitVector &rowAxes);

/// Entries of a schedule.
inline mlir::NamedAttribute named(mlir::Builder &b, llvm::StringRef name,
                                  int64_t v) {
  return b.getNamedAttr(name, b.getI64IntegerAttr(v));
}
inline mlir::NamedAttribute named(mlir::Builder &b, llvm::StringRef name,
                                  llvm::ArrayRef<int64_t> v) {
  return b.getNamedAttr(name, b.getDenseI64ArrayAttr(v));
}

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_SCHEDULER_H
