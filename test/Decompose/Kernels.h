//===- Kernels.h - kernels against themselves, decomposed -------*- C++ -*-===//
#ifndef NACRE_TEST_DECOMPOSE_KERNELS_H
#define NACRE_TEST_DECOMPOSE_KERNELS_H

#include "nacre/Lazy/Program.h"

namespace nacre::test {

/// Lowers the kernels of a program for one lane and runs each on data at
/// random, as it is and decomposed with f64, i64 and NaN lacking. Says what
/// differs: bits, but for f64, which is compared as f32.
std::vector<std::string> compareDecomposed(Program program);

} // namespace nacre::test

#endif // NACRE_TEST_DECOMPOSE_KERNELS_H
