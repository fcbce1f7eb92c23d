//===- Expand.cpp - operations a target lacks -----------------------------===//
#include "HelperFunctions.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

class Expander {
public:
  explicit Expander(Helpers &helpers) : helpers(helpers) {}
  /// The value that stands for the operation's result, or none: it may stay.
  Value expand(Operation *op);

private:
  Value comparison(arith::CmpFOp op);
  Scalar extremum(Scalar a, Scalar b, bool wantMax, bool keepNaN);
  Scalar division(Operation *op, bool up);
  Value onBooleans(Operation *op);
  Scalar nan(Scalar x);
  Scalar at(Value v) { return {{builder, v.getLoc()}, v}; }

  Helpers &helpers;
  OpBuilder *builder = nullptr;
};

/// By bits where comparisons cannot be relied on, else x != x.
Scalar Expander::nan(Scalar x) {
  FloatAttr known;
  if (matchPattern(x.v, m_Constant(&known)))
    return number(x.at, x.at.b->getI1Type(), known.getValue().isNaN());
  if (helpers.lacks.reliableNaN || !x.type().isF32())
    return unequal(x, x);
  return isNaN(x);
}

Value Expander::comparison(arith::CmpFOp op) {
  using P = arith::CmpFPredicate;
  Scalar x = at(op.getLhs()), y = at(op.getRhs());
  P p = op.getPredicate();
  Scalar yes = number(x.at, x.at.b->getI1Type(), 1);
  bool same = x.v == y.v, reliable = helpers.lacks.reliableNaN;
  if (reliable && p == P::UNE)
    return {};
  if (same && (p == P::UNE || p == P::UNO))
    return nan(x);
  if (same && (p == P::OEQ || p == P::ORD) && !(reliable && p == P::OEQ))
    return nan(x) ^ yes;
  auto either = [&] { return nan(x) | nan(y); };
  auto plain = [&](P q) { return x.make<arith::CmpFOp>(q, x.v, y.v); };
  // Unordered ones: true with NaN.
  auto unordered = [&](P ordered, P opposite) {
    return reliable ? plain(opposite) ^ yes : either() | plain(ordered);
  };
  switch (p) {
  case P::UNO:
    return either();
  case P::ORD:
    return either() ^ yes;
  case P::ONE:
    return plain(P::OLT) | plain(P::OGT);
  case P::UEQ:
    return reliable ? (plain(P::OLT) | plain(P::OGT)) ^ yes
                    : either() | plain(P::OEQ);
  case P::ULT:
    return unordered(P::OLT, P::OGE);
  case P::ULE:
    return unordered(P::OLE, P::OGT);
  case P::UGT:
    return unordered(P::OGT, P::OLE);
  case P::UGE:
    return unordered(P::OGE, P::OLT);
  case P::UNE: {
    if (op->hasAttr("decided")) // made below
      return {};
    Scalar differ = plain(P::UNE);
    if (Operation *made = differ.v.getDefiningOp<arith::CmpFOp>())
      made->setAttr("decided", x.at.b->getUnitAttr());
    return either() | differ;
  }
  case P::AlwaysFalse:
    return yes ^ yes;
  case P::AlwaysTrue:
    return yes;
  default:
    return {};
  }
}

/// arith.maximumf and the like; zeros in order.
Scalar Expander::extremum(Scalar a, Scalar b, bool wantMax, bool keepNaN) {
  Scalar better = wantMax ? greater(a, b) : less(a, b);
  Scalar result = choose(better, a, b);
  if (a.type().isF32()) {
    Scalar zero = bitsOf(a), other = bitsOf(b);
    Scalar both = wantMax ? zero & other : zero | other;
    result = choose(equal(a, b), fromBits(both), result);
  }
  Scalar nanA = nan(a), nanB = nan(b);
  // A NaN in b has been chosen, in a not.
  return keepNaN ? choose(nanA, a, choose(nanB, b, result))
                 : choose(nanB, a, choose(nanA, b, result));
}

/// floordivsi and ceildivsi as C's division and a correction.
Scalar Expander::division(Operation *op, bool up) {
  Scalar a = at(op->getOperand(0)), b = at(op->getOperand(1));
  Scalar quotient = a.make<arith::DivSIOp>(a.v, b.v);
  Scalar rest = a.make<arith::RemSIOp>(a.v, b.v);
  auto asNumber = [&](Scalar condition) {
    return choose(condition, 1, a.constant(0));
  };
  IntegerAttr known;
  if (matchPattern(b.v, m_Constant(&known)) &&
      known.getValue().isStrictlyPositive())
    return up ? quotient + asNumber(greater(rest, 0))
              : quotient - asNumber(less(rest, 0));
  Scalar signs = less(rest ^ b, 0);
  Scalar inexact = unequal(rest, 0);
  if (up)
    return quotient +
           asNumber(inexact & (signs ^ number(a.at, signs.type(), 1)));
  return quotient - asNumber(inexact & signs);
}

/// Arithmetic of i1 in logic.
Value Expander::onBooleans(Operation *op) {
  auto x = [&] { return at(op->getOperand(0)); };
  auto y = [&] { return at(op->getOperand(1)); };
  Type i32 = builder->getI32Type();
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return x() ^ y();
  if (isa<arith::MulIOp, arith::MinUIOp, arith::MaxSIOp>(op))
    return x() & y();
  if (isa<arith::MaxUIOp, arith::MinSIOp>(op))
    return x() | y();
  // The only divisor is 1, the only amount 0.
  if (isa<arith::DivUIOp, arith::DivSIOp, arith::ShLIOp, arith::ShRUIOp,
          arith::ShRSIOp>(op))
    return x();
  if (isa<arith::RemUIOp, arith::RemSIOp>(op))
    return x().constant(0);
  auto wide = [&](Scalar v, bool isUnsigned) {
    return isUnsigned ? asWord(v) : v.make<arith::ExtSIOp>(i32, v.v);
  };
  if (auto compared = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    P p = compared.getPredicate();
    if (p == P::eq || p == P::ne)
      return {};
    // Unsigned order of 0 and 1, and of 0 and -1.
    return x().make<arith::CmpIOp>(p, wide(x(), false).v, wide(y(), false).v);
  }
  Type type = op->getNumResults() ? op->getResult(0).getType() : Type();
  if (isa<arith::UIToFPOp>(op))
    return x().make<arith::SIToFPOp>(type, wide(x(), true).v);
  if (isa<arith::SIToFPOp>(op))
    return x().make<arith::SIToFPOp>(type, wide(x(), false).v);
  if (isa<arith::IndexCastOp>(op))
    return x().make<arith::IndexCastOp>(type, wide(x(), false).v);
  if (isa<arith::IndexCastUIOp>(op))
    return x().make<arith::IndexCastOp>(type, wide(x(), true).v);
  return {};
}

Value Expander::expand(Operation *op) {
  if (op->getNumOperands() == 0 || op->getNumResults() != 1 ||
      op->getNumRegions() || isa<VectorType>(op->getResult(0).getType()))
    return {};
  OpBuilder b(op);
  builder = &b;
  if (op->getOperand(0).getType().isInteger(1))
    return onBooleans(op);
  auto x = [&] { return at(op->getOperand(0)); };
  auto y = [&] { return at(op->getOperand(1)); };
  if (op->getResult(0).getType().isF32() &&
      helpers.lacks.op(op->getName().getStringRef())) {
    SmallVector<Scalar> args;
    for (Value v : op->getOperands())
      args.push_back(at(v));
    return expandFunction(helpers, op->getName().getStringRef(), args);
  }
  // A compiler that knows no NaN takes 0 for the product of 0 and anything.
  FloatAttr zero;
  if (isa<arith::MulFOp>(op) && !helpers.lacks.reliableNaN &&
      op->getResult(0).getType().isF32() &&
      matchPattern(op->getOperand(1), m_Constant(&zero)) &&
      zero.getValue().isZero()) {
    int64_t sign = int64_t(-0x80000000ll), infinity = 0x7f800000;
    Scalar bits = bitsOf(x());
    Scalar result =
        zero.getValue().isNegative() ? (bits ^ sign) & sign : bits & sign;
    return fromBits(choose(greaterEqual(bits & 0x7fffffff, double(infinity)),
                           0x7fc00000, result));
  }
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::CmpFOp compared) { return comparison(compared); })
      .Case([&](arith::MaximumFOp) { return extremum(x(), y(), true, true).v; })
      .Case(
          [&](arith::MinimumFOp) { return extremum(x(), y(), false, true).v; })
      .Case([&](arith::MaxNumFOp) { return extremum(x(), y(), true, false).v; })
      .Case(
          [&](arith::MinNumFOp) { return extremum(x(), y(), false, false).v; })
      .Case([&](arith::TruncIOp narrowed) -> Value {
        if (!narrowed.getType().isInteger(1))
          return {};
        return unequal(x() & 1, 0);
      })
      .Case([&](arith::FloorDivSIOp) { return division(op, false).v; })
      .Case([&](arith::CeilDivSIOp) { return division(op, true).v; })
      .Case([&](arith::CeilDivUIOp) {
        Scalar a = x(), zero = a.constant(0);
        return choose(equal(a, zero), zero, (a - 1) / y() + 1).v;
      })
      .Default([](Operation *) { return Value(); });
}

} // namespace

void expandOperations(Helpers &helpers) {
  Expander expander(helpers);
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Operation *> all;
    helpers.module.walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : all)
      if (Value v = expander.expand(op)) {
        op->getResult(0).replaceAllUsesWith(v);
        op->erase();
        changed = true;
      }
  }
  helpers.module.walk([](arith::CmpFOp op) { op->removeAttr("decided"); });
}

} // namespace nacre::codegen
