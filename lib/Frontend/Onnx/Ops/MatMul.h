//===- MatMul.h - matrix products -------------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_MATMUL_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_MATMUL_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// numpy's matmul of values of one element type: batch axes broadcast, a vector
/// has no M or N.
Value matrixProduct(Node &n, Value a, Value b);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_MATMUL_H
