//===- Scheduler.h - the schedule of one kernel -----------------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_SCHEDULER_H
#define NACRE_SCHEDULE_SCHEDULER_H

#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Schedule.h"

namespace nacre::schedule {

/// The schedule the cost model gives a kernel whose places are set.
mlir::DictionaryAttr scheduleFor(lazy::KernelOp kernel,
                                 const MachineDescription &machine);

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
