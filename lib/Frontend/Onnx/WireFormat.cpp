//===- WireFormat.cpp - the shape of a file before it is parsed -----------===//
//
// A parser that meets a length of 2 GiB in a file of 20 bytes can only say
// "failed", and recursion limits of a parser count messages, not graphs. So
// the wire format is walked first: tag by tag, going down only where graphs
// nest, skipping all payloads. Nothing is allocated.
//
//===----------------------------------------------------------------------===//
#include "ModelFile.h"

using namespace nacre::onnx_frontend;

namespace {

enum class Message { Model, Graph, Node, Attribute, Function, Leaf };

/// The message a length-delimited field of `in` holds (onnx.proto).
Message fieldMessage(Message in, uint64_t field) {
  switch (in) {
  case Message::Model:
    return field == 7    ? Message::Graph
           : field == 25 ? Message::Function
                         : Message::Leaf;
  case Message::Graph:
    return field == 1 ? Message::Node : Message::Leaf;
  case Message::Function:
    return field == 7 ? Message::Node : Message::Leaf;
  case Message::Node:
    return field == 5 ? Message::Attribute : Message::Leaf;
  case Message::Attribute:
    return field == 6 || field == 11 ? Message::Graph : Message::Leaf;
  case Message::Leaf:
    break;
  }
  return Message::Leaf;
}

class Walk {
public:
  explicit Walk(llvm::StringRef bytes) : bytes(bytes) {}

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
      if (inner == Message::Leaf)
        at += length;
      else if (!message(inner, at + length,
                        graphs + (inner == Message::Graph ? 1 : 0)))
        return false;
    }
    return true;
  }

private:
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
  size_t at = 0;
};

} // namespace

std::string nacre::onnx_frontend::checkWireFormat(llvm::StringRef bytes) {
  Walk walk(bytes);
  walk.message(Message::Model, bytes.size(), 0);
  return walk.problem;
}
