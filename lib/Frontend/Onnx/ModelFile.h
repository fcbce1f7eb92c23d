//===- ModelFile.h - an ONNX file, read and checked -------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_MODELFILE_H
#define NACRE_LIB_FRONTEND_ONNX_MODELFILE_H

#include "Blocker.h"
#include "nacre/Frontend/Onnx.h"
#include "llvm/ADT/StringSet.h"
#include <onnx/onnx_pb.h>

namespace nacre::onnx_frontend {

// Limits on what a file may hold. The first three are the format's own or far
// beyond every network known; the node limit is an option.
constexpr int64_t kMaxRank = 64;
constexpr int64_t kMaxNameBytes = 64 << 10;
constexpr int kMaxNesting = 64;
constexpr int64_t kOldestOpset = 1, kNewestOpset = 27;
constexpr int64_t kOldestIr = 3, kNewestIr = 13;
/// The largest tensor a network may hold; a guard against bombs in shapes.
constexpr int64_t kMaxTensorBytes = int64_t(1) << 36;

/// A parsed model and where it came from.
struct ModelFile {
  std::string name;      ///< file name without folders, for messages
  std::string directory; ///< where external data is looked for
  onnx::ModelProto proto;
  /// Domain to opset version; the default domain is "".
  llvm::StringMap<int64_t> opsets;
};

/// Collects messages of one file.
struct Errors {
  std::vector<std::string> &list;
  std::string file;
  void add(const llvm::Twine &text) {
    list.push_back((file + ": " + text).str());
  }
};

/// Reads and parses; checks versions. Null after an error.
std::shared_ptr<ModelFile> readModelFile(llvm::StringRef path, Errors &errors);

/// Walks the wire format of a serialized ModelProto before anything is
/// allocated for it: lengths stay inside their message, subgraphs nest at most
/// kMaxNesting deep. Returns the problem, or an empty string.
std::string checkWireFormat(llvm::StringRef bytes);

/// Checks names, single definitions, uses, cycles, the number of nodes and
/// the calls of model-local functions.
void checkStructure(const ModelFile &file, int64_t maxNodes, Errors &errors);

/// Order in which the nodes can run, or an empty vector and the names of a
/// loop in `loop`.
std::vector<int>
runOrder(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
         std::string *loop = nullptr);

/// Key of a model-local function: "domain::name".
std::string functionKey(llvm::StringRef domain, llvm::StringRef name);

/// "" for the default domain under either of its names.
llvm::StringRef canonicalDomain(llvm::StringRef domain);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_MODELFILE_H
