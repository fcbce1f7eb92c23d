//===- TensorData.h - TensorProto to Tensor ---------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_TENSORDATA_H
#define NACRE_LIB_FRONTEND_ONNX_TENSORDATA_H

#include "Blocker.h"
#include "nacre/Frontend/Onnx.h"
#include "nacre/Lazy/Tensor.h"
#include <onnx/onnx_pb.h>

namespace nacre::onnx_frontend {

/// Where a tensor's bytes may come from.
struct TensorSource {
  std::string directory; ///< of the model; external data stays below it
  bool allowHardlinks = false;
  /// Keeps raw bytes inside the proto alive; they are not copied.
  std::shared_ptr<void> owner;
  bool mapped = false; ///< raw data beside the protos is a mapped file
  int64_t maxDenseBytes = int64_t(64) << 20; ///< for sparse tensors
};

/// The lazy dtype of an ONNX data type. Blocks on others.
DType dtypeOfOnnx(int32_t type, llvm::StringRef what);

/// A tensor of strings. Blocks unless there are as many as the shape says.
StringTensor readStrings(const onnx::TensorProto &proto);

/// The one way a TensorProto's value is read: initializers, attributes, sparse
/// values, test data. Blocks unless the bytes fit shape and type exactly. `raw`
/// is raw data that lies beside the proto; a view of it may not be aligned.
Tensor readTensor(const onnx::TensorProto &proto, const TensorSource &source,
                  llvm::StringRef raw = {});

/// A sparse tensor made dense.
Tensor readSparse(const onnx::SparseTensorProto &proto,
                  const TensorSource &source);

/// Reads `bytes` bytes of external data as the proto's entries say, mapped
/// where possible. `what` starts every message.
Tensor readExternal(const onnx::TensorProto &proto, const TensorSource &source,
                    DType dtype, llvm::ArrayRef<int64_t> shape);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_TENSORDATA_H
