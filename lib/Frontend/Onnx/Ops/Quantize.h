//===- Quantize.h - integer sums as quantized numbers -----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// round(sum * scale / y_scale) + y_zero_point, saturated to the type of the
/// zero point; `scale`, a float, broadcasts with the i32 `sum`. yScale and
/// yZero are the inputs.
Value requantize(Node &n, Value sum, Value scale, int yScale, int yZero);

/// round(y / scale) + zero point of the same shape, saturated to type `to`: a
/// scale and, or null, a zero point of one element.
Value quantizeTo(Node &n, Value y, Value scale, Value zero, DType to);

/// x as u8 with a scale and zero point found from its values.
struct DynamicallyQuantized {
  Value value, scale, zero;
};
DynamicallyQuantized quantizeDynamically(Node &n, Value x);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_QUANTIZE_H
