//===- Export.h - nodes of an ONNX graph, made one by one -------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_EXPORT_EXPORT_H
#define NACRE_LIB_FRONTEND_ONNX_EXPORT_EXPORT_H

#include "../Blocker.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Program.h"
#include "llvm/ADT/StringSet.h"
#include <map>
#include <onnx/onnx_pb.h>
#include <variant>

namespace nacre::onnx_frontend {

/// An attribute of a node.
struct ExportAttribute {
  llvm::StringRef name;
  std::variant<int64_t, std::vector<int64_t>, std::string> value;
};

using Shape = llvm::SmallVector<int64_t>;

/// A graph being made. What ONNX cannot say ends in a Blocker.
class Exporter {
public:
  explicit Exporter(const Program &program);

  /// The whole of `main`. Blockers go to `errors`.
  void run(std::vector<std::string> &errors);
  onnx::ModelProto &model() { return proto; }

  /// Appends a node and gives the name of its result.
  std::string node(llvm::StringRef op, llvm::ArrayRef<std::string> inputs,
                   llvm::ArrayRef<ExportAttribute> attributes = {});
  /// An initializer of i64; equal ones are shared.
  std::string integers(llvm::ArrayRef<int64_t> values);
  std::string tensor(llvm::StringRef hint, const Tensor &value);

  // Views, by the names of values. A symbolic extent may lead.
  std::string reshape(const std::string &x, llvm::ArrayRef<int64_t> from,
                      llvm::ArrayRef<int64_t> to);
  std::string transpose(const std::string &x, llvm::ArrayRef<int64_t> perm);
  std::string slice(const std::string &x, llvm::ArrayRef<int64_t> starts,
                    llvm::ArrayRef<int64_t> ends, llvm::ArrayRef<int64_t> axes,
                    llvm::ArrayRef<int64_t> steps);

  /// The name of a value.
  std::string of(mlir::Value value);

private:
  void declare(onnx::ValueInfoProto &info, mlir::Type type,
               llvm::StringRef name);
  std::string fresh(llvm::StringRef hint);
  std::string shapeVector(mlir::RankedTensorType type);
  std::string constantOf(mlir::TypedAttr value);
  std::string operation(mlir::Operation &op);
  std::string elementwise(mlir::Operation &op);
  std::string view(mlir::Operation &op);
  std::string windows(lazy::WindowOp op);
  std::string reduction(lazy::ReduceOp op);
  std::string pool(lazy::ReduceOp op);
  std::string sourceOf(mlir::Operation &op);

  const Program &program;
  onnx::ModelProto proto;
  onnx::GraphProto &graph;
  llvm::DenseMap<mlir::Value, std::string> names;
  llvm::StringSet<> taken;
  std::map<std::vector<int64_t>, std::string> lists;
  int64_t counter = 0;
};

/// The ONNX element type of an MLIR one.
onnx::TensorProto::DataType onnxType(mlir::Type element);
onnx::TensorProto::DataType onnxType(DType dtype);

/// A sum of products as Conv, MatMul or Einsum; a, b are the operands' names.
std::string exportContract(Exporter &exporter, lazy::ContractOp op,
                           const std::string &a, const std::string &b);

/// Elements `map` of a flat array of shape `from`, for all points of a box:
/// indices for Gather. Blocks above 2^24 of them.
std::vector<int64_t> flatIndices(mlir::AffineMap map,
                                 llvm::ArrayRef<int64_t> from,
                                 llvm::ArrayRef<int64_t> extents);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_EXPORT_EXPORT_H
