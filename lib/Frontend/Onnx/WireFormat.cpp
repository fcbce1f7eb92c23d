//===- WireFormat.cpp - the shape of a file before it is parsed -----------===//
//
// A parser that meets a length of 2 GiB in a file of 20 bytes can only say
// "failed", and recursion limits of a parser count messages, not graphs. So
// the wire format is walked first: tag by tag, going down only where graphs
// nest, skipping all payloads.
//
// A parser also copies all weights out of a mapped file. So the walk notes
// where the large ones of the main graph lie, and the parser gets the file
// without them: an edit takes out a field, others correct the lengths of the
// messages around it.
//
//===----------------------------------------------------------------------===//
#include "ModelFile.h"
#include "llvm/Support/LEB128.h"

using namespace nacre::onnx_frontend;

namespace {

enum class Message {
  Model,
  MainGraph,
  Graph,
  Node,
  Attribute,
  Function,
  Initializer, ///< of the main graph
  Leaf
};

/// TensorProto.raw_data
constexpr uint64_t rawDataField = 9;
/// Raw data below this is copied: it is not worth a mapping.
constexpr uint64_t smallestMapped = 64 << 10;

/// The message a length-delimited field of `in` holds (onnx.proto).
Message fieldMessage(Message in, uint64_t field) {
  switch (in) {
  case Message::Model:
    return field == 7    ? Message::MainGraph
           : field == 25 ? Message::Function
                         : Message::Leaf;
  case Message::MainGraph:
    return field == 1   ? Message::Node
           : field == 5 ? Message::Initializer
                        : Message::Leaf;
  case Message::Graph:
    return field == 1 ? Message::Node : Message::Leaf;
  case Message::Function:
    return field == 7 ? Message::Node : Message::Leaf;
  case Message::Node:
    return field == 5 ? Message::Attribute : Message::Leaf;
  case Message::Attribute:
    return field == 6 || field == 11 ? Message::Graph : Message::Leaf;
  case Message::Initializer:
  case Message::Leaf:
    break;
  }
  return Message::Leaf;
}

class Walk {
public:
  Walk(llvm::StringRef bytes, LargeWeights &large)
      : bytes(bytes), large(large) {}

  std::string problem;

  bool message(Message kind, size_t end, int graphs) {
    if (graphs > kMaxNesting)
      return fail("E_DEPTH: subgraphs nest deeper than " +
                  llvm::Twine(kMaxNesting));
    while (at < end) {
      size_t start = at;
      uint64_t tag = 0;
      if (!varint(tag, end))
        return false;
      uint64_t field = tag >> 3, length = 0;
      size_t lengthAt = at;
      if (field == 0)
        return malformed(start);
      switch (tag & 7) {
      case 0:
        if (!varint(length, end))
          return false;
        continue;
      case 1:
        length = 8;
        break;
      case 5:
        length = 4;
        break;
      case 2: {
        if (!varint(length, end))
          return false;
        break;
      }
      default: // groups are not used by ONNX
        return malformed(start);
      }
      if (length > end - at) {
        if (length >= INT32_MAX)
          return fail("E_PARSE: a field at byte " + llvm::Twine(start) +
                      " has length " + llvm::Twine(length) +
                      ", past the end of the file");
        return end == bytes.size() ? truncated() : malformed(start);
      }
      Message inner =
          (tag & 7) == 2 ? fieldMessage(kind, field) : Message::Leaf;
      bool isGraph = inner == Message::Graph || inner == Message::MainGraph;
      if (inner == Message::Initializer)
        large.data.emplace_back();
      if (kind == Message::Initializer && field == rawDataField &&
          (tag & 7) == 2)
        rawData(start, length);
      if (inner == Message::Leaf)
        at += length;
      else if (!shortened(lengthAt, length, [&] {
                 return message(inner, at + length, graphs + isGraph);
               }))
        return false;
    }
    return true;
  }

private:
  /// Raw data of the last initializer, `length` bytes from here on, in a field
  /// that begins at `start`. Of several fields the last counts.
  void rawData(size_t start, uint64_t length) {
    bool isLarge = length >= smallestMapped;
    large.data.back() = isLarge ? bytes.substr(at, length) : llvm::StringRef();
    if (!isLarge)
      return;
    large.edits.push_back({start, at + length, ""});
    removed += at + length - start;
  }

  /// Walks a message of `length` bytes, whose length stands at `lengthAt`, and
  /// corrects the length by what was taken out of the message.
  bool shortened(size_t lengthAt, uint64_t length,
                 llvm::function_ref<bool()> walk) {
    size_t edit = large.edits.size(), before = removed, begin = at;
    large.edits.push_back({lengthAt, begin, ""});
    if (!walk())
      return false;
    if (removed == before) {
      large.edits.resize(edit);
      return true;
    }
    uint8_t text[10];
    unsigned size = llvm::encodeULEB128(length - (removed - before), text);
    large.edits[edit].text.assign(text, text + size);
    removed += begin - lengthAt - size;
    return true;
  }

  bool varint(uint64_t &value, size_t end) {
    size_t start = at;
    value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at == end)
        return end == bytes.size() ? truncated() : malformed(start);
      uint8_t byte = bytes[at++];
      if (shift < 64)
        value |= uint64_t(byte & 0x7f) << shift;
      if (byte < 0x80)
        return true;
    }
    return malformed(start);
  }
  bool truncated() {
    return fail("E_PARSE: truncated at byte " + llvm::Twine(bytes.size()));
  }
  bool malformed(size_t where) {
    return fail("E_PARSE: not an ONNX model: malformed protobuf at byte " +
                llvm::Twine(where));
  }
  bool fail(const llvm::Twine &text) {
    problem = text.str();
    return false;
  }

  llvm::StringRef bytes;
  LargeWeights &large;
  size_t at = 0;
  size_t removed = 0; ///< bytes, by the edits so far
};

} // namespace

std::string LargeWeights::rest(llvm::StringRef bytes) const {
  std::string text;
  size_t from = 0;
  for (const Edit &edit : edits) {
    text += bytes.slice(from, edit.begin);
    text += edit.text;
    from = edit.end;
  }
  text += bytes.substr(from);
  return text;
}

std::string nacre::onnx_frontend::checkWireFormat(llvm::StringRef bytes,
                                                  LargeWeights &large) {
  Walk walk(bytes, large);
  walk.message(Message::Model, bytes.size(), 0);
  return walk.problem;
}
