//===- Info.cpp - what a model holds, without importing it ----------------===//
#include "Shapes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Path.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

mlir::FailureOr<ModelInfo>
onnx_frontend::readInfo(llvm::StringRef path, std::vector<std::string> &list,
                        const ImportOptions &options) {
  Errors errors{list, llvm::sys::path::filename(path).str()};
  std::shared_ptr<ModelFile> file = readModelFile(path, errors);
  if (!file)
    return mlir::failure();
  size_t before = list.size();
  checkStructure(*file, options.maxNodes, errors);
  const onnx::GraphProto &graph = file->proto.graph();
  ModelInfo info;
  info.producer = file->proto.producer_name();
  info.irVersion = file->proto.ir_version();
  for (const onnx::OperatorSetIdProto &import : file->proto.opset_import())
    info.opsets.emplace_back(import.domain(), import.version());
  llvm::StringSet<> initializers, external;
  auto tensor = [&](const onnx::TensorProto &proto) {
    initializers.insert(proto.name());
    std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
    info.parameterCount += elementCount(shape).value_or(0);
    if (proto.data_location() == onnx::TensorProto::EXTERNAL)
      for (const onnx::StringStringEntryProto &entry : proto.external_data())
        if (entry.key() == "location" && external.insert(entry.value()).second)
          info.externalFiles.push_back(entry.value());
  };
  for (const onnx::TensorProto &proto : graph.initializer())
    tensor(proto);
  for (const onnx::SparseTensorProto &proto : graph.sparse_initializer())
    tensor(proto.values());
  auto declare = [&](const onnx::ValueInfoProto &value, bool isInput) {
    try {
      (isInput ? info.inputs : info.outputs)
          .push_back(declaredSignature(value, isInput));
    } catch (const Blocker &blocker) {
      errors.add(blocker.text);
    }
  };
  for (const onnx::ValueInfoProto &input : graph.input())
    if (!initializers.contains(input.name()))
      declare(input, true);
  for (const onnx::ValueInfoProto &output : graph.output())
    declare(output, false);
  llvm::MapVector<llvm::StringRef, int64_t> counts;
  for (const onnx::NodeProto &node : graph.node())
    ++counts[node.op_type()];
  for (const auto &[op, count] : counts)
    info.opCounts.emplace_back(op.str(), count);
  info.nodeCount = graph.node_size();
  if (list.size() != before)
    return mlir::failure();
  return info;
}
