//===- RandomSource.h - random numbers of a node ----------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_RANDOMSOURCE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_RANDOMSOURCE_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// f32 in [0, 1), a function of the node's seed and the place.
Value randomUniform(Node &n, llvm::ArrayRef<int64_t> shape);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_RANDOMSOURCE_H
