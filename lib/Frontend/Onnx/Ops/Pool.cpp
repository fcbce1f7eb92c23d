//===- Pool.cpp - pooling: pad, window, reduce ----------------------------===//
#include "Pool.h"
#include "../OpTable.h"
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

/// The window of `kernel_shape` over x.
WindowShape readPool(Node &n, Value x) {
  n.needRank(x, 3);
  if (!n.attribute("kernel_shape"))
    block("E_ATTR: no kernel_shape");
  Ints kernel = positiveAttr(n, "kernel_shape", Node::rank(x) - 2);
  return readWindow(n, x, kernel, n.intAttr("ceil_mode", 0) != 0);
}

/// Reduces each window of the padded x.
Value pool(Node &n, Value x, const WindowShape &w, ReduceKind kind,
           double fill) {
  int64_t rank = Node::rank(x);
  Ints axes, places;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    axes.push_back(i + 2);
    places.push_back(rank + i);
  }
  Value padded = padSpatial(n, x, w.low, w.high, fill);
  Value windows =
      n.build.window(padded, axes, w.kernel, w.strides, w.dilations);
  return n.build.reduce(kind, windows, places);
}

/// Where in x, flattened, the first largest element of each window is; with
/// `columns` the spatial axes are flattened the first one fastest.
Value largestPlaces(Node &n, Value x, const WindowShape &w, double lowest,
                    bool columns) {
  n.needStatic(x);
  int64_t rank = Node::rank(x), count = w.kernel.size(), whole = 1;
  Ints shape(Node::shape(x)), axes, flat(shape), out(shape);
  for (int64_t i = 0; i < count; ++i) {
    axes.push_back(i + 2);
    flat[i + 2] = out[i + 2] = w.output[i];
    whole = mulChecked(whole, w.kernel[i]);
  }
  flat.push_back(whole);
  Value windows = n.build.window(padSpatial(n, x, w.low, w.high, lowest), axes,
                                 w.kernel, w.strides, w.dilations);
  Value left = n.build.argReduce(ReduceKind::max, n.reshape(windows, flat),
                                 rank, /*last=*/false, /*keepDims=*/false);
  auto iota = [&](int64_t axis) {
    return n.build.iota(mlir::RankedTensorType::get(out, n.type(DType::I64)),
                        axis);
  };
  Ints strides(count, 1);
  int64_t image = 1;
  for (int64_t k = 0; k < count; ++k) {
    int64_t i = columns ? k : count - 1 - k;
    strides[i] = image;
    image *= shape[i + 2];
  }
  Value place = n.binary<lazy::MulOp>(
      n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(iota(0), double(shape[1])),
                            iota(1)),
      double(image));
  for (int64_t i = count - 1; i >= 0; --i) {
    // The place within the window, of which the last axis is the fastest.
    Value within = n.binary<lazy::RemOp>(left, double(w.kernel[i]));
    left = n.binary<lazy::DivOp>(left, double(w.kernel[i]));
    Value at = n.binary<lazy::AddOp>(
        n.binary<lazy::MulOp>(iota(i + 2), double(w.strides[i])),
        n.binary<lazy::MulOp>(within, double(w.dilations[i])));
    at = n.binary<lazy::AddOp>(at, double(-w.low[i]));
    // Of nothing but -inf the first may be padding.
    at = n.binary<lazy::MaxOp>(at, 0.0);
    at = n.binary<lazy::MinOp>(at, double(shape[i + 2] - 1));
    place = n.binary<lazy::AddOp>(
        place, n.binary<lazy::MulOp>(at, double(strides[i])));
  }
  return place;
}

void maxPool(Node &n) {
  Value x = n.in(0);
  // Below every value of the type: integers saturate.
  double lowest = -std::numeric_limits<double>::infinity();
  WindowShape w = readPool(n, x);
  n.set(0, pool(n, x, w, ReduceKind::max, lowest));
  if (n.wants(1))
    n.set(1,
          largestPlaces(n, x, w, lowest, n.intAttr("storage_order", 0) != 0));
}

/// How many elements each window holds along one axis.
Ints countsAlong(const WindowShape &w, size_t i, int64_t extent,
                 bool includePad) {
  int64_t begin = includePad ? -w.low[i] : 0;
  int64_t end = includePad ? extent + w.highDeclared[i] : extent;
  Ints counts;
  for (int64_t o = 0; o < w.output[i]; ++o) {
    // Places k with begin <= start + k * dilation < end.
    int64_t start = o * w.strides[i] - w.low[i], dilation = w.dilations[i];
    int64_t first =
        start >= begin ? 0 : (begin - start + dilation - 1) / dilation;
    int64_t last = end <= start ? 0 : (end - start + dilation - 1) / dilation;
    last = std::min(last, w.kernel[i]);
    counts.push_back(std::max<int64_t>(last - first, 0));
  }
  return counts;
}

void averagePool(Node &n) { n.set(0, averagePoolOf(n, n.in(0))); }

/// x to the power p, of x that is not negative.
Value powerOf(Node &n, Value x, double p) {
  if (p == 1)
    return x;
  if (p == 2)
    return n.binary<lazy::MulOp>(x, x);
  return p == 0.5 ? n.unary<lazy::SqrtOp>(x) : n.binary<lazy::PowOp>(x, p);
}

/// An integer from opset 2 on, a float before.
double norm(Node &n) {
  double p = n.opset < 2 ? n.floatAttr("p", 2) : double(n.intAttr("p", 2));
  if (!(p > 0))
    block("E_ATTR: p is not above 0");
  return p;
}

/// (sum over each window of |x|^p)^(1/p).
void lpPool(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  WindowShape w = readPool(n, x);
  double p = norm(n);
  Value terms = powerOf(n, n.build.unary<lazy::AbsOp>(x), p);
  n.set(0, powerOf(n, pool(n, terms, w, ReduceKind::add, 0), 1 / p));
}

Ints spatialAxes(Node &n, Value x) {
  n.needRank(x, 2);
  Ints axes;
  for (int64_t a = 2; a < Node::rank(x); ++a)
    axes.push_back(a);
  return axes;
}

void globalAveragePool(Node &n) { n.set(0, globalAveragePoolOf(n, n.in(0))); }

void globalMaxPool(Node &n) {
  Value x = n.in(0);
  n.set(0, n.build.reduce(ReduceKind::max, x, spatialAxes(n, x), true));
}

void globalLpPool(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  double p = norm(n);
  Value terms = powerOf(n, n.build.unary<lazy::AbsOp>(x), p);
  Value sum = n.build.reduce(ReduceKind::add, terms, spatialAxes(n, x), true);
  n.set(0, powerOf(n, sum, 1 / p));
}

} // namespace

Value onnx_frontend::averagePoolOf(Node &n, Value x) {
  n.needFloat(x);
  WindowShape w = readPool(n, x);
  bool includePad = n.intAttr("count_include_pad", 0) != 0;
  Value sum = pool(n, x, w, ReduceKind::add, 0);
  int64_t whole = 1;
  for (int64_t k : w.kernel)
    whole = mulChecked(whole, k);
  bool partial = false;
  for (size_t i = 0; i < w.kernel.size(); ++i)
    partial |= includePad ? w.high[i] != w.highDeclared[i]
                          : w.low[i] != 0 || w.high[i] != 0;
  if (!partial)
    return n.binary<lazy::DivOp>(sum, double(whole));
  n.needStatic(x);
  // A count for each position: the product of the counts along the axes.
  Tensor counts = n.newTensor(DType::F32, w.output);
  std::fill_n(counts.data<float>(), counts.count(), 1.0f);
  int64_t inner = counts.count();
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    Ints along = countsAlong(w, i, Node::shape(x)[i + 2], includePad);
    int64_t extent = w.output[i];
    inner /= extent;
    for (int64_t at = 0, end = counts.count(); at < end; ++at)
      counts.data<float>()[at] *= float(along[at / inner % extent]);
  }
  // A window wholly in the padding has the sum 0.
  for (int64_t at = 0, end = counts.count(); at < end; ++at)
    counts.data<float>()[at] = std::max(counts.data<float>()[at], 1.0f);
  Value divisor = n.build.cast(n.constantOf(counts), Node::element(x));
  return n.binary<lazy::DivOp>(sum, divisor);
}

Value onnx_frontend::maxPoolOf(Node &n, Value x) {
  return pool(n, x, readPool(n, x), ReduceKind::max,
              -std::numeric_limits<double>::infinity());
}

Value onnx_frontend::globalAveragePoolOf(Node &n, Value x) {
  n.needFloat(x);
  return n.mean(x, spatialAxes(n, x));
}

void onnx_frontend::addPoolOps(OpTable &t) {
  t["MaxPool"] = bounded(maxPool);
  t["AveragePool"] = bounded(averagePool);
  t["LpPool"] = bounded(lpPool);
  t["GlobalLpPool"] = bounded(globalLpPool);
  t["GlobalAveragePool"] = bounded(globalAveragePool);
  t["GlobalMaxPool"] = bounded(globalMaxPool);
}
