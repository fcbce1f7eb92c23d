//===- StepSums.h - what the micro-batches of a step add up to --*- C++ -*-===//
//
// docs/training.md, "Micro-batches" and "Ranks", says what is added and how.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_TRAIN_STEPSUMS_H
#define NACRE_LIB_DRIVER_TRAIN_STEPSUMS_H

#include "Ranks.h"
#include "TreeSum.h"

namespace nacre::driver {

/// The states of kind gradient of all micro-batches of a step, added up, and
/// the means of what the runs gave as scalars.
class StepSums {
public:
  /// Lays the states of kind gradient out anew: those of f32 in one piece, in
  /// the order in which `gradient` is done with them. `microBatches` is of a
  /// step, over all ranks; `ranks` may be null. With `fast` the ranks' sums are
  /// made in any order, while the last micro-batch still runs.
  StepSums(States &states, StateProgram &gradient, Ranks *ranks, bool fast,
           int64_t microBatches);
  ~StepSums();

  /// Before and after the run of each of this rank's micro-batches. A run that
  /// failed has no scalars, and is the last. With `stop` this rank asks all to
  /// end with this step.
  void begin();
  void add(const Scalars *scalars, bool stop);
  /// Completes the sums over all ranks, in the states. Gives the means of the
  /// scalars, or nothing when a run failed on any rank.
  llvm::Expected<std::optional<std::vector<double>>> finish();
  /// Whether any rank asked for the step of the last sums to be the last one.
  bool askedToStop() const;

  /// Bytes of what is added.
  int64_t byteCount() const { return floats.byteCount() + doubles.byteCount(); }

private:
  /// Consecutive gradients that are summed together.
  struct Bucket {
    int64_t first, count; ///< of `floats`
    int64_t readyAfter;
  };
  void makeBuckets(llvm::ArrayRef<Bucket> states);
  void afterKernel(int64_t kernel);
  void beginBucket();
  llvm::Error finishFast();

  StateProgram &gradient;
  Ranks *const ranks;
  const bool fast;
  const int64_t all, own; ///< micro-batches of a step, and of this rank
  Tensor floats;          ///< gradients
  /// Sums of f64, then scalars, runs that failed, wishes to stop.
  Tensor doubles;
  int64_t scalars = 0; ///< where they begin
  TreeSum tree;
  int64_t added = 0;
  std::vector<Bucket> buckets;
  size_t begun = 0;
  std::vector<Tensor> before; ///< this rank's sums but for its last run's
  std::optional<llvm::Error> lost;
};

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_STEPSUMS_H
