//===- Resize.cpp - nearest, linear and cubic resampling ------------------===//
//
// Resampling is separable, so each axis is done alone: for every output place
// a few source places and weights (taps) are known now. Cheapest form first:
//   one tap, whole factor       reshape, expand, reshape
//   one tap, even steps         slice
//   one tap                     gather by a constant index
//   a whole factor f            f short filters, the same everywhere: a
//                               contraction over a window of two or three
//   up to four taps             weighted sum of gathers
//   more (antialiasing)         contraction with the interpolation matrix
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "ResizeTaps.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// f when place[o] is o / f throughout, else 0.
int64_t repeatFactor(const Taps &t, const AxisPlan &a) {
  if (a.out % a.in != 0)
    return 0;
  int64_t f = a.out / a.in;
  for (int64_t o = 0; o < a.out; ++o)
    if (std::clamp<int64_t>(t.place[o], 0, a.in - 1) != o / f)
      return 0;
  return f;
}

Value resampleNearest(Node &n, Value x, int64_t axis, const Taps &t,
                      const AxisPlan &a) {
  Ints shape(Node::shape(x));
  if (int64_t f = repeatFactor(t, a)) {
    Ints apart(shape), grown;
    apart.insert(apart.begin() + axis + 1, 1);
    grown = apart;
    grown[axis + 1] = f;
    shape[axis] = a.out;
    n.needShape(shape);
    return n.reshape(n.build.expand(n.reshape(x, apart), grown), shape);
  }
  Tensor index = Tensor::zeros(DType::I64, {a.out});
  for (int64_t o = 0; o < a.out; ++o)
    index.data<int64_t>()[o] = std::clamp<int64_t>(t.place[o], 0, a.in - 1);
  const int64_t *at = index.data<int64_t>();
  int64_t step = a.out > 1 ? at[1] - at[0] : 1;
  bool even = step > 0;
  for (int64_t o = 1; even && o < a.out; ++o)
    even = at[o] - at[o - 1] == step;
  if (even)
    return n.sliceAxis(x, axis, at[0], a.out, step);
  return n.build.gather(x, n.constantOf(index), axis);
}

/// The same short filter for each of f phases: y[f q + r] = sum over t of
/// x[q + least + t] * w[r,t]. Null when the taps are not of this kind.
Value resamplePhases(Node &n, Value x, int64_t axis, const Taps &t,
                     const AxisPlan &a) {
  if (a.out % a.in != 0 || a.out == a.in)
    return {};
  int64_t f = a.out / a.in, least = INT64_MAX, most = INT64_MIN;
  for (int64_t i = 0, end = t.place.size(); i < end; ++i) {
    int64_t q = i / t.width / f, phase = i % (t.width * f);
    if (t.place[i] - q != t.place[phase] ||
        std::fabs(t.weight[i] - t.weight[phase]) > 1e-9)
      return {};
    if (std::fabs(t.weight[i]) > 1e-12) {
      least = std::min(least, t.place[phase]);
      most = std::max(most, t.place[phase]);
    }
  }
  // No weight at all, or a filter far from its place (a crop).
  if (least > most || least < -16 || most > 16 || least >= a.in)
    return {};
  int64_t width = most - least + 1;
  if (width > 8 || f > 64)
    return {};
  Tensor filter = n.newTensor(DType::F32, {f, width});
  for (int64_t i = 0; i < f * t.width; ++i)
    if (std::fabs(t.weight[i]) > 1e-12)
      filter.data<float>()[i / t.width * width + t.place[i] - least] +=
          float(t.weight[i]);
  // The border repeats its last element.
  llvm::SmallVector<Value> parts;
  auto edge = [&](int64_t at, int64_t times) {
    if (times <= 0)
      return;
    Value end = n.sliceAxis(x, axis, at, 1);
    Ints shape(Node::shape(end));
    shape[axis] = times;
    parts.push_back(n.build.expand(end, shape));
  };
  edge(0, -least);
  parts.push_back(
      least > 0 ? n.sliceAxis(x, axis, least, Node::shape(x)[axis] - least)
                : x);
  edge(a.in - 1, most);
  Value grown = n.concat(parts, axis);
  if (int64_t extra = Node::shape(grown)[axis] - (a.in + width - 1); extra > 0)
    grown = n.sliceAxis(grown, axis, 0, a.in + width - 1);
  mlir::MLIRContext *context = n.importer.builder.getContext();
  int64_t rank = Node::rank(x);
  llvm::SmallVector<mlir::AffineExpr> xs, ys;
  mlir::AffineExpr phase = mlir::getAffineDimExpr(rank, context);
  mlir::AffineExpr place = mlir::getAffineDimExpr(rank + 1, context);
  for (int64_t d = 0; d < rank; ++d) {
    mlir::AffineExpr own = mlir::getAffineDimExpr(d, context);
    xs.push_back(d == axis ? own + place : own);
    ys.push_back(own);
    if (d == axis)
      ys.push_back(phase);
  }
  auto map = [&](llvm::ArrayRef<mlir::AffineExpr> exprs) {
    return mlir::AffineMap::get(rank + 2, 0, exprs, context);
  };
  Value weights = n.build.cast(n.constantOf(filter), Node::element(x));
  Value y =
      n.build.contract(grown, weights, map(xs), map({phase, place}), map(ys));
  Ints shape(Node::shape(x));
  shape[axis] = a.out;
  return n.reshape(y, shape);
}

Value resampleGathers(Node &n, Value x, int64_t axis, const Taps &t,
                      const AxisPlan &a) {
  Value y;
  Ints along(Node::rank(x), 1);
  along[axis] = a.out;
  for (int64_t k = 0; k < t.width; ++k) {
    Tensor index = n.newTensor(DType::I64, {a.out});
    Tensor weight = n.newTensor(DType::F32, along);
    for (int64_t o = 0; o < a.out; ++o) {
      index.data<int64_t>()[o] =
          std::clamp<int64_t>(t.place[o * t.width + k], 0, a.in - 1);
      weight.data<float>()[o] = float(t.weight[o * t.width + k]);
    }
    Value w = n.build.cast(n.constantOf(weight), Node::element(x));
    Value term =
        n.binary<lazy::MulOp>(n.build.gather(x, n.constantOf(index), axis), w);
    y = y ? n.binary<lazy::AddOp>(y, term) : term;
  }
  return y;
}

Value resampleMatrix(Node &n, Value x, int64_t axis, const Taps &t,
                     const AxisPlan &a) {
  Tensor matrix = n.newTensor(DType::F32, {a.out, a.in});
  for (int64_t i = 0, end = t.place.size(); i < end; ++i)
    matrix.data<float>()[i / t.width * a.in +
                         std::clamp<int64_t>(t.place[i], 0, a.in - 1)] +=
        float(t.weight[i]);
  mlir::MLIRContext *context = n.importer.builder.getContext();
  int64_t rank = Node::rank(x);
  llvm::SmallVector<mlir::AffineExpr> xs, ys;
  mlir::AffineExpr place = mlir::getAffineDimExpr(rank, context);
  for (int64_t d = 0; d < rank; ++d) {
    ys.push_back(mlir::getAffineDimExpr(d, context));
    xs.push_back(d == axis ? place : ys.back());
  }
  auto map = [&](llvm::ArrayRef<mlir::AffineExpr> exprs) {
    return mlir::AffineMap::get(rank + 1, 0, exprs, context);
  };
  Value weights = n.build.cast(n.constantOf(matrix), Node::element(x));
  return n.build.contract(x, weights, map(xs), map({ys[axis], place}), map(ys));
}

Value resampleAxis(Node &n, Value x, int64_t axis, const Method &m,
                   const AxisPlan &a) {
  bool crop = m.coordinates == "tf_crop_and_resize";
  if (a.in == a.out && a.scale == 1 && !crop)
    return x;
  n.needStatic(x, axis);
  Ints shape(Node::shape(x));
  shape[axis] = a.out;
  n.needShape(shape);
  Taps t = makeTaps(n, m, a);
  Value y;
  if (m.mode == "nearest")
    y = resampleNearest(n, x, axis, t, a);
  else if (!(y = resamplePhases(n, x, axis, t, a)))
    y = t.width <= 4 ? resampleGathers(n, x, axis, t, a)
                     : resampleMatrix(n, x, axis, t, a);
  if (!llvm::is_contained(t.outside, true))
    return y;
  Ints along(Node::rank(x), 1);
  along[axis] = a.out;
  Tensor mask = n.newTensor(DType::Bool, along);
  for (int64_t o = 0; o < a.out; ++o)
    mask.data<uint8_t>()[o] = t.outside[o];
  return n.where(n.constantOf(mask),
                 n.build.splat(Node::element(y), m.extrapolation), y);
}

/// The optional input i, empty when absent or without elements.
std::vector<double> numbers(Node &n, int i, llvm::StringRef what) {
  std::vector<double> values;
  if (!n.has(i))
    return values;
  Tensor t = n.constant(i, what);
  if (t.shape.size() > 1 || t.count() > 2 * kMaxRank)
    block("E_SHAPE: '" + what + "' has shape " + shapeText(t.shape));
  for (int64_t k = 0, count = t.count(); k < count; ++k)
    values.push_back(t.numberAt(k));
  return values;
}

/// Adjusts sizes so that all axes share one scale.
void keepAspect(Node &n, Value x, llvm::ArrayRef<int64_t> axes,
                std::vector<double> &sizes, const std::string &policy) {
  if (policy == "stretch")
    return;
  bool larger = policy == "not_smaller";
  if (!larger && policy != "not_larger")
    block("E_ATTR: unknown keep_aspect_ratio_policy " + quoted(policy));
  double scale = larger ? 0 : std::numeric_limits<double>::infinity();
  for (auto [i, axis] : llvm::enumerate(axes)) {
    double own = sizes[i] / double(Node::shape(x)[axis]);
    scale = larger ? std::max(scale, own) : std::min(scale, own);
  }
  for (auto [i, axis] : llvm::enumerate(axes))
    sizes[i] = std::floor(scale * double(Node::shape(x)[axis]) + 0.5);
  (void)n;
}

void resample(Node &n, const Method &method, std::vector<double> roi,
              std::vector<double> scales, std::vector<double> sizes) {
  Value x = n.in(0);
  int64_t rank = Node::rank(x);
  Ints axes;
  if (auto given = n.opset >= 18 ? n.intsAttr("axes") : std::nullopt)
    axes = n.axes(*given, rank);
  else
    for (int64_t a = 0; a < rank; ++a)
      axes.push_back(a);
  if (scales.empty() == sizes.empty())
    block("E_ATTR: needs one of scales and sizes");
  bool crop = method.coordinates == "tf_crop_and_resize";
  if ((scales.empty() ? sizes : scales).size() != axes.size() ||
      (crop && roi.size() != 2 * axes.size()))
    block("E_ATTR: roi, scales or sizes do not have a value for each of " +
          Twine(axes.size()) + " axes");
  if (!sizes.empty())
    keepAspect(n, x, axes, sizes,
               n.opset >= 18
                   ? n.stringAttr("keep_aspect_ratio_policy", "stretch")
                   : "stretch");
  mlir::Type given = Node::element(x);
  bool viaFloat = method.mode != "nearest" && !Node::isFloat(x);
  if (viaFloat)
    x = n.build.cast(x, n.type(DType::F32));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (mlir::ShapedType::isDynamic(Node::shape(x)[axis])) {
      if (scales.empty() || scales[i] != 1)
        n.needStatic(x, axis);
      continue;
    }
    AxisPlan a{Node::shape(x)[axis], 0, 1, 0, 1};
    if (!scales.empty() && !(scales[i] > 0 && scales[i] < 1e9))
      block("E_ATTR: scales[" + Twine(i) + "] must be > 0");
    double wanted = sizes.empty()
                        ? std::floor(double(float(a.in) * float(scales[i])))
                        : sizes[i];
    if (!(wanted >= 1 && wanted < 1e15) || a.in < 1)
      block("E_ATTR: axis " + Twine(axis) + " of extent " + Twine(a.in) +
            " cannot be resized to " +
            Twine(int64_t(std::clamp(wanted, -1e15, 1e15))));
    a.out = int64_t(wanted);
    a.scale = sizes.empty() ? scales[i] : wanted / double(a.in);
    if (crop) {
      a.roiStart = roi[i];
      a.roiEnd = roi[i + axes.size()];
    }
    x = resampleAxis(n, x, axis, method, a);
  }
  n.set(0, n.build.cast(x, given));
}

void resize(Node &n) {
  Method m;
  m.mode = n.stringAttr("mode", "nearest");
  if (m.mode != "nearest" && m.mode != "linear" && m.mode != "cubic")
    block("E_ATTR: unknown mode " + quoted(m.mode));
  bool old = n.opset < 11;
  m.coordinates =
      old ? "asymmetric"
          : n.stringAttr("coordinate_transformation_mode", "half_pixel");
  m.nearest =
      old ? "simple" : n.stringAttr("nearest_mode", "round_prefer_floor");
  m.cubic = n.floatAttr("cubic_coeff_a", -0.75);
  m.extrapolation = n.floatAttr("extrapolation_value", 0);
  m.excludeOutside = n.intAttr("exclude_outside", 0) != 0;
  m.antialias = n.opset >= 18 && n.intAttr("antialias", 0) != 0;
  if (old)
    return resample(n, m, {}, numbers(n, 1, "scales"), {});
  std::vector<double> roi;
  if (m.coordinates == "tf_crop_and_resize")
    roi = numbers(n, 1, "roi");
  resample(n, m, roi, numbers(n, 2, "scales"), numbers(n, 3, "sizes"));
}

void upsample(Node &n) {
  Method m{n.stringAttr("mode", "nearest"),
           "asymmetric",
           "floor",
           -0.75,
           0,
           false,
           false};
  if (m.mode == "bilinear")
    m.mode = "linear";
  if (m.mode != "nearest" && m.mode != "linear")
    block("E_ATTR: unknown mode " + quoted(m.mode));
  std::vector<double> scales;
  if (n.opset >= 9)
    scales = numbers(n, 1, "scales");
  else if (n.opset < 7)
    scales = {1, 1, n.floatAttr("height_scale", 1),
              n.floatAttr("width_scale", 1)};
  else if (auto given = n.floatsAttr("scales"))
    scales.assign(given->begin(), given->end());
  resample(n, m, {}, scales, {});
}

} // namespace

void onnx_frontend::addResizeOps(OpTable &t) {
  t["Resize"] = resize;
  t["Upsample"] = upsample;
}
