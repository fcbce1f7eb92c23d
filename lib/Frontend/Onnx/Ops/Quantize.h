//===- Quantize.h - integer sums as quantized numbers -----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// round(sum * scale / y_scale) + y_zero_point, saturated to the type of the
/// zero point; `scale`, a float, broadcasts with the i32 `sum`. yScale and
/// yZero are the inputs.
Value requantize(Node &n, Value sum, Value scale, int yScale, int yZero);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H
