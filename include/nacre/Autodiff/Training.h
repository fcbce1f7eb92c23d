//===- Training.h - from a model and a loss to training steps ---*- C++ -*-===//
//
// docs/decisions/2026-11-22-training.md says what a state is and what the
// programs take and give.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_AUTODIFF_TRAINING_H
#define NACRE_AUTODIFF_TRAINING_H

#include "nacre/Lazy/Program.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace nacre::autodiff {

/// Learning rate over steps, step 0 being the first. After `warmup` steps, in
/// which it grows linearly from 0 (step s of w: base * (s + 1) / w), it
/// follows `kind`, a cosine or a line to the step `total`, and stays there.
struct LearningRate {
  enum Kind {
    Constant,
    Step,   ///< times `gamma` every `every` steps after warmup
    Cosine, ///< half a cosine from base to `last`
    Linear, ///< a line from base to `last`
  } kind = Constant;
  double base = 1e-3, last = 0, gamma = 0.1;
  int64_t warmup = 0, total = 0, every = 1;
};

/// The rules and their sources are in docs/training.md.
struct Optimizer {
  enum Kind { Sgd, Adam, AdamW, Lamb, Lion, Muon } kind = AdamW;
  LearningRate rate;
  double momentum = 0; ///< SGD; Muon: 0.95 is usual
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weightDecay = 0; ///< decoupled but for SGD and Adam
};

/// How a model is trained.
struct TrainingSpec {
  Optimizer optimizer;
  double clipNorm = 0;  ///< global norm of all gradients; 0: no clipping
  double clipValue = 0; ///< each gradient element; 0: no clipping
  /// Micro-batches to a step, of equal size, on all ranks together. The
  /// programs count what they are given; more than 1 makes `gradient` and
  /// `apply` of `step`.
  int64_t accumulate = 1;
  bool bf16 = false;    ///< products in bf16, sums and parameters in f32
  double lossScale = 1; ///< gradients are computed of loss * lossScale
  uint64_t seed = 0;    ///< what the caller gives init
  /// Gradient and apply apart even with one micro-batch, for ranks.
  bool separateApply = false;
  /// Among how many ranks the optimizer's states are divided, and which one the
  /// programs are for: its `apply` updates its share of the parameters.
  int64_t shards = 1, shard = 0;
};

/// What a frontend gives.
struct TrainingModel {
  std::string name;
  Program train, eval, init;
  TrainingSpec spec;
};

/// Kinds of states, as lazy.state_kind has them.
enum class StateKind {
  Parameter,
  Frozen,
  Buffer,
  Optimizer,
  Gradient,
  Counter
};
llvm::StringRef stateKindName(StateKind kind);

/// One state of a program.
struct State {
  std::string name;
  StateKind kind;
  mlir::RankedTensorType type;
  int64_t argument = -1; ///< of main, or -1
  int64_t result = -1;   ///< of main, or -1 where a run leaves it as it is
};
/// A parameter that learns, when they are divided among ranks.
struct Share {
  std::string parameter;
  int64_t owner;            ///< the rank whose `apply` updates it
  std::vector<State> slots; ///< of the optimizer, which only the owner has
};

/// What is compiled: `step`, or `gradient` and `apply`.
struct TrainingPrograms {
  Program init, eval;
  std::optional<Program> step, gradient, apply;
  std::vector<Share> shares; ///< all of them, with more than one shard
};

/// The states of a program in order of the arguments, then of the results that
/// have no argument.
std::vector<State> statesOf(const Program &program);

/// Differentiates and adds optimizer, clipping, schedule and checks. Errors
/// name the operation without a gradient, or the setting that makes no sense.
llvm::Expected<TrainingPrograms> buildTraining(TrainingModel model);

} // namespace nacre::autodiff

#endif // NACRE_AUTODIFF_TRAINING_H
