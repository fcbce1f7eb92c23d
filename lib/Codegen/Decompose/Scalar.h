//===- Scalar.h - arithmetic on IR values, written as arithmetic -*- C++ -*-=//
//
// A Scalar is a value of i1, i32, index or f32 with the place where code for it
// goes; operators make folded arith operations. A number beside a Scalar is a
// constant of its type.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_DECOMPOSE_SCALAR_H
#define NACRE_CODEGEN_DECOMPOSE_SCALAR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace nacre::codegen {

/// Where code goes.
struct Place {
  mlir::OpBuilder *b;
  mlir::Location loc;
};

struct Scalar {
  Place at;
  mlir::Value v;

  operator mlir::Value() const { return v; }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(v.getType()); }
  mlir::Type type() const { return v.getType(); }
  template <typename Op, typename... Args> Scalar make(Args &&...args) const {
    return {at, at.b->createOrFold<Op>(at.loc, std::forward<Args>(args)...)};
  }
  Scalar constant(double number) const {
    if (isFloat())
      return make<mlir::arith::ConstantOp>(
          mlir::TypedAttr(at.b->getFloatAttr(type(), number)));
    unsigned width = llvm::isa<mlir::IndexType>(type())
                         ? 64
                         : type().getIntOrFloatBitWidth();
    llvm::APInt bits(64, uint64_t(int64_t(number)));
    return make<mlir::arith::ConstantOp>(mlir::TypedAttr(
        mlir::IntegerAttr::get(type(), bits.sextOrTrunc(width))));
  }
};

/// A number of a given type.
inline Scalar number(Place at, mlir::Type type, double value) {
  Scalar like{at, {}};
  if (llvm::isa<mlir::FloatType>(type))
    return like.make<mlir::arith::ConstantOp>(
        mlir::TypedAttr(at.b->getFloatAttr(type, value)));
  unsigned width =
      llvm::isa<mlir::IndexType>(type) ? 64 : type.getIntOrFloatBitWidth();
  return like.make<mlir::arith::ConstantOp>(
      mlir::TypedAttr(mlir::IntegerAttr::get(
          type, llvm::APInt(64, uint64_t(int64_t(value))).sextOrTrunc(width))));
}
inline Scalar word(Place at, int64_t value) {
  return number(at, at.b->getI32Type(), double(value));
}
inline Scalar real(Place at, double value) {
  return number(at, at.b->getF32Type(), value);
}

#define NACRE_BINARY(SIGN, FLOAT, INT)                                         \
  inline Scalar operator SIGN(Scalar a, Scalar b) {                            \
    return a.isFloat() ? a.make<mlir::arith::FLOAT>(a.v, b.v)                  \
                       : a.make<mlir::arith::INT>(a.v, b.v);                   \
  }                                                                            \
  inline Scalar operator SIGN(Scalar a, double b) {                            \
    return a SIGN a.constant(b);                                               \
  }                                                                            \
  inline Scalar operator SIGN(double a, Scalar b) {                            \
    return b.constant(a) SIGN b;                                               \
  }
NACRE_BINARY(+, AddFOp, AddIOp)
NACRE_BINARY(-, SubFOp, SubIOp)
NACRE_BINARY(*, MulFOp, MulIOp)
NACRE_BINARY(/, DivFOp, DivUIOp)
#undef NACRE_BINARY

#define NACRE_BITS(SIGN, OP)                                                   \
  inline Scalar operator SIGN(Scalar a, Scalar b) {                            \
    return a.make<mlir::arith::OP>(a.v, b.v);                                  \
  }                                                                            \
  inline Scalar operator SIGN(Scalar a, int64_t b) {                           \
    return a SIGN a.constant(double(b));                                       \
  }
NACRE_BITS(&, AndIOp)
NACRE_BITS(|, OrIOp)
NACRE_BITS(^, XOrIOp)
NACRE_BITS(<<, ShLIOp)
#undef NACRE_BITS

/// Right shifts: >> brings in the sign, shiftDown brings in zeros.
inline Scalar operator>>(Scalar a, Scalar b) {
  return a.make<mlir::arith::ShRSIOp>(a.v, b.v);
}
inline Scalar operator>>(Scalar a, int64_t b) {
  return a >> a.constant(double(b));
}
inline Scalar shiftDown(Scalar a, Scalar b) {
  return a.make<mlir::arith::ShRUIOp>(a.v, b.v);
}
inline Scalar shiftDown(Scalar a, int64_t b) {
  return shiftDown(a, a.constant(double(b)));
}

#define NACRE_COMPARE(NAME, FLOAT, INT)                                        \
  inline Scalar NAME(Scalar a, Scalar b) {                                     \
    return a.isFloat() ? a.make<mlir::arith::CmpFOp>(                          \
                             mlir::arith::CmpFPredicate::FLOAT, a.v, b.v)      \
                       : a.make<mlir::arith::CmpIOp>(                          \
                             mlir::arith::CmpIPredicate::INT, a.v, b.v);       \
  }                                                                            \
  inline Scalar NAME(Scalar a, double b) { return NAME(a, a.constant(b)); }
NACRE_COMPARE(equal, OEQ, eq)
NACRE_COMPARE(unequal, UNE, ne)
NACRE_COMPARE(less, OLT, slt)
NACRE_COMPARE(greater, OGT, sgt)
NACRE_COMPARE(greaterEqual, OGE, sge)
#undef NACRE_COMPARE
/// Of the operands as unsigned numbers.
inline Scalar below(Scalar a, Scalar b) {
  return a.make<mlir::arith::CmpIOp>(mlir::arith::CmpIPredicate::ult, a.v, b.v);
}
inline Scalar below(Scalar a, double b) { return below(a, a.constant(b)); }

inline Scalar choose(Scalar condition, Scalar a, Scalar b) {
  return condition.make<mlir::arith::SelectOp>(condition.v, a.v, b.v);
}
inline Scalar choose(Scalar condition, double a, Scalar b) {
  return choose(condition, b.constant(a), b);
}
inline Scalar choose(Scalar condition, Scalar a, double b) {
  return choose(condition, a, a.constant(b));
}
inline Scalar negate(Scalar a) {
  return a.isFloat() ? a.make<mlir::arith::NegFOp>(a.v) : 0 - a;
}
inline Scalar smallerUnsigned(Scalar a, double b) {
  return a.make<mlir::arith::MinUIOp>(a.v, a.constant(b).v);
}

/// The bits of an f32 and back.
inline Scalar bitsOf(Scalar a) {
  return a.make<mlir::arith::BitcastOp>(a.at.b->getI32Type(), a.v);
}
inline Scalar fromBits(Scalar a) {
  return a.make<mlir::arith::BitcastOp>(a.at.b->getF32Type(), a.v);
}
/// i32 and f32, by value; signed.
inline Scalar toFloat(Scalar a) {
  return a.make<mlir::arith::SIToFPOp>(a.at.b->getF32Type(), a.v);
}
inline Scalar toInteger(Scalar a) {
  return a.make<mlir::arith::FPToSIOp>(a.at.b->getI32Type(), a.v);
}
/// An i1 as 0 or 1.
inline Scalar asWord(Scalar a) {
  return a.make<mlir::arith::ExtUIOp>(a.at.b->getI32Type(), a.v);
}
/// f32: NaN, by its bits.
inline Scalar isNaN(Scalar a) {
  return greater(bitsOf(a) & 0x7fffffff, 0x7f800000);
}

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_DECOMPOSE_SCALAR_H
