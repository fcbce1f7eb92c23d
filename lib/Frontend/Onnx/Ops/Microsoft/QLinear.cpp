//===- QLinear.cpp - com.microsoft: ops on quantized numbers --------------===//
//
// One way for all: numbers become floats, the op is computed in f32, the result
// is quantized. ONNX Runtime rounds some of its steps elsewhere; results are
// equal or one step apart.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "../AttentionCore.h"
#include "../MatMul.h"
#include "../Pool.h"
#include "../Quantize.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

void needByte(Value v) {
  DType dtype = Node::dtype(v);
  if (dtype != DType::U8 && dtype != DType::I8)
    block("is not supported on " + Twine(dtypeName(dtype)));
}

/// A scale or zero point, which has one element, as a scalar.
Value scalarInput(Node &n, int i, llvm::StringRef what) {
  Value v = n.in(i);
  n.needStatic(v);
  if (lazy::tensorType(v).getNumElements() != 1)
    block("E_SHAPE: " + what + " of shape " + shapeText(Node::shape(v)) +
          " must be a scalar");
  return n.reshape(v, {});
}

/// Input x in f32 by the scale and zero point after it, or by those given.
Value real(Node &n, int x, int scale, int zero) {
  Value v = n.in(x);
  needByte(v);
  mlir::Type f32 = n.type(DType::F32);
  Value y = n.build.cast(v, f32);
  if (n.has(zero)) {
    n.needSameElement(v, n.in(zero));
    y = n.binary<lazy::SubOp>(
        y, n.build.cast(scalarInput(n, zero, "zero point"), f32));
  }
  Value s = scalarInput(n, scale, "scale");
  n.needFloat(s);
  return n.binary<lazy::MulOp>(y, n.build.cast(s, f32));
}
Value real(Node &n, int x) { return real(n, x, x + 1, x + 2); }

/// y as the type of the zero point, or of input `like` if there is none.
Value quantized(Node &n, Value y, int scale, int zero, int like) {
  Value point;
  if (n.has(zero)) {
    point = scalarInput(n, zero, "zero point");
    needByte(point);
  }
  return quantizeTo(n, y, scalarInput(n, scale, "scale"), point,
                    Node::dtype(point ? point : n.in(like)));
}

template <typename Op> void binary(Node &n) {
  n.needSameElement(n.in(0), n.in(3));
  n.set(0, quantized(n, n.binary<Op>(real(n, 0), real(n, 3)), 6, 7, 0));
}

void sigmoid(Node &n) {
  Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(real(n, 0)));
  Value y = n.binary<lazy::DivOp>(n.build.splatLike(e, 1),
                                  n.binary<lazy::AddOp>(e, 1.0));
  n.set(0, quantized(n, y, 3, 4, 0));
}

void leakyRelu(Node &n) {
  Value x = real(n, 0);
  Value positive = n.cmp(lazy::CmpKind::ge, x, n.build.splatLike(x, 0));
  Value y = n.where(positive, x,
                    n.binary<lazy::MulOp>(x, n.floatAttr("alpha", 0.01f)));
  n.set(0, quantized(n, y, 3, 4, 0));
}

/// x with its last axis behind the first one, and back.
Value channelsSecond(Node &n, Value x) {
  n.needRank(x, 3);
  Ints order{0, Node::rank(x) - 1};
  for (int64_t a = 1; a + 1 < Node::rank(x); ++a)
    order.push_back(a);
  return n.build.permute(x, order);
}
Value channelsLast(Node &n, Value x) {
  Ints order{0};
  for (int64_t a = 2; a < Node::rank(x); ++a)
    order.push_back(a);
  order.push_back(1);
  return n.build.permute(x, order);
}

template <Value (*poolOf)(Node &, Value)> void pool(Node &n) {
  bool last = n.intAttr("channels_last", 0) != 0;
  Value x = real(n, 0);
  Value y = poolOf(n, last ? channelsSecond(n, x) : x);
  n.set(0, quantized(n, last ? channelsLast(n, y) : y, 3, 4, 0));
}

void nhwcMaxPool(Node &n) {
  needByte(n.in(0));
  n.set(0, channelsLast(n, maxPoolOf(n, channelsSecond(n, n.in(0)))));
}

void concat(Node &n) {
  if (n.inputCount() < 5 || n.inputCount() % 3 != 2)
    block("E_ATTR: " + Twine(n.inputCount()) +
          " inputs are not a scale, a zero point and three for each tensor");
  if (!n.attribute("axis"))
    block("E_ATTR: no axis");
  llvm::SmallVector<Value> parts;
  for (int i = 2; i < n.inputCount(); i += 3)
    parts.push_back(real(n, i));
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(parts[0]));
  // Each part is quantized on its own, so that bytes are joined.
  for (Value &part : parts)
    part = quantized(n, part, 0, 1, 2);
  n.set(0, n.concat(parts, axis));
}

/// Along one axis; before opset 13 over all from that axis on.
void softmax(Node &n) {
  Value x = real(n, 0);
  n.needRank(x, 1);
  if (!n.attribute("opset"))
    block("E_ATTR: no opset");
  int64_t opset = n.intAttr("opset", 0), rank = Node::rank(x);
  int64_t axis = n.axis(n.intAttr("axis", opset < 13 ? 1 : -1), rank);
  Ints axes{axis};
  for (int64_t a = axis + 1; opset < 13 && a < rank; ++a)
    axes.push_back(a);
  for (int64_t a : axes)
    n.needStatic(x, a);
  Value top = n.build.reduce(ReduceKind::max, x, axes, /*keepDims=*/true);
  Value e = n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(x, top));
  Value y = n.binary<lazy::DivOp>(
      e, n.build.reduce(ReduceKind::add, e, axes, /*keepDims=*/true));
  n.set(0, quantized(n, y, 3, 4, 0));
}

void where(Node &n) {
  n.set(0, quantized(n, n.where(n.in(0), real(n, 1), real(n, 4)), 7, 8, 1));
}

void reduceMean(Node &n) {
  Value x = real(n, 0);
  Ints all;
  for (int64_t a = 0; a < Node::rank(x); ++a)
    all.push_back(a);
  Ints axes = n.axes(n.intsAttr("axes").value_or(all), Node::rank(x));
  Value sum =
      n.build.reduce(ReduceKind::add, x, axes, n.intAttr("keepdims", 1) != 0);
  n.set(0, quantized(n, n.overCount(sum, x, axes), 3, 4, 0));
}

/// An op of the default domain that is the same but for its types.
template <const char *op> void withoutVersion(Node &n) {
  n.opset = 21;
  opTable("").lookup(op).import(n);
}
constexpr char quantizeLinear[] = "QuantizeLinear";
constexpr char dequantizeLinear[] = "DequantizeLinear";

} // namespace

void onnx_frontend::addMicrosoftQLinearOps(OpTable &t) {
  t["QLinearAdd"] = bounded(binary<lazy::AddOp>);
  t["QLinearMul"] = bounded(binary<lazy::MulOp>);
  t["QLinearSigmoid"] = bounded(sigmoid);
  t["QLinearLeakyRelu"] = bounded(leakyRelu);
  t["QLinearAveragePool"] = bounded(pool<averagePoolOf>);
  t["QLinearGlobalAveragePool"] = bounded(pool<globalAveragePoolOf>);
  t["QLinearConcat"] = bounded(concat);
  t["QLinearSoftmax"] = bounded(softmax);
  t["QLinearWhere"] = bounded(where);
  t["QLinearReduceMean"] = bounded(reduceMean);
  t["NhwcMaxPool"] = bounded(nhwcMaxPool);
  t["QuantizeLinear"] = bounded(withoutVersion<quantizeLinear>);
  t["DequantizeLinear"] = bounded(withoutVersion<dequantizeLinear>);
}
