//===- Loop.h - steps, evaluations, checkpoints -----------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_LOOP_H
#define NACRE_LIB_DRIVER_TRAIN_LOOP_H

#include "Checkpoint.h"
#include "Evaluate.h"
#include "History.h"
#include "StepSums.h"

namespace nacre::driver {

/// Everything of a training, ready to go.
struct Training {
  /// The fact that says where a schedule without an end of its own ends.
  static constexpr const char *scheduleEndKey = "schedule end";

  std::string name;
  States states;
  Examples examples;
  /// Either `step`, or `gradient` once a micro-batch and then `apply`.
  std::optional<StateProgram> step, gradient, apply;
  std::optional<Evaluation> evaluation; ///< rank 0 has it
  /// The processes that train together, or null; how they add.
  Ranks *ranks = nullptr;
  bool fastSums = false;
  /// Who updates which parameter, where the optimizer's states are divided
  /// among the ranks.
  std::vector<autodiff::Share> shares;
  int64_t batch = 0, accumulate = 1;
  int64_t firstStep = 0, steps = 0; ///< done before, done at the end
  /// The learning rate's schedule has no end of its own.
  bool scheduleFollowsSteps = false;
  uint64_t seed = 0;
  int64_t evalEvery = 0, checkpointEvery = 0; ///< 0: never
  std::string checkpoint;                     ///< file, or empty
  std::unique_ptr<LogFile> log;
  std::vector<Record> history;
  /// Of the steps of this run, without the gathering of their examples, and of
  /// its evaluations.
  std::vector<double> stepSeconds, evaluationSeconds;

  bool speaks() const { return !ranks || ranks->isFirst(); }
  /// What a checkpoint must have in common with the training that goes on.
  TrainingFacts facts() const;
};

/// Trains to the end, or, asked by SIGINT or SIGTERM, to the end of a step and
/// its checkpoint; that is an error of exit code 128 and the signal's number,
/// as shells have it. After an error the states are those before the step that
/// failed, and the last checkpoint is as it was.
llvm::Error runSteps(Training &training);

/// Writes the trained model as the options say.
llvm::Error saveModel(mlir::MLIRContext &context, const Training &training,
                      const TrainOptions &options);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_LOOP_H
