//===- Session.h - one compilation as the verbs see it ----------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_SESSION_H
#define NACRE_LIB_DRIVER_SESSION_H

#include "LoadModel.h"
#include "ScheduleFile.h"
#include "nacre/Codegen/Target.h"
#include "nacre/Lazy/DiagnosticLog.h"
#include <chrono>

namespace nacre::driver {

/// What is being done now, on a terminal only, on one line that goes away.
class Progress {
public:
  void say(llvm::StringRef what);
  void clear();
  ~Progress() { clear(); }

private:
  bool shown = false;
};

/// The phase of that name, or nullopt.
std::optional<Phase> phaseNamed(llvm::StringRef name);

/// Schedules found by measuring: where they come from, and what came of it.
struct Tuning {
  std::string file; ///< they were read from; empty: none was
  ChosenSchedules schedules;
  double seconds = 0; ///< to measure others; 0: no more
  std::string log;    ///< to write all of them to, or empty
  /// What measuring gave: different kernels, those that have another schedule
  /// now, seconds spent, milliseconds of a run's kernels before and after.
  struct Report {
    size_t kernels = 0, tuned = 0;
    double seconds = 0, before = 0, after = 0;
  };
  std::optional<Report> report;
};

/// A target checked and resolved.
struct Toolchain {
  const Target *target = nullptr;
  CodegenOptions options;
  MachineDescription machine;
  int64_t threads = 1;
  /// Null: schedules are the cost model's.
  std::shared_ptr<Tuning> tuning;
};

/// Checks the options that need no model, fills in defaults and prints them in
/// one line on stderr.
llvm::Expected<Toolchain> chooseToolchain(const ModelOptions &options);

/// Milliseconds of each step, in order.
struct PhaseTimes {
  std::vector<std::pair<std::string, double>> steps;
  double total() const;
};

/// Measures a step from its construction to its end.
class StepTimer {
public:
  StepTimer(PhaseTimes &times, std::string name)
      : times(times), name(std::move(name)) {}
  ~StepTimer();

private:
  PhaseTimes &times;
  std::string name;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

/// A compiled program. `program` must outlive the use of code.weights.
struct Compiled {
  Program program;
  CompiledCode code;
  PhaseTimes times;
};

/// Runs the phases after `from` up to `to` on a program.
llvm::Error lower(Program &program, Phase from, Phase to,
                  const Toolchain &tools, PhaseTimes &times);

/// Everything from the source to code.
llvm::Expected<Compiled> compileSource(mlir::MLIRContext &context,
                                       ModelSource &source, const Dims &dims,
                                       const Toolchain &tools);

/// The rest of that, for a program at the phase `from`.
llvm::Expected<Compiled> compileProgram(Program program, Phase from,
                                        const Toolchain &tools,
                                        PhaseTimes times = {});

/// An independent copy: the module is cloned, the weights are shared.
Program copyOf(const Program &program);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_SESSION_H
