//===- Region.cpp - regions of images and convolutions that move ----------===//
#include "../OpTable.h"
#include "Einsum.h"
#include "Sample.h"
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

/// Where the samples of a region lie along one axis: [rois, pooled, ratio].
Value regionPlaces(Node &n, Value start, Value end, int64_t pooled,
                   int64_t ratio, bool halfPixel) {
  Value length = n.binary<lazy::SubOp>(end, start);
  if (!halfPixel)
    length = n.binary<lazy::MaxOp>(length, 1.0);
  Ints along{Node::shape(start)[0], 1, 1};
  Value bin = n.reshape(n.binary<lazy::DivOp>(length, double(pooled)), along);
  auto type =
      mlir::RankedTensorType::get({1, pooled, ratio}, Node::element(start));
  Value within = n.binary<lazy::AddOp>(n.build.iota(type, 2), 0.5);
  within = n.binary<lazy::AddOp>(n.build.iota(type, 1),
                                 n.binary<lazy::DivOp>(within, double(ratio)));
  return n.binary<lazy::AddOp>(n.reshape(start, along),
                               n.binary<lazy::MulOp>(bin, within));
}

void roiAlign(Node &n) {
  Value x = n.in(0), rois = n.in(1), images = n.in(2);
  n.needFloat(x);
  n.needSameElement(x, rois);
  n.needStatic(rois);
  if (Node::rank(x) != 4 || Node::rank(rois) != 2 || Node::rank(images) != 1 ||
      Node::shape(rois)[1] != 4 ||
      Node::shape(rois)[0] != Node::shape(images)[0])
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + ", rois " +
          shapeText(Node::shape(rois)) + " and batch_indices " +
          shapeText(Node::shape(images)) + " do not fit each other");
  std::string transform =
      n.stringAttr("coordinate_transformation_mode",
                   n.opset < 16 ? "output_half_pixel" : "half_pixel");
  bool half = transform == "half_pixel";
  if (!half && transform != "output_half_pixel")
    block("E_ATTR: unknown coordinate_transformation_mode " +
          quoted(transform));
  std::string mode = n.stringAttr("mode", "avg");
  if (mode != "avg" && mode != "max")
    block("E_ATTR: unknown mode " + quoted(mode));
  int64_t pooled[2] = {n.intAttr("output_height", 1),
                       n.intAttr("output_width", 1)};
  int64_t ratio = n.intAttr("sampling_ratio", 0), count = Node::shape(rois)[0];
  if (pooled[0] < 1 || pooled[1] < 1)
    block("E_ATTR: output_height and output_width must be > 0");
  if (ratio < 1)
    block("sampling_ratio " + Twine(ratio) + " is not supported, it must be " +
          "> 0: the number of samples would depend on the regions");
  mlir::Type given = Node::element(x), wide = wideType(n, x);
  x = n.build.cast(x, wide);
  rois = n.binary<lazy::MulOp>(n.build.cast(rois, wide),
                               n.floatAttr("spatial_scale", 1));
  if (half)
    rois = n.binary<lazy::AddOp>(rois, -0.5);
  auto corner = [&](int64_t i) {
    return n.reshape(n.sliceAxis(rois, 1, i, 1), {count});
  };
  llvm::SmallVector<Value> places;
  Value inside;
  for (int64_t i : {0, 1}) { // a region is x1, y1, x2, y2
    Value p =
        regionPlaces(n, corner(1 - i), corner(3 - i), pooled[i], ratio, half);
    p = n.reshape(p, i == 0 ? Ints{count, pooled[0], ratio, 1, 1}
                            : Ints{count, 1, 1, pooled[1], ratio});
    double extent = double(Node::shape(x)[i + 2]);
    Value in = n.build.binary<lazy::AndOp>(
        n.cmp(lazy::CmpKind::ge, p, n.build.splatLike(p, -1)),
        n.cmp(lazy::CmpKind::le, p, n.build.splatLike(p, extent)));
    inside = inside ? n.binary<lazy::AndOp>(inside, in) : in;
    places.push_back(p);
  }
  Value image =
      n.reshape(n.build.cast(images, n.type(DType::I64)), {count, 1, 1, 1, 1});
  Value y;
  for (const Tap &tap :
       sampleTaps(n, x, places, image, Interpolation::Linear, Border::Clamp)) {
    Value term = n.binary<lazy::MulOp>(tap.pixel, tap.weight);
    if (!y)
      y = term;
    else
      y = mode == "avg" ? n.binary<lazy::AddOp>(y, term)
                        : n.binary<lazy::MaxOp>(y, term);
  }
  Ints perPoint(Node::shape(inside));
  perPoint.insert(perPoint.begin() + 1, 1);
  y = n.where(n.reshape(inside, perPoint), y, n.build.splat(wide, 0));
  y = mode == "avg" ? n.mean(y, {3, 5})
                    : n.build.reduce(ReduceKind::max, y, {3, 5}, true);
  y = n.reshape(y, {count, Node::shape(x)[1], pooled[0], pooled[1]});
  n.set(0, n.build.cast(y, given));
}

/// A convolution each of whose places is moved by an offset of its own.
void deformConv(Node &n) {
  Value x = n.in(0), w = n.in(1), offset = n.in(2);
  n.needFloat(x);
  n.needSameElement(x, w);
  n.needSameElement(x, offset);
  n.needStatic(x);
  n.needRank(x, 3);
  int64_t rank = Node::rank(x), spatial = rank - 2;
  if (Node::rank(w) != rank || Node::rank(offset) != rank)
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + ", weight " +
          shapeText(Node::shape(w)) + " and offset " +
          shapeText(Node::shape(offset)) + " do not have one rank");
  WindowShape window =
      readWindow(n, x, Node::shape(w).drop_front(2), /*ceil=*/false);
  int64_t groups = n.intAttr("group", 1);
  int64_t offsetGroups = n.intAttr("offset_group", 1);
  int64_t batch = Node::shape(x)[0], channels = Node::shape(x)[1];
  int64_t outputs = Node::shape(w)[0], places = 1, points = 1;
  for (int64_t i = 0; i < spatial; ++i) {
    places = mulChecked(places, window.kernel[i]);
    points = mulChecked(points, window.output[i]);
  }
  if (groups < 1 || offsetGroups < 1 || channels % groups != 0 ||
      outputs % groups != 0 || channels % offsetGroups != 0 ||
      Node::shape(w)[1] != channels / groups)
    block("E_SHAPE: weight " + shapeText(Node::shape(w)) + ", group " +
          Twine(groups) + " and offset_group " + Twine(offsetGroups) +
          " do not fit " + Twine(channels) + " channels");
  Ints wanted{batch, mulChecked(mulChecked(offsetGroups, places), spatial)};
  wanted.append(window.output);
  if (Node::shape(offset) != llvm::ArrayRef<int64_t>(wanted))
    block("E_SHAPE: offset has shape " + shapeText(Node::shape(offset)) +
          ", not " + shapeText(wanted));
  mlir::Type given = Node::element(x), wide = wideType(n, x);
  int64_t rows = batch * offsetGroups;
  Ints split{rows, places, spatial}, one{rows, places};
  split.append(window.output);
  one.append(window.output);
  offset = n.reshape(n.build.cast(offset, wide), split);
  llvm::SmallVector<Value> at;
  int64_t inner = places;
  for (int64_t i = 0; i < spatial; ++i) {
    // Element k of the window, along this axis, at output place o.
    inner /= window.kernel[i];
    Ints shape(spatial + 2, 1);
    shape[1] = places;
    shape[i + 2] = window.output[i];
    Tensor base = n.newTensor(DType::F32, shape);
    for (int64_t k = 0, next = 0; k < places; ++k)
      for (int64_t o = 0; o < window.output[i]; ++o)
        base.data<float>()[next++] =
            float(o * window.strides[i] - window.low[i] +
                  k / inner % window.kernel[i] * window.dilations[i]);
    Value moved = n.reshape(n.sliceAxis(offset, 2, i, 1), one);
    at.push_back(
        n.binary<lazy::AddOp>(moved, n.build.cast(n.constantOf(base), wide)));
  }
  Ints image{rows, channels / offsetGroups};
  llvm::append_range(image, Node::shape(x).drop_front(2));
  Value read = sample(n, n.reshape(n.build.cast(x, wide), image), at, {},
                      Interpolation::Linear, Border::Zeros);
  if (n.has(4)) {
    Ints mask{rows, 1, places};
    mask.append(window.output);
    read = n.binary<lazy::MulOp>(read,
                                 n.reshape(n.build.cast(n.in(4), wide), mask));
  }
  read = n.reshape(n.build.cast(read, given),
                   {batch, groups, channels / groups, places, points});
  w = n.reshape(w, {groups, outputs / groups, channels / groups, places});
  Ints shape{batch, outputs};
  shape.append(window.output);
  Value y = n.reshape(einsum(n, "ngckp,gock->ngop", {read, w}), shape);
  if (n.has(3)) {
    if (Node::shape(n.in(3)) != llvm::ArrayRef<int64_t>(outputs))
      block("E_SHAPE: bias has shape " + shapeText(Node::shape(n.in(3))) +
            " for " + Twine(outputs) + " channels");
    y = n.binary<lazy::AddOp>(y, n.channels(n.in(3), rank));
  }
  n.set(0, y);
}

} // namespace

void onnx_frontend::addRegionOps(OpTable &t) {
  t["RoiAlign"] = roiAlign;
  t["DeformConv"] = deformConv;
}
