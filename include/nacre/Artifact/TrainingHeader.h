//===- TrainingHeader.h - the C interface of a training object --*- C++ -*-===//
#ifndef NACRE_ARTIFACT_TRAININGHEADER_H
#define NACRE_ARTIFACT_TRAININGHEADER_H

#include "nacre/Codegen/Code.h"
#include "llvm/Support/raw_ostream.h"

namespace nacre::artifact {

/// A state of a training and its place in the block of all states.
struct PlacedState {
  TensorInfo tensor; ///< its name is the state's
  std::string kind;
  uint64_t offset = 0;
};

/// One program: "init", "step", "gradient", "apply" or "eval".
struct TrainingPart {
  std::string role;
  const CompiledCode *code;
};

/// The states of all programs, in order of first mention, each at a multiple of
/// NACRE_ALIGNMENT; `kinds` has the kind of each by name.
std::vector<PlacedState> placeStates(llvm::ArrayRef<TrainingPart> parts,
                                     const llvm::StringMap<std::string> &kinds);
/// Bytes of the block.
uint64_t stateBytes(llvm::ArrayRef<PlacedState> states);

/// NAME.h: the table for nacre/training.h and typed calls. The programs' own
/// symbols are NAME_ROLE. `source` is the model's file name.
void writeTrainingHeader(llvm::raw_ostream &os, llvm::StringRef name,
                         llvm::ArrayRef<TrainingPart> parts,
                         llvm::ArrayRef<PlacedState> states,
                         llvm::StringRef source);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_TRAININGHEADER_H
