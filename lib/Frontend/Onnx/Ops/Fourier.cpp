//===- Fourier.cpp - discrete Fourier transforms --------------------------===//
//
// A transform of length a * b is transforms of length a, a multiplication by
// roots of unity, and transforms of length b (Cooley and Tukey). Short lengths
// and primes are a product with the matrix of roots. Real and imaginary parts
// are values of their own; a real signal has no imaginary part.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Einsum.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Up to this length one product with a matrix is made.
constexpr int64_t kDirect = 64;

/// Values along the last axis; `imaginary` is null when it is zero.
struct Complex {
  Value real, imaginary;
};

class Transform {
public:
  /// `sign` is -1 for the forward transform, 1 for the inverse.
  Transform(Node &n, mlir::Type element, int sign)
      : n(n), element(element), sign(sign) {}

  /// The first `bins` values of the transform of x [rows.., length].
  Complex run(Complex x, int64_t bins) {
    int64_t length = Node::shape(x.real).back(), a = factor(length);
    if (a == 1)
      return direct(x, bins);
    int64_t b = length / a, rank = Node::rank(x.real);
    // Element n1 * b + n2; its bin is k1 + a * k2.
    Ints rows(Node::shape(x.real).drop_back()), apart(rows), swapped;
    apart.append({a, b});
    for (int64_t i = 0; i + 1 < rank; ++i)
      swapped.push_back(i);
    swapped.append({rank, rank - 1});
    auto both = [&](Complex c, auto f) {
      return Complex{f(c.real), c.imaginary ? f(c.imaginary) : Value()};
    };
    auto exchange = [&](Value v) { return n.build.permute(v, swapped); };
    Complex y = both(x, [&](Value v) { return exchange(n.reshape(v, apart)); });
    y = multiply(direct(y, a), roots(b, a, length)); // [.., n2, k1]
    y = both(run(both(y, exchange), b), exchange);   // [.., k2, k1]
    rows.push_back(length);
    return both(y, [&](Value v) {
      v = n.reshape(v, rows);
      return n.sliceAxis(v, rank - 1, 0, bins);
    });
  }

private:
  /// The largest divisor up to kDirect that leaves more than 1; 1 for short
  /// lengths and those without one.
  static int64_t factor(int64_t length) {
    if (length > kDirect)
      for (int64_t a = kDirect; a > 1; --a)
        if (length % a == 0)
          return a;
    return 1;
  }

  /// e^(sign * 2 pi i * row * column / length).
  Complex roots(int64_t rows, int64_t columns, int64_t length) {
    Tensor cosines = n.newTensor(DType::F64, {rows, columns});
    Tensor sines = n.newTensor(DType::F64, {rows, columns});
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        double angle = 2 * M_PI * double(r * c % length) / double(length);
        cosines.data<double>()[r * columns + c] = std::cos(angle);
        sines.data<double>()[r * columns + c] = sign * std::sin(angle);
      }
    auto make = [&](const Tensor &t) {
      return n.build.cast(n.constantOf(t), element);
    };
    return {make(cosines), make(sines)};
  }

  Complex multiply(Complex x, Complex w) {
    auto mul = [&](Value p, Value q) { return n.binary<lazy::MulOp>(p, q); };
    if (!x.imaginary)
      return {mul(x.real, w.real), mul(x.real, w.imaginary)};
    return {n.binary<lazy::SubOp>(mul(x.real, w.real),
                                  mul(x.imaginary, w.imaginary)),
            n.binary<lazy::AddOp>(mul(x.real, w.imaginary),
                                  mul(x.imaginary, w.real))};
  }

  Complex direct(Complex x, int64_t bins) {
    int64_t length = Node::shape(x.real).back(), rank = Node::rank(x.real);
    Complex w = roots(length, bins, length);
    Labels from, to;
    for (int64_t i = 0; i < rank; ++i)
      from.push_back(i);
    to = from;
    to.back() = rank;
    auto product = [&](Value v, Value matrix) {
      return einsum(n, {from, Labels{int(rank) - 1, int(rank)}}, to,
                    {v, matrix});
    };
    Complex y{product(x.real, w.real), product(x.real, w.imaginary)};
    if (!x.imaginary)
      return y;
    return {n.binary<lazy::SubOp>(y.real, product(x.imaginary, w.imaginary)),
            n.binary<lazy::AddOp>(y.imaginary, product(x.imaginary, w.real))};
  }

  Node &n;
  mlir::Type element;
  int sign;
};

/// Part `i` of the last axis of x, which goes.
Value partOf(Node &n, Value x, int64_t i) {
  return n.reshape(n.sliceAxis(x, Node::rank(x) - 1, i, 1),
                   Ints(Node::shape(x).drop_back()));
}

/// Real and imaginary part of a signal [.., 1 or 2].
Complex partsOf(Node &n, Value x) {
  n.needRank(x, 2);
  n.needStatic(x);
  int64_t parts = Node::shape(x).back();
  if (parts != 1 && parts != 2)
    block("E_SHAPE: the last axis of shape " + shapeText(Node::shape(x)) +
          " does not have 1 or 2 parts");
  return {partOf(n, x, 0), parts == 2 ? partOf(n, x, 1) : Value()};
}

/// Real and imaginary part side by side on a new last axis.
Value joined(Node &n, Complex c) {
  auto column = [&](Value v) {
    Ints shape(Node::shape(v));
    shape.push_back(1);
    return n.reshape(v, shape);
  };
  return n.concat({column(c.real), column(c.imaginary)}, Node::rank(c.real));
}

/// The scalar input i, known now.
int64_t scalar(Node &n, int i, llvm::StringRef what) {
  Ints given = n.constantInts(i, what);
  if (given.size() != 1)
    block("E_SHAPE: '" + what + "' has " + Twine(given.size()) +
          " values, not 1");
  return given[0];
}

/// v cut or filled up with zeros to `length` on its last axis.
Value ofLength(Node &n, Value v, int64_t length) {
  int64_t last = Node::rank(v) - 1, extent = Node::shape(v)[last];
  if (extent > length)
    return n.sliceAxis(v, last, 0, length);
  Ints low(last + 1, 0), high(last + 1, 0);
  high[last] = length - extent;
  return n.pad(v, low, high, 0);
}

void dft(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  Complex parts = partsOf(n, x);
  int64_t rank = Node::rank(x);
  int64_t given = n.opset < 20 ? n.intAttr("axis", 1)
                  : n.has(2)   ? scalar(n, 2, "axis")
                               : -2;
  int64_t axis = n.axis(given, rank);
  if (axis == rank - 1)
    block("E_ATTR: axis " + Twine(given) + " is that of the parts");
  bool inverse = n.intAttr("inverse", 0) != 0;
  bool onesided = n.intAttr("onesided", 0) != 0;
  bool toReal = inverse && onesided;
  if (onesided && !inverse && parts.imaginary)
    block("E_ATTR: onesided needs a real input");
  if (toReal && !parts.imaginary)
    block("E_ATTR: onesided and inverse need a complex input");
  int64_t extent = Node::shape(x)[axis];
  int64_t length = n.has(1) ? scalar(n, 1, "dft_length")
                   : toReal ? 2 * (extent - 1)
                            : extent;
  if (length < 1)
    block("E_ATTR: dft_length is " + Twine(length) + ", must be > 0");
  mlir::Type type = Node::element(x);
  mlir::Type wide = type.isF64() ? type : n.type(DType::F32);
  Ints toLast, back;
  for (int64_t i = 0; i + 1 < rank; ++i) {
    if (i != axis)
      toLast.push_back(i);
    back.push_back(i < axis ? i : i == axis ? rank - 2 : i - 1);
  }
  toLast.push_back(axis);
  auto prepared = [&](Value v, bool odd) {
    if (!v)
      return v;
    v = n.build.permute(n.build.cast(v, wide), toLast);
    if (!toReal)
      return ofLength(n, v, length);
    // The other half mirrors the first, its imaginary part negated.
    int64_t half = length / 2 + 1, last = rank - 2;
    v = ofLength(n, v, half);
    Value rest = n.sliceAxis(v, last, 1, length - half);
    rest = n.build.flip(rest, {last});
    if (odd)
      rest = n.build.unary<lazy::NegOp>(rest);
    return length == half ? v : n.concat({v, rest}, last);
  };
  parts = {prepared(parts.real, false), prepared(parts.imaginary, true)};
  int64_t bins = onesided && !inverse ? length / 2 + 1 : length;
  Complex y = Transform(n, wide, inverse ? 1 : -1).run(parts, bins);
  auto finished = [&](Value v) {
    if (inverse)
      v = n.binary<lazy::DivOp>(v, double(length));
    return n.build.cast(n.build.permute(v, back), type);
  };
  if (toReal) {
    Value real = finished(y.real);
    Ints shape(Node::shape(real));
    shape.push_back(1);
    return n.set(0, n.reshape(real, shape));
  }
  n.set(0, joined(n, {finished(y.real), finished(y.imaginary)}));
}

/// Transforms of the overlapping frames of a signal.
void stft(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  if (Node::rank(x) != 3)
    block("E_SHAPE: signal of shape " + shapeText(Node::shape(x)) +
          " does not have rank 3");
  Complex parts = partsOf(n, x);
  int64_t extent = Node::shape(x)[1], step = scalar(n, 1, "frame_step");
  int64_t length = n.has(3)   ? scalar(n, 3, "frame_length")
                   : n.has(2) ? Node::shape(n.in(2))[0]
                              : extent;
  if (step < 1 || length < 1 || length > extent)
    block("E_ATTR: frames of " + Twine(length) + " every " + Twine(step) +
          " do not fit a signal of " + Twine(extent));
  bool onesided = n.intAttr("onesided", 1) != 0;
  if (onesided && parts.imaginary)
    block("E_ATTR: onesided needs a real input");
  mlir::Type type = Node::element(x);
  mlir::Type wide = type.isF64() ? type : n.type(DType::F32);
  Value window;
  if (n.has(2)) {
    window = n.build.cast(n.in(2), wide);
    if (Node::shape(window) != llvm::ArrayRef<int64_t>(length))
      block("E_SHAPE: window of shape " + shapeText(Node::shape(window)) +
            " for frames of " + Twine(length));
  }
  auto framed = [&](Value v) { // [batch, frames, length]
    if (!v)
      return v;
    v = n.build.window(n.build.cast(v, wide), {1}, {length}, {step}, {1});
    return window ? n.binary<lazy::MulOp>(v, window) : v;
  };
  parts = {framed(parts.real), framed(parts.imaginary)};
  Complex y =
      Transform(n, wide, -1).run(parts, onesided ? length / 2 + 1 : length);
  n.set(0, n.build.cast(joined(n, y), type));
}

} // namespace

void onnx_frontend::addFourierOps(OpTable &t) {
  t["DFT"] = dft;
  t["STFT"] = stft;
}
