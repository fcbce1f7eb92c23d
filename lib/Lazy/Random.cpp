//===- Random.cpp - counter-based random numbers of lazy operations -------===//
//
// value = f(seed, step, site, index). The scalars are mixed into two keys, then
// every index goes through two rounds of a 32-bit finalizer (shift, multiply,
// shift, multiply, shift; the constants are Chris Wellons' "lowbias32", which
// he searched for low bias), one key before each round. All of it is 32-bit
// unsigned arithmetic, so the bits are the same on every target.
//
//===----------------------------------------------------------------------===//
#include "nacre/Lazy/Build.h"

using namespace mlir;
namespace nacre::lazy {
namespace {

struct Mixer {
  Build &build;
  Type word = IntegerType::get(build.b.getContext(), 32, IntegerType::Unsigned);

  Value number(uint32_t n) { return build.splat(word, n); }
  Value shiftXor(Value x, uint32_t by) {
    return build.binary<XorOp>(x, build.binary<ShrOp>(x, number(by)));
  }
  Value mix(Value x) {
    x = build.binary<MulOp>(shiftXor(x, 16), number(0x7feb352d));
    x = build.binary<MulOp>(shiftXor(x, 15), number(0x846ca68b));
    return shiftXor(x, 16);
  }
  /// The two halves of a scalar i64, mixed into `key`.
  Value absorb(Value key, Value scalar) {
    Value wide = build.cast(scalar, IntegerType::get(build.b.getContext(), 64,
                                                     IntegerType::Unsigned));
    Value low = build.cast(wide, word);
    Value high =
        build.cast(build.binary<ShrOp>(wide, build.splatLike(wide, 32)), word);
    key = mix(build.binary<XorOp>(key, low));
    return mix(build.binary<AddOp>(key, high));
  }
};

} // namespace

Value Build::randomBits(Value seed, Value step, uint32_t site,
                        ArrayRef<int64_t> shape) {
  Mixer m{*this};
  Value key = m.absorb(m.mix(m.number(site + 0x9e3779b9u)), seed);
  Value second =
      m.absorb(m.mix(binary<AddOp>(key, m.number(0x85ebca6bu))), step);
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  Value x = iota(RankedTensorType::get({count}, m.word), 0);
  x = m.mix(binary<AddOp>(x, key));
  x = m.mix(binary<AddOp>(x, second));
  return reshape(x, shape);
}

Value Build::uniform(Value seed, Value step, uint32_t site,
                     ArrayRef<int64_t> shape) {
  // 24 bits fill a float's significand: every multiple of 2^-24 below 1.
  Value bits = randomBits(seed, step, site, shape);
  Value high = cast(binary<ShrOp>(bits, splatLike(bits, 8)), b.getF32Type());
  return binary<MulOp>(high, splatLike(high, 0x1p-24));
}

Value Build::normal(Value seed, Value step, uint32_t site,
                    ArrayRef<int64_t> shape) {
  // Box and Muller's transform; 1 - u keeps the logarithm's argument above 0.
  Value u = uniform(seed, step, 2 * site, shape);
  Value angle = uniform(seed, step, 2 * site + 1, shape);
  Value radius = unary<SqrtOp>(binary<MulOp>(
      unary<LogOp>(binary<SubOp>(splatLike(u, 1), u)), splatLike(u, -2)));
  return binary<MulOp>(
      radius, unary<CosOp>(binary<MulOp>(
                  angle, splatLike(angle, 2 * 3.14159265358979323846))));
}

} // namespace nacre::lazy
