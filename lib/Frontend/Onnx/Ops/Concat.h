//===- Concat.h - joining along an axis -------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_CONCAT_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_CONCAT_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Tensors joined along an axis, whose extents the run may decide.
Value joined(Node &n, llvm::ArrayRef<Value> xs, int64_t axis);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_CONCAT_H
