//===- DataFile.h - arrays of examples from a file --------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_TRAIN_DATAFILE_H
#define NACRE_LIB_DRIVER_TRAIN_DATAFILE_H

#include "nacre/Codegen/Code.h"

namespace nacre::driver {

/// Examples of one data set: an array for each data input of a program, in its
/// order; the leading axes all have `count` examples.
struct Examples {
  std::vector<Tensor> arrays;
  int64_t count = 0;
};

/// Reads the arrays that `inputs` name from a .npz file (members stored or
/// deflated) or a .safetensors file, and converts them to the inputs' element
/// types: integers to integers that hold every value, floats to floats (wider
/// to narrower is rounded), nothing else. Every array that is missing or does
/// not fit is reported. Extents but the leading one must be the inputs'.
llvm::Expected<Examples> readExamples(llvm::StringRef path,
                                      llvm::ArrayRef<TensorInfo> inputs);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_TRAIN_DATAFILE_H
