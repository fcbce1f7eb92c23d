//===- Lists.h - inputs and outputs of more than one tensor -----*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_LISTS_H
#define NACRE_LIB_FRONTEND_ONNX_LISTS_H

#include "Datum.h"
#include <onnx/onnx_pb.h>

namespace nacre::onnx_frontend {

/// The tensor type inside sequences and optionals, which are appended to
/// `wrapping`; null when there is something else.
const onnx::TypeProto_Tensor *
tensorInside(const onnx::TypeProto &type,
             llvm::SmallVectorImpl<Wrapping> &wrapping);

/// An input whose tensors, as listTensors has them, are `tensors`.
Datum argumentsAsDatum(const Signature &declared,
                       const llvm::StringMap<int64_t> &dims,
                       llvm::ArrayRef<mlir::Value> tensors);

/// A tensor among the results, or codes of strings.
struct NamedTensor {
  std::string name;
  Datum datum;
};

/// Appends the tensors of an output under the names of listTensors. Blocks
/// where the value is not what the type declares.
void nameTensors(const onnx::ValueInfoProto &output, const Datum &datum,
                 std::vector<NamedTensor> &named);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_LISTS_H
