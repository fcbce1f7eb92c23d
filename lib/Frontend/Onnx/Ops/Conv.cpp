//===- Conv.cpp - convolutions --------------------------------------------===//
#include "../OpTable.h"
#include "Quantize.h"
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Blocks unless channels, groups and kernel_shape agree; returns groups.
int64_t checkChannels(Node &n, Value x, Value w) {
  n.needRank(x, 3);
  n.needStatic(w);
  llvm::ArrayRef<int64_t> xs = Node::shape(x), ws = Node::shape(w);
  if (xs.size() != ws.size())
    block("E_SHAPE: weight of shape " + shapeText(ws) +
          " does not fit an input of shape " + shapeText(xs));
  int64_t groups = n.intAttr("group", 1);
  if (groups <= 0)
    block("E_ATTR: group is " + Twine(groups) + ", must be > 0");
  n.needStatic(x, 1);
  if (mulChecked(ws[1], groups) != xs[1])
    block("weight has " + Twine(ws[1] * groups) +
          " input channels but the input has " + Twine(xs[1]));
  if (ws[0] % groups != 0)
    block("E_ATTR: " + Twine(ws[0]) +
          " output channels are not a multiple of " + Twine(groups) +
          " groups");
  if (std::optional<Ints> kernel = n.intsAttr("kernel_shape");
      kernel && llvm::ArrayRef<int64_t>(*kernel) != ws.drop_front(2))
    block("E_ATTR: kernel_shape " + shapeText(*kernel) +
          " differs from the weight's " + shapeText(ws.drop_front(2)));
  return groups;
}

Value convolve(Node &n, Value x, Value w) {
  int64_t groups = checkChannels(n, x, w);
  WindowShape window =
      readWindow(n, x, Node::shape(w).drop_front(2), /*ceil=*/false);
  x = padSpatial(n, x, window.low, window.high, 0);
  return contractConv(n, x, w, groups, window.strides, window.dilations);
}

/// y, the convolution by w, and the optional input i.
Value addBias(Node &n, Value y, Value w, int i) {
  if (!n.has(i))
    return y;
  Value bias = n.in(i);
  if (Node::shape(bias) != llvm::ArrayRef<int64_t>(Node::shape(w)[0]))
    block("E_SHAPE: bias of shape " + shapeText(Node::shape(bias)) + " for " +
          Twine(Node::shape(w)[0]) + " output channels");
  return n.binary<lazy::AddOp>(y, n.channels(bias, Node::rank(y)));
}

void conv(Node &n) {
  Value x = n.in(0), w = n.in(1);
  n.needSameElement(x, w);
  n.set(0, addBias(n, convolve(n, x, w), w, 2));
}

/// The value less its zero point, in i32. A zero point per output channel
/// stands along `axis`.
Value centered(Node &n, Value x, int input, int64_t axis) {
  mlir::Type i32 = n.type(DType::I32);
  Value y = n.build.cast(x, i32);
  if (!n.has(input))
    return y;
  Value zero = n.in(input);
  n.needSameElement(x, zero);
  zero = n.build.cast(zero, i32);
  if (Node::rank(zero) == 1 && Node::shape(zero)[0] != 1)
    zero = n.channels(zero, Node::rank(x), axis);
  else if (Node::rank(zero) == 1)
    zero = n.reshape(zero, {});
  return n.binary<lazy::SubOp>(y, zero);
}

void convInteger(Node &n) {
  Value x = n.in(0), w = n.in(1);
  n.needRank(x, 3);
  n.needRank(w, 3);
  n.set(0, convolve(n, centered(n, x, 2, 0), centered(n, w, 3, 0)));
}

/// Scales are of a whole tensor; w's may be of its output channels.
void qLinearConv(Node &n) {
  Value x = n.in(0), w = n.in(3), own = n.in(1), other = n.in(4);
  n.needRank(x, 3);
  n.needRank(w, 3);
  Value y = convolve(n, centered(n, x, 2, 0), centered(n, w, 5, 0));
  y = addBias(n, y, w, 8);
  n.needFloat(own);
  n.needSameElement(own, other);
  n.needStatic(own);
  if (lazy::tensorType(own).getNumElements() != 1)
    block("E_SHAPE: the input's scale of shape " + shapeText(Node::shape(own)) +
          " must be a scalar");
  if (Node::rank(other) == 1 && Node::shape(other)[0] == Node::shape(w)[0])
    other = n.channels(other, Node::rank(y));
  else if (Node::rank(other) != 0)
    block("E_SHAPE: the weight's scale of shape " +
          shapeText(Node::shape(other)) + " for " + Twine(Node::shape(w)[0]) +
          " output channels");
  Value scale = n.binary<lazy::MulOp>(n.reshape(own, {}), other);
  n.set(0, requantize(n, y, scale, 6, 7));
}

} // namespace

void onnx_frontend::addConvOps(OpTable &t) {
  t["Conv"] = bounded(conv);
  t["QLinearConv"] = bounded(qLinearConv);
  t["ConvInteger"] = bounded(convInteger);
}
