//===- Expressions.cpp - pure operations as text --------------------------===//
//
// An integer is kept as the unsigned type of its width from where an operation
// needs it so until another needs the sign: a chain of wrapping sums has one
// cast at its end. Indices are plain ints, as they cannot overflow.
//
//===----------------------------------------------------------------------===//
#include "Printer.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
namespace nacre::codegen {

/// Longest expression that waits for its use.
static constexpr size_t longWait = 44;
/// Longest right-hand side that is not broken into variables.
static constexpr size_t longExpression = 76;

bool Printer::isPure(Operation *op) const {
  return isa<arith::ArithDialect, math::MathDialect, vector::VectorDialect>(
      op->getDialect());
}

LogicalResult Printer::value(Operation *op) {
  if (!isPure(op))
    return unknown(op);
  if (op->use_empty() || isa<arith::ConstantOp>(op))
    return success();
  // What a language would fold, and refuse, is made to happen at run time.
  SmallVector<Value> literals;
  auto named = [&](Value value) {
    if (isa<VectorType>(value.getType()) || exprs.count(value))
      return;
    literals.push_back(value);
    set(value, {declare(value, raw(value))});
  };
  if (foldsLiterals() &&
      !isa<arith::BitcastOp, vector::BroadcastOp, vector::FromElementsOp>(op) &&
      llvm::all_of(op->getOperands(),
                   [&](Value value) { return raw(value).isConstant; }))
    named(op->getOperand(0));
  APInt divisor;
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op) &&
      matchPattern(op->getOperand(1), m_ConstantInt(&divisor)) &&
      divisor.isZero())
    named(op->getOperand(1));
  auto forget = llvm::make_scope_exit([&] {
    for (Value value : literals)
      exprs.erase(value);
  });

  if (auto insert = dyn_cast<vector::InsertOp>(op)) {
    if (insert.getStaticPosition().size() != 1 || insert.hasDynamicPosition() ||
        typeName(insert.getType()).empty())
      return unknown(op);
    std::string name = names.numbered("v");
    line(declaration(insert.getType(), name, true) + " = " +
         operand(insert.getDest()) + ";");
    line(name + "." + "xyzw"[insert.getStaticPosition()[0]] + " = " +
         operand(insert.getValueToStore()) + ";");
    set(insert, {name});
    return success();
  }
  if (auto split = dyn_cast<vector::ToElementsOp>(op)) {
    nameOperand(split.getSource());
    std::string name = operand(split.getSource(), Level::Primary);
    for (OpResult result : split->getResults())
      set(result, {name + "." + "xyzw"[result.getResultNumber()]});
    return success();
  }

  if (op->getNumResults() != 1)
    return unknown(op);
  Value result = op->getResult(0);
  FailureOr<Expr> expr = expression(op);
  if (failed(expr))
    return failure();
  while (expr->text.size() > longExpression && nameLongestOperand(op))
    expr = expression(op);
  bool waits = result.hasOneUse() && expr->text.size() <= longWait &&
               (*result.user_begin())->getBlock() == op->getBlock();
  bool isLong = !waits && !isWord(expr->text) && !expr->isConstant;
  if (isLong && typeName(result.getType()).empty()) {
    // A type of memory has no variables: what it is made of gets one.
    nameOperand(op->getOperand(0));
    expr = expression(op);
  } else if (isLong) {
    expr = Expr{declare(result, *expr)};
  }
  expr->isVariable = false; // what is passed on has other readers
  set(result, *expr);
  return success();
}

//===-- operations --------------------------------------------------------===//

FailureOr<Expr> Printer::expression(Operation *op) {
  Type type = op->getResult(0).getType();
  Type element = getElementTypeOrSelf(type);
  bool narrow = element.isInteger(8) || element.isInteger(16);
  if (!narrow && typeName(type).empty())
    return unknown(op);
  if (op->getNumOperands() == 0)
    return unknown(op);
  auto infix = [&](StringRef symbol, Level level) -> FailureOr<Expr> {
    return binary(symbol, level, use(op->getOperand(0)),
                  use(op->getOperand(1)));
  };
  if (isa<arith::AddFOp>(op))
    return infix("+", Level::Sum);
  if (isa<arith::SubFOp>(op))
    return infix("-", Level::Sum);
  if (isa<arith::MulFOp>(op))
    return infix("*", Level::Product);
  if (isa<arith::DivFOp>(op))
    return infix("/", Level::Product);
  if (isa<arith::NegFOp>(op))
    return Expr{"-" + operand(op->getOperand(0), Level::Primary), Level::Unary};
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return this->compare(compare);
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return this->compare(compare);
  if (auto choice = dyn_cast<arith::SelectOp>(op))
    return select(use(choice.getCondition()), use(choice.getTrueValue()),
                  use(choice.getFalseValue()), choice.getCondition().getType());
  StringRef function = this->function(op->getName().getStringRef());
  if (!function.empty()) {
    Expr expr;
    if (function.consume_back(" unsigned")) { // gives an unsigned number
      expr = call(function, op->getOperands());
      expr.isUnsigned = true;
    } else if (function.size() == 1) { // an operator after all
      return infix(function, Level::Product);
    } else {
      expr = call(function, op->getOperands());
    }
    return expr;
  }
  if (isa<vector::VectorDialect>(op->getDialect()))
    return vector(op);
  if (isa<CastOpInterface>(op))
    return conversion(op);
  if (isInteger(type) || type.isInteger(1))
    return integer(op);
  return unknown(op);
}

FailureOr<Expr> Printer::integer(Operation *op) {
  Type type = op->getResult(0).getType();
  if (op->getNumOperands() != 2)
    return unknown(op);
  Value x = op->getOperand(0), y = op->getOperand(1);
  auto infix = [&](StringRef symbol, Level level) {
    return binary(symbol, level, use(x), use(y));
  };
  auto infixUnsigned = [&](StringRef symbol, Level level) {
    Expr expr = binary(symbol, level, useUnsigned(x), useUnsigned(y));
    expr.isUnsigned = true;
    return expr;
  };
  if (type.isInteger(1)) {
    if (isa<arith::AndIOp, arith::MulIOp>(op))
      return infix("&&", Level::And);
    if (isa<arith::OrIOp>(op))
      return infix("||", Level::Or);
    if (isa<arith::XOrIOp>(op) && matchPattern(y, m_One()))
      return Expr{"!" + operand(x, Level::Primary), Level::Unary};
    if (isa<arith::XOrIOp, arith::AddIOp, arith::SubIOp>(op))
      return binary("!=", Level::Compare, use(x), use(y));
    return unknown(op);
  }
  // Sums and products: of indices plain, else they wrap.
  auto wrapping = [&](StringRef symbol, Level level) -> Expr {
    auto flags = cast<arith::ArithIntegerOverflowFlagsInterface>(op);
    bool plain = type.isIndex() || signedWraps() || flags.hasNoSignedWrap();
    return plain ? infix(symbol, level) : infixUnsigned(symbol, level);
  };
  APInt number;
  bool isNumber = matchPattern(y, m_ConstantInt(&number));
  if (isa<arith::AddIOp>(op)) {
    // i + -1 is written i - 1.
    if (isNumber && number.isNegative() && !number.isMinSignedValue() &&
        (type.isIndex() || signedWraps()) && !exprs.count(y)) {
      unsigned width = type.isIndex() ? 32 : number.getBitWidth();
      Expr rest{literal((-number).sextOrTrunc(width), false)};
      return binary("-", Level::Sum, use(x), rest);
    }
    return wrapping("+", Level::Sum);
  }
  if (isa<arith::SubIOp>(op)) {
    if (matchPattern(x, m_Zero()) && (type.isIndex() || signedWraps()) &&
        !exprs.count(x))
      return Expr{"-" + operand(y, Level::Primary), Level::Unary};
    return wrapping("-", Level::Sum);
  }
  if (isa<arith::MulIOp>(op))
    return wrapping("*", Level::Product);
  bool isIndex = type.isIndex();
  if (isa<arith::DivSIOp>(op) || (isa<arith::DivUIOp>(op) && isIndex))
    return infix("/", Level::Product);
  if (isa<arith::RemSIOp>(op) || (isa<arith::RemUIOp>(op) && isIndex))
    return infix("%", Level::Product);
  if (isa<arith::DivUIOp>(op))
    return infixUnsigned("/", Level::Product);
  if (isa<arith::RemUIOp>(op))
    return infixUnsigned("%", Level::Product);
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op)) {
    StringRef symbol = isa<arith::AndIOp>(op)  ? "&"
                       : isa<arith::OrIOp>(op) ? "|"
                                               : "^";
    if (isa<arith::XOrIOp>(op) && isNumber && number.isAllOnes()) {
      Expr from = raw(x);
      return Expr{"~" + paren(from, Level::Primary), Level::Unary,
                  from.isUnsigned};
    }
    return raw(x).isUnsigned || raw(y).isUnsigned
               ? infixUnsigned(symbol, Level::Bits)
               : infix(symbol, Level::Bits);
  }
  if (isa<arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp>(op)) {
    Expr amount = amountIsUnsigned() ? useUnsigned(y) : use(y);
    if (amountIsUnsigned() && type.getIntOrFloatBitWidth() != 32)
      return unknown(op);
    bool isSigned =
        isa<arith::ShRSIOp>(op) || (isa<arith::ShLIOp>(op) && signedWraps());
    Expr expr = binary(isa<arith::ShLIOp>(op) ? "<<" : ">>", Level::Shift,
                       isSigned ? use(x) : useUnsigned(x), amount);
    expr.isUnsigned = !isSigned;
    return expr;
  }
  if (isa<arith::MinSIOp, arith::MaxSIOp>(op))
    return call(isa<arith::MinSIOp>(op) ? "min" : "max", {x, y});
  if (isa<arith::MinUIOp, arith::MaxUIOp>(op)) {
    StringRef function = isa<arith::MinUIOp>(op) ? "min" : "max";
    return Expr{(function + "(" + useUnsigned(x).text + ", " +
                 useUnsigned(y).text + ")")
                    .str(),
                Level::Primary, true};
  }
  return unknown(op);
}

FailureOr<Expr> Printer::vector(Operation *op) {
  Type type = op->getResult(0).getType();
  auto parts = [&] {
    SmallVector<std::string> parts;
    for (Value value : op->getOperands())
      parts.push_back(operand(value));
    return parts;
  };
  if (isa<vector::FMAOp>(op))
    return call("fma", op->getOperands());
  if (isa<vector::FromElementsOp>(op) ||
      (isa<vector::BroadcastOp>(op) &&
       !isa<VectorType>(op->getOperand(0).getType()))) {
    bool isConstant = llvm::all_of(
        op->getOperands(), [&](Value value) { return raw(value).isConstant; });
    Expr expr = construct(type, parts());
    expr.isConstant = isConstant;
    return expr;
  }
  if (auto extract = dyn_cast<vector::ExtractOp>(op)) {
    if (extract.hasDynamicPosition() || extract.getStaticPosition().size() != 1)
      return unknown(op);
    nameOperand(extract.getSource());
    return Expr{operand(extract.getSource(), Level::Primary) + "." +
                "xyzw"[extract.getStaticPosition()[0]]};
  }
  return unknown(op);
}

} // namespace nacre::codegen
