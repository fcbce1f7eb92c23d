//===- Sample.h - reading between the elements of an image ------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_SAMPLE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_SAMPLE_H

#include "../Node.h"

namespace nacre::onnx_frontend {

enum class Interpolation { Nearest, Linear, Cubic };

/// What is read outside the image.
enum class Border {
  Zeros,
  Clamp,          ///< the nearest element
  ReflectEdges,   ///< mirrored at the outer edges of the outermost elements
  ReflectCenters, ///< mirrored at their centres
};

/// The type in which places and shares are computed for elements of x: f64 for
/// f64, else f32.
mlir::Type wideType(Node &n, Value x);

/// One of the elements that make up a sample, and its share.
struct Tap {
  Value weight; ///< [rows,1,points..], null for 1
  Value pixel;  ///< [rows,channels,points..]
};

/// The elements of x [batch,channels,extents..] around places that are given
/// for each spatial axis in elements, all of one rank and broadcast to
/// [rows,points..]. `image` (i64, broadcast to the same) is the image that each
/// row reads; null: row i reads image i.
llvm::SmallVector<Tap> sampleTaps(Node &n, Value x,
                                  llvm::ArrayRef<Value> places, Value image,
                                  Interpolation interpolation, Border border);

/// The sum of weight * pixel: [rows,channels,points..].
Value sample(Node &n, Value x, llvm::ArrayRef<Value> places, Value image,
             Interpolation interpolation, Border border);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_SAMPLE_H
