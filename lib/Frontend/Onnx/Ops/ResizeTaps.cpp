//===- ResizeTaps.cpp - where resampled elements come from ----------------===//
#include "ResizeTaps.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Where output place o lies in the source. Real is float where a rounding
/// decides: other implementations compute in f32, and ties must fall the same
/// way.
template <typename Real>
double sourcePlace(const Method &m, const AxisPlan &a, int64_t o) {
  Real x = Real(o), scale = Real(a.scale), half = Real(0.5);
  Real in = Real(a.in), out = Real(a.out);
  if (m.coordinates == "half_pixel")
    return (x + half) / scale - half;
  if (m.coordinates == "half_pixel_symmetric") {
    Real adjust = out / (scale * in);
    return in / 2 * (1 - adjust) + (x + half) / scale - half;
  }
  if (m.coordinates == "pytorch_half_pixel")
    return a.out > 1 ? (x + half) / scale - half : 0;
  if (m.coordinates == "align_corners")
    // The specification takes the length before it is rounded down.
    return a.out > 1 ? x * (in - 1) / (scale * in - 1) : 0;
  if (m.coordinates == "asymmetric")
    return x / scale;
  if (m.coordinates == "tf_half_pixel_for_nn")
    return (x + half) / scale;
  if (m.coordinates == "tf_crop_and_resize") {
    Real start = Real(a.roiStart), end = Real(a.roiEnd);
    return a.out > 1
               ? start * (in - 1) + x * (end - start) * (in - 1) / (out - 1)
               : half * (start + end) * (in - 1);
  }
  block("E_ATTR: unknown coordinate_transformation_mode " +
        quoted(m.coordinates));
}

int64_t nearestPlace(const Method &m, const AxisPlan &a, double x) {
  if (m.nearest == "round_prefer_floor")
    return int64_t(std::ceil(x - 0.5));
  if (m.nearest == "round_prefer_ceil")
    return int64_t(std::floor(x + 0.5));
  if (m.nearest == "floor")
    return int64_t(std::floor(x));
  if (m.nearest == "ceil")
    return int64_t(std::ceil(x));
  if (m.nearest == "simple") // before opset 11
    return int64_t(a.scale < 1 ? std::ceil(x) : std::floor(x));
  block("E_ATTR: unknown nearest_mode " + quoted(m.nearest));
}

/// The kernel at distance d: a triangle, or Keys' cubic.
double kernelAt(const Method &m, double d) {
  d = std::fabs(d);
  if (m.mode == "linear")
    return std::max(0.0, 1 - d);
  double a = m.cubic;
  if (d < 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2)
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

} // namespace

Taps onnx_frontend::makeTaps(Node &n, const Method &m, const AxisPlan &a) {
  bool nearest = m.mode == "nearest";
  int64_t support = m.mode == "linear" ? 1 : 2;
  double shrink = m.antialias && a.scale < 1 ? a.scale : 1;
  // Places floor(x) + first .. floor(x) + 1 - first.
  double first = nearest ? 0 : std::floor(-double(support) / shrink) + 1;
  if (!(first > -1e6))
    block("E_LIMIT: the filter is too wide");
  Taps t;
  t.width = nearest ? 1 : 2 - 2 * int64_t(first);
  n.newTensor(DType::I64, {a.out, t.width}); // within the limit?
  for (int64_t o = 0; o < a.out; ++o) {
    bool single = nearest && std::max(a.in, a.out) < (1 << 22);
    double x =
        single ? sourcePlace<float>(m, a, o) : sourcePlace<double>(m, a, o);
    if (!(std::fabs(x) < 1e15))
      block("E_ATTR: scales are out of range");
    t.outside.push_back(m.coordinates == "tf_crop_and_resize" &&
                        (x < 0 || x > double(a.in - 1)));
    if (nearest) {
      t.place.push_back(nearestPlace(m, a, x));
      t.weight.push_back(1);
      continue;
    }
    int64_t base = int64_t(std::floor(x));
    double sum = 0;
    size_t from = t.weight.size();
    for (int64_t k = 0; k < t.width; ++k) {
      int64_t place = base + int64_t(first) + k;
      double weight = kernelAt(m, (double(place) - x) * shrink);
      if (m.excludeOutside && (place < 0 || place >= a.in))
        weight = 0;
      t.place.push_back(place);
      t.weight.push_back(weight);
      sum += weight;
    }
    for (size_t k = from; k < t.weight.size() && sum != 0; ++k)
      t.weight[k] /= sum;
  }
  return t;
}
