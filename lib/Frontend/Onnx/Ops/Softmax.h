//===- Softmax.h - the logarithm of a softmax -------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_SOFTMAX_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_SOFTMAX_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// log(exp(x) / sum of exp(x) over the axes), without overflow.
Value logSoftmax(Node &n, Value x, llvm::ArrayRef<int64_t> axes);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_SOFTMAX_H
