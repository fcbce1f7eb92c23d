//===- Labels.cpp - a value for each key ----------------------------------===//
//
// Keys and values may be strings. Those of a run are codes, which are looked up
// as numbers are.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "Scores.h"
#include "llvm/ADT/StringMap.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

/// Strings of a list attribute or of a tensor, empty when there are none.
std::vector<std::string> stringsOf(Node &n, llvm::StringRef list,
                                   llvm::StringRef tensor) {
  std::vector<std::string> strings = stringsAttr(n, list);
  const onnx::AttributeProto *a = n.attribute(tensor);
  if (a && a->t().data_type() == onnx::TensorProto::STRING)
    strings = readStrings(a->t()).values;
  return strings;
}

std::vector<double> numbersOf(Node &n, llvm::ArrayRef<const char *> names) {
  for (const char *name : names) {
    const onnx::AttributeProto *a = n.attribute(name);
    if (!a || a->t().data_type() == onnx::TensorProto::STRING)
      continue;
    if (std::vector<double> numbers = numbersAttr(n, name); !numbers.empty())
      return numbers;
  }
  return {};
}

/// For each element of x the place of the first key in `table` that equals it,
/// i64; the number of keys where none does. By comparing with all keys.
Value placeAmong(Node &n, Value x, Value table) {
  n.needStatic(x);
  int64_t count = Node::shape(table)[0];
  Ints column(Node::shape(x));
  column.push_back(1);
  Value wide = n.reshape(x, column);
  Value hit = n.cmp(CmpKind::eq, wide, table);
  if (Node::isFloat(x)) // NaN is a key like others
    hit = n.build.binary<lazy::OrOp>(
        hit, n.build.binary<lazy::AndOp>(n.cmp(CmpKind::ne, table, table),
                                         n.cmp(CmpKind::ne, wide, wide)));
  mlir::Type i64 = n.type(DType::I64);
  Value place = n.build.iota(mlir::RankedTensorType::get({count}, i64), 0);
  Value at = n.where(hit, place, n.build.splat(i64, double(count)));
  return n.build.reduce(ReduceKind::min, at, {Node::rank(x)});
}

Value placeOfNumber(Node &n, llvm::ArrayRef<double> keys) {
  Value x = n.in(0);
  return placeAmong(
      n, x, constantNumbers(n, Node::element(x), {int64_t(keys.size())}, keys));
}

/// The same of strings: of those that are known, so are their places.
Value placeOfString(Node &n, llvm::ArrayRef<std::string> keys) {
  if (n.datum(0).isCoded())
    return placeAmong(n, n.codes(0),
                      n.codesOf({{int64_t(keys.size())}, keys.vec()}));
  const StringTensor &x = n.strings(0);
  llvm::StringMap<int64_t> places;
  for (auto [i, key] : llvm::enumerate(keys))
    places.try_emplace(key, i);
  Tensor at = n.newTensor(DType::I64, x.shape);
  for (auto [i, text] : llvm::enumerate(x.values)) {
    auto found = places.find(text);
    at.data<int64_t>()[i] =
        found == places.end() ? int64_t(keys.size()) : found->second;
  }
  return n.constantOf(at);
}

/// Strings by their places in a list.
void setStrings(Node &n, Value at, llvm::ArrayRef<std::string> values) {
  std::optional<Tensor> known = n.importer.constantValue(at);
  if (!known)
    return n.setDatum(
        0, Datum::coded(n.build.gather(
               n.codesOf({{int64_t(values.size())}, values.vec()}), at, 0)));
  StringTensor y{known->shape, {}};
  for (int64_t i = 0, count = known->count(); i < count; ++i)
    y.values.push_back(values[known->integerAt(i)]);
  n.setDatum(0, Datum::strings(std::move(y)));
}

void checkKeys(size_t keys, size_t values) {
  if (keys == 0 || values != keys)
    block("E_ATTR: " + Twine(keys) + " keys for " + Twine(values) + " values");
}

/// Version 1 and CategoryMapper have one list, of integers and strings: the
/// input's kind says in which direction it is read.
void between(Node &n, llvm::ArrayRef<std::string> strings,
             std::vector<double> numbers) {
  checkKeys(strings.size(), numbers.size());
  if (!n.datum(0).isTensor()) {
    Value at = placeOfString(n, strings);
    numbers.push_back(double(n.intAttr("default_int64", -1)));
    Value table = constantNumbers(n, n.type(DType::I64),
                                  {int64_t(numbers.size())}, numbers);
    return n.set(0, n.build.gather(table, at, 0));
  }
  std::vector<std::string> values = strings;
  values.push_back(n.stringAttr("default_string", "_Unused"));
  setStrings(n, placeOfNumber(n, numbers), values);
}

void categoryMapper(Node &n) {
  between(n, stringsAttr(n, "cats_strings"), numbersAttr(n, "cats_int64s"));
}

void labelEncoder(Node &n) {
  if (std::vector<std::string> classes = stringsAttr(n, "classes_strings");
      !classes.empty()) {
    std::vector<double> numbers(classes.size());
    std::iota(numbers.begin(), numbers.end(), 0.0);
    return between(n, classes, numbers);
  }
  std::vector<std::string> keys = stringsOf(n, "keys_strings", "keys_tensor");
  std::vector<double> numberKeys =
      numbersOf(n, {"keys_int64s", "keys_floats", "keys_tensor"});
  size_t count = keys.empty() ? numberKeys.size() : keys.size();
  auto place = [&] {
    return keys.empty() ? placeOfNumber(n, numberKeys) : placeOfString(n, keys);
  };
  if (std::vector<std::string> values =
          stringsOf(n, "values_strings", "values_tensor");
      !values.empty()) {
    checkKeys(count, values.size());
    std::string otherwise = n.stringAttr("default_string", "_Unused");
    if (const onnx::AttributeProto *a = n.attribute("default_tensor"))
      if (std::vector<std::string> given = readStrings(a->t()).values;
          !given.empty())
        otherwise = given[0];
    values.push_back(otherwise);
    return setStrings(n, place(), values);
  }
  std::vector<double> values =
      numbersOf(n, {"values_tensor", "values_floats", "values_int64s"});
  checkKeys(count, values.size());
  DType type = DType::I64;
  double otherwise = double(n.intAttr("default_int64", -1));
  if (const onnx::AttributeProto *a = n.attribute("values_tensor")) {
    type = readTensor(a->t(), n.importer.source).dtype;
    std::vector<double> given = numbersAttr(n, "default_tensor");
    otherwise = given.empty() ? 0 : given[0];
  } else if (n.attribute("values_floats")) {
    type = DType::F32;
    otherwise = n.floatAttr("default_float", -0.0);
  }
  // An element that is no key has the place behind them.
  values.push_back(otherwise);
  Value table =
      constantNumbers(n, n.type(type), {int64_t(values.size())}, values);
  n.set(0, n.build.gather(table, place(), 0));
}

} // namespace

void onnx_frontend::addMlLabelOps(OpTable &t) {
  t["LabelEncoder"] = labelEncoder;
  t["CategoryMapper"] = categoryMapper;
}
