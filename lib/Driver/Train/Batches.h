//===- Batches.h - which examples a step sees -------------------*- C++ -*-===//
//
// The order is a pure function of seed and step: training that goes on from a
// checkpoint sees what it would have seen without the break, and nothing of the
// order has to be kept.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_TRAIN_BATCHES_H
#define NACRE_LIB_DRIVER_TRAIN_BATCHES_H

#include "DataFile.h"

namespace nacre::driver {

/// A permutation of 0 .. count-1: Fisher-Yates with 64-bit numbers that are a
/// function of (seed, epoch, position).
std::vector<int64_t> shuffled(int64_t count, uint64_t seed, uint64_t epoch);

/// The batches of training. Each epoch has its own order; examples that fill no
/// whole step at its end are left out (of the next epochs others are).
class Batches {
public:
  /// `perStep` <= `count` examples make a step.
  Batches(int64_t count, int64_t perStep, uint64_t seed)
      : count(count), perStep(perStep), seed(seed) {}

  int64_t stepsPerEpoch() const { return count / perStep; }
  int64_t leftOut() const { return count % perStep; }
  /// The examples of a step; step 0 is the first.
  llvm::ArrayRef<int64_t> at(int64_t step);

private:
  const int64_t count, perStep;
  const uint64_t seed;
  int64_t epoch = -1;
  std::vector<int64_t> order; ///< of `epoch`
};

/// Copies the rows `rows` of `from` one after the other to `to`, which has the
/// same element type and trailing extents.
void gatherRows(const Tensor &from, llvm::ArrayRef<int64_t> rows, Tensor &to);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_BATCHES_H
