//===- Pool.h - pooling of a value ------------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_POOL_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_POOL_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Windows of x [batch,channels,extents..] as the node's attributes say.
Value maxPoolOf(Node &n, Value x);
Value averagePoolOf(Node &n, Value x);
/// The mean over all spatial axes, which stay as 1.
Value globalAveragePoolOf(Node &n, Value x);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_POOL_H
