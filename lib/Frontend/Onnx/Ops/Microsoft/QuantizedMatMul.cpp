//===- QuantizedMatMul.cpp - com.microsoft: products of integers ----------===//
//
// Sums of products are made in 32-bit integers, as MatMulInteger makes them,
// and scaled once.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "../Einsum.h"
#include "../MatMul.h"
#include "../Quantize.h"
#include "Attention.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Bytes less their zero point (null: none), in i32.
Value centered(Node &n, Value x, Value zero) {
  DType dtype = Node::dtype(x);
  if (dtype != DType::U8 && dtype != DType::I8)
    block("is not supported on " + Twine(dtypeName(dtype)));
  mlir::Type i32 = n.type(DType::I32);
  Value y = n.build.cast(x, i32);
  if (!zero)
    return y;
  n.needSameElement(x, zero);
  if (Node::rank(zero) == 1 && Node::shape(zero)[0] == 1)
    zero = n.reshape(zero, {});
  return n.binary<lazy::SubOp>(y, n.build.cast(zero, i32));
}

/// A scale of one element as a scalar, others as they are.
Value scaleInput(Node &n, int i) {
  Value scale = n.in(i);
  n.needFloat(scale);
  n.needStatic(scale);
  return lazy::tensorType(scale).getNumElements() == 1 ? n.reshape(scale, {})
                                                       : scale;
}

/// sum * aScale * bScale + input `bias`; all broadcast to the sum.
Value scaled(Node &n, Value sum, Value aScale, Value bScale, int bias) {
  Value scale = n.binary<lazy::MulOp>(aScale, bScale);
  Value y =
      n.binary<lazy::MulOp>(n.build.cast(sum, Node::element(scale)), scale);
  if (n.has(bias))
    y = n.binary<lazy::AddOp>(y, n.in(bias));
  if (Node::shape(y) != Node::shape(sum))
    block("E_SHAPE: a scale or the bias does not broadcast to " +
          shapeText(Node::shape(sum)));
  return y;
}

void matMulIntegerToFloat(Node &n) {
  Value sum = matrixProduct(n, centered(n, n.in(0), n.optional(4)),
                            centered(n, n.in(1), n.optional(5)));
  n.set(0, scaled(n, sum, scaleInput(n, 2), scaleInput(n, 3), 6));
}

/// The same of floats, which are quantized first.
void dynamicQuantizeMatMul(Node &n) {
  n.needFloat(n.in(0));
  DynamicallyQuantized a = quantizeDynamically(n, n.in(0));
  Value sum = matrixProduct(n, centered(n, a.value, a.zero),
                            centered(n, n.in(1), n.optional(3)));
  n.set(0, scaled(n, sum, a.scale, scaleInput(n, 2), 4));
}

/// alpha * a_scale * b_scale * ((A - a_zero) (B - b_zero) + C), quantized where
/// there is a y_scale.
void qGemm(Node &n) {
  Value a = n.in(0), b = n.in(3);
  bool ta = n.intAttr("transA", 0) != 0, tb = n.intAttr("transB", 0) != 0;
  if (Node::rank(a) != 2 || Node::rank(b) != 2)
    block("E_SHAPE: shapes " + shapeText(Node::shape(a)) + " and " +
          shapeText(Node::shape(b)) + " are not matrices");
  Value zero = n.optional(5), columns = zero;
  if (columns && tb && Node::rank(columns) == 1 && Node::shape(columns)[0] != 1)
    columns = n.reshape(columns, {Node::shape(columns)[0], 1});
  Value sum = einsum(
      n, (ta ? Twine("ki,") : Twine("ik,")).str() + (tb ? "jk->ij" : "kj->ij"),
      {centered(n, a, n.optional(2)), centered(n, b, columns)});
  Ints shape(Node::shape(sum));
  if (n.has(6)) {
    if (Node::dtype(n.in(6)) != DType::I32)
      block("C has element type " + Twine(dtypeName(Node::dtype(n.in(6)))) +
            ", not i32");
    sum = n.binary<lazy::AddOp>(sum, n.in(6));
    if (Node::shape(sum) != llvm::ArrayRef<int64_t>(shape))
      block("E_SHAPE: C of shape " + shapeText(Node::shape(n.in(6))) +
            " does not broadcast to " + shapeText(shape));
  }
  Value scale = n.binary<lazy::MulOp>(scaleInput(n, 1), scaleInput(n, 4));
  scale = n.binary<lazy::MulOp>(scale, n.floatAttr("alpha", 1));
  Value y;
  if (n.has(7))
    y = requantize(n, sum, scale, 7, 8);
  else
    y = n.binary<lazy::MulOp>(n.build.cast(sum, Node::element(scale)), scale);
  if (Node::shape(y) != llvm::ArrayRef<int64_t>(shape))
    block("E_SHAPE: a scale does not broadcast to " + shapeText(shape));
  n.set(0, y);
}

/// Attention whose projection is of integers.
void qAttention(Node &n) {
  Value x = n.in(0), w = n.in(1);
  if (n.intAttr("do_rotary", 0) != 0)
    block("do_rotary is not supported");
  if (Node::rank(x) != 3 || Node::rank(w) != 2 ||
      Node::shape(x)[2] != Node::shape(w)[0])
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + " and weights " +
          shapeText(Node::shape(w)) + " do not multiply");
  Value sum = matrixProduct(n, centered(n, x, n.optional(6)),
                            centered(n, w, n.optional(7)));
  attendProjected(n, scaled(n, sum, scaleInput(n, 3), scaleInput(n, 4), 2),
                  /*mask=*/5, /*past=*/8, /*bias=*/-1);
}

/// An LSTM with bytes as weights, [directions,in,4 * hidden] with a scale and a
/// zero point for each direction or column. Inputs and states stay floats.
void dynamicQuantizeLstm(Node &n) {
  onnx::NodeProto proto = n.proto;
  proto.set_op_type("LSTM");
  if (n.inputCount() < 12)
    block("input " + Twine(n.inputCount()) + " is missing");
  proto.mutable_input()->DeleteSubrange(8, 4);
  for (int i : {1, 2}) {
    Value w = n.in(i), scale = n.in(6 + 2 * i), zero = n.in(7 + 2 * i);
    n.needStatic(scale);
    if (Node::rank(w) != 3)
      block("E_SHAPE: weights of shape " + shapeText(Node::shape(w)) +
            " are not [directions,in,4 * hidden]");
    n.needSameElement(w, zero);
    mlir::Type f32 = n.type(DType::F32);
    auto along = [&](Value v) { // [directions,1,1 or columns]
      if (Node::rank(v) < 1 || Node::rank(v) > 2)
        block("E_SHAPE: a scale or zero point of shape " +
              shapeText(Node::shape(v)));
      int64_t columns = Node::rank(v) == 2 ? Node::shape(v)[1] : 1;
      return n.build.cast(n.reshape(v, {Node::shape(v)[0], 1, columns}), f32);
    };
    Value y = n.binary<lazy::MulOp>(
        n.binary<lazy::SubOp>(n.build.cast(w, f32), along(zero)), along(scale));
    if (Node::shape(y) != Node::shape(w))
      block("E_SHAPE: a scale or zero point does not broadcast to " +
            shapeText(Node::shape(w)));
    std::string name = "(weights " + std::to_string(i) + " of " + n.name + ")";
    n.scope.values[name] = n.build.permute(y, {0, 2, 1});
    proto.set_input(i, name);
  }
  Node lstm(n.importer, n.scope, proto, 14, n.build.loc, n.name);
  opTable("").lookup("LSTM").import(lstm);
}

} // namespace

void onnx_frontend::addMicrosoftQuantizedMatMulOps(OpTable &t) {
  t["MatMulIntegerToFloat"] = bounded(matMulIntegerToFloat);
  t["DynamicQuantizeMatMul"] = dynamicQuantizeMatMul;
  t["QGemm"] = bounded(qGemm);
  t["QAttention"] = qAttention;
  t["DynamicQuantizeLSTM"] = dynamicQuantizeLstm;
}
