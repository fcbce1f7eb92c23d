//===- Words.cpp - 64-bit integers in two words ---------------------------===//
#include "HelperFunctions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nacre::codegen {

Words add(Words a, Words b) {
  Scalar low = a.low + b.low;
  return {low, a.high + b.high + asWord(below(low, a.low))};
}
Words subtract(Words a, Words b) {
  return {a.low - b.low, a.high - b.high - asWord(below(a.low, b.low))};
}

/// The upper half of a product of unsigned words, from half-words.
static Scalar multiplyHigh(Helpers &helpers, Scalar x, Scalar y) {
  return helpers.call(
      "nacre_multiply_high", x.type(), {x, y}, [](ArrayRef<Scalar> v) {
        Scalar a = v[0] & 0xffff, b = shiftDown(v[0], 16);
        Scalar c = v[1] & 0xffff, d = shiftDown(v[1], 16);
        Scalar middle = b * c + shiftDown(a * c, 16);
        Scalar middle2 = a * d + (middle & 0xffff);
        return b * d + shiftDown(middle, 16) + shiftDown(middle2, 16);
      });
}
Words multiply(Helpers &helpers, Words a, Words b) {
  Scalar high = multiplyHigh(helpers, a.low, b.low);
  return {a.low * b.low, high + a.low * b.high + a.high * b.low};
}

Words choose(Scalar condition, Words a, Words b) {
  return {choose(condition, a.low, b.low), choose(condition, a.high, b.high)};
}

/// Amounts are below 64; no word is shifted by its width.
Words shiftLeft(Words a, Scalar amount) {
  Scalar inside = amount & 31, large = greater(amount, 31);
  Scalar low = a.low << inside;
  Scalar spill = shiftDown(shiftDown(a.low, 1), inside ^ 31);
  return {choose(large, 0, low),
          choose(large, low, (a.high << inside) | spill)};
}
Words shiftRight(Words a, Scalar amount, bool isUnsigned) {
  Scalar inside = amount & 31, large = greater(amount, 31);
  Scalar high = isUnsigned ? shiftDown(a.high, inside) : a.high >> inside;
  Scalar spill = (a.high << 1) << (inside ^ 31);
  Scalar fill = isUnsigned ? word(a.low.at, 0) : a.high >> 31;
  return {choose(large, high, shiftDown(a.low, inside) | spill),
          choose(large, fill, high)};
}

Scalar compare(arith::CmpIPredicate predicate, Words a, Words b) {
  using P = arith::CmpIPredicate;
  auto words = [&](P p, Scalar x, Scalar y) {
    return x.make<arith::CmpIOp>(p, x.v, y.v);
  };
  if (predicate == P::eq || predicate == P::ne)
    return words(predicate, (a.low ^ b.low) | (a.high ^ b.high),
                 word(a.low.at, 0));
  P strict = predicate, low = predicate;
  switch (predicate) {
  case P::slt:
  case P::ult:
    low = P::ult;
    break;
  case P::sgt:
  case P::ugt:
    low = P::ugt;
    break;
  case P::sle:
    strict = P::slt;
    low = P::ule;
    break;
  case P::ule:
    strict = P::ult;
    break;
  case P::sge:
    strict = P::sgt;
    low = P::uge;
    break;
  case P::uge:
    strict = P::ugt;
    break;
  default:
    break;
  }
  return words(strict, a.high, b.high) |
         (equal(a.high, b.high) & words(low, a.low, b.low));
}

Words divide(Words a, Words b, bool isUnsigned, bool remainder) {
  Place at = a.low.at;
  Words zero{word(at, 0), word(at, 0)};
  Scalar negativeA = less(a.high, 0), negativeB = less(b.high, 0);
  if (!isUnsigned) {
    a = choose(negativeA, subtract(zero, a), a);
    b = choose(negativeB, subtract(zero, b), b);
  }
  // The dividend moves up out of `quotient` into `rest` bit by bit while the
  // quotient's bits come in below. A bit that leaves `rest` makes it greater
  // than any divisor.
  Type index = at.b->getIndexType();
  auto loop = scf::ForOp::create(
      *at.b, at.loc, number(at, index, 0), number(at, index, 64),
      number(at, index, 1), ValueRange{a.low, a.high, zero.low, zero.high});
  {
    OpBuilder::InsertionGuard guard(*at.b);
    at.b->setInsertionPointToStart(loop.getBody());
    auto carried = loop.getRegionIterArgs();
    Words quotient{{at, carried[0]}, {at, carried[1]}};
    Words rest{{at, carried[2]}, {at, carried[3]}};
    Scalar out = less(rest.high, 0), one = word(at, 1);
    rest = shiftLeft(rest, one);
    rest.low = rest.low | shiftDown(quotient.high, 31);
    quotient = shiftLeft(quotient, one);
    Scalar fits = out | compare(arith::CmpIPredicate::uge, rest, b);
    rest = choose(fits, subtract(rest, b), rest);
    quotient.low = quotient.low | asWord(fits);
    scf::YieldOp::create(
        *at.b, at.loc,
        ValueRange{quotient.low, quotient.high, rest.low, rest.high});
  }
  unsigned first = remainder ? 2 : 0;
  Words result{{at, loop.getResult(first)}, {at, loop.getResult(first + 1)}};
  if (isUnsigned)
    return result;
  Scalar negative = remainder ? negativeA : negativeA ^ negativeB;
  return choose(negative, subtract(zero, result), result);
}

Scalar wordsToFloat(Helpers &helpers, Words a, bool isUnsigned, bool odd) {
  std::string name = std::string("nacre_") + (isUnsigned ? "u64" : "i64") +
                     (odd ? "_to_odd" : "_to_f32");
  return helpers.call(
      name, a.low.at.b->getF32Type(), {a.low, a.high}, [&](ArrayRef<Scalar> v) {
        Place at = v[0].at;
        Words x{v[0], v[1]};
        Scalar negative = less(x.high, 0);
        if (!isUnsigned)
          x = choose(negative, subtract({word(at, 0), word(at, 0)}, x), x);
        // 29 to 31 leading bits and a sticky one; from the exponent of the
        // upper word's half as a float, which may have been rounded up.
        Scalar bits = bitsOf(toFloat(shiftDown(x.high, 1)));
        Scalar shift = shiftDown(bits, 23) - (127 - 3);
        Scalar small = equal(shiftDown(x.high, 1), 0);
        // Upper word 0 or 1: shift by 2.
        shift = choose(small, 2, shift);
        Words top = shiftRight(x, shift, true);
        Words back = shiftLeft(top, shift);
        Scalar sticky = asWord(unequal(back.low, x.low));
        Scalar w = top.low;
        if (odd)
          w = shiftDown(w, 8) | asWord(unequal(w & 0xff, 0));
        w = w | sticky;
        Scalar f = toFloat(w);
        Scalar scaled = fromBits(bitsOf(f) + ((odd ? shift + 8 : shift) << 23));
        Scalar tiny =
            odd ? oddFloat(helpers, x.low, true)
                : x.low.make<arith::UIToFPOp>(at.b->getF32Type(), x.low.v);
        Scalar result = choose(equal(x.high, 0), tiny, scaled);
        return isUnsigned ? result : choose(negative, negate(result), result);
      });
}

Words floatToWords(Scalar value, bool isUnsigned) {
  Place at = value.at;
  Scalar bits = bitsOf(value);
  Scalar x = isUnsigned ? value : fromBits(bits & 0x7fffffff);
  auto toUnsigned = [&](Scalar f) {
    return f.make<arith::FPToUIOp>(at.b->getI32Type(), f.v);
  };
  // Both halves of a float's integer part are exact.
  Scalar high = toUnsigned(x * 0x1p-32);
  Scalar whole =
      high.make<arith::UIToFPOp>(at.b->getF32Type(), high.v) * 0x1p32;
  Words result{toUnsigned(x - whole), high};
  if (isUnsigned)
    return result;
  Words negated = subtract({word(at, 0), word(at, 0)}, result);
  return choose(less(bits, 0), negated, result);
}

} // namespace nacre::codegen
