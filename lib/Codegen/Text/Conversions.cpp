//===- Conversions.cpp - comparisons and casts as text -------------------===//
#include "Printer.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
namespace nacre::codegen {

FailureOr<Expr> Printer::compare(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  if (isa<VectorType>(op.getType()))
    return unknown(op);
  P predicate = op.getPredicate();
  bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                    predicate == P::ugt || predicate == P::uge;
  Expr x = isUnsigned ? useUnsigned(op.getLhs()) : use(op.getLhs());
  Expr y = isUnsigned ? useUnsigned(op.getRhs()) : use(op.getRhs());
  StringRef symbol;
  switch (predicate) {
  case P::eq:
    symbol = "==";
    break;
  case P::ne:
    symbol = "!=";
    break;
  case P::slt:
  case P::ult:
    symbol = "<";
    break;
  case P::sle:
  case P::ule:
    symbol = "<=";
    break;
  case P::sgt:
  case P::ugt:
    symbol = ">";
    break;
  case P::sge:
  case P::uge:
    symbol = ">=";
    break;
  }
  return binary(symbol, Level::Compare, x, y);
}

/// A comparison that holds where an operand is no number is the opposite one,
/// denied.
FailureOr<Expr> Printer::compare(arith::CmpFOp op) {
  using P = arith::CmpFPredicate;
  Expr x = use(op.getLhs()), y = use(op.getRhs());
  auto is = [&](StringRef symbol) {
    return binary(symbol, Level::Compare, x, y);
  };
  auto isNot = [&](StringRef symbol) {
    return Expr{"!(" + is(symbol).text + ")", Level::Unary};
  };
  switch (op.getPredicate()) {
  case P::OEQ:
    return is("==");
  case P::OLT:
    return is("<");
  case P::OLE:
    return is("<=");
  case P::OGT:
    return is(">");
  case P::OGE:
    return is(">=");
  case P::UNE:
    return differsFromNan() ? is("!=") : isNot("==");
  default:
    break;
  }
  if (isa<VectorType>(op.getType()))
    return unknown(op);
  switch (op.getPredicate()) {
  case P::ULT:
    return isNot(">=");
  case P::ULE:
    return isNot(">");
  case P::UGT:
    return isNot("<=");
  case P::UGE:
    return isNot("<");
  default:
    break;
  }
  // These read an operand twice.
  nameOperand(op.getLhs());
  nameOperand(op.getRhs());
  x = use(op.getLhs()), y = use(op.getRhs());
  Expr apart = binary("||", Level::Or, is("<"), is(">"));
  Expr number =
      x.text == y.text || y.isConstant
          ? binary("==", Level::Compare, x, x)
          : binary("&&", Level::And, binary("==", Level::Compare, x, x),
                   binary("==", Level::Compare, y, y));
  switch (op.getPredicate()) {
  case P::ONE:
    return apart;
  case P::UEQ:
    return Expr{"!(" + apart.text + ")", Level::Unary};
  case P::ORD:
    return number;
  case P::UNO:
    return Expr{"!(" + number.text + ")", Level::Unary};
  default:
    return unknown(op);
  }
}

FailureOr<Expr> Printer::conversion(Operation *op) {
  Value from = op->getOperand(0);
  Type source = from.getType(), target = op->getResult(0).getType();
  if (isa<VectorType>(target) || isa<VectorType>(source))
    return unknown(op);
  bool narrowSource = source.isInteger(8) || source.isInteger(16);
  std::string name = typeName(target);
  auto width = [](Type type) {
    return type.isIndex() ? 32 : type.getIntOrFloatBitWidth();
  };
  if (isa<arith::BitcastOp>(op)) {
    // The bits of a literal are a literal.
    APInt bits;
    if (isa<FloatType>(target) && matchPattern(from, m_ConstantInt(&bits))) {
      Expr expr{
          literal(APFloat(cast<FloatType>(target).getFloatSemantics(), bits))};
      if (expr.text[0] == '-')
        expr.level = Level::Unary;
      expr.isConstant = true;
      return expr;
    }
    return width(source) == width(target)
               ? FailureOr<Expr>(bitcast(target, use(from)))
               : FailureOr<Expr>(unknown(op));
  }
  if (source.isInteger(1)) {
    if (isa<arith::ExtUIOp, arith::UIToFPOp, arith::IndexCastUIOp>(op))
      return cast(name, use(from));
    if (isa<arith::ExtSIOp, arith::SIToFPOp, arith::IndexCastOp>(op))
      return Expr{"-" + paren(cast(name, use(from)), Level::Primary),
                  Level::Unary};
    return unknown(op);
  }
  if (narrowSource) {
    unsigned bits = width(source);
    bool isLoad = isa_and_nonnull<memref::LoadOp>(from.getDefiningOp());
    if (!isInteger(target) ||
        (!isLoad && !from.getDefiningOp<arith::TruncIOp>()))
      return unknown(op);
    Expr low = raw(from);
    bool loadedUnsigned =
        isLoad && llvm::all_of(from.getUsers(), [](auto *user) {
          return isa<arith::ExtUIOp>(user);
        });
    if (!isLoad && isa<arith::ExtSIOp>(op))
      low = signExtend(low, bits);
    else if (isa<arith::ExtUIOp>(op) && !loadedUnsigned) {
      low = binary("&", Level::Bits,
                   toSigned(raw(from), IntegerType::get(op->getContext(), 32)),
                   {bits == 8 ? "255" : "65535"});
    }
    return width(target) > 32 ? cast(name, low) : low;
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
          arith::ExtUIOp, arith::TruncIOp>(op)) {
    if (target.isInteger(1))
      return binary("!=", Level::Compare,
                    binary("&", Level::Bits, use(from), {"1"}), {"0"});
    if (target.isInteger(8) || target.isInteger(16)) {
      Expr expr = raw(from); // whoever stores it takes the low bits
      return width(source) > 32
                 ? cast(typeName(IntegerType::get(op->getContext(), 32)), expr)
                 : expr;
    }
    if (width(source) == width(target))
      return raw(from);
    bool isUnsigned = isa<arith::ExtUIOp, arith::IndexCastUIOp>(op) &&
                      width(target) > width(source);
    Expr expr = isUnsigned ? cast(unsignedName(target), useUnsigned(from))
                           : cast(name, use(from));
    expr.isUnsigned = isUnsigned;
    return expr;
  }
  if (isa<arith::SIToFPOp, arith::FPToSIOp, arith::ExtFOp, arith::TruncFOp>(op))
    return cast(name, use(from));
  if (isa<arith::UIToFPOp>(op))
    return cast(name, useUnsigned(from));
  if (isa<arith::FPToUIOp>(op) && isInteger(target)) {
    Expr expr = cast(unsignedName(target), use(from));
    expr.isUnsigned = true;
    return expr;
  }
  return unknown(op);
}

} // namespace nacre::codegen
