//===- TreeSum.h - sums of gradients in a fixed order -----------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_TREESUM_H
#define NACRE_LIB_DRIVER_TRAIN_TREESUM_H

#include "nacre/Lazy/Tensor.h"

namespace nacre::driver {

/// Adds lists of f32 or f64 tensors as a binary tree over the order in which
/// they come: the same bits however the lists were made, and an error that
/// grows with the logarithm of their number. Keeps one list a level.
class TreeSum {
public:
  /// Copies the values.
  void add(llvm::ArrayRef<Tensor> values);
  /// The sums of what was added, at least one list; begins anew.
  std::vector<Tensor> take();

private:
  struct Part {
    int64_t lists; ///< a power of two
    std::vector<Tensor> sums;
  };
  void join();
  std::vector<Part> parts; ///< of falling sizes
};

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_TREESUM_H
