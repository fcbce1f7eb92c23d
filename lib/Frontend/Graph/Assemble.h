//===- Assemble.h - from an evaluated text to programs ----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_ASSEMBLE_H
#define NACRE_LIB_FRONTEND_GRAPH_ASSEMBLE_H

#include "Prelude.h"

namespace nacre::graph_frontend {

/// A result of a program.
struct Output {
  std::string name;
  mlir::Value value;
  const StateVariable *state = nullptr;
};

/// Data arguments, in order.
struct DataInput {
  std::string name;
  mlir::RankedTensorType type;
};

/// Gives init its seed. Before anything is evaluated.
void beginInit(Evaluator &evaluator);
/// Gives main the counters behind random numbers, as arguments after the data.
void beginCounters(Evaluator &evaluator);
/// Inference draws with seed and step 0.
void beginConstantCounters(Evaluator &evaluator);

/// Ends init: its results are the states.
Program finishInit(Evaluator &evaluator);

/// Ends main for training or evaluation: data, states, counters.
Program finishTraining(Evaluator &evaluator, llvm::ArrayRef<DataInput> data,
                       std::vector<Output> outputs, bool keepUpdates);

/// Ends main for inference: states that a run leaves as they are become
/// weights, by the names that are given back in order of the states.
struct Inference {
  Program program;
  /// For each state its number and its name in the weight store.
  std::vector<std::pair<size_t, std::string>> weights;
};
Inference finishInference(Evaluator &evaluator, llvm::ArrayRef<DataInput> data,
                          std::vector<Output> outputs);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_ASSEMBLE_H
