//===- Ranks.h - processes that train together ------------------*- C++ -*-===//
//
// docs/training.md says what ranks exchange. Every rank makes the same calls in
// the same order.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_TRAIN_RANKS_H
#define NACRE_LIB_DRIVER_TRAIN_RANKS_H

#include "Checkpoint.h"
#include <nacre/collective.h>

namespace nacre::driver {

/// This process as one of several.
class Ranks {
public:
  /// Joins the others through "mpi" or a plug-in's path; all but rank 0 are
  /// quiet from here on. They are left when the process ends, after its last
  /// message. Exit code 2 when the plug-in is missing, of another version, or
  /// this process was not started as a rank.
  static llvm::Expected<Ranks *> open(llvm::StringRef how);
  explicit Ranks(const nacre_collective &table) : table(table) {}
  Ranks(const Ranks &) = delete;
  ~Ranks();

  int64_t rank() const { return table.rank; }
  int64_t count() const { return table.ranks; }
  bool isFirst() const { return table.rank == 0; }

  /// The error of the lowest rank that has one, on every rank. With `byName`
  /// its lines begin with the rank, unless all ranks have one.
  llvm::Error agree(llvm::Error mine, bool byName = true);
  /// Every rank must have what rank 0 has; else exit code 3 with all that
  /// differs.
  llvm::Error compare(const TrainingFacts &mine);

  /// Replaces f32 or f64 values by their sums over the ranks, a power of two,
  /// as a binary tree over the ranks' numbers: the bits do not depend on how
  /// much of the tree lies within a rank.
  llvm::Error addInTree(Tensor &values);
  /// The same for f64 and any number of ranks, one after another.
  llvm::Error addInRow(Tensor &values);

  /// Sums in flight, in any order of addition, as nacre/collective.h has them.
  int64_t inFlight() const { return table.in_flight; }
  llvm::Error beginSum(int64_t slot, float *values, int64_t count);
  void progress() { table.progress(table.ctx); }
  llvm::Error waitForSum(int64_t slot);

  /// The values that rank `root` has, to all.
  llvm::Error broadcast(int64_t root, Tensor &values);

private:
  llvm::Error check(nacre_status status, const nacre_error &error);

  nacre_collective table;
  bool broken = false; ///< the others may be anywhere
};

/// What the ranks must have in common of a program and of data, in a few
/// digits. Of large arrays blocks at even distances are read.
std::string digestOf(const Program &program);
std::string digestOf(llvm::ArrayRef<Tensor> arrays);
/// The states that last from step to step, with those of the optimizer or not.
std::string digestOf(const States &states, bool withOptimizer);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_RANKS_H
