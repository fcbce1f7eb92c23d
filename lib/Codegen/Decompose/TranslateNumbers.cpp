//===- TranslateNumbers.cpp - arithmetic on types a target lacks ----------===//
#include "Translator.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace nacre::codegen {

//===-- integers ----------------------------------------------------------===//

LogicalResult Translator::integer(Operation *op) {
  Type type = op->getOperand(0).getType();
  if (kindOf(type) == Kind::Wide)
    return wide(op);
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
           arith::OrIOp, arith::XOrIOp, arith::ShLIOp, arith::ShRSIOp,
           arith::ShRUIOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
           arith::RemUIOp, arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp,
           arith::MinUIOp, arith::CmpIOp, arith::CeilDivSIOp,
           arith::FloorDivSIOp>(op))
    return refuse(op);
  narrow(op, type.getIntOrFloatBitWidth());
  return success();
}

void Translator::narrow(Operation *op, unsigned width) {
  bool unsignedOperands = isa<arith::DivUIOp, arith::RemUIOp>(op);
  SmallVector<Value> operands;
  for (Value v : op->getOperands())
    operands.push_back(asWord(v, unsignedOperands).v);
  if (isa<arith::ShRUIOp>(op))
    operands[0] = asWord(op->getOperand(0), true).v;
  bool comparison = isa<arith::CmpIOp>(op);
  // Overflow flags of the narrow type mean nothing in i32.
  SmallVector<NamedAttribute> attributes;
  if (comparison)
    llvm::append_range(attributes, op->getAttrs());
  OperationState state(loc, op->getName(), operands,
                       comparison ? op->getResult(0).getType() : i32,
                       attributes);
  Scalar result{at(), builder.create(state)->getResult(0)};
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp,
          arith::ShRUIOp, arith::DivUIOp, arith::RemUIOp>(op))
    result = wrap(result, width);
  define(op->getResult(0), result.v);
}

LogicalResult Translator::wide(Operation *op) {
  if (op->getNumOperands() != 2)
    return refuse(op);
  Value out = op->getResult(0);
  Words a = words(op->getOperand(0)), b = words(op->getOperand(1));
  using P = arith::CmpIPredicate;
  auto extremum = [&](P p) {
    define(out, choose(compare(p, a, b), a, b));
    return success();
  };
  auto division = [&](bool isUnsigned, bool remainder) {
    define(out, divide(a, b, isUnsigned, remainder));
    return success();
  };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::AddIOp) { return define(out, add(a, b)), success(); })
      .Case(
          [&](arith::SubIOp) { return define(out, subtract(a, b)), success(); })
      .Case([&](arith::MulIOp) {
        return define(out, multiply(helpers, a, b)), success();
      })
      .Case([&](arith::AndIOp) {
        return define(out, Words{a.low & b.low, a.high & b.high}), success();
      })
      .Case([&](arith::OrIOp) {
        return define(out, Words{a.low | b.low, a.high | b.high}), success();
      })
      .Case([&](arith::XOrIOp) {
        return define(out, Words{a.low ^ b.low, a.high ^ b.high}), success();
      })
      .Case([&](arith::ShLIOp) {
        return define(out, shiftLeft(a, b.low)), success();
      })
      .Case([&](arith::ShRSIOp) {
        return define(out, shiftRight(a, b.low, false)), success();
      })
      .Case([&](arith::ShRUIOp) {
        return define(out, shiftRight(a, b.low, true)), success();
      })
      .Case([&](arith::CmpIOp compared) {
        return define(out, compare(compared.getPredicate(), a, b).v), success();
      })
      .Case([&](arith::MaxSIOp) { return extremum(P::sgt); })
      .Case([&](arith::MaxUIOp) { return extremum(P::ugt); })
      .Case([&](arith::MinSIOp) { return extremum(P::slt); })
      .Case([&](arith::MinUIOp) { return extremum(P::ult); })
      .Case([&](arith::DivSIOp) { return division(false, false); })
      .Case([&](arith::DivUIOp) { return division(true, false); })
      .Case([&](arith::RemSIOp) { return division(false, true); })
      .Case([&](arith::RemUIOp) { return division(true, true); })
      .Default([&](Operation *) { return refuse(op); });
}

//===-- conversions -------------------------------------------------------===//

LogicalResult Translator::conversion(Operation *op) {
  Value in = op->getOperand(0), out = op->getResult(0);
  Type from = in.getType(), to = out.getType();
  Kind fromKind = kindOf(from), toKind = kindOf(to);
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op)) {
    bool isUnsigned = isa<arith::ExtUIOp>(op);
    defineInteger(out, asWord(in, isUnsigned), isUnsigned);
    return success();
  }
  if (isa<arith::TruncIOp>(op)) {
    Scalar v = one(in);
    if (v.type().isInteger(64))
      v = v.make<arith::TruncIOp>(i32, v.v);
    if (to.isInteger(1))
      v = unequal(v & 1, 0);
    else if (toKind == Kind::Narrow)
      v = wrap(v, to.getIntOrFloatBitWidth());
    define(out, v.v);
    return success();
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    bool isUnsigned = isa<arith::IndexCastUIOp>(op);
    auto cast = [&](Type type, Scalar v) {
      return isUnsigned ? v.make<arith::IndexCastUIOp>(type, v.v)
                        : v.make<arith::IndexCastOp>(type, v.v);
    };
    if (isa<IndexType>(from)) {
      Scalar v = cast(i32, one(in));
      if (toKind == Kind::Narrow)
        v = wrap(v, to.getIntOrFloatBitWidth());
      defineInteger(out, v, isUnsigned);
      return success();
    }
    if (fromKind != Kind::Wide) {
      define(out, cast(to, asWord(in, isUnsigned)).v);
      return success();
    }
    // An index that does not fit stays out of every range.
    Words w = words(in);
    Scalar fits = equal(w.high, isUnsigned ? word(at(), 0) : w.low >> 31);
    Scalar far = isUnsigned ? word(at(), -1) : (w.high >> 31) ^ 0x7fffffff;
    define(out, cast(to, choose(fits, w.low, far)).v);
    return success();
  }
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op)) {
    bool isUnsigned = isa<arith::UIToFPOp>(op);
    bool odd =
        toKind == Kind::Half || (toKind == Kind::Double && isRoundedLater(out));
    if (fromKind == Kind::Wide) {
      if (to.isF64() && toKind == Kind::Same)
        return refuse(op);
      defineFloat(out, wordsToFloat(helpers, words(in), isUnsigned, odd));
      return success();
    }
    Type type = toKind == Kind::Same ? to : f32;
    if (from.isInteger(64)) {
      if (toKind == Kind::Half)
        return refuse(op);
      Scalar v = one(in);
      define(out, isUnsigned ? v.make<arith::UIToFPOp>(type, v.v).v
                             : v.make<arith::SIToFPOp>(type, v.v).v);
      return success();
    }
    Scalar v = asWord(in, isUnsigned);
    if (from.getIntOrFloatBitWidth() < 32)
      isUnsigned = false; // it is positive
    else if (odd) {
      defineFloat(out, oddFloat(helpers, v, isUnsigned));
      return success();
    }
    defineFloat(out, isUnsigned ? v.make<arith::UIToFPOp>(type, v.v)
                                : v.make<arith::SIToFPOp>(type, v.v));
    return success();
  }
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op)) {
    bool isUnsigned = isa<arith::FPToUIOp>(op);
    Scalar v = asFloat(in);
    if (toKind == Kind::Wide) {
      if (!v.type().isF32())
        return refuse(op);
      define(out, floatToWords(v, isUnsigned));
      return success();
    }
    Type type = toKind == Kind::Same ? to : i32;
    Scalar result = isUnsigned && toKind == Kind::Same
                        ? v.make<arith::FPToUIOp>(type, v.v)
                        : v.make<arith::FPToSIOp>(type, v.v);
    if (toKind == Kind::Narrow)
      result = wrap(result, to.getIntOrFloatBitWidth());
    define(out, result.v);
    return success();
  }
  if (isa<arith::ExtFOp>(op)) {
    Scalar v = asFloat(in);
    if (to.isF64() && toKind == Kind::Same)
      v = v.make<arith::ExtFOp>(to, v.v);
    define(out, v.v);
    return success();
  }
  if (isa<arith::TruncFOp>(op)) {
    Scalar v = asFloat(in);
    if (v.type().isF64()) // rounding twice would not be exact
      return refuse(op);
    defineFloat(out, v);
    return success();
  }
  return refuse(op);
}

void Translator::bitcast(arith::BitcastOp op) {
  Value in = op.getIn();
  Type to = op.getType();
  unsigned width = to.getIntOrFloatBitWidth();
  Kind fromKind = kindOf(in.getType()), toKind = kindOf(to);
  if (width < 64 || (fromKind != Kind::Same && toKind != Kind::Same)) {
    if (width == 64)
      define(op, words(in));
    else
      define(op, one(in).v);
    return;
  }
  // Two words on one side only.
  if (toKind == Kind::Same) {
    Type i64 = builder.getI64Type();
    Words w = words(in);
    Scalar low = w.low.make<arith::ExtUIOp>(i64, w.low.v);
    Scalar high = w.high.make<arith::ExtUIOp>(i64, w.high.v);
    define(op, (low | (high << 32)).v);
    return;
  }
  Scalar v = one(in);
  Scalar high = shiftDown(v, 32);
  define(op, Words{v.make<arith::TruncIOp>(i32, v.v),
                   high.make<arith::TruncIOp>(i32, high.v)});
}

//===-- floats ------------------------------------------------------------===//

LogicalResult Translator::floating(Operation *op) {
  Value out = op->getResult(0);
  // The sign alone: exact on the bits, and no conversion.
  if (kindOf(out.getType()) == Kind::Half) {
    if (isa<arith::NegFOp>(op)) {
      define(out, (one(op->getOperand(0)) ^ int64_t(-0x8000)).v);
      return success();
    }
    if (isa<math::AbsFOp>(op)) {
      define(out, (one(op->getOperand(0)) & 0x7fff).v);
      return success();
    }
  }
  SmallVector<Value> operands;
  for (Value v : op->getOperands()) {
    if (!isa<FloatType>(v.getType()))
      return refuse(op);
    operands.push_back(asFloat(v).v);
  }
  Type type = isa<FloatType>(out.getType()) ? f32 : out.getType();
  OperationState state(loc, op->getName(), operands, type, op->getAttrs());
  Scalar result{at(), builder.create(state)->getResult(0)};
  if (isa<FloatType>(out.getType()))
    defineFloat(out, result);
  else
    define(out, result.v);
  return success();
}

} // namespace nacre::codegen
