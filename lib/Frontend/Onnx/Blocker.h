//===- Blocker.h - why a model cannot be imported ---------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_BLOCKER_H
#define NACRE_LIB_FRONTEND_ONNX_BLOCKER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace nacre::onnx_frontend {

/// Thrown where an importer cannot go on and caught once per node, tensor or
/// input, so that every reason in a model is reported in one go. It never
/// leaves the frontend.
struct Blocker {
  std::string text;
};

/// Throws a Blocker. Texts are lower case and end without a period.
[[noreturn]] inline void block(const llvm::Twine &text) {
  throw Blocker{text.str()};
}

/// A name from a model as it may stand in a message: in single quotes, bytes
/// outside printable ASCII as \xNN, cut after 120 bytes.
std::string quoted(llvm::StringRef name);

/// "[1,3,?]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_BLOCKER_H
