//===- Train.h - the train block --------------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_TRAIN_H
#define NACRE_LIB_FRONTEND_GRAPH_TRAIN_H

#include "Assemble.h"

namespace nacre::graph_frontend {

/// A train block, run for training or for evaluation.
struct TrainRun {
  std::vector<DataInput> data;
  std::vector<Output> outputs; ///< the loss, then metrics
  autodiff::TrainingSpec spec;
};

/// Runs the block; problems are reported.
TrainRun runTrain(Evaluator &evaluator, const Block &block, Position at,
                  const TrainingOptions &options);

/// The text of a train block for a model that has none: data are its inputs
/// and `label`, whose type follows from the loss and the first output. `call`
/// is what gives that output. Problems are reported.
std::string trainBlockText(llvm::ArrayRef<onnx_frontend::Signature> inputs,
                           const onnx_frontend::Signature &output,
                           llvm::StringRef callee, bool severalOutputs,
                           llvm::StringRef loss, Diagnostics &diagnostics);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_TRAIN_H
