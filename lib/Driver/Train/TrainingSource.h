//===- TrainingSource.h - from a file to programs of training ---*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_TRAININGSOURCE_H
#define NACRE_LIB_DRIVER_TRAIN_TRAININGSOURCE_H

#include "../LoadModel.h"
#include "nacre/Autodiff/Training.h"
#include "nacre/Frontend/Graph.h"

namespace nacre::driver {

/// What was read of a file: a model and a loss, or the programs themselves.
struct ImportedTraining {
  std::string name;
  std::optional<autodiff::TrainingModel> model;
  std::optional<autodiff::TrainingPrograms> programs;
  int64_t accumulate = 1; ///< micro-batches to a step
  uint64_t seed = 0;
  /// The program whose data inputs are those of training.
  const Program &training() const;
  const Program &evaluation() const;
  /// Whether the learning rate's schedule ends where training does.
  bool scheduleFollowsSteps() const;
};

/// A file that can be trained: graph language (.ngl), ONNX, or the programs
/// `init`, `step` and `eval` as textual lazy IR, each a module of that name
/// inside the file's module.
class TrainingSource {
public:
  static llvm::Expected<TrainingSource>
  open(const TrainingModelOptions &options);

  /// Examples of a batch, where the model leaves it open.
  int64_t batch() const { return batchSize; }
  /// Whether programs of another batch can be had.
  bool batchIsOpen() const { return !batchNames.empty(); }
  llvm::Expected<ImportedTraining> import(mlir::MLIRContext &context,
                                          int64_t batch) const;

private:
  const TrainingModelOptions *options = nullptr;
  graph_frontend::TrainingOptions training;
  std::vector<std::string> batchNames; ///< open leading dims of the inputs
  int64_t batchSize = 0;
};

/// Differentiates a model, with its schedule ending after `steps`, unless the
/// model says where; gives programs as they are. Of `shards` ranks that divide
/// the optimizer's states they are those of number `shard`.
llvm::Expected<autodiff::TrainingPrograms>
programsOf(mlir::MLIRContext &context, ImportedTraining imported, int64_t steps,
           int64_t shards = 1, int64_t shard = 0);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_TRAININGSOURCE_H
