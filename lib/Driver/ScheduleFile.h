//===- ScheduleFile.h - schedules that were found by measuring --*- C++ -*-===//
//
// A text, for people and for the next compilation:
//
//   nacre-schedules 1
//   # cpu rocketlake (host), 1 thread
//
//   # conv1: contract add max, 812.4 -> 640.2 us
//   kernel 9c3f2a77b1e0d455 lanes=16 loops=0,2 tile_m=14 tile_n=2
//
// A kernel is named by its signature (nacre/Schedule/Tuning.h); what is behind
// '#' is not read.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_SCHEDULEFILE_H
#define NACRE_LIB_DRIVER_SCHEDULEFILE_H

#include "nacre/Failure/Failure.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Program.h"
#include <map>

namespace nacre::driver {

/// The free keys of one kernel's schedule, numbers and lists of numbers.
struct ChosenSchedule {
  std::map<std::string, std::vector<int64_t>> keys;
  unsigned line = 0;                 ///< of the file, 0: measured here
  std::vector<std::string> comments; ///< without '#'
};

/// By signature.
using ChosenSchedules = std::map<std::string, ChosenSchedule>;

/// Reads a file; all that is wrong in it as FILE:LINE: messages, exit code 3.
llvm::Expected<ChosenSchedules> readSchedules(llvm::StringRef path);

/// Writes one, with these comments at its head.
llvm::Error writeSchedules(llvm::StringRef path,
                           llvm::ArrayRef<std::string> comments,
                           const ChosenSchedules &schedules);

/// The free keys of a schedule.
ChosenSchedule freeKeysOf(mlir::DictionaryAttr schedule);
/// A schedule with these keys in place of its own.
mlir::DictionaryAttr withKeys(mlir::DictionaryAttr schedule,
                              const ChosenSchedule &chosen);

/// Gives the kernels of a scheduled program that are in the list the schedules
/// they have there. What a kernel cannot have is an error of the file `path`.
/// Returns how many entries have no kernel.
llvm::Expected<size_t> applySchedules(Program &program,
                                      const ChosenSchedules &schedules,
                                      llvm::StringRef path);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_SCHEDULEFILE_H
