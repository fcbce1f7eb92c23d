//===- Checkpoint.h - training kept in a file -------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_CHECKPOINT_H
#define NACRE_LIB_DRIVER_TRAIN_CHECKPOINT_H

#include "Trainer.h"

namespace nacre::driver {

/// What must be equal for training to go on as if it had not stopped: each
/// name with its value, in words.
using TrainingFacts = std::map<std::string, std::string>;

/// Writes states (storeOf) and `facts` as a safetensors file. A process killed
/// at any time leaves the file as it was or the new one whole.
llvm::Error writeCheckpoint(llvm::StringRef path, WeightStore states,
                            const TrainingFacts &facts);

/// Reads them back into `states` and gives the file's facts. Every state that
/// is missing, too many or of another type, and every fact that differs from
/// one in `facts`, is reported; then nothing has been changed. The optimizer's
/// states in `shares` that `states` lacks are other ranks'.
llvm::Expected<TrainingFacts>
readCheckpoint(llvm::StringRef path, States &states, const TrainingFacts &facts,
               llvm::ArrayRef<autodiff::Share> shares = {});

/// Replaces the values of parameters, frozen states and buffers by those of a
/// safetensors file. Each tensor of the file must be one of them; the number
/// of those that the file does not have is returned.
llvm::Expected<int64_t> readParameters(llvm::StringRef path, States &states);

/// Removes what killed processes left of this file, unfinished.
void removeUnfinished(llvm::StringRef path);

/// What inference reads of a training.
bool isOfModel(autodiff::StateKind kind);

/// A store of the states of some kinds, without copying.
WeightStore storeOf(const States &states,
                    llvm::function_ref<bool(autodiff::StateKind)> wanted);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_CHECKPOINT_H
