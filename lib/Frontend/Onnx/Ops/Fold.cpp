//===- Fold.cpp - windows and maxima put back into images -----------------===//
#include "../OpTable.h"
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Blocks [batch, channels * block.., places..] added into an image.
void col2Im(Node &n) {
  Value x = n.in(0);
  n.needStatic(x);
  Ints image = n.constantInts(1, "image_shape");
  Ints kernel = n.constantInts(2, "block_shape");
  size_t spatial = image.size();
  if (Node::rank(x) != 3 || kernel.size() != spatial || spatial == 0)
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + ", image_shape " +
          shapeText(image) + " and block_shape " + shapeText(kernel) +
          " do not fit each other");
  Ints strides = positiveAttr(n, "strides", spatial);
  Ints dilations = positiveAttr(n, "dilations", spatial);
  auto [low, high] = padsAttr(n, spatial);
  Ints padded, places, axes;
  int64_t size = 1, count = 1;
  for (size_t i = 0; i < spatial; ++i) {
    if (image[i] < 1 || kernel[i] < 1)
      block("E_ATTR: image_shape " + shapeText(image) + " and block_shape " +
            shapeText(kernel) + " must be > 0");
    padded.push_back(addChecked(addChecked(image[i], low[i]), high[i]));
    int64_t reach = addChecked(mulChecked(kernel[i] - 1, dilations[i]), 1);
    places.push_back(padded[i] < reach ? 0
                                       : (padded[i] - reach) / strides[i] + 1);
    size = mulChecked(size, kernel[i]);
    count = mulChecked(count, places[i]);
    axes.push_back(i + 2);
  }
  Ints from(Node::shape(x));
  if (from[1] % size != 0 || from[2] != count || count == 0)
    block("E_SHAPE: input " + shapeText(from) + " does not have " +
          Twine(count) + " blocks of " + Twine(size) + " elements");
  int64_t channels = from[1] / size;
  // [batch, channels, block.., places..] to the shape of a window.
  Ints apart{from[0], channels}, order{0, 1}, shape{from[0], channels};
  apart.append(kernel);
  apart.append(places);
  for (size_t i = 0; i < spatial; ++i)
    order.push_back(2 + spatial + i);
  for (size_t i = 0; i < spatial; ++i)
    order.push_back(2 + i);
  shape.append(padded);
  n.needShape(shape);
  Value y = n.build.permute(n.reshape(x, apart), order);
  y = n.build.unwindow(y, axes, padded, strides, dilations);
  Ints starts{0, 0}, sizes{from[0], channels};
  starts.append(low);
  sizes.append(image);
  n.set(0, n.build.slice(y, starts, sizes));
}

/// The elements of x at the places that MaxPool took them from, zeros around.
void maxUnpool(Node &n) {
  Value x = n.in(0), index = n.in(1);
  n.needStatic(x);
  n.needRank(x, 3);
  if (Node::dtype(index) != DType::I64 || Node::shape(index) != Node::shape(x))
    block("E_SHAPE: indices " + shapeText(Node::shape(index)) + " " +
          dtypeName(Node::dtype(index)) + " do not fit input " +
          shapeText(Node::shape(x)));
  int64_t rank = Node::rank(x);
  size_t spatial = rank - 2;
  if (!n.attribute("kernel_shape"))
    block("E_ATTR: no kernel_shape");
  Ints kernel = positiveAttr(n, "kernel_shape", spatial);
  Ints strides = positiveAttr(n, "strides", spatial);
  auto [low, high] = padsAttr(n, spatial);
  Ints shape(Node::shape(x).take_front(2));
  int64_t count = mulChecked(shape[0], shape[1]), elements = count;
  bool overlap = false;
  for (size_t i = 0; i < spatial; ++i) {
    int64_t extent = Node::shape(x)[i + 2];
    int64_t out = addChecked(mulChecked(extent - 1, strides[i]), kernel[i]) -
                  low[i] - high[i];
    if (extent < 1 || out < 1)
      block("E_SHAPE: pads leave no output on spatial axis " + Twine(i));
    shape.push_back(out);
    elements = mulChecked(elements, extent);
    count = mulChecked(count, out);
    overlap |= kernel[i] > strides[i];
  }
  n.needShape(shape);
  index = n.reshape(index, {elements});
  auto put = [&](Value v) {
    return n.reshape(n.build.scatter(n.reshape(v, {elements}), index, 0, count),
                     shape);
  };
  Value y = put(x);
  if (overlap) { // the maximum of several windows is there several times
    Value times = put(n.build.splatLike(x, 1));
    Value one = n.build.splat(Node::element(x), 1);
    y = n.binary<lazy::DivOp>(y, n.binary<lazy::MaxOp>(times, one));
  }
  if (n.has(2)) {
    Ints wanted = n.constantInts(2, "output_shape"), none(rank, 0), after;
    for (int64_t i = 0; i < rank; ++i) {
      if (int64_t(wanted.size()) != rank || wanted[i] < shape[i])
        block("E_SHAPE: output_shape " + shapeText(wanted) +
              " does not hold the unpooled " + shapeText(shape));
      after.push_back(wanted[i] - shape[i]);
    }
    y = n.pad(y, none, after, 0);
  }
  n.set(0, y);
}

} // namespace

void onnx_frontend::addFoldOps(OpTable &t) {
  t["Col2Im"] = col2Im;
  t["MaxUnpool"] = maxUnpool;
}
