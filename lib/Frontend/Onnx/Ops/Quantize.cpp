//===- Quantize.cpp - quantizing and dequantizing -------------------------===//
#include "Quantize.h"
#include "../OpTable.h"
#include "Cast.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

/// A scale or zero point with an element for each block along an axis, repeated
/// for all of the block.
Value alongBlocks(Node &n, Value x, Value parameter, int64_t size,
                  llvm::StringRef what) {
  int64_t rank = Node::rank(x), axis = n.axis(n.intAttr("axis", 1), rank);
  n.needStatic(x, axis);
  int64_t extent = Node::shape(x)[axis];
  Ints wanted(Node::shape(x));
  wanted[axis] = size > 0 ? (extent + size - 1) / size : -1;
  if (Node::shape(parameter) != llvm::ArrayRef<int64_t>(wanted))
    block("E_SHAPE: " + what + " of shape " +
          shapeText(Node::shape(parameter)) + " for blocks of " + Twine(size) +
          " along axis " + Twine(axis) + " of shape " +
          shapeText(Node::shape(x)));
  Ints apart(wanted), joined(wanted);
  apart.insert(apart.begin() + axis + 1, 1);
  Ints grown(apart);
  grown[axis + 1] = size;
  joined[axis] = mulChecked(wanted[axis], size);
  n.needShape(joined);
  Value whole =
      n.reshape(n.build.expand(n.reshape(parameter, apart), grown), joined);
  return n.sliceAxis(whole, axis, 0, extent);
}

/// A scale or zero point for use beside x: a scalar, along one axis, or for
/// each block of one.
Value alongAxis(Node &n, Value x, Value parameter, llvm::StringRef what) {
  n.needStatic(parameter);
  int64_t rank = Node::rank(parameter);
  if (rank == 0 || (rank == 1 && Node::shape(parameter)[0] == 1))
    return n.reshape(parameter, {});
  int64_t size = n.intAttr("block_size", 0);
  if (size != 0)
    return alongBlocks(n, x, parameter, size, what);
  if (n.opset < 13 || rank != 1)
    block("E_SHAPE: " + what + " of shape " +
          shapeText(Node::shape(parameter)) + " must be a scalar" +
          (n.opset < 13 ? "" : " or a vector"));
  int64_t axis = n.axis(n.intAttr("axis", 1), Node::rank(x));
  if (Node::shape(parameter)[0] != Node::shape(x)[axis])
    block("E_SHAPE: " + what + " has " + Twine(Node::shape(parameter)[0]) +
          " elements, axis " + Twine(axis) + " has " +
          Twine(Node::shape(x)[axis]));
  return n.channels(parameter, Node::rank(x), axis);
}

void checkScale(Node &n, Value scale) {
  n.needFloat(scale);
  std::optional<Tensor> known = n.importer.constantValue(scale);
  for (int64_t i = 0, count = known ? known->count() : 0; i < count; ++i)
    if (!(known->numberAt(i) != 0))
      block("E_ATTR: scale[" + Twine(i) + "] is 0");
}

bool isZero(Node &n, Value v) {
  std::optional<Tensor> known = n.importer.constantValue(v);
  if (!known)
    return false;
  for (int64_t i = 0, count = known->count(); i < count; ++i)
    if (known->numberAt(i) != 0)
      return false;
  return true;
}

/// Clamps floats to the limits of an integer type and converts; to a float as a
/// cast would.
Value saturate(Node &n, Value x, DType to) {
  double low, high;
  switch (to) {
  case DType::I8:
    low = -128, high = 127;
    break;
  case DType::U8:
    low = 0, high = 255;
    break;
  case DType::I16:
    low = -32768, high = 32767;
    break;
  case DType::U16:
    low = 0, high = 65535;
    break;
  case DType::I4:
    low = -8, high = 7;
    break;
  case DType::U4:
    low = 0, high = 15;
    break;
  case DType::I2:
    low = -2, high = 1;
    break;
  case DType::U2:
    low = 0, high = 3;
    break;
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
  case DType::F4E2M1:
    return castTo(n, x, to);
  default:
    block("cannot quantize to " + Twine(dtypeName(to)));
  }
  x = n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(x, low), high);
  return n.build.cast(x, n.type(to));
}

/// A type by its ONNX number; absent or 0 leaves the choice to the op.
std::optional<DType> givenType(Node &n, llvm::StringRef name) {
  int64_t given = n.intAttr(name, 0);
  if (given == 0)
    return std::nullopt;
  return dtypeOfOnnx(int32_t(std::clamp<int64_t>(given, 0, 9999)), name);
}

/// The same of a float type.
std::optional<mlir::Type> givenFloat(Node &n, llvm::StringRef name) {
  std::optional<DType> given = givenType(n, name);
  if (!given)
    return std::nullopt;
  if (!isFloatDType(*given) || isNarrow(*given))
    block("E_DTYPE: " + name + ": " + dtypeName(*given) +
          " is not a float type");
  return n.type(*given);
}

void quantize(Node &n) {
  Value x = n.in(0), scale = n.in(1);
  checkScale(n, scale);
  mlir::Type f32 = n.type(DType::F32);
  DType to = DType::U8;
  if (n.has(2))
    to = Node::dtype(n.in(2));
  else
    to = givenType(n, "output_dtype").value_or(to);
  // Of the division; from opset 23 the node may say.
  mlir::Type precision = givenFloat(n, "precision").value_or(f32);
  scale = alongAxis(n, x, n.build.cast(scale, precision), "scale");
  Value y = n.binary<lazy::DivOp>(n.build.cast(x, precision), scale);
  y = n.build.cast(y, f32);
  if (!isFloatDType(to))
    y = n.unary<lazy::RoundOp>(y);
  if (n.has(2) && !isZero(n, n.in(2)))
    y = n.binary<lazy::AddOp>(
        y, alongAxis(n, x, n.build.cast(n.in(2), f32), "zero point"));
  n.set(0, saturate(n, y, to));
}

void dequantize(Node &n) {
  Value x = n.in(0), scale = n.in(1);
  n.needFloat(scale);
  mlir::Type f32 = n.type(DType::F32);
  mlir::Type to = givenFloat(n, "output_dtype").value_or(Node::element(scale));
  Value y = n.build.cast(x, f32);
  if (n.has(2)) {
    n.needSameElement(x, n.in(2));
    if (!isZero(n, n.in(2)))
      y = n.binary<lazy::SubOp>(
          y, alongAxis(n, x, n.build.cast(n.in(2), f32), "zero point"));
  }
  y = n.binary<lazy::MulOp>(y,
                            alongAxis(n, x, n.build.cast(scale, f32), "scale"));
  n.set(0, n.build.cast(y, to));
}

void dynamicQuantize(Node &n) {
  DynamicallyQuantized q = quantizeDynamically(n, n.in(0));
  n.set(0, q.value);
  n.set(1, q.scale);
  n.set(2, q.zero);
}

} // namespace

Value onnx_frontend::requantize(Node &n, Value sum, Value scale, int yScale,
                                int yZero) {
  Value own = n.in(yScale), zero = n.in(yZero);
  mlir::Type f32 = n.type(DType::F32);
  checkScale(n, own);
  auto scalar = [&](Value v, llvm::StringRef what) {
    if (!lazy::tensorType(v).hasStaticShape() ||
        lazy::tensorType(v).getNumElements() != 1)
      block("E_SHAPE: " + what + " of shape " + shapeText(Node::shape(v)) +
            " must be a scalar");
    return n.build.cast(n.reshape(v, {}), f32);
  };
  Value factor = n.binary<lazy::DivOp>(n.build.cast(scale, f32),
                                       scalar(own, "the result's scale"));
  Value y = n.binary<lazy::MulOp>(n.build.cast(sum, f32), factor);
  y = n.binary<lazy::AddOp>(n.unary<lazy::RoundOp>(y),
                            scalar(zero, "the result's zero point"));
  return saturate(n, y, Node::dtype(zero));
}

DynamicallyQuantized onnx_frontend::quantizeDynamically(Node &n, Value x) {
  n.needFloat(x);
  Ints all;
  for (int64_t a = 0; a < Node::rank(x); ++a)
    all.push_back(a);
  Value low =
      n.binary<lazy::MinOp>(n.build.reduce(ReduceKind::min, x, all), 0.0);
  Value high =
      n.binary<lazy::MaxOp>(n.build.reduce(ReduceKind::max, x, all), 0.0);
  Value span = n.binary<lazy::SubOp>(high, low);
  Value one = n.build.splat(Node::element(x), 1);
  // Zeros only: any scale will do.
  Value flat =
      n.cmp(lazy::CmpKind::eq, span, n.build.splat(Node::element(x), 0));
  Value scale = n.where(flat, one, n.binary<lazy::DivOp>(span, 255.0));
  Value zero = n.unary<lazy::RoundOp>(
      n.binary<lazy::DivOp>(n.build.unary<lazy::NegOp>(low), scale));
  zero = n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(zero, 0.0), 255.0);
  Value y = n.unary<lazy::RoundOp>(n.binary<lazy::DivOp>(x, scale));
  return {saturate(n, n.binary<lazy::AddOp>(y, zero), DType::U8), scale,
          n.build.cast(zero, n.type(DType::U8))};
}

Value onnx_frontend::quantizeTo(Node &n, Value y, Value scale, Value zero,
                                DType to) {
  mlir::Type f32 = n.type(DType::F32);
  checkScale(n, scale);
  y = n.binary<lazy::DivOp>(y, n.build.cast(scale, f32));
  y = n.unary<lazy::RoundOp>(y);
  if (zero && !isZero(n, zero))
    y = n.binary<lazy::AddOp>(y, n.build.cast(zero, f32));
  return saturate(n, y, to);
}

void onnx_frontend::addQuantizeOps(OpTable &t) {
  t["QuantizeLinear"] = bounded(quantize);
  t["DequantizeLinear"] = bounded(dequantize);
  t["DynamicQuantizeLinear"] = bounded(dynamicQuantize);
}
