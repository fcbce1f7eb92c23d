//===- Window.h - kernels, strides and pads of conv and pooling -*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_WINDOW_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_WINDOW_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// The geometry of a sliding window over the spatial axes, all checked.
struct WindowShape {
  Ints kernel, strides, dilations;
  Ints low, high;    ///< padding, including what ceil_mode adds at the end
  Ints highDeclared; ///< padding at the end without that
  Ints output;
};

/// Attribute `name` with one value > 0 for each spatial axis; ones when absent.
Ints positiveAttr(Node &n, llvm::StringRef name, size_t count);

/// `pads` as (low, high); zeros when absent. Blocks on negative ones.
std::pair<Ints, Ints> padsAttr(Node &n, size_t count);

/// Reads strides, dilations, pads, auto_pad (and ceil_mode) for a window of
/// extents `kernel` over axes 2.. of `x`.
WindowShape readWindow(Node &n, Value x, llvm::ArrayRef<int64_t> kernel,
                       bool ceil);

/// x with axes 2.. padded by `fill`.
Value padSpatial(Node &n, Value x, llvm::ArrayRef<int64_t> low,
                 llvm::ArrayRef<int64_t> high, double fill);

/// A grouped convolution without padding as a contraction: x [n,c,i..], w
/// [m,c/g,k..] to [n,m,o..].
Value contractConv(Node &n, Value x, Value w, int64_t groups,
                   llvm::ArrayRef<int64_t> strides,
                   llvm::ArrayRef<int64_t> dilations);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_WINDOW_H
