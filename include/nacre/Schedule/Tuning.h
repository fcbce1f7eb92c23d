//===- Tuning.h - schedules to choose among ---------------------*- C++ -*-===//
//
// What a search needs to know of kernels. The search itself measures and is
// the driver's (lib/Driver/Tune.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_SCHEDULE_TUNING_H
#define NACRE_SCHEDULE_TUNING_H

#include "nacre/Codegen/Code.h"
#include "nacre/Lazy/Lazy.h"

namespace nacre::schedule {

/// 16 hexadecimal digits that say what a kernel computes and how its operands
/// and results lie in memory: its body, types and strides, and which operands
/// are weights. Names, schedule and offsets do not count, so equal kernels of a
/// network, or of two networks, have one.
std::string signatureOf(lazy::KernelOp kernel);

/// The keys of schedules that may be chosen freely within limits.
std::vector<std::string> freeKeys();

/// Whether the schedule is one of this kernel; diagnoses what is not.
mlir::LogicalResult verifyKernelSchedule(lazy::KernelOp kernel);

/// Steps of a search, see candidates.
constexpr unsigned searchSteps = 3;

/// Other schedules of a kernel that compute the same bits and may be faster
/// than `best`, the most promising first. Every step of the search looks at
/// other keys: of contractions first at register tiles and lanes, then at
/// blocks of tasks, at the tail and at the order of loops, then at the
/// neighbours of the best tile; of other kernels at all at once.
llvm::SmallVector<mlir::DictionaryAttr>
candidates(lazy::KernelOp kernel, mlir::DictionaryAttr best, unsigned step,
           const MachineDescription &machine);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_TUNING_H
