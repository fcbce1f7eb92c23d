//===- ModelFile.h - an ONNX file, read and checked -------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_MODELFILE_H
#define NACRE_LIB_FRONTEND_ONNX_MODELFILE_H

#include "Blocker.h"
#include "nacre/Frontend/Onnx.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
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

/// The large weights of a serialized ModelProto, which stay where they are.
struct LargeWeights {
  /// Bytes of a file that others stand for.
  struct Edit {
    size_t begin, end;
    std::string text;
  };
  /// Of the initializers of the main graph, in order: raw data that was taken
  /// out of the message; null where the message has all.
  std::vector<llvm::StringRef> data;
  std::vector<Edit> edits; ///< from front to back

  /// The model without them.
  std::string rest(llvm::StringRef bytes) const;
};

/// A parsed model and where it came from.
struct ModelFile {
  std::string name;      ///< file name without folders, for messages
  std::string directory; ///< where external data is looked for
  /// Mapped, where it is large: `weights` lie in it.
  std::unique_ptr<llvm::MemoryBuffer> bytes;
  LargeWeights weights;
  onnx::ModelProto proto; ///< without `weights`
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
/// kMaxNesting deep. Returns the problem, or an empty string. Notes where the
/// large weights lie.
std::string checkWireFormat(llvm::StringRef bytes, LargeWeights &large);

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
