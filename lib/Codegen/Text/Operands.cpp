//===- Operands.cpp - literals, names and parentheses --------------------===//
#include "Printer.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>

using namespace mlir;
namespace nacre::codegen {

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

bool isInteger(Type type) {
  return type.isIndex() || (type.isInteger() && !type.isInteger(1));
}

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

bool isWord(StringRef text) {
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
  if (isWord(expr.text))
    return;
  renamed.push_back({value, expr});
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

} // namespace nacre::codegen
