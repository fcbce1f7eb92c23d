//===- Einsum.h - sums of products by labels --------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_EINSUM_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_EINSUM_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Labels of the axes of one operand, in their order.
using Labels = llvm::SmallVector<int>;

/// The sum of products of `operands`, whose axes have the labels `terms`, over
/// every label that is not in `result`. A label of `result` is in some term and
/// stands there once. Blocks when extents of a label differ and none is 1.
Value einsum(Node &n, llvm::ArrayRef<Labels> terms, const Labels &result,
             llvm::ArrayRef<Value> operands);

/// The same by letters, without spaces: "bhld,bhsd->bhls".
Value einsum(Node &n, llvm::StringRef equation, llvm::ArrayRef<Value> operands);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_EINSUM_H
