//===- ModelFile.cpp - reading and checking an ONNX file ------------------===//
#include "ModelFile.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <google/protobuf/io/coded_stream.h>

using namespace nacre;
using namespace nacre::onnx_frontend;
using llvm::StringRef;
using llvm::Twine;

std::string onnx_frontend::quoted(StringRef name) {
  std::string text = "'";
  for (unsigned char c : name.take_front(120)) {
    if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\')
      text += char(c);
    else
      text += "\\x" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
  }
  if (name.size() > 120)
    text += "...";
  return text + "'";
}

std::string onnx_frontend::shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (i)
      text += ",";
    if (i == 8 && shape.size() > 16)
      return text + "...]";
    text += mlir::ShapedType::isDynamic(extent) ? "?" : std::to_string(extent);
  }
  return text + "]";
}

StringRef onnx_frontend::canonicalDomain(StringRef domain) {
  return domain == "ai.onnx" ? StringRef() : domain;
}

/// Parses the bytes of `file`; the text of the problem, or "".
static std::string parse(ModelFile &file) {
  StringRef bytes = file.bytes->getBuffer();
  if (bytes.empty())
    return "E_PARSE: the file is empty";
  if (bytes.starts_with("PK\x03\x04"))
    return "E_PARSE: a zip archive, not an ONNX model";
  if (bytes.size() > INT32_MAX)
    return ("E_SIZE: the file has " + Twine(bytes.size()) +
            " bytes; an ONNX file holds at most 2147483647, larger weights go "
            "into external data")
        .str();
  std::string problem = checkWireFormat(bytes, file.weights);
  if (!problem.empty())
    return problem;
  std::string rest;
  if (!file.weights.edits.empty())
    bytes = rest = file.weights.rest(bytes);
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(bytes.data()), int(bytes.size()));
  // A subgraph is three messages deep; the rest is for types and tensors.
  stream.SetRecursionLimit(3 * kMaxNesting + 64);
  stream.SetTotalBytesLimit(INT32_MAX);
  if (!file.proto.ParseFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage())
    return "E_PARSE: not an ONNX model: malformed protobuf";
  if (!file.proto.has_ir_version())
    return "E_PARSE: not an ONNX model: no ir_version";
  return "";
}

/// Fills `opsets`.
static void checkVersions(ModelFile &file, Errors &errors) {
  int64_t ir = file.proto.ir_version();
  if (ir > kNewestIr)
    errors.add("E_IR: ir_version " + Twine(ir) + " is newer than " +
               Twine(kNewestIr) + ", the newest known");
  else if (ir < kOldestIr)
    errors.add("E_IR: ir_version " + Twine(ir) + " is older than " +
               Twine(kOldestIr) + ", the oldest supported");
  for (const onnx::OperatorSetIdProto &import : file.proto.opset_import()) {
    StringRef domain = canonicalDomain(import.domain());
    if (!file.opsets.try_emplace(domain, import.version()).second)
      errors.add("E_DUP: opset of domain " +
                 quoted(domain.empty() ? "ai.onnx" : domain) +
                 " imported twice");
  }
  auto opset = file.opsets.find("");
  if (!file.proto.has_graph())
    errors.add("E_PARSE: no graph");
  else if (opset == file.opsets.end()) {
    // Another domain's ops may be all there is.
    if (file.opsets.empty() && file.proto.functions_size() == 0)
      errors.add("E_OPSET: no opset of ai.onnx is imported");
  } else if (opset->second > kNewestOpset)
    errors.add("E_OPSET: opset " + Twine(opset->second) + " is newer than " +
               Twine(kNewestOpset) + "; supported are " + Twine(kOldestOpset) +
               " to " + Twine(kNewestOpset));
  else if (opset->second < kOldestOpset)
    errors.add("E_OPSET: opset " + Twine(opset->second) + " is older than " +
               Twine(kOldestOpset) + "; supported are " + Twine(kOldestOpset) +
               " to " + Twine(kNewestOpset));
}

std::shared_ptr<ModelFile> onnx_frontend::readModelFile(StringRef path,
                                                        Errors &errors) {
  auto file = std::make_shared<ModelFile>();
  file->name = errors.file;
  file->directory = llvm::sys::path::parent_path(path).str();
  if (file->directory.empty())
    file->directory = ".";
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    errors.add("cannot be read: " + buffer.getError().message());
    return nullptr;
  }
  file->bytes = std::move(*buffer);
  std::string problem = parse(*file);
  if (!problem.empty()) {
    errors.add(problem);
    return nullptr;
  }
  size_t before = errors.list.size();
  checkVersions(*file, errors);
  return errors.list.size() == before ? file : nullptr;
}
