//===- GridSample.cpp - sampling at given places --------------------------===//
#include "../OpTable.h"
#include "Sample.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

Interpolation readMode(Node &n) {
  std::string mode = n.stringAttr("mode", "linear");
  if (mode == "nearest")
    return Interpolation::Nearest;
  if (mode == "linear" || mode == "bilinear")
    return Interpolation::Linear;
  if (mode == "cubic" || mode == "bicubic")
    return Interpolation::Cubic;
  block("E_ATTR: unknown mode " + quoted(mode));
}

void gridSample(Node &n) {
  Value x = n.in(0), grid = n.in(1);
  n.needFloat(grid);
  n.needStatic(grid);
  int64_t rank = Node::rank(x), spatial = rank - 2;
  if (rank < 3 || Node::rank(grid) != rank ||
      Node::shape(grid).back() != spatial ||
      Node::shape(grid)[0] != Node::shape(x)[0])
    block("E_SHAPE: grid " + shapeText(Node::shape(grid)) +
          " does not fit input " + shapeText(Node::shape(x)));
  Interpolation mode = readMode(n);
  bool corners = n.intAttr("align_corners", 0) != 0;
  std::string padding = n.stringAttr("padding_mode", "zeros");
  Border border;
  if (padding == "zeros")
    border = Border::Zeros;
  else if (padding == "border")
    border = Border::Clamp;
  else if (padding == "reflection")
    border = corners ? Border::ReflectCenters : Border::ReflectEdges;
  else
    block("E_ATTR: unknown padding_mode " + quoted(padding));
  mlir::Type given = Node::element(x);
  grid = n.build.cast(grid, wideType(n, grid));
  if (mode != Interpolation::Nearest) {
    n.needFloat(x);
    x = n.build.cast(x, Node::element(grid));
  }
  Ints points(Node::shape(grid).drop_back());
  llvm::SmallVector<Value> places;
  for (int64_t i = 0; i < spatial; ++i) { // the grid has the last axis first
    double extent = double(Node::shape(x)[i + 2]);
    Value g =
        n.reshape(n.sliceAxis(grid, rank - 1, spatial - 1 - i, 1), points);
    g = n.binary<lazy::AddOp>(g, 1.0);
    if (corners)
      g = n.binary<lazy::MulOp>(n.binary<lazy::MulOp>(g, 0.5), extent - 1);
    else
      g = n.binary<lazy::MulOp>(
          n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(g, extent), -1.0), 0.5);
    places.push_back(g);
  }
  n.set(0, n.build.cast(sample(n, x, places, {}, mode, border), given));
}

/// theta times the places of each element of an image, from -1 to 1.
void affineGrid(Node &n) {
  Value theta = n.in(0);
  n.needFloat(theta);
  Ints size = n.constantInts(1, "size");
  int64_t spatial = int64_t(size.size()) - 2;
  if (spatial < 1 || Node::rank(theta) != 3 ||
      Node::shape(theta) !=
          llvm::ArrayRef<int64_t>({size[0], spatial, spatial + 1}))
    block("E_SHAPE: theta " + shapeText(Node::shape(theta)) +
          " does not fit size " + shapeText(size));
  bool corners = n.intAttr("align_corners", 0) != 0;
  mlir::Type element = Node::element(theta);
  Ints shape{size[0]};
  shape.append(size.begin() + 2, size.end());
  shape.push_back(spatial);
  n.needShape(shape);
  auto column = [&](int64_t j) { // [batch,1..,spatial]
    Ints to(spatial + 2, 1);
    to.front() = size[0];
    to.back() = spatial;
    return n.reshape(n.sliceAxis(theta, 2, j, 1), to);
  };
  Value y = column(spatial);
  for (int64_t j = 0; j < spatial; ++j) { // the last axis first
    int64_t axis = spatial - 1 - j, extent = size[axis + 2];
    if (extent < 1)
      block("E_ATTR: size[" + Twine(axis + 2) + "] is " + Twine(extent) +
            ", must be > 0");
    double step = corners ? (extent > 1 ? 2.0 / double(extent - 1) : 0)
                          : 2.0 / double(extent);
    double start = corners ? (extent > 1 ? -1 : 0) : -1 + step / 2;
    Ints along(spatial + 2, 1);
    along[axis + 1] = extent;
    Value place =
        n.build.iota(mlir::RankedTensorType::get(along, element), axis + 1);
    place = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(place, step), start);
    y = n.binary<lazy::AddOp>(y, n.binary<lazy::MulOp>(column(j), place));
  }
  n.set(0, n.build.expand(y, shape));
}

} // namespace

void onnx_frontend::addGridSampleOps(OpTable &t) {
  t["GridSample"] = gridSample;
  t["AffineGrid"] = affineGrid;
}
