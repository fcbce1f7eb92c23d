//===- RotaryEmbedding.h - positions as rotations ---------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_ROTARYEMBEDDING_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_ROTARYEMBEDDING_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Rotates the first 2 * half elements of each head of x, of rank 4 with heads
/// at axis `headAxis` (1 or 2), by angles whose cosines and sines are
/// [batch or 1, length, half]. Pairs are neighbours when `interleaved`, else
/// elements i and i + half.
Value rotate(Node &n, Value x, Value cosine, Value sine, int64_t headAxis,
             bool interleaved);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_ROTARYEMBEDDING_H
