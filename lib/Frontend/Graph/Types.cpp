//===- Types.cpp - written types against values ---------------------------===//
#include "Builtins.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

/// A type as it is written; an extent that is an expression as `(...)`.
static std::string textOf(const TypeExpr &type) {
  std::string text = type.element;
  if (!type.shaped)
    return text;
  text += type.rest ? "[..." : "[";
  for (auto [i, dim] : llvm::enumerate(type.dims)) {
    text += i || type.rest ? ", " : "";
    text += dim->kind == Expr::Integer ? std::to_string(dim->integer)
            : dim->kind == Expr::Name  ? dim->text
                                       : "(...)";
  }
  return text + "]";
}

static bool isVariable(StringRef element) {
  return !element.empty() && llvm::isUpper(element[0]);
}

/// Whether `datum` is of a type of compile time; nullopt: it is no such type.
static std::optional<bool> fitsKnown(StringRef type, const Datum &datum) {
  if (type == "any")
    return true;
  if (type == "int")
    return datum.is<int64_t>() || datum.is<OpenExtent>();
  if (type == "float")
    return datum.isNumber();
  if (type == "string")
    return datum.is<std::string>();
  if (type == "list")
    return datum.isList();
  if (type == "function")
    return datum.is<Callee>();
  if (type == "type")
    return datum.is<DType>();
  if (type == "tensor")
    return datum.isTensor();
  return std::nullopt;
}

static Datum extentOf(mlir::RankedTensorType type, int64_t axis) {
  if (mlir::StringAttr symbol = lazy::symbolOf(type, axis))
    return OpenExtent{symbol};
  return type.getDimSize(axis);
}

static bool sameExtent(const Datum &a, const Datum &b) {
  if (a.is<int64_t>() && b.is<int64_t>())
    return a.as<int64_t>() == b.as<int64_t>();
  return a.is<OpenExtent>() && b.is<OpenExtent>() &&
         a.as<OpenExtent>().symbol == b.as<OpenExtent>().symbol;
}

static std::string extentText(const Datum &datum) {
  return datum.is<int64_t>()      ? std::to_string(datum.as<int64_t>())
         : datum.is<OpenExtent>() ? datum.as<OpenExtent>().symbol.str()
                                  : describe(datum);
}

void Evaluator::match(const TypeExpr &type, const Datum &datum, Frame &frame,
                      Position at, const Twine &what) {
  if (datum.is<Poison>())
    throw Problem{at, "", /*quiet=*/true};
  auto mismatch = [&](const Twine &detail = "") {
    problem(at, what + " is " + describe(datum) + ", expected " + textOf(type) +
                    detail);
  };
  if (!type.shaped) {
    // `bool` alone is a flag; `bool[]` is a tensor.
    if (type.element == "bool") {
      if (!datum.is<bool>())
        mismatch();
      return;
    }
    if (std::optional<bool> fits = fitsKnown(type.element, datum)) {
      if (!*fits)
        mismatch();
      return;
    }
  }
  std::optional<DType> dtype = dtypeNamed(type.element);
  if (!dtype && !isVariable(type.element))
    problem(type.at, "unknown type " + quote(type.element));
  if (!datum.isTensor())
    mismatch();
  auto tensor = lazy::tensorType(datum.tensor());
  DType element = dtypeOf(tensor.getElementType());
  if (!dtype) {
    auto [bound, isNew] =
        frame.variables.try_emplace(type.element, Datum(element));
    if (!bound->second.is<DType>())
      problem(type.at, quote(type.element) + " is not a type");
    dtype = bound->second.as<DType>();
    if (*dtype != element)
      mismatch(" with " + type.element + " = " + dtypeName(*dtype));
  }
  if (*dtype != element)
    mismatch();
  int64_t rank = tensor.getRank(), written = type.dims.size();
  if (type.rest ? rank < written : rank != written)
    mismatch();
  for (int64_t i = 0; i < written; ++i) {
    const Expr &dim = *type.dims[i];
    Datum extent = extentOf(tensor, rank - written + i);
    bool isName = dim.kind == Expr::Name;
    if (isName && dim.text == "_")
      continue;
    if (isName && !frame.variables.contains(dim.text) &&
        !isConstant(dim.text, frame)) {
      frame.variables[dim.text] = extent;
      continue;
    }
    Datum expected = evaluate(dim, frame);
    if (sameExtent(expected, extent))
      continue;
    if (!expected.is<int64_t>() && !expected.is<OpenExtent>())
      problem(dim.at,
              "an extent must be an integer, got " + describe(expected));
    if (dim.kind == Expr::Integer)
      mismatch();
    mismatch(" with " + (isName ? dim.text : "(...)") + " = " +
             extentText(expected));
  }
}

mlir::RankedTensorType Evaluator::storedType(const TypeExpr &type,
                                             Frame &frame) {
  std::optional<DType> dtype = dtypeNamed(type.element);
  if (auto bound = frame.variables.find(type.element);
      !dtype && bound != frame.variables.end() && bound->second.is<DType>())
    dtype = bound->second.as<DType>();
  if (!dtype)
    problem(type.at, "unknown type " + quote(type.element) +
                         ", expected one as f32[2, 3]");
  if (type.rest)
    problem(type.at, "every extent of a stored tensor must be given");
  llvm::SmallVector<int64_t> shape;
  for (const ExprPtr &dim : type.dims) {
    int64_t extent = integerOf(evaluate(*dim, frame), dim->at, "an extent");
    if (extent < 0)
      problem(dim->at, "an extent must not be negative, got " + Twine(extent));
    shape.push_back(extent);
  }
  std::optional<int64_t> bytes = byteSize(shape, *dtype);
  if (!bytes || *bytes > maxTensorBytes || shape.size() > size_t(lazy::maxRank))
    problem(type.at, "the tensor takes more than " + Twine(maxTensorBytes) +
                         " bytes or has more than " + Twine(lazy::maxRank) +
                         " axes");
  return mlir::RankedTensorType::get(shape, elementType(&context, *dtype));
}

mlir::RankedTensorType Evaluator::inputType(const TypeExpr &type, Frame &frame,
                                            StringRef input) {
  std::optional<DType> dtype = dtypeNamed(type.element);
  if (!dtype || type.rest)
    problem(type.at, "input " + quote(input) + " needs a type as f32[N, 3]" +
                         (dtype ? ", every extent given" : ""));
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<mlir::Attribute> symbols;
  llvm::SmallVector<int64_t> bounds, largest;
  for (auto [axis, dim] : llvm::enumerate(type.dims)) {
    bool open = dim->kind == Expr::Name &&
                !frame.variables.contains(dim->text) &&
                !isConstant(dim->text, frame);
    if (open) {
      StringRef name = dim->text;
      if (auto given = limits.dims.find(name); given != limits.dims.end()) {
        frame.variables[name] = given->second;
      } else if (auto bound = limits.symbolicDims.find(name);
                 bound != limits.symbolicDims.end()) {
        frame.variables[name] =
            OpenExtent{mlir::StringAttr::get(&context, name)};
      } else {
        problem(dim->at, "dim " + quote(name) + " of input " + quote(input) +
                             " is open; bind it with --dim " + name + "=VALUE");
      }
    }
    Datum extent = evaluate(*dim, frame);
    if (extent.is<OpenExtent>()) {
      mlir::StringAttr symbol = extent.as<OpenExtent>().symbol;
      if (axis != 0)
        problem(dim->at, "dim " + quote(symbol) +
                             " cannot stay open: it is not the leading one");
      symbols.push_back(symbol);
      bounds.push_back(limits.symbolicDims.lookup(symbol));
      shape.push_back(mlir::ShapedType::kDynamic);
      largest.push_back(bounds.back());
      continue;
    }
    shape.push_back(integerOf(extent, dim->at, "an extent"));
    largest.push_back(shape.back());
    if (shape.back() < 0)
      problem(dim->at,
              "an extent must not be negative, got " + Twine(shape.back()));
  }
  std::optional<int64_t> bytes = byteSize(largest, *dtype);
  if (!bytes || *bytes > maxTensorBytes || shape.size() > size_t(lazy::maxRank))
    problem(type.at, "input " + quote(input) + " takes more than " +
                         Twine(maxTensorBytes) + " bytes or has more than " +
                         Twine(lazy::maxRank) + " axes");
  mlir::Attribute encoding;
  if (!bounds.empty())
    encoding =
        lazy::DimsAttr::get(&context, mlir::ArrayAttr::get(&context, symbols),
                            mlir::DenseI64ArrayAttr::get(&context, bounds));
  return mlir::RankedTensorType::get(shape, elementType(&context, *dtype),
                                     encoding);
}

} // namespace nacre::graph_frontend
