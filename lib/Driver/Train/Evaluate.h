//===- Evaluate.h - averages over a data set --------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_EVALUATE_H
#define NACRE_LIB_DRIVER_TRAIN_EVALUATE_H

#include "Trainer.h"
#include "TrainingSource.h"

namespace nacre::driver {

/// The evaluation program on all examples of a data set, in their order. What
/// the last full batch leaves has a program of its own batch, so every example
/// counts once. Averages are weighted by examples: exact where loss and metrics
/// are means over the examples of a batch.
class Evaluation {
public:
  /// Compiles for `examples`, whose arrays are in the order of the program's
  /// data.
  static llvm::Expected<Evaluation> create(mlir::MLIRContext &context,
                                           const TrainingSource &source,
                                           const Toolchain &tools,
                                           Program program, Examples examples);

  llvm::Expected<Scalars> run(States &states);
  /// Examples at the end that are not evaluated: the batch is fixed and they
  /// fill none.
  int64_t leftOut() const { return rest ? 0 : examples.count % batch; }
  int32_t status() const { return failedStatus; }

private:
  llvm::Error add(StateProgram &program, States &states, int64_t first,
                  Scalars &sums);

  Examples examples;
  int64_t batch = 0;
  std::optional<StateProgram> full, rest;
  int32_t failedStatus = 0;
};

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_EVALUATE_H
