//===- NarrowCasts.cpp - elements of eight bits and fewer as numbers ------===//
//
// On the bits of f32, in integers of 32 bits, so that every target computes the
// same and none needs instructions for such types. No float operation rounds or
// sees a subnormal number.
//
//===----------------------------------------------------------------------===//
#include "NarrowCasts.h"
#include "ScalarOrVector.h"
#include <cmath>
#include <optional>

using namespace mlir;
namespace nacre::lazy {

namespace {

/// A float of a sign, exponent and mantissa.
struct Format {
  int width, mantissa, bias;
  int largest;       ///< the code, without a sign, of the largest number
  int overflow;      ///< of what is larger: infinity, NaN or the largest number
  int nan;           ///< of NaN; -1 for none
  bool unsignedZero; ///< the sign alone is NaN
};

/// Integers of 32 bits and floats, scalar or vector.
class Emitter {
public:
  Emitter(OpBuilder &b, Location loc, Type like) : b(b), loc(loc) {
    i8 = likeType(like, b.getI8Type());
    i32 = likeType(like, b.getI32Type());
    f32 = likeType(like, b.getF32Type());
  }

  Value decode(Value bits, const Format &f);
  Value encode(Value x, const Format &f);
  Value decodeScale(Value bits);
  Value encodeScale(Value x);
  Value decodeInteger(Value bits, unsigned width, bool isUnsigned);
  Value bitAnd(Value x, int64_t mask) {
    return make<arith::AndIOp>(x, constant(x.getType(), mask));
  }

private:
  template <typename Op> Value make(Value x, Value y) {
    return Op::create(b, loc, x, y);
  }
  Value constant(Type type, int64_t value) {
    return intLike(b, loc, type, value);
  }
  Value word(int64_t value) { return constant(i32, value); }
  Value floating(double value) { return floatLike(b, loc, f32, value); }
  Value add(Value x, int64_t y) { return make<arith::AddIOp>(x, word(y)); }
  Value up(Value x, int64_t by) { return make<arith::ShLIOp>(x, word(by)); }
  Value down(Value x, int64_t by) { return make<arith::ShRUIOp>(x, word(by)); }
  Value below(Value x, int64_t y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x, word(y));
  }
  Value is(Value x, int64_t y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, word(y));
  }
  Value choose(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  Value smaller(Value x, int64_t y) { return make<arith::MinUIOp>(x, word(y)); }
  Value bitsOf(Value x) { return arith::BitcastOp::create(b, loc, i32, x); }
  Value extend(Value bits) { return arith::ExtUIOp::create(b, loc, i32, bits); }
  Value narrow(Value x) { return arith::TruncIOp::create(b, loc, i8, x); }
  Value asFloat(Value x) { return arith::BitcastOp::create(b, loc, f32, x); }

  OpBuilder &b;
  Location loc;
  Type i8, i32, f32;
};

} // namespace

// The exponent and mantissa of f32, from bit 23 up and down.
static constexpr int64_t floatNaN = 0x7fc00000, floatInfinity = 0x7f800000,
                         floatSign = 0x80000000;
static constexpr int floatMantissa = 23, floatBias = 127;

static std::optional<Format> formatOf(Type element) {
  if (isa<Float8E4M3FNType>(element))
    return Format{8, 3, 7, 0x7e, 0x7f, 0x7f, false};
  if (isa<Float8E4M3FNUZType>(element))
    return Format{8, 3, 8, 0x7f, 0x80, 0x80, true};
  if (isa<Float8E5M2Type>(element))
    return Format{8, 2, 15, 0x7b, 0x7c, 0x7e, false};
  if (isa<Float8E5M2FNUZType>(element))
    return Format{8, 2, 16, 0x7f, 0x80, 0x80, true};
  if (isa<Float4E2M1FNType>(element))
    return Format{4, 1, 1, 0x7, 0x7, -1, false};
  return std::nullopt;
}

Value Emitter::decode(Value bits, const Format &f) {
  const int sign = 1 << (f.width - 1), drop = floatMantissa - f.mantissa;
  Value word32 = extend(bits), code = bitAnd(word32, sign - 1);
  Value normal =
      add(up(code, drop), int64_t(floatBias - f.bias) << floatMantissa);
  // The mantissa in units of the smallest number.
  Value tiny = bitsOf(
      make<arith::MulFOp>(arith::SIToFPOp::create(b, loc, f32, code),
                          floating(std::ldexp(1.0, 1 - f.bias - f.mantissa))));
  Value result = choose(below(code, 1 << f.mantissa), tiny, normal);
  if (f.overflow != f.nan && f.nan >= 0) { // then it is infinity
    result = choose(below(code, f.overflow), result, word(floatInfinity));
    result = choose(below(code, f.overflow + 1), result, word(floatNaN));
  } else if (f.nan >= 0 && !f.unsignedZero) {
    result = choose(is(code, f.nan), word(floatNaN), result);
  }
  Value signBit = bitAnd(up(word32, 32 - f.width), floatSign);
  result = make<arith::OrIOp>(result, signBit);
  if (f.unsignedZero)
    result = choose(is(bitAnd(word32, 0xff), sign), word(floatNaN), result);
  return asFloat(result);
}

Value Emitter::encode(Value x, const Format &f) {
  const int sign = 1 << (f.width - 1), drop = floatMantissa - f.mantissa;
  Value bits = bitsOf(x), magnitude = bitAnd(bits, floatSign - 1);
  // Twice the power of two of the largest number: its code is above.
  const int top = (f.largest >> f.mantissa) + 1;
  const int64_t limit = int64_t(top - f.bias + floatBias) << floatMantissa;
  Value limited = smaller(magnitude, limit);
  // Half a unit is added, less a little where the code is even.
  Value even = bitAnd(down(limited, drop), 1);
  Value rounded =
      add(make<arith::AddIOp>(limited, even), (int64_t(1) << (drop - 1)) - 1);
  Value normal =
      add(down(rounded, drop), -(int64_t(floatBias - f.bias) << f.mantissa));
  // Below the smallest normal number: the mantissa in units of the smallest
  // number, of which from 2^-2 on 0 is left.
  Value digits = make<arith::OrIOp>(bitAnd(magnitude, (1 << floatMantissa) - 1),
                                    word(1 << floatMantissa));
  Value exponent = smaller(down(magnitude, floatMantissa),
                           floatBias - f.bias); // of a normal one: not used
  Value shift = smaller(
      make<arith::SubIOp>(
          word(1 + floatBias + floatMantissa - f.bias - f.mantissa), exponent),
      floatMantissa + 2);
  Value half =
      make<arith::ShRUIOp>(make<arith::ShLIOp>(word(1), shift), word(1));
  even = bitAnd(make<arith::ShRUIOp>(digits, shift), 1);
  Value sum =
      make<arith::AddIOp>(make<arith::AddIOp>(digits, even), add(half, -1));
  Value tiny = make<arith::ShRUIOp>(sum, shift);
  int64_t smallest = int64_t(floatBias - f.bias + 1) << floatMantissa;
  Value code = choose(below(magnitude, smallest), tiny, normal);
  code = smaller(code, f.overflow);
  Value signBit = bitAnd(down(bits, 32 - f.width), sign);
  if (f.unsignedZero)
    signBit = choose(is(code, 0), word(0), signBit);
  bool keepsNaN = f.nan >= 0;
  Value isNumber = below(magnitude, floatInfinity + 1);
  if (keepsNaN)
    code = choose(isNumber, code, word(f.nan));
  code = make<arith::OrIOp>(code, signBit);
  if (!keepsNaN)
    code = choose(isNumber, code, word(sign));
  return narrow(code);
}

Value Emitter::decodeScale(Value bits) {
  Value code = extend(bits);
  // 2^-127 is subnormal in f32.
  Value result = choose(is(code, 0), word(1 << (floatMantissa - 1)),
                        up(code, floatMantissa));
  return asFloat(choose(is(code, 0xff), word(floatNaN), result));
}

Value Emitter::encodeScale(Value x) {
  // Negative numbers are above infinity, as NaN is.
  Value bits = smaller(bitsOf(x), floatInfinity);
  const int64_t half = 1 << (floatMantissa - 1);
  Value code = down(add(bits, half), floatMantissa);
  // Of the subnormal numbers those from 1.5 times 2^-127 on are rounded up.
  Value tiny = choose(below(bits, half + half / 2), word(0), word(1));
  code = choose(below(bits, 1 << floatMantissa), tiny, code);
  return narrow(choose(is(bits, 0), word(0xff), code));
}

Value Emitter::decodeInteger(Value bits, unsigned width, bool isUnsigned) {
  Value low = bitAnd(bits, (1 << width) - 1);
  if (isUnsigned)
    return low;
  Value sign = constant(low.getType(), 1 << (width - 1));
  return make<arith::SubIOp>(make<arith::XOrIOp>(low, sign), sign);
}

Value fromNarrow(OpBuilder &b, Location loc, Value bits, Type element) {
  Emitter emitter(b, loc, bits.getType());
  if (auto integer = dyn_cast<IntegerType>(element))
    return emitter.decodeInteger(bits, integer.getWidth(),
                                 integer.isUnsigned());
  if (std::optional<Format> format = formatOf(element))
    return emitter.decode(bits, *format);
  return emitter.decodeScale(bits);
}

Value toNarrow(OpBuilder &b, Location loc, Value x, Type element) {
  Emitter emitter(b, loc, x.getType());
  if (auto integer = dyn_cast<IntegerType>(element))
    return emitter.bitAnd(x, (1 << integer.getWidth()) - 1);
  if (std::optional<Format> format = formatOf(element))
    return emitter.encode(x, *format);
  return emitter.encodeScale(x);
}

} // namespace nacre::lazy
