//===- Tune.h - faster schedules by measuring -------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TUNE_H
#define NACRE_LIB_DRIVER_TUNE_H

#include "Session.h"
#include <nlohmann/json_fwd.hpp>

namespace nacre::driver {

/// Looks for faster schedules of a scheduled program's kernels for
/// tools.tuning->seconds, gives them to the kernels, adds them to the schedules
/// of tools.tuning, writes these to its log and says on stderr what was gained.
llvm::Error tune(Program &program, const Toolchain &tools);

/// Adds what it came to, if anything was tuned, to a report.
void reportTuning(const Toolchain &tools, nlohmann::ordered_json &report);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TUNE_H
