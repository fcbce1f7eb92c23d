//===- Timeline.h - how much memory a program needs when --------*- C++ -*-===//
//
// A program seen as steps, one after another, and the storages that the memory
// plan would give to what they compute. A storage may be split: what reads it
// behind some step then reads a second computation of it, made right before the
// first of these reads.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_SCHEDULE_TIMELINE_H
#define NACRE_LIB_SCHEDULE_TIMELINE_H

#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace nacre::schedule {

/// Per storage the last step that has the first computation of it, or kept.
using Splits = std::vector<int>;
constexpr int kept = INT_MAX;

/// What splits come to.
struct Timeline {
  /// Per step: before which step it runs a second time, or `kept` for never.
  std::vector<int> again;
  /// Per step: whether it still runs where it was. What is only read behind a
  /// split has moved.
  std::vector<bool> stays;
  /// Per step, where it stands among all that runs, and the bytes in use then.
  std::vector<int> position;
  std::vector<int64_t> live;
  int64_t peak = 0;
  int64_t flops = 0; ///< of all that runs
  int64_t bytes = 0; ///< that all of it moves
  /// Per storage, the last position at which its first computation is read.
  std::vector<int> last;
};

/// The steps of `main` before memory is planned.
class Steps {
public:
  explicit Steps(mlir::ModuleOp module);

  int count() const { return int(list.size()); }
  int storageCount() const { return int(storageBytes.size()); }
  int64_t bytesOf(int storage) const { return storageBytes[storage]; }
  /// Steps that define or read something in a storage, in order.
  llvm::ArrayRef<int> touching(int storage) const { return touches[storage]; }
  /// Storages of the arena that a step reads.
  llvm::ArrayRef<int> storagesRead(int step) const { return list[step].reads; }
  /// Steps that define something in a storage, in order.
  llvm::ArrayRef<int> definers(int storage) const { return makers[storage]; }
  /// Whether running it costs nothing: a view that shares its source's place.
  bool isFree(int step) const {
    return list[step].flops == 0 && list[step].bytes == 0;
  }

  Timeline timeline(const Splits &splits) const;
  /// Makes of `module`, the one that the steps were made of or a copy, a
  /// program with the second computations. They are named NAME_again.
  void apply(const Splits &splits, mlir::ModuleOp module) const;

private:
  struct Operand {
    int number;       ///< among the step's operands
    int step, result; ///< that define it
    int storage;      ///< of the arena
  };
  struct Step {
    llvm::SmallVector<Operand> operands; ///< those in the arena
    llvm::SmallVector<int> results;      ///< their storages in the arena
    llvm::SmallVector<int> reads;
    /// Results that may take over an operand's storage: both storages.
    struct TakeOver {
      int result;
      Operand operand;
    };
    llvm::SmallVector<TakeOver> takeOvers;
    int64_t flops = 0, bytes = 0;
    int64_t scratch = 0;  ///< bytes of copies that the plan puts before it
    bool lasting = false; ///< a result of the program is among its results
  };
  /// Whether what stands at `at` reads the second computation.
  static bool isBehind(const Operand &x, int at, const Splits &splits) {
    return at > splits[x.storage] && x.step <= splits[x.storage];
  }
  std::vector<int> secondRuns(const Splits &splits) const;

  std::vector<Step> list;
  std::vector<int64_t> storageBytes;
  std::vector<llvm::SmallVector<int>> touches, makers;
};

} // namespace nacre::schedule

#endif // NACRE_LIB_SCHEDULE_TIMELINE_H
