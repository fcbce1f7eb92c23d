//===- Shapes.h - declared shapes and the values of their dims --*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_SHAPES_H
#define NACRE_LIB_FRONTEND_ONNX_SHAPES_H

#include "ModelFile.h"

namespace nacre::onnx_frontend {

/// What a graph input or output declares. Blocks on types that are not
/// tensors. An output may lack a shape; an input must have one.
Signature declaredSignature(const onnx::ValueInfoProto &value, bool isInput);

/// The tensor type of an input once its dims are bound. Open dims go to
/// `errors` and give a null type.
mlir::RankedTensorType boundType(mlir::MLIRContext *context,
                                 const Signature &signature,
                                 const ImportOptions &options, Errors &errors);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_SHAPES_H
