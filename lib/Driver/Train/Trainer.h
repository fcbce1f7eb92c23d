//===- Trainer.h - programs that run on states ------------------*- C++ -*-===//
//
// docs/decisions/2026-11-22-training.md says what states and programs are. Here
// states are tensors by name, and a run of a program reads some of them and
// changes some.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_TRAIN_TRAINER_H
#define NACRE_LIB_DRIVER_TRAIN_TRAINER_H

#include "../OpenModel.h"
#include "Batches.h"
#include "nacre/Autodiff/Training.h"
#include "llvm/ADT/MapVector.h"

namespace nacre::driver {

/// The states of a training, in the order of its programs.
class States {
public:
  struct Entry {
    autodiff::State state;
    Tensor value, next; ///< writable; `next` is what a run writes
  };
  /// Makes room, zeroed, for those of `program` that are not there yet.
  llvm::Error add(const std::vector<autodiff::State> &states);
  Entry *find(llvm::StringRef name);
  std::vector<Entry> &entries() { return list; }
  const std::vector<Entry> &entries() const { return list; }
  /// The number of steps done, of the counter nacre.step.
  int64_t step();
  uint64_t seed();
  /// Sets a counter, if there is one of that name.
  void setCounter(llvm::StringRef name, int64_t value);

private:
  std::vector<Entry> list;
  llvm::StringMap<size_t> index;
};

/// Scalars that a run gave: loss first, then metrics.
using Scalars = std::vector<std::pair<std::string, double>>;

/// A compiled program bound to states.
class StateProgram {
public:
  /// Compiles. Its inputs that are no states are data.
  static llvm::Expected<StateProgram> compile(Program program,
                                              const Toolchain &tools);

  const std::vector<autodiff::State> &states() const { return stateList; }
  /// The data inputs, in order.
  const std::vector<TensorInfo> &data() const { return dataInputs; }
  /// Runs on data that have the shapes of data(). After an error the states are
  /// what they were; status() says why.
  llvm::Expected<Scalars> run(States &states, llvm::ArrayRef<Tensor> data);
  /// The nacre_status of the last run.
  int32_t status() const { return model->lastStatus; }
  /// Scalars that a run gives.
  size_t scalarCount() const { return scalarResults.size(); }
  /// The index of the last kernel that touches what a run writes of a state.
  int64_t readyAfter(const autodiff::State &state) const {
    return model->outputs[state.result].readyAfter;
  }
  /// Called after each kernel where the target can (LoadedModel::afterKernel).
  void callAfterKernel(std::function<void(int64_t)> call) {
    model->afterKernel = std::move(call);
  }
  /// Bytes of memory between kernels.
  uint64_t arenaBytes() const { return arena; }

private:
  std::unique_ptr<LoadedModel> model;
  std::vector<autodiff::State> stateList;
  std::vector<TensorInfo> dataInputs;
  std::vector<unsigned> dataArguments, scalarResults;
  Call call;
  uint64_t arena = 0;
};

/// The inputs of a program that are no states, with their extents.
std::vector<TensorInfo> dataInputs(const Program &program);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_TRAINER_H
