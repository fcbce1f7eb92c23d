//===- Operators.cpp - operators, attributes ------------------------------===//
#include "Builtins.h"
#include <cmath>

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static Datum integers(StringRef op, int64_t a, int64_t b, Position at) {
  int64_t result = 0;
  bool overflow = false;
  auto power = [&] {
    result = 1;
    for (int64_t i = 0; i < b && !overflow && i < 64; ++i)
      overflow = llvm::MulOverflow(result, a, result);
    overflow |= b >= 64 && (a > 1 || a < -1);
    if (b >= 64 && a == -1)
      result = b % 2 ? -1 : 1;
  };
  if (op == "+")
    overflow = llvm::AddOverflow(a, b, result);
  else if (op == "-")
    overflow = llvm::SubOverflow(a, b, result);
  else if (op == "*")
    overflow = llvm::MulOverflow(a, b, result);
  else if (op == "**" && b >= 0)
    power();
  else if (op == "**")
    return std::pow(double(a), double(b));
  else if (b == 0)
    reject(at, "division by zero");
  else if (op == "/")
    return double(a) / double(b);
  else if (a == INT64_MIN && b == -1)
    overflow = true;
  else if (op == "//")
    result = floorDivide(a, b);
  else if (op == "%")
    result = a - b * floorDivide(a, b);
  else
    reject(at, "'" + op + "' is not for integers");
  if (overflow)
    reject(at, "the result is outside the range of 64-bit integers");
  return result;
}

static Datum floats(StringRef op, double a, double b, Position at) {
  if (op == "+")
    return a + b;
  if (op == "-")
    return a - b;
  if (op == "*")
    return a * b;
  if (op == "**")
    return std::pow(a, b);
  if (op != "/" && op != "//" && op != "%")
    reject(at, "'" + op + "' is not for numbers");
  if (b == 0)
    reject(at, "division by zero");
  if (op == "/")
    return a / b;
  return op == "//" ? std::floor(a / b) : a - b * std::floor(a / b);
}

static Datum range(const Datum &a, const Datum &b, Position at) {
  int64_t first = integerOf(a, at, "the start of a range");
  int64_t end = integerOf(b, at, "the end of a range");
  int64_t count;
  if (llvm::SubOverflow(end, first, count) || count > maxListLength)
    reject(at, "a range has at most " + Twine(maxListLength) + " values");
  List items;
  for (int64_t i = first; i < end; ++i)
    items.push_back(i);
  return listOf(std::move(items));
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static std::optional<lazy::CmpKind> comparison(StringRef op) {
  return llvm::StringSwitch<std::optional<lazy::CmpKind>>(op)
      .Case("==", lazy::CmpKind::eq)
      .Case("!=", lazy::CmpKind::ne)
      .Case("<", lazy::CmpKind::lt)
      .Case("<=", lazy::CmpKind::le)
      .Case(">", lazy::CmpKind::gt)
      .Case(">=", lazy::CmpKind::ge)
      .Default(std::nullopt);
}

static bool equal(const Datum &a, const Datum &b, Position at) {
  if (a.isNumber() && b.isNumber())
    return a.is<int64_t>() && b.is<int64_t>()
               ? a.as<int64_t>() == b.as<int64_t>()
               : a.number() == b.number();
  if (a.isList() && b.isList()) {
    if (a.list().size() != b.list().size())
      return false;
    for (auto [x, y] : llvm::zip_equal(a.list(), b.list()))
      if (x.isList() || !equal(x, y, at)) // no deeper than this
        return false;
    return true;
  }
  if (a.index() != b.index())
    return false;
  if (a.is<bool>())
    return a.as<bool>() == b.as<bool>();
  if (a.is<std::string>())
    return a.as<std::string>() == b.as<std::string>();
  if (a.is<DType>())
    return a.as<DType>() == b.as<DType>();
  if (a.is<OpenExtent>())
    return a.as<OpenExtent>().symbol == b.as<OpenExtent>().symbol;
  return a.is<Nothing>();
}

static Datum compare(StringRef op, lazy::CmpKind kind, const Datum &a,
                     const Datum &b, Position at) {
  if (kind == lazy::CmpKind::eq)
    return equal(a, b, at);
  if (kind == lazy::CmpKind::ne)
    return !equal(a, b, at);
  if (!a.isNumber() || !b.isNumber())
    reject(at, "'" + op + "' needs numbers or tensors, got " + describe(a) +
                   " and " + describe(b));
  auto with = [&](auto x, auto y) -> bool {
    switch (kind) {
    case lazy::CmpKind::lt:
      return x < y;
    case lazy::CmpKind::le:
      return x <= y;
    case lazy::CmpKind::gt:
      return x > y;
    default:
      return x >= y;
    }
  };
  return a.is<int64_t>() && b.is<int64_t>()
             ? with(a.as<int64_t>(), b.as<int64_t>())
             : with(a.number(), b.number());
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// An operator on tensors, of which one may be a number.
static Datum onTensors(Evaluator &evaluator, StringRef op, const Datum &a,
                       const Datum &b, Position at) {
  mlir::Type element =
      lazy::tensorType((a.isTensor() ? a : b).tensor()).getElementType();
  mlir::Value x = evaluator.asTensor(a, element, at);
  mlir::Value y = evaluator.asTensor(b, element, at);
  auto xType = lazy::tensorType(x), yType = lazy::tensorType(y);
  if (xType.getElementType() != yType.getElementType())
    reject(at, "'" + op + "' of " + describe(xType) + " and " +
                   describe(yType) + "; cast one to the other's type");
  if (op == "@")
    return evaluator.made(matmul(evaluator, x, y, at), at);
  auto shape = lazy::broadcastShapes(xType.getShape(), yType.getShape());
  if (!shape)
    reject(at, "'" + op + "' of " + describe(xType) + " and " +
                   describe(yType) + ": the shapes do not broadcast");
  if (!elementCount(withoutOpen(*shape)))
    reject(at, "'" + op + "' of " + describe(xType) + " and " +
                   describe(yType) + " has too many elements");
  lazy::Build build = evaluator.build(at);
  auto done = [&](mlir::Value v) { return evaluator.made(v, at); };
  if (std::optional<lazy::CmpKind> kind = comparison(op))
    return done(build.cmp(*kind, x, y));
  bool isFloat = mlir::isa<mlir::FloatType>(element);
  bool isBool = element.isInteger(1);
  if (op == "and" || op == "or") {
    if (!isBool)
      reject(at, "'" + op + "' needs bool, got " + describe(xType));
    return done(op == "and" ? build.binary<lazy::AndOp>(x, y)
                            : build.binary<lazy::OrOp>(x, y));
  }
  if (isBool)
    reject(at, "'" + op + "' needs numbers, got " + describe(xType) +
                   "; cast it first");
  if (op == "+")
    return done(build.binary<lazy::AddOp>(x, y));
  if (op == "-")
    return done(build.binary<lazy::SubOp>(x, y));
  if (op == "*")
    return done(build.binary<lazy::MulOp>(x, y));
  if (op == "%")
    return done(build.binary<lazy::RemOp>(x, y));
  if (op == "**" && isFloat) {
    // The powers that networks are full of.
    if (b.isNumber() && b.number() == 2)
      return done(build.binary<lazy::MulOp>(x, x));
    if (b.isNumber() && b.number() == 0.5)
      return done(build.unary<lazy::SqrtOp>(x));
    return done(build.binary<lazy::PowOp>(x, y));
  }
  if (op == "/" && isFloat)
    return done(build.binary<lazy::DivOp>(x, y));
  if (op == "//" && !isFloat)
    return done(build.binary<lazy::DivOp>(x, y));
  if (op == "/")
    reject(at, "'/' of integer tensors; use '//', or cast to a float type");
  if (op == "//")
    reject(at, "'//' is for integers; use floor(a / b)");
  if (op == "**")
    reject(at, "'**' needs a float tensor, got " + describe(xType));
  reject(at, "'" + op + "' is not for tensors");
}

Datum Evaluator::binary(StringRef op, const Datum &a, const Datum &b,
                        Position at) {
  if (op == "..")
    return range(a, b, at);
  if (a.isTensor() || b.isTensor()) {
    bool fit = true;
    for (const Datum *side : {&a, &b})
      fit &= side->isTensor() || side->isNumber() || side->is<bool>();
    if (fit)
      return onTensors(*this, op, a, b, at);
  } else if (std::optional<lazy::CmpKind> kind = comparison(op)) {
    return compare(op, *kind, a, b, at);
  } else if (op == "and" || op == "or") {
    if (a.is<bool>() && b.is<bool>())
      return op == "and" ? a.as<bool>() && b.as<bool>()
                         : a.as<bool>() || b.as<bool>();
  } else if (a.is<int64_t>() && b.is<int64_t>()) {
    return integers(op, a.as<int64_t>(), b.as<int64_t>(), at);
  } else if (a.isNumber() && b.isNumber()) {
    return floats(op, a.number(), b.number(), at);
  } else if (a.is<std::string>() && b.is<std::string>() && op == "+") {
    std::string joined = a.as<std::string>() + b.as<std::string>();
    if (joined.size() > size_t(maxListLength))
      problem(at, "the string is longer than " + Twine(maxListLength));
    return joined;
  } else if (a.isList() && b.isList() && op == "+") {
    List joined = a.list();
    llvm::append_range(joined, b.list());
    if (joined.size() > size_t(maxListLength))
      problem(at, "the list is longer than " + Twine(maxListLength));
    return listOf(std::move(joined));
  } else if (a.isList() && b.is<int64_t>() && op == "*") {
    int64_t count = std::max<int64_t>(b.as<int64_t>(), 0);
    if (count > maxListLength ||
        count * int64_t(a.list().size()) > maxListLength)
      problem(at, "the list is longer than " + Twine(maxListLength));
    List repeated;
    for (int64_t i = 0; i < count; ++i)
      llvm::append_range(repeated, a.list());
    return listOf(std::move(repeated));
  }
  for (const Datum *side : {&a, &b})
    if (side->is<OpenExtent>())
      integerOf(*side, at, "the result of '" + op + "'");
  problem(at, "'" + op + "' does not go with " + describe(a) + " and " +
                  describe(b));
}

Datum Evaluator::unary(StringRef op, const Datum &a, Position at) {
  if (op == "not") {
    if (a.is<bool>())
      return !a.as<bool>();
    if (a.isTensor()) {
      mlir::Value x = usable(a, at);
      if (!lazy::tensorType(x).getElementType().isInteger(1))
        problem(at, "'not' needs bool, got " + describe(a));
      return made(build(at).unary<lazy::NotOp>(x), at);
    }
  } else {
    if (a.is<int64_t>())
      return integers("-", 0, a.as<int64_t>(), at);
    if (a.is<double>())
      return -a.as<double>();
    if (a.isTensor()) {
      mlir::Value x = usable(a, at);
      if (lazy::tensorType(x).getElementType().isInteger(1))
        problem(at, "'-' needs numbers, got " + describe(a));
      return made(build(at).unary<lazy::NegOp>(x), at);
    }
  }
  problem(at, "'" + op + "' does not go with " + describe(a));
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

Datum Evaluator::attribute(const Datum &base, const Expr &expr) {
  if (base.isList() && expr.text == "length")
    return int64_t(base.list().size());
  if (base.is<ImportedFile>())
    return lookUpIn(base.as<ImportedFile>(), expr);
  if (!base.isTensor())
    problem(expr.at, describe(base) + " has no attribute " + quote(expr.text));
  auto type = lazy::tensorType(base.tensor());
  if (expr.text == "rank")
    return type.getRank();
  if (expr.text == "dtype")
    return dtypeOf(type.getElementType());
  if (expr.text != "shape")
    problem(expr.at, "a tensor has no attribute " + quote(expr.text) +
                         ", expected shape, rank or dtype");
  List extents;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (mlir::StringAttr symbol = lazy::symbolOf(type, axis))
      extents.push_back(OpenExtent{symbol});
    else
      extents.push_back(type.getDimSize(axis));
  }
  return listOf(std::move(extents));
}

} // namespace nacre::graph_frontend
