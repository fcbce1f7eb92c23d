//===- Features.cpp - preparing features ----------------------------------===//
#include "../../OpTable.h"
#include "Scores.h"
#include "nacre/model.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

void arrayFeatureExtractor(Node &n) {
  Value x = n.in(0), index = n.in(1);
  n.needRank(x, 1);
  n.needStatic(x);
  n.needStatic(index);
  int64_t count = lazy::tensorType(index).getNumElements();
  index = n.reshape(n.build.cast(index, n.type(DType::I64)), {count});
  Value y = n.build.gather(x, index, Node::rank(x) - 1);
  n.set(0, Node::rank(x) == 1 ? n.reshape(y, {1, count}) : y);
}

void binarizer(Node &n) {
  Value x = n.in(0);
  Value limit = n.build.splat(Node::element(x), n.floatAttr("threshold", 0));
  n.set(0, n.build.cast(n.cmp(CmpKind::gt, x, limit), Node::element(x)));
}

/// An attribute with one value, or one for each feature, as a row.
Value perFeature(Node &n, Value x, llvm::ArrayRef<double> values,
                 llvm::StringRef what) {
  int64_t count = values.size(), features = Node::shape(x).back();
  if (count != 1 && count != features)
    block("E_ATTR: " + what + " has " + Twine(count) + " values for " +
          Twine(features) + " features");
  return constantNumbers(n, Node::element(x), {count}, values);
}

void scaler(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 1);
  n.needStatic(x, Node::rank(x) - 1);
  if (!Node::isFloat(x) || Node::element(x).isF64())
    x = n.build.cast(x, n.type(DType::F32));
  if (auto offset = numbersAttr(n, "offset"); !offset.empty())
    x = n.binary<lazy::SubOp>(x, perFeature(n, x, offset, "offset"));
  if (auto scale = numbersAttr(n, "scale"); !scale.empty())
    x = n.binary<lazy::MulOp>(x, perFeature(n, x, scale, "scale"));
  n.set(0, x);
}

void normalizer(Node &n) {
  Value x = n.build.cast(readFeatures(n), n.type(DType::F32));
  std::string norm = n.stringAttr("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2")
    block("E_ATTR: unknown norm " + quoted(norm));
  Value size = norm == "L2" ? n.binary<lazy::MulOp>(x, x)
                            : n.build.unary<lazy::AbsOp>(x);
  size = n.build.reduce(norm == "MAX" ? ReduceKind::max : ReduceKind::add, size,
                        {1}, /*keepDims=*/true);
  if (norm == "L2")
    size = n.unary<lazy::SqrtOp>(size);
  Value y = n.binary<lazy::DivOp>(x, n.binary<lazy::MaxOp>(size, 1e-30));
  n.set(0, n.reshape(y, Node::shape(n.in(0))));
}

/// What is missing is given as a number, which may be NaN.
void imputer(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 1);
  n.needStatic(x);
  bool floats = Node::isFloat(x);
  std::vector<double> values =
      numbersAttr(n, floats ? "imputed_value_floats" : "imputed_value_int64s");
  double missing = floats ? n.floatAttr("replaced_value_float", 0)
                          : double(n.intAttr("replaced_value_int64", 0));
  Value hit = missing != missing
                  ? n.cmp(CmpKind::ne, x, x)
                  : n.cmp(CmpKind::eq, x, n.build.splatLike(x, missing));
  n.set(0, n.where(hit, perFeature(n, x, values, "imputed_value"), x));
}

void oneHotEncoder(Node &n) {
  Value x, table;
  if (!n.datum(0).isTensor()) {
    StringTensor categories{{}, stringsAttr(n, "cats_strings")};
    if (categories.values.empty())
      block("E_ATTR: no cats_strings");
    categories.shape.push_back(categories.values.size());
    x = n.codes(0);
    n.needStatic(x);
    table = n.codesOf(categories);
  } else {
    x = n.in(0);
    n.needStatic(x);
    std::vector<double> categories = numbersAttr(n, "cats_int64s");
    if (categories.empty())
      block("E_ATTR: no cats_int64s");
    table = constantNumbers(n, n.type(DType::I64), {int64_t(categories.size())},
                            categories);
  }
  Ints column(Node::shape(x));
  column.push_back(1);
  Value keys = n.reshape(n.build.cast(x, Node::element(table)), column);
  Value hit = n.cmp(CmpKind::eq, keys, table);
  if (n.intAttr("zeros", 1) == 0) {
    Value any = n.build.reduce(ReduceKind::max, hit, {Node::rank(x)}, true);
    hit = n.build.require(hit, n.build.expandLike(any, hit), NACRE_E_INDEX,
                          "OneHotEncoder: an input is none of the categories");
  }
  n.set(0, n.build.cast(hit, n.type(DType::F32)));
}

void featureVectorizer(Node &n) {
  Ints widths = n.intsAttr("inputdimensions").value_or(Ints());
  llvm::SmallVector<Value> parts;
  for (int i = 0; i < n.inputCount(); ++i) {
    Value x = n.build.cast(n.in(i), n.type(DType::F32));
    n.needStatic(x);
    if (Node::rank(x) == 1)
      x = n.reshape(x, {Node::shape(x)[0], 1});
    if (Node::rank(x) != 2)
      block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
            " is not [rows,features]");
    int64_t width = Node::shape(x)[1];
    int64_t wanted = i < int(widths.size()) ? widths[i] : width;
    if (wanted < 0)
      block("E_ATTR: inputdimensions[" + Twine(i) + "] is " + Twine(wanted));
    x = wanted < width ? n.sliceAxis(x, 1, 0, wanted)
                       : n.pad(x, {0, 0}, {0, wanted - width}, 0);
    parts.push_back(x);
  }
  n.set(0, n.concat(parts, 1));
}

} // namespace

void onnx_frontend::addMlFeatureOps(OpTable &t) {
  t["ArrayFeatureExtractor"] = arrayFeatureExtractor;
  t["Binarizer"] = binarizer;
  t["Scaler"] = scaler;
  t["Normalizer"] = normalizer;
  t["Imputer"] = imputer;
  t["OneHotEncoder"] = oneHotEncoder;
  t["FeatureVectorizer"] = featureVectorizer;
}
