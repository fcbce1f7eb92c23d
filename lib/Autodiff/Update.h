//===- Update.h - from gradients to new states ------------------*- C++ -*-===//
#ifndef NACRE_LIB_AUTODIFF_UPDATE_H
#define NACRE_LIB_AUTODIFF_UPDATE_H

#include "Backward.h"

namespace nacre::autodiff {

/// The optimizer's states of some parameters, in order.
std::vector<State> slotStates(const TrainingSpec &spec,
                              llvm::ArrayRef<Learned> parameters);

/// Who updates which parameter: whole parameters go, in order, to the rank with
/// the fewest bytes of slots so far, the lowest of several.
std::vector<Share> shareOut(const TrainingSpec &spec,
                            llvm::ArrayRef<Learned> parameters);

/// Whether a float scalar is neither infinite nor NaN: an i1 scalar.
mlir::Value isFinite(lazy::Build build, mlir::Value x);

struct Update {
  mlir::Value norm;                ///< of all gradients before clipping, f32
  mlir::Value rate;                ///< f32
  mlir::Value ok;                  ///< `holds`, and the squared norm is finite
  std::vector<NamedResult> states; ///< where(ok, new, old)
};

/// Clips, applies the optimizer to the parameters of this shard and counts the
/// step. `main` has the arguments
/// that slotStates lists and nacre.step; `buffers` are the new values of some
/// of its states.
Update buildUpdate(MainFunction &main, const TrainingSpec &spec,
                   mlir::Value holds, llvm::ArrayRef<Learned> parameters,
                   llvm::ArrayRef<NamedResult> buffers);

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_UPDATE_H
