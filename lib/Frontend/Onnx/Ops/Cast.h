//===- Cast.h - conversion with ONNX's attributes ---------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_CAST_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_CAST_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// `x` as another type: what is out of range as the node's attributes saturate
/// and round_mode say, which count for floats of 8 bits.
Value castTo(Node &n, Value x, DType to);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_CAST_H
