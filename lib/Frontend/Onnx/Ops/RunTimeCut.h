//===- RunTimeCut.h - cutting where the run says ----------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_RUNTIMECUT_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_RUNTIMECUT_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Slice in the form with inputs, some of which depend on data.
void sliceByRun(Node &n);

/// Split along an axis into parts whose sizes, the second input, depend on
/// data.
void splitByRun(Node &n, int64_t axis);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_RUNTIMECUT_H
