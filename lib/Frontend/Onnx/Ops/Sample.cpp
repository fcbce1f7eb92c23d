//===- Sample.cpp - reading between the elements of an image --------------===//
//
// An element at computed indices is a gather on one flat axis of all images
// and places, whose slices are the channels. Indices are computed as floats
// until they are inside the image; images are small enough for that.
//
//===----------------------------------------------------------------------===//
#include "Sample.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

struct Axis {
  int64_t extent, first, count; ///< taps at floor(place) + first ..
  Value floor, fraction;
};

Value clamped(Node &n, Value v, double low, double high) {
  return n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(v, low), high);
}

/// v folded into [low, high] as between two mirrors.
Value reflected(Node &n, Value v, double low, double high) {
  double range = high - low;
  if (range == 0)
    return n.build.splatLike(v, low);
  Value t = n.build.unary<lazy::AbsOp>(n.binary<lazy::SubOp>(v, low));
  Value turns = n.unary<lazy::FloorOp>(n.binary<lazy::DivOp>(t, range));
  Value rest = n.binary<lazy::SubOp>(t, n.binary<lazy::MulOp>(turns, range));
  Value half = n.binary<lazy::MulOp>(turns, 0.5);
  Value even = n.cmp(CmpKind::eq, half, n.unary<lazy::FloorOp>(half));
  Value back = n.binary<lazy::SubOp>(n.build.splatLike(rest, range), rest);
  return n.binary<lazy::AddOp>(n.where(even, rest, back), low);
}

/// v moved into the image as the border says; as it is for zeros.
Value intoImage(Node &n, Value v, int64_t extent, Border border) {
  double end = double(extent) - 1;
  switch (border) {
  case Border::Zeros:
    return v;
  case Border::Clamp:
    return clamped(n, v, 0, end);
  case Border::ReflectEdges:
    return reflected(n, v, -0.5, end + 0.5);
  case Border::ReflectCenters:
    return reflected(n, v, 0, end);
  }
  llvm_unreachable("a border");
}

/// Keys' cubic with a = -0.75 at distance t in [0,1] (near) or [1,2].
Value cubic(Node &n, Value t, bool near) {
  const double a = -0.75;
  auto mul = [&](Value x, auto y) { return n.binary<lazy::MulOp>(x, y); };
  auto add = [&](Value x, double y) { return n.binary<lazy::AddOp>(x, y); };
  if (near) // ((a + 2) t - (a + 3)) t t + 1
    return add(mul(mul(add(mul(t, a + 2), -(a + 3)), t), t), 1);
  // ((a t - 5 a) t + 8 a) t - 4 a
  return add(mul(add(mul(add(mul(t, a), -5 * a), t), 8 * a), t), -4 * a);
}

/// The share of the tap `k` places after the floor; null for all of it.
Value weightOf(Node &n, const Axis &a, Interpolation interpolation, int64_t k) {
  if (interpolation == Interpolation::Nearest)
    return {};
  Value rest =
      n.binary<lazy::SubOp>(n.build.splatLike(a.fraction, 1), a.fraction);
  if (interpolation == Interpolation::Linear)
    return k == 0 ? rest : a.fraction;
  switch (k) {
  case -1:
    return cubic(n, n.binary<lazy::AddOp>(a.fraction, 1.0), false);
  case 0:
    return cubic(n, a.fraction, true);
  case 1:
    return cubic(n, rest, true);
  default:
    return cubic(n, n.binary<lazy::AddOp>(rest, 1.0), false);
  }
}

} // namespace

mlir::Type onnx_frontend::wideType(Node &n, Value x) {
  return n.type(Node::dtype(x) == DType::F64 ? DType::F64 : DType::F32);
}

llvm::SmallVector<Tap> onnx_frontend::sampleTaps(Node &n, Value x,
                                                 llvm::ArrayRef<Value> places,
                                                 Value image,
                                                 Interpolation interpolation,
                                                 Border border) {
  n.needStatic(x);
  int64_t spatial = places.size(), elements = 1;
  Ints shape(Node::shape(x));
  llvm::SmallVector<Axis> axes;
  for (int64_t i = 0; i < spatial; ++i) {
    Axis a{shape[i + 2], 0, 1, {}, {}};
    elements = mulChecked(elements, a.extent);
    Value place = places[i];
    if (interpolation == Interpolation::Nearest)
      place = n.unary<lazy::RoundOp>(place);
    // A cubic curve goes on beyond the image, through the border's elements.
    if (interpolation != Interpolation::Cubic)
      place = intoImage(n, place, a.extent, border);
    a.floor = n.unary<lazy::FloorOp>(place);
    a.fraction = n.binary<lazy::SubOp>(place, a.floor);
    if (interpolation != Interpolation::Nearest)
      a.count = interpolation == Interpolation::Linear ? 2 : 4;
    if (interpolation == Interpolation::Cubic)
      a.first = -1;
    axes.push_back(a);
  }
  if (elements == 0)
    block("E_SHAPE: an image of shape " + shapeText(shape) + " is empty");
  // [batch,channels,extents..] as [batch * elements, channels].
  Value rows = n.reshape(x, {shape[0], shape[1], elements});
  rows = n.reshape(n.build.permute(rows, {0, 2, 1}),
                   {mulChecked(shape[0], elements), shape[1]});
  mlir::Type i64 = n.type(DType::I64);
  if (!image) {
    Ints to(Node::rank(places[0]), 1);
    to[0] = shape[0];
    image = n.reshape(
        n.build.iota(mlir::RankedTensorType::get({shape[0]}, i64), 0), to);
  }

  llvm::SmallVector<Tap> taps;
  llvm::SmallVector<int64_t> at;
  for (const Axis &a : axes)
    at.push_back(a.first);
  for (bool more = true; more;) {
    Value index = image, weight, inside;
    for (auto [i, a] : llvm::enumerate(axes)) {
      Value place =
          at[i] == 0 ? a.floor : n.binary<lazy::AddOp>(a.floor, double(at[i]));
      double end = double(a.extent) - 1;
      if (border == Border::Zeros) {
        Value in = n.build.binary<lazy::AndOp>(
            n.cmp(CmpKind::ge, place, n.build.splatLike(place, 0)),
            n.cmp(CmpKind::le, place, n.build.splatLike(place, end)));
        inside = inside ? n.binary<lazy::AndOp>(inside, in) : in;
      } else {
        place = intoImage(n, place, a.extent, border);
      }
      place = n.build.cast(clamped(n, place, 0, end), i64);
      index = n.binary<lazy::AddOp>(
          n.binary<lazy::MulOp>(index, double(a.extent)), place);
      if (Value share = weightOf(n, a, interpolation, at[i]))
        weight = weight ? n.binary<lazy::MulOp>(weight, share) : share;
    }
    Value pixel = n.build.gather(rows, index, 0);
    int64_t rank = Node::rank(pixel);
    Ints order{0, rank - 1};
    for (int64_t i = 1; i + 1 < rank; ++i)
      order.push_back(i);
    pixel = n.build.permute(pixel, order);
    auto perPoint = [&](Value v) {
      Ints to(Node::shape(v));
      to.insert(to.begin() + 1, 1);
      return n.reshape(v, to);
    };
    if (inside)
      pixel = n.where(perPoint(inside), pixel,
                      n.build.splat(Node::element(pixel), 0));
    taps.push_back({weight ? perPoint(weight) : Value(), pixel});
    more = false;
    for (size_t i = axes.size(); i-- > 0 && !more;) {
      more = ++at[i] < axes[i].first + axes[i].count;
      at[i] = more ? at[i] : axes[i].first;
    }
  }
  return taps;
}

Value onnx_frontend::sample(Node &n, Value x, llvm::ArrayRef<Value> places,
                            Value image, Interpolation interpolation,
                            Border border) {
  Value sum;
  for (const Tap &tap :
       sampleTaps(n, x, places, image, interpolation, border)) {
    Value term =
        tap.weight ? n.binary<lazy::MulOp>(tap.pixel, tap.weight) : tap.pixel;
    sum = sum ? n.binary<lazy::AddOp>(sum, term) : term;
  }
  return sum;
}
