//===- ScatterSchedule.h - which part of a scatter a task does --*- C++ -*-===//
#ifndef NACRE_SCHEDULE_SCATTERSCHEDULE_H
#define NACRE_SCHEDULE_SCATTERSCHEDULE_H

#include "nacre/Codegen/Code.h"
#include "nacre/Lazy/Lazy.h"

namespace nacre::schedule {

/// The schedule of a kernel that yields `scatter`.
mlir::DictionaryAttr scheduleScatter(lazy::KernelOp kernel,
                                     lazy::ScatterOp scatter,
                                     const MachineDescription &machine);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_SCATTERSCHEDULE_H
