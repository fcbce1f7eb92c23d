//===- BuiltinCall.cpp - arguments of builtins, and their table -----------===//
#include "Builtins.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

static const llvm::StringMap<Builtin> &builtins() {
  static const llvm::StringMap<Builtin> map = [] {
    std::vector<Builtin> table;
    addElementwise(table);
    addReductions(table);
    addViews(table);
    addSources(table);
    addProducts(table);
    addCompileTime(table);
    llvm::StringMap<Builtin> made;
    for (Builtin &builtin : table)
      made[builtin.name] = builtin;
    return made;
  }();
  return map;
}

const Builtin *findBuiltin(StringRef name) {
  auto found = builtins().find(name);
  return found == builtins().end() ? nullptr : &found->second;
}

std::vector<std::string> builtinNames() {
  std::vector<std::string> names;
  for (const auto &entry : builtins())
    names.push_back(entry.getKey().str());
  return names;
}

std::string BuiltinCall::what(unsigned i) const {
  llvm::SmallVector<StringRef> words;
  StringRef(builtin.parameters).split(words, ' ', -1, /*KeepEmpty=*/false);
  words[i].consume_back("?");
  return quote(builtin.name) + ": " + quote(words[i]);
}

void BuiltinCall::fail(const Twine &text) const {
  reject(at, quote(builtin.name) + ": " + text);
}

mlir::Value BuiltinCall::tensor(unsigned i) const {
  if (!arguments[i].isTensor())
    reject(at, what(i) + " must be a tensor, got " + describe(arguments[i]));
  return evaluator.usable(arguments[i], at);
}

int64_t BuiltinCall::integer(unsigned i) const {
  return integerOf(arguments[i], at, what(i));
}

double BuiltinCall::number(unsigned i) const {
  if (!arguments[i].isNumber())
    reject(at, what(i) + " must be a number, got " + describe(arguments[i]));
  return arguments[i].number();
}

bool BuiltinCall::boolean(unsigned i, bool fallback) const {
  if (!has(i))
    return fallback;
  if (!arguments[i].is<bool>())
    reject(at,
           what(i) + " must be true or false, got " + describe(arguments[i]));
  return arguments[i].as<bool>();
}

std::string BuiltinCall::string(unsigned i) const {
  if (!arguments[i].is<std::string>())
    reject(at, what(i) + " must be a string, got " + describe(arguments[i]));
  return arguments[i].as<std::string>();
}

DType BuiltinCall::dtype(unsigned i, DType fallback) const {
  if (!has(i))
    return fallback;
  if (!arguments[i].is<DType>())
    reject(at,
           what(i) + " must be a type as f32, got " + describe(arguments[i]));
  return arguments[i].as<DType>();
}

const List &BuiltinCall::list(unsigned i) const {
  if (!arguments[i].isList())
    reject(at, what(i) + " must be a list, got " + describe(arguments[i]));
  return arguments[i].list();
}

llvm::SmallVector<int64_t> BuiltinCall::integers(unsigned i) const {
  if (!arguments[i].isList())
    return {integer(i)};
  llvm::SmallVector<int64_t> values;
  for (const Datum &item : list(i))
    values.push_back(integerOf(item, at, what(i)));
  return values;
}

int64_t BuiltinCall::axisOf(int64_t axis, int64_t rank, unsigned i) const {
  if (axis < -rank || axis >= rank)
    reject(at, what(i) + " is axis " + Twine(axis) + " of a tensor with " +
                   Twine(rank) + (rank == 1 ? " axis" : " axes"));
  return axis < 0 ? axis + rank : axis;
}

int64_t BuiltinCall::axis(unsigned i, int64_t rank) const {
  return axisOf(integer(i), rank, i);
}

llvm::SmallVector<int64_t> BuiltinCall::axes(unsigned i, int64_t rank) const {
  llvm::SmallVector<int64_t> found;
  if (!has(i)) {
    for (int64_t axis = 0; axis < rank; ++axis)
      found.push_back(axis);
    return found;
  }
  for (int64_t axis : integers(i)) {
    found.push_back(axisOf(axis, rank, i));
    if (llvm::count(found, found.back()) > 1)
      reject(at, what(i) + " has axis " + Twine(axis) + " twice");
  }
  return found;
}

void BuiltinCall::checkSize(llvm::ArrayRef<int64_t> shape,
                            mlir::Type element) const {
  std::optional<int64_t> bytes = byteSize(withoutOpen(shape), dtypeOf(element));
  if (!bytes || *bytes > maxTensorBytes)
    fail("the result takes more than " + Twine(maxTensorBytes) + " bytes");
  if (shape.size() > size_t(lazy::maxRank))
    fail("the result has more than " + Twine(lazy::maxRank) + " axes");
}

llvm::SmallVector<int64_t> BuiltinCall::shape(unsigned i,
                                              mlir::Type element) const {
  llvm::SmallVector<int64_t> extents = integers(i);
  for (int64_t extent : extents)
    if (extent < 0)
      reject(at, what(i) + " has the negative extent " + Twine(extent));
  checkSize(extents, element);
  return extents;
}

void BuiltinCall::needStatic(mlir::Value x,
                             llvm::ArrayRef<int64_t> axes) const {
  for (int64_t axis : axes)
    if (mlir::StringAttr symbol = lazy::symbolOf(lazy::tensorType(x), axis))
      fail("the extent " + quote(symbol) + " is open; bind it with --dim " +
           symbol.getValue() + "=VALUE");
}

void BuiltinCall::needFloat(mlir::Value x) const {
  auto type = lazy::tensorType(x);
  if (!mlir::isa<mlir::FloatType>(type.getElementType()))
    fail("needs a float tensor, got " + describe(type));
}

} // namespace nacre::graph_frontend
