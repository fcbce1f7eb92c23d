//===- NodeLog.h - what became of each node ---------------------*- C++ -*-===//
//
// An import keeps it where it is asked which of a model's nodes can be read.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_NODELOG_H
#define NACRE_LIB_FRONTEND_ONNX_NODELOG_H

#include "Datum.h"
#include "ModelFile.h"
#include "nacre/Frontend/OnnxCoverage.h"
#include "llvm/ADT/DenseMap.h"

namespace nacre::onnx_frontend {

/// "Conv_3" for a node without a name.
std::string nodeName(const onnx::NodeProto &node, int index);

/// The op with its domain, as it may stand in a message: "com.microsoft.Gelu".
std::string opText(const onnx::NodeProto &node);

/// Why a node of an op that nobody knows is not read; `opset` is 0 where its
/// domain is not imported.
std::string unknownOpText(const onnx::NodeProto &node, int64_t opset);

class NodeLog {
public:
  /// A node was imported, its inputs and outputs being these.
  void read(const onnx::NodeProto &node, llvm::ArrayRef<Datum> data);
  /// A node was blocked; `message` is the place of what was said.
  void blocked(const onnx::NodeProto &node, std::string name,
               std::string reason, size_t message);
  /// Messages from this place on are taken back.
  void forgive(size_t message);
  /// Summed up over the nodes of the file. `complete`: the import succeeded.
  Coverage coverage(const ModelFile &file, llvm::ArrayRef<std::string> messages,
                    bool complete) const;

private:
  struct Entry {
    bool read = false;
    std::set<std::string> dtypes;
  };
  struct Report {
    const onnx::NodeProto *node;
    OpCoverage::Blocker blocker;
    size_t message;
  };
  llvm::DenseMap<const onnx::NodeProto *, Entry> entries;
  std::vector<Report> reports;
};

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_NODELOG_H
