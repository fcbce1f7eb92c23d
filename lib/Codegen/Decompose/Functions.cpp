//===- Functions.cpp - mathematical functions in f32 ----------------------===//
//
// Each is a helper function of additions, multiplications and integer
// operations; none relies on a fused multiply-add, on subnormals or on NaN in a
// comparison. Greatest errors found against f64, in units in the last place of
// the result, over one f32 in 29 (powf: 40 million pairs; subnormal results
// too):
//
//   exp  0.98   log  0.81   sin 2.70   tanh 1.30   powf 2.43
//   exp2 0.99   log2 0.57   cos 2.71   erf  1.15
//
// sin and cos hold for every finite argument. floor, ceil, trunc, roundeven and
// remf are exact.
//
//===----------------------------------------------------------------------===//
#include "HelperFunctions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;
namespace nacre::codegen {
namespace {

constexpr int64_t signBit = -0x80000000ll, infinity = 0x7f800000,
                  quietNaN = 0x7fc00000;

Scalar polynomial(Scalar x, ArrayRef<double> coefficients) {
  Scalar sum = x.constant(coefficients.front());
  for (double c : coefficients.drop_front())
    sum = sum * x + c;
  return sum;
}
Scalar magnitudeOf(Scalar bits) { return bits & 0x7fffffff; }
/// The leading 12 bits of a float: products of two such are exact.
Scalar leading(Scalar x) { return fromBits(bitsOf(x) & int64_t(-0x1000)); }

/// 2^k times x, rounded once; |k| <= 252.
Scalar scale(Scalar x, Scalar k) {
  Scalar half = k >> 1;
  auto power = [](Scalar n) { return fromBits((n + 127) << 23); };
  return x * power(half) * power(k - half);
}
Scalar roundToInteger(Scalar x) {
  return toInteger(x + choose(less(x, 0), -0.5, x.constant(0.5)));
}
/// e^r for |r| <= 0.35.
Scalar expNearZero(Scalar r) {
  Scalar p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                            4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1});
  return p * (r * r) + r + 1;
}

Scalar exponential(Scalar argument) {
  Scalar nan = isNaN(argument), x = choose(nan, 0, argument);
  x = choose(less(x, -105), -105, x);
  x = choose(greater(x, 90), 90, x);
  Scalar k = roundToInteger(x * 1.44269504088896341);
  Scalar n = toFloat(k);
  // ln 2 in two pieces; the first has 10 bits.
  Scalar r = x - n * 0.693359375 - n * -2.12194440e-4;
  return choose(nan, argument, scale(expNearZero(r), k));
}
Scalar exponential2(Scalar argument) {
  Scalar nan = isNaN(argument), x = choose(nan, 0, argument);
  x = choose(less(x, -151), -151, x);
  x = choose(greater(x, 129), 129, x);
  Scalar k = roundToInteger(x);
  Scalar r = (x - toFloat(k)) * 0.693147180559945309;
  return choose(nan, argument, scale(expNearZero(r), k));
}

/// x = mantissa * 2^exponent with the mantissa from sqrt(1/2) to sqrt(2), for
/// the bits of a positive finite x.
struct Split {
  Scalar mantissa, exponent;
};
Split split(Scalar bits) {
  Scalar tiny = less(bits, 0x800000);
  Scalar normal = choose(tiny, bitsOf(toFloat(bits)), bits);
  Scalar e = (normal - 0x3f3504f3) >> 23;
  return {fromBits(normal - (e << 23)), choose(tiny, e - 149, e)};
}
/// log's value where it is no finite number.
Scalar logOrSpecial(Scalar x, Scalar value) {
  Scalar bits = bitsOf(x), magnitude = magnitudeOf(bits);
  Scalar zero = equal(magnitude, 0);
  Scalar special =
      choose(equal(bits, infinity), infinity, word(x.at, quietNaN));
  special = choose(zero, infinity + signBit, special);
  // Positive and finite: one comparison of unsigned numbers.
  Scalar usual = below(bits - 1, infinity - 1);
  return choose(usual, value, fromBits(special));
}
Scalar logarithm(Scalar x) {
  auto [m, e] = split(bitsOf(x));
  Scalar f = m - 1, z = f * f, n = toFloat(e);
  Scalar p =
      polynomial(f, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
                     -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
                     2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1});
  Scalar y = p * f * z + n * -2.12194440e-4;
  y = y - z * 0.5;
  return logOrSpecial(x, f + y + n * 0.693359375);
}

/// log2 of positive finite bits in two floats.
struct Two {
  Scalar high, low;
};
Two log2InTwo(Scalar bits) {
  auto [m, e] = split(bits);
  // log2 m = 2/ln2 atanh q, q = f / (2 + f); q in two floats.
  Scalar f = m - 1, p = m + 1, pRest = f - (p - 2);
  Scalar q = f / p;
  Scalar q1 = leading(q), q2 = q - q1, p1 = leading(p), p2 = p - p1;
  Scalar rest = f - q1 * p1 - q1 * p2 - q2 * p1 - q2 * p2 - q * pRest;
  Scalar qRest = rest / p;
  Scalar s = q * q;
  Scalar t = polynomial(s, {1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3}) * s;
  const double c = 2.8853900817779268, c1 = 2.884765625, c2 = c - c1;
  Scalar product = q1 * c1;
  Scalar low = q * t * c + qRest * c + q2 * c2 + q2 * c1 + q1 * c2;
  Scalar n = toFloat(e);
  Scalar sum = n + product;
  low = low + ((n - sum) + product);
  Scalar high = sum + low;
  return {high, (sum - high) + low};
}
Scalar logarithm2(Scalar x) {
  Two l = log2InTwo(magnitudeOf(bitsOf(x)));
  return logOrSpecial(x, l.high);
}

Scalar power(Scalar x, Scalar y) {
  Place at = x.at;
  Scalar xBits = bitsOf(x), yBits = bitsOf(y);
  Scalar a = magnitudeOf(xBits), b = magnitudeOf(yBits);
  Scalar one = word(at, 0x3f800000);
  // Beyond 2^40 every power of a float other than 1 is 0 or infinite.
  Scalar limited =
      fromBits(smallerUnsigned(b, (127 + 40) << 23) | (yBits & signBit));
  Two l = log2InTwo(choose(below(a, infinity), a, one));
  Scalar high = limited * l.high;
  Scalar y1 = leading(limited), y2 = limited - y1;
  Scalar l1 = leading(l.high), l2 = l.high - l1;
  Scalar low =
      ((y1 * l1 - high) + y1 * l2 + y2 * l1) + y2 * l2 + limited * l.low;
  Scalar over = greater(high, 130), under = less(high, -160);
  low = choose(over | under, 0, low);
  high = choose(over, 130, choose(under, -160, high));
  Scalar k = roundToInteger(high);
  Scalar r = ((high - toFloat(k)) + low) * 0.693147180559945309;
  Scalar magnitude = bitsOf(scale(expNearZero(r), k));
  // Zero and infinite operands.
  Scalar zeroX = equal(a, 0), infiniteX = equal(a, infinity);
  Scalar infiniteY = equal(b, infinity), negativeY = less(yBits, 0);
  Scalar large = infiniteX | (greater(a, 0x3f800000) & infiniteY);
  Scalar up = large ^ negativeY;
  magnitude = choose(zeroX | infiniteX | infiniteY,
                     choose(up, infinity, word(at, 0)), magnitude);
  magnitude = choose(equal(a, 0x3f800000), one, magnitude);
  // Whether y is an integer, and an odd one: from 2^24 on all are even.
  Scalar small = below(b, 0x4b800000);
  Scalar whole = toInteger(fromBits(choose(small, b, 0)));
  Scalar isInteger = equal(bitsOf(toFloat(whole)), b) | equal(small, 0);
  Scalar odd = choose(small & isInteger, whole & 1, 0);
  Scalar negativeX = less(xBits, 0);
  Scalar bits = magnitude | choose(negativeX, odd << 31, 0);
  // A negative number, not zero and not infinite, to a fraction.
  Scalar noNumber =
      negativeX & equal(isInteger, 0) & below(a - 1, infinity - 1);
  noNumber = noNumber | greater(a, infinity) | greater(b, infinity);
  bits = choose(noNumber, quietNaN, bits);
  bits = choose(equal(b, 0) | equal(xBits, 0x3f800000), one, bits);
  return fromBits(bits);
}

//===-- trigonometry ------------------------------------------------------===//

/// sin of x + quarters * pi/2.
Scalar sine(Helpers &helpers, Scalar x, Scalar quarters) {
  Place at = x.at;
  OpBuilder &b = *at.b;
  Scalar bits = bitsOf(x), magnitude = magnitudeOf(bits);
  Scalar usual = less(magnitude, 0x42800000); // 64
  auto branch = scf::IfOp::create(
      b, at.loc, TypeRange{b.getF32Type(), b.getI32Type()}, usual.v, true);
  {
    OpBuilder::InsertionGuard guard(b);
    // pi/2 in pieces of 12 bits; products with all but the last are exact.
    b.setInsertionPointToStart(branch.thenBlock());
    Scalar a = fromBits(magnitude);
    Scalar k = toInteger(a * 0.636619772367581343 + 0.5);
    Scalar n = toFloat(k);
    Scalar r = a - n * 1.5703125 - n * 0.0004837512969970703 -
               n * 7.549533620476723e-08 - n * 2.5633440682570896e-12;
    scf::YieldOp::create(b, at.loc, ValueRange{r, k});
    // Payne and Hanek: the mantissa times those bits of 2/pi that make
    // fractions of four quarters.
    b.setInsertionPointToStart(branch.elseBlock());
    static const uint32_t table[] = {0,          0xa2f9836e, 0x4e441529,
                                     0xfc2757d1, 0xf534ddc0, 0xdb629599,
                                     0x3c439041, 0xfe5163ab};
    Scalar m = (magnitude & 0x7fffff) | 0x800000;
    // Where the bits begin; x is m * 2^(exponent - 150).
    Scalar offset = shiftDown(magnitude, 23) - (150 + 2 - 32);
    Scalar first = shiftDown(offset, 5), inside = offset & 31;
    SmallVector<Scalar> words;
    for (int i = 0; i < 4; ++i) {
      Scalar w = word(at, int32_t(table[i]));
      for (int j = 1; j < 5; ++j)
        w = choose(equal(first, j), int32_t(table[i + j]), w);
      words.push_back(w);
    }
    SmallVector<Scalar> window;
    for (int i = 0; i < 3; ++i)
      window.push_back((words[i] << inside) |
                       shiftDown(shiftDown(words[i + 1], 1), inside ^ 31));
    Scalar none = word(at, 0);
    Words product = multiply(helpers, {window[1], none}, {m, none});
    Words last = multiply(helpers, {window[2], none}, {m, none});
    product = add(product, {last.high, none});
    product.high = product.high + window[0] * m;
    Scalar q = shiftDown(product.high + 0x20000000, 30);
    product.high = product.high - (q << 30);
    Scalar f = wordsToFloat(helpers, product, false, false) *
               (1.57079632679489662 * 0x1p-62);
    scf::YieldOp::create(b, at.loc, ValueRange{f, q});
  }
  Scalar r{at, branch.getResult(0)};
  Scalar k = Scalar{at, branch.getResult(1)} + quarters;
  Scalar z = r * r;
  Scalar s =
      polynomial(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1}) * z *
          r +
      r;
  Scalar c = polynomial(z, {2.443315711809948e-5, -1.388731625493765e-3,
                            4.166664568298827e-2}) *
                 (z * z) -
             z * 0.5 + 1;
  Scalar result = bitsOf(choose(equal(k & 1, 0), s, c)) ^ ((k & 2) << 30);
  // The cosine is even.
  result = result ^ choose(equal(quarters, 0), bits & signBit, 0);
  return fromBits(choose(below(magnitude, infinity), result, quietNaN));
}

//===-- others ------------------------------------------------------------===//

Scalar exponentialOf(Helpers &helpers, Scalar x) {
  return helpers.lacks.op("math.exp") ? expandFunction(helpers, "math.exp", x)
                                      : x.make<math::ExpOp>(x.v);
}

Scalar tangent(Helpers &helpers, Scalar x) {
  Scalar bits = bitsOf(x), magnitude = magnitudeOf(bits);
  // From 9.02 on the result is 1; NaN is seen to at the end.
  Scalar a = fromBits(smallerUnsigned(magnitude, 0x41200000));
  Scalar e = exponentialOf(helpers, a * 2);
  Scalar large = 1 - 2 / (e + 1);
  Scalar z = a * a;
  Scalar near =
      polynomial(z, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                     1.33314422036e-1, -3.33332819422e-1}) *
          z * a +
      a;
  Scalar result = bitsOf(choose(less(a, 0.625), near, large));
  result = choose(greater(magnitude, infinity), magnitude, result);
  return fromBits(result | (bits & signBit));
}

/// Minimax polynomials on two ranges; measured error in Decompose.h's tests.
Scalar errorFunction(Helpers &helpers, Scalar x) {
  Scalar bits = bitsOf(x), magnitude = magnitudeOf(bits);
  Scalar a = fromBits(smallerUnsigned(magnitude, 0x40800000)); // 4: it is 1
  Scalar s = a * a;
  Scalar near = polynomial(s, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                               1.12819925e-1, -3.76125336e-1, 1.28379166e-1}) *
                    a +
                a;
  Scalar r = a * -1.72853470e-5 + 3.83197126e-4;
  Scalar u = a * -3.88396438e-3 + 2.42546219e-2;
  r = r * s + u;
  r = r * a + -1.06777877e-1;
  r = r * a + -6.34846687e-1;
  r = r * a + -1.28717512e-1;
  r = r * a - a;
  Scalar far = 1 - exponentialOf(helpers, r);
  Scalar result = bitsOf(choose(greater(a, 0.927734375), far, near));
  result = choose(greater(magnitude, infinity), magnitude, result);
  return fromBits(result | (bits & signBit));
}

/// Exact, as fmod: division of mantissas bit by bit.
Scalar remainder(Scalar x, Scalar y) {
  Place at = x.at;
  OpBuilder &b = *at.b;
  Scalar xBits = bitsOf(x), yBits = bitsOf(y);
  Scalar a = magnitudeOf(xBits), c = magnitudeOf(yBits);
  Scalar noNumber =
      greaterEqual(a, infinity) | greater(c, infinity) | equal(c, 0);
  Scalar stays = less(a, c);
  // value = mantissa * 2^(exponent - 150)
  auto normalised = [](Scalar bits) {
    Scalar tiny = less(bits, 0x800000);
    Scalar normal = choose(tiny, bitsOf(toFloat(bits)), bits);
    Scalar e = shiftDown(normal, 23);
    return std::pair((normal & 0x7fffff) | 0x800000, choose(tiny, e - 149, e));
  };
  auto [mx, ex] = normalised(a);
  auto [my, ey] = normalised(c);
  Scalar steps = choose(noNumber | stays, 0, ex - ey);
  Type index = b.getIndexType();
  Scalar count = steps.make<arith::IndexCastOp>(index, steps.v);
  auto loop = scf::ForOp::create(b, at.loc, number(at, index, 0), count,
                                 number(at, index, 1), ValueRange{mx.v});
  auto reduce = [&](Scalar m) { return choose(less(m, my), m, m - my); };
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Scalar m = reduce({at, loop.getRegionIterArg(0)});
    scf::YieldOp::create(b, at.loc, ValueRange{(m << 1).v});
  }
  Scalar m = reduce({at, loop.getResult(0)});
  Scalar bits = bitsOf(toFloat(m));
  Scalar shift = ey - 150;
  Scalar usual = greater(shiftDown(bits, 23) + shift, 0);
  Scalar up = smallerUnsigned(ey - 1, 31), down = smallerUnsigned(1 - ey, 31);
  Scalar tiny = choose(greater(ey, 0), m << up, shiftDown(m, down));
  Scalar result = choose(usual, bits + (shift << 23), tiny);
  result = choose(equal(m, 0), m, result);
  result = choose(stays, a, result);
  result = choose(noNumber, quietNaN, result);
  return fromBits(result | (xBits & signBit));
}

//===-- rounding ----------------------------------------------------------===//

enum class Rounding { Down, Up, Zero, Even };
Scalar rounded(Scalar x, Rounding way) {
  Scalar bits = bitsOf(x), magnitude = magnitudeOf(bits);
  Scalar small = less(magnitude, 0x4b000000); // 2^23: integers from there on
  Scalar a = fromBits(choose(small, magnitude, 0));
  Scalar whole = toInteger(a), rest = a - toFloat(whole);
  Scalar negative = less(bits, 0);
  Scalar more = unequal(bitsOf(toFloat(whole)), bitsOf(a));
  switch (way) {
  case Rounding::Down:
    more = more & negative;
    break;
  case Rounding::Up:
    more = more & equal(negative, 0);
    break;
  case Rounding::Zero:
    more = negative ^ negative;
    break;
  case Rounding::Even:
    more = greater(rest, 0.5) | (equal(rest, 0.5) & unequal(whole & 1, 0));
    break;
  }
  Scalar result = bitsOf(toFloat(whole + asWord(more))) | (bits & signBit);
  return fromBits(choose(small, result, bits));
}

} // namespace

ArrayRef<StringRef> expandableOps() {
  static const StringRef names[] = {
      "math.exp",   "math.exp2",      "math.log", "math.log2", "math.sin",
      "math.cos",   "math.tanh",      "math.erf", "math.powf", "math.floor",
      "math.ceil",  "math.roundeven", "math.fma", "math.absf", "math.trunc",
      "arith.remf", "arith.uitofp"};
  return names;
}

Scalar expandFunction(Helpers &helpers, StringRef op, ArrayRef<Scalar> args) {
  Scalar x = args[0];
  if (op == "math.absf")
    return fromBits(magnitudeOf(bitsOf(x)));
  if (op == "math.fma")
    return x * args[1] + args[2];
  Type f32 = x.at.b->getF32Type();
  if (op == "math.sin" || op == "math.cos")
    return helpers.call(
        "nacre_sine", f32, {x, word(x.at, op == "math.cos")},
        [&](ArrayRef<Scalar> a) { return sine(helpers, a[0], a[1]); });
  std::string name = ("nacre_" + op.split('.').second).str();
  return helpers.call(name, f32, args, [&](ArrayRef<Scalar> a) -> Scalar {
    if (op == "math.exp")
      return exponential(a[0]);
    if (op == "math.exp2")
      return exponential2(a[0]);
    if (op == "math.log")
      return logarithm(a[0]);
    if (op == "math.log2")
      return logarithm2(a[0]);
    if (op == "math.tanh")
      return tangent(helpers, a[0]);
    if (op == "math.erf")
      return errorFunction(helpers, a[0]);
    if (op == "math.powf")
      return power(a[0], a[1]);
    if (op == "arith.remf")
      return remainder(a[0], a[1]);
    if (op == "arith.uitofp") // two exact halves, rounded once
      return toFloat(shiftDown(a[0], 16)) * 65536 + toFloat(a[0] & 0xffff);
    if (op == "math.floor")
      return rounded(a[0], Rounding::Down);
    if (op == "math.ceil")
      return rounded(a[0], Rounding::Up);
    if (op == "math.trunc")
      return rounded(a[0], Rounding::Zero);
    assert(op == "math.roundeven");
    return rounded(a[0], Rounding::Even);
  });
}

} // namespace nacre::codegen
