//===- Unslice.h - where elements came from ---------------------*- C++ -*-===//
#ifndef NACRE_LIB_LAZY_OPS_UNSLICE_H
#define NACRE_LIB_LAZY_OPS_UNSLICE_H

#include "nacre/Lazy/Build.h"

namespace nacre::lazy {

/// The transpose of a slice: a tensor of `shape` with element i of `x` at
/// starts + i * steps and zeros elsewhere. What would lie outside is dropped.
mlir::Value unslice(Build &build, mlir::Value x, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<int64_t> steps,
                    llvm::ArrayRef<int64_t> shape);

/// An axis of a tensor that is read at offset + sum of coefficient * index.
struct ReadAxis {
  struct Term {
    int64_t axis; ///< of what was read
    int64_t coefficient;
  };
  llvm::SmallVector<Term> terms;
  int64_t offset = 0;
  int64_t extent;
};

/// The transpose of reading: every element of `x` is added where `axes` say
/// that it was read. Each axis of `x` is in exactly one term.
mlir::Value unread(Build &build, mlir::Value x,
                   llvm::SmallVector<ReadAxis> axes);

} // namespace nacre::lazy

#endif // NACRE_LIB_LAZY_OPS_UNSLICE_H
