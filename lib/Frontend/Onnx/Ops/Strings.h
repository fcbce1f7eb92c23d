//===- Strings.h - strings and numbers --------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_STRINGS_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_STRINGS_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Output 0 is input 0 as numbers of type `to`, or, without one, as strings.
/// The input is of strings or `to` is missing.
void castStrings(Node &n, std::optional<DType> to);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_STRINGS_H
