//===- Pool.cpp - pooling: pad, window, reduce ----------------------------===//
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

void maxPool(Node &n) {
  n.onlyOutputs(1);
  Value x = n.in(0);
  // Below every value of the type: integers saturate.
  double lowest = -std::numeric_limits<double>::infinity();
  n.set(0, pool(n, x, readPool(n, x), ReduceKind::max, lowest));
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

void averagePool(Node &n) {
  Value x = n.in(0);
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
    return n.set(0, n.binary<lazy::DivOp>(sum, double(whole)));
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
  n.set(0, n.binary<lazy::DivOp>(sum, divisor));
}

Ints spatialAxes(Node &n, Value x) {
  n.needRank(x, 2);
  Ints axes;
  for (int64_t a = 2; a < Node::rank(x); ++a)
    axes.push_back(a);
  return axes;
}

void globalAveragePool(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.set(0, n.mean(x, spatialAxes(n, x)));
}

void globalMaxPool(Node &n) {
  Value x = n.in(0);
  n.set(0, n.build.reduce(ReduceKind::max, x, spatialAxes(n, x), true));
}

} // namespace

void onnx_frontend::addPoolOps(OpTable &t) {
  t["MaxPool"] = maxPool;
  t["AveragePool"] = averagePool;
  t["GlobalAveragePool"] = globalAveragePool;
  t["GlobalMaxPool"] = globalMaxPool;
}
