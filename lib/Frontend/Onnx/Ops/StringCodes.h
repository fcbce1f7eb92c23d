//===- StringCodes.h - ops on strings as on numbers -------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_STRINGCODES_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_STRINGCODES_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Different strings in order; a string's code is its place. These codes are
/// for one node; Node::codes are the program's.
class StringCodes {
public:
  explicit StringCodes(std::vector<std::string> strings);
  /// The codes as an i64 constant; every string must be among those given.
  Value encode(Node &n, const StringTensor &strings) const;
  /// The strings of such codes, those of the run where they are not known.
  Datum decode(Node &n, Value codes) const;

private:
  std::vector<std::string> strings;
};

/// Whether the node has an input of strings and an op that only moves,
/// compares or orders elements, whatever they are.
bool worksOnCodes(Node &n);

/// Imports such a node with codes in place of strings.
void importOnCodes(Node &n, void (*importer)(Node &));

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_STRINGCODES_H
