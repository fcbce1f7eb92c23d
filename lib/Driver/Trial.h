//===- Trial.h - one kernel with several schedules --------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRIAL_H
#define NACRE_LIB_DRIVER_TRIAL_H

#include "Session.h"

namespace nacre::driver {

/// A compiled program on random inputs.
class Trial {
public:
  static llvm::Expected<Trial> load(Program &program, const Toolchain &tools);
  /// Runs for `seconds`, at least once, and keeps the times of each kernel.
  llvm::Error measure(double seconds);
  /// Begins anew with them.
  void forget() {
    for (std::vector<double> &kernel : samples)
      kernel.clear();
  }
  /// Microseconds of each kernel, the median of all runs; empty when kernels
  /// cannot be told apart.
  std::vector<double> times() const;
  llvm::ArrayRef<KernelInfo> kernels() const { return infos; }

private:
  std::vector<KernelInfo> infos;
  std::unique_ptr<LoadedModel> model;
  Call call;
  std::vector<std::vector<double>> samples;
};

/// Whether a kernel can run alone: all extents are known, and it does not
/// change what it reads.
bool runsAlone(lazy::KernelOp kernel);

/// The kernel of a scheduled program once with each of the schedules, one
/// after the other. Operands lie as they do in the program, those that are no
/// weights in inputs, results in the arena.
Program trialProgram(const Program &program, lazy::KernelOp kernel,
                     llvm::ArrayRef<mlir::DictionaryAttr> schedules);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRIAL_H
