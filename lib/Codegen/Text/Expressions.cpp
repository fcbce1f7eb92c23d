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
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include <charconv>

using namespace mlir;
namespace nacre::codegen {

/// Longest expression that waits for its use.
static constexpr size_t longWait = 44;
/// Longest right-hand side that is not broken into variables.
static constexpr size_t longExpression = 76;

//===-- literals ----------------------------------------------------------===//

std::string shortest(const APFloat &value) {
  char buffer[64];
  std::to_chars_result end = &value.getSemantics() == &APFloat::IEEEdouble()
                                 ? std::to_chars(buffer, buffer + sizeof buffer,
                                                 value.convertToDouble())
                                 : std::to_chars(buffer, buffer + sizeof buffer,
                                                 value.convertToFloat());
  std::string text(buffer, end.ptr);
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text;
}

std::string hex(const APInt &value) {
  return "0x" + llvm::utohexstr(value.getZExtValue(), /*LowerCase=*/true,
                                value.getBitWidth() / 4);
}

bool isMultipleOf(Value value, int64_t n) {
  APInt constant;
  if (n == 1)
    return true;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue() % n == 0;
  if (auto arg = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(arg.getOwner()->getParentOp());
    return loop && arg == loop.getInductionVar() &&
           isMultipleOf(loop.getLowerBound(), n) &&
           isMultipleOf(loop.getStep(), n);
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return isMultipleOf(op->getOperand(0), n) &&
           isMultipleOf(op->getOperand(1), n);
  if (isa<arith::MulIOp>(op))
    return isMultipleOf(op->getOperand(0), n) ||
           isMultipleOf(op->getOperand(1), n);
  if (isa<arith::IndexCastOp>(op))
    return isMultipleOf(op->getOperand(0), n);
  return false;
}

//===-- operands ----------------------------------------------------------===//

std::string Printer::paren(const Expr &value, Level least) const {
  return value.level < least ? "(" + value.text + ")" : value.text;
}

Expr Printer::binary(StringRef symbol, Level level, const Expr &a,
                     const Expr &b) const {
  Level left, right;
  switch (level) {
  case Level::Sum:
    left = Level::Sum, right = Level::Product;
    break;
  case Level::Product:
    left = Level::Product, right = Level::Unary;
    break;
  case Level::Compare:
    left = right = Level::Sum;
    break;
  case Level::And:
  case Level::Or:
    left = right = Level::Compare;
    break;
  default:
    left = right = Level::Unary;
  }
  return {paren(a, left) + " " + symbol.str() + " " + paren(b, right), level};
}

Expr Printer::constant(Value value, bool isUnsigned) {
  auto attr = value.getDefiningOp<arith::ConstantOp>().getValue();
  auto scalar = [&](Attribute attr) -> std::string {
    if (auto number = dyn_cast<FloatAttr>(attr))
      return literal(number.getValue());
    auto number = cast<IntegerAttr>(attr);
    if (number.getType().isInteger(1))
      return number.getValue().isZero() ? "false" : "true";
    if (number.getType().isIndex())
      return literal(number.getValue().trunc(32), isUnsigned);
    return literal(number.getValue(), isUnsigned);
  };
  Expr expr;
  if (auto dense = dyn_cast<DenseElementsAttr>(attr)) {
    SmallVector<std::string> parts;
    if (dense.isSplat())
      parts.push_back(scalar(dense.getSplatValue<Attribute>()));
    else
      for (Attribute part : dense.getValues<Attribute>())
        parts.push_back(scalar(part));
    expr = construct(value.getType(), parts);
  } else {
    expr.text = scalar(attr);
    expr.isUnsigned = isUnsigned;
  }
  if (expr.text[0] == '-')
    expr.level = Level::Unary;
  expr.isConstant = true;
  return expr;
}

static bool isInteger(Type type) {
  return type.isIndex() || (type.isInteger() && !type.isInteger(1));
}

Expr Printer::raw(Value value) {
  if (auto at = exprs.find(value); at != exprs.end())
    return at->second;
  if (value.getDefiningOp<arith::ConstantOp>())
    return constant(value, false);
  return {"?"}; // an error has been said at its operation
}

Expr Printer::toSigned(Expr expr, Type type) const {
  if (!expr.isUnsigned)
    return expr;
  return cast(typeName(type), expr);
}

Expr Printer::use(Value value) { return toSigned(raw(value), value.getType()); }

Expr Printer::useUnsigned(Value value) {
  if (!exprs.count(value) && value.getDefiningOp<arith::ConstantOp>())
    return constant(value, true);
  Expr expr = raw(value);
  if (!expr.isUnsigned) {
    expr = cast(unsignedName(value.getType()), expr);
    expr.isUnsigned = true;
  }
  return expr;
}

Expr Printer::call(StringRef function, ValueRange operands) {
  std::string text = function.str() + "(";
  for (auto [n, value] : llvm::enumerate(operands))
    text += (n ? ", " : "") + operand(value);
  return {text + ")"};
}

//===-- variables ---------------------------------------------------------===//

static bool isWord(StringRef text) {
  return llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
}

static StringRef hintFor(Type type) {
  if (isa<VectorType>(type))
    return "v";
  if (type.isInteger(1))
    return "is";
  return type.isIndex() ? "at" : isa<FloatType>(type) ? "t" : "n";
}

std::string Printer::declare(Value value, const Expr &expr) {
  std::string name = names.numbered(hintFor(value.getType()));
  line(declaration(value.getType(), name, false) + " = " +
       toSigned(expr, value.getType()).text + ";");
  return name;
}

void Printer::nameOperand(Value value) {
  Expr expr = raw(value);
  if (!isWord(expr.text))
    set(value, {declare(value, expr)});
}

bool Printer::nameLongestOperand(Operation *op) {
  Value longest;
  size_t length = 12;
  for (Value value : op->getOperands()) {
    auto at = exprs.find(value);
    if (at == exprs.end() || isWord(at->second.text) ||
        at->second.text.size() <= length || isa<MemRefType>(value.getType()))
      continue;
    longest = value;
    length = at->second.text.size();
  }
  if (longest)
    nameOperand(longest);
  return bool(longest);
}

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
      !isa<arith::BitcastOp, vector::BroadcastOp, vector::FromElementsOp>(op)) {
    if (llvm::all_of(op->getOperands(),
                     [&](Value value) { return raw(value).isConstant; }))
      named(op->getOperand(0));
    APInt divisor;
    if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(
            op) &&
        matchPattern(op->getOperand(1), m_ConstantInt(&divisor)) &&
        divisor.isZero())
      named(op->getOperand(1));
  }
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
  if (!waits && !isWord(expr->text) && !expr->isConstant)
    expr = Expr{declare(result, *expr)};
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
    return is("!=");
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
