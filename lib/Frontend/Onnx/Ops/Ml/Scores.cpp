//===- Scores.cpp - attributes and scores of ai.onnx.ml -------------------===//
#include "Scores.h"
#include "../AttentionCore.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

std::vector<double> onnx_frontend::numbersAttr(Node &n, llvm::StringRef name) {
  std::vector<double> values;
  if (const onnx::AttributeProto *a = n.attribute(name)) {
    if (a->ints_size() > 0)
      values.assign(a->ints().begin(), a->ints().end());
    else
      values.assign(a->floats().begin(), a->floats().end());
  }
  for (const std::string &key : {name.str() + "_as_tensor", name.str()})
    if (const onnx::AttributeProto *a = n.attribute(key); a && a->has_t()) {
      Tensor t = readTensor(a->t(), n.importer.source);
      for (int64_t i = 0, count = t.count(); i < count; ++i)
        values.push_back(t.numberAt(i));
    }
  return values;
}

std::vector<std::string> onnx_frontend::stringsAttr(Node &n,
                                                    llvm::StringRef name) {
  const onnx::AttributeProto *a = n.attribute(name);
  if (!a)
    return {};
  return {a->strings().begin(), a->strings().end()};
}

Value onnx_frontend::constantNumbers(Node &n, mlir::Type element,
                                     llvm::ArrayRef<int64_t> shape,
                                     llvm::ArrayRef<double> values) {
  Tensor t = n.newTensor(dtypeOf(element), shape);
  if (t.count() != int64_t(values.size()))
    block("E_ATTR: " + Twine(values.size()) + " values for " +
          shapeText(shape));
  for (auto [i, value] : llvm::enumerate(values))
    t.setNumber(i, value);
  return n.constantOf(t);
}

Value onnx_frontend::readFeatures(Node &n) {
  Value x = n.in(0);
  if (!Node::isFloat(x))
    x = n.build.cast(x, n.type(DType::F32));
  n.needStatic(x);
  if (Node::rank(x) == 1)
    x = n.reshape(x, {1, Node::shape(x)[0]});
  if (Node::rank(x) != 2)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " is not [rows,features]");
  return x;
}

/// e^(x - most) over the sum of each row; scores of zero keep e^-most of zero.
static Value softmaxZero(Node &n, Value x) {
  Value top = n.build.reduce(ReduceKind::max, x, {1}, /*keepDims=*/true);
  Value zero = n.cmp(CmpKind::le, n.build.unary<lazy::AbsOp>(x),
                     n.build.splatLike(x, 1e-7));
  Value e = n.unary<lazy::ExpOp>(n.binary<lazy::SubOp>(x, top));
  Value kept = n.binary<lazy::MulOp>(
      x, n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(top)));
  Value y = n.where(zero, kept, e);
  Value sum = n.build.reduce(ReduceKind::add, y, {1}, /*keepDims=*/true);
  Value none = n.cmp(CmpKind::eq, sum, n.build.splatLike(sum, 0));
  return n.where(none, n.build.splat(Node::element(x), 0.5),
                 n.binary<lazy::DivOp>(y, sum));
}

/// sqrt(2) times the inverse error function of 2 x - 1, by Winitzki's
/// approximation, as other runtimes have it.
static Value probit(Node &n, Value x) {
  const double a = 0.147;
  x = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(x, 2.0), -1.0);
  Value log = n.unary<lazy::LogOp>(n.binary<lazy::SubOp>(
      n.build.splatLike(x, 1), n.binary<lazy::MulOp>(x, x)));
  Value v =
      n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(log, 0.5), 2 / (M_PI * a));
  Value root = n.unary<lazy::SqrtOp>(n.binary<lazy::SubOp>(
      n.binary<lazy::MulOp>(v, v), n.binary<lazy::MulOp>(log, 1 / a)));
  Value size = n.unary<lazy::SqrtOp>(n.binary<lazy::SubOp>(root, v));
  size = n.binary<lazy::MulOp>(size, 1.41421356);
  Value negative = n.cmp(CmpKind::lt, x, n.build.splatLike(x, 0));
  return n.where(negative, n.build.unary<lazy::NegOp>(size), size);
}

Value onnx_frontend::postTransform(Node &n, Value scores,
                                   llvm::StringRef transform) {
  if (transform == "NONE")
    return scores;
  if (transform == "LOGISTIC") {
    Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(scores));
    return n.binary<lazy::DivOp>(n.build.splatLike(scores, 1),
                                 n.binary<lazy::AddOp>(e, 1.0));
  }
  if (transform == "SOFTMAX")
    return softmaxLast(n, scores);
  if (transform == "SOFTMAX_ZERO")
    return softmaxZero(n, scores);
  if (transform == "PROBIT")
    return probit(n, scores);
  block("E_ATTR: unknown post_transform " + quoted(transform));
}

void onnx_frontend::setLabels(Node &n, Value scores, llvm::StringRef intsName) {
  if (!n.wants(0))
    return;
  std::vector<double> labels = numbersAttr(n, intsName);
  std::vector<std::string> names = stringsAttr(n, "classlabels_strings");
  Value at = n.build.argReduce(ReduceKind::max, scores, 1, /*last=*/false,
                               /*keepDims=*/false);
  int64_t count = labels.empty() ? names.size() : labels.size();
  if (count == 0)
    return n.set(0, at);
  if (count != Node::shape(scores)[1])
    block("E_ATTR: " + Twine(count) + " labels for " +
          Twine(Node::shape(scores)[1]) + " classes");
  if (labels.empty())
    return n.setDatum(
        0, Datum::coded(n.build.gather(n.codesOf({{count}, names}), at, 0)));
  Value table =
      constantNumbers(n, n.type(DType::I64), {int64_t(labels.size())}, labels);
  n.set(0, n.build.gather(table, at, 0));
}
