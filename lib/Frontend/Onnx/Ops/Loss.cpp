//===- Loss.cpp - losses of class labels ----------------------------------===//
//
// The score of the labelled class is picked by comparing the label with every
// class, not by a gather: the log-softmax in front and the gradient behind pass
// over all classes anyway, and any leading extent may be symbolic.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Index.h"
#include "Softmax.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

/// Sums over the classes, axis 1.
Value overClasses(Node &n, Value x) {
  return n.build.reduce(ReduceKind::add, x, {1});
}

/// Checks scores [N,C,d..] and labels [N,d..] against each other.
void checkLabels(Node &n, Value x, Value labels) {
  n.needFloat(x);
  n.needRank(x, 2);
  n.needStatic(x, 1);
  Ints wanted(Node::shape(x));
  wanted.erase(wanted.begin() + 1);
  if (Node::shape(labels) != llvm::ArrayRef<int64_t>(wanted))
    block("E_SHAPE: labels of shape " + shapeText(Node::shape(labels)) +
          " for scores of shape " + shapeText(Node::shape(x)));
  DType dtype = Node::dtype(labels);
  if (dtype != DType::I32 && dtype != DType::I64)
    block("labels have element type " + Twine(dtypeName(dtype)));
}

/// The loss of log-probabilities, reduced as the node says.
Value lossOf(Node &n, Value logs, Value labels) {
  int64_t rank = Node::rank(logs), classes = Node::shape(logs)[1];
  mlir::Type i64 = n.type(DType::I64), element = Node::element(logs);
  labels = n.build.cast(labels, i64);
  auto number = [&](double value) { return n.build.splat(i64, value); };
  Value known = n.build.binary<lazy::AndOp>(
      n.cmp(CmpKind::ge, labels, number(0)),
      n.cmp(CmpKind::lt, labels, number(double(classes))));
  Value counted; // labels that are not ignored; null: all
  if (n.attribute("ignore_index")) {
    Value ignored = n.constantOf(
        Tensor::of<int64_t>(DType::I64, {}, {n.intAttr("ignore_index", 0)}));
    Value isIgnored = n.cmp(CmpKind::eq, labels, ignored);
    known = n.build.binary<lazy::OrOp>(known, isIgnored);
    counted = n.build.unary<lazy::NotOp>(isIgnored);
  }
  labels = requireIndex(n, labels, known);
  Ints apart(Node::shape(labels));
  apart.insert(apart.begin() + 1, 1);
  Value hit = n.cmp(CmpKind::eq, n.reshape(labels, apart),
                    positions(n, classes, 1, rank));
  Value zero = n.build.splat(element, 0);
  Value loss =
      n.build.unary<lazy::NegOp>(overClasses(n, n.where(hit, logs, zero)));
  Value weight;
  if (n.has(2)) {
    weight = n.in(2);
    n.needSameElement(logs, weight);
    if (Node::shape(weight) != llvm::ArrayRef<int64_t>(classes))
      block("E_SHAPE: weight has shape " + shapeText(Node::shape(weight)) +
            " for " + Twine(classes) + " classes");
    weight = overClasses(n, n.where(hit, n.channels(weight, rank), zero));
    loss = n.binary<lazy::MulOp>(loss, weight);
  } else {
    weight = n.build.splatLike(loss, 1);
  }
  if (counted) {
    loss = n.where(counted, loss, zero);
    weight = n.where(counted, weight, zero);
  }
  std::string reduction = n.stringAttr("reduction", "mean");
  if (reduction == "none")
    return loss;
  if (reduction != "sum" && reduction != "mean")
    block("E_ATTR: reduction is " + quoted(reduction) +
          ", not 'none', 'sum' or 'mean'");
  Ints all;
  for (int64_t a = 0; a + 1 < rank; ++a)
    all.push_back(a);
  auto sum = [&](Value v) { return n.build.reduce(ReduceKind::add, v, all); };
  if (reduction == "sum")
    return sum(loss);
  return n.binary<lazy::DivOp>(sum(loss), sum(weight));
}

void negativeLogLikelihood(Node &n) {
  Value x = n.in(0), labels = n.in(1);
  checkLabels(n, x, labels);
  n.set(0, lossOf(n, x, labels));
}

void softmaxCrossEntropy(Node &n) {
  Value x = n.in(0), labels = n.in(1);
  checkLabels(n, x, labels);
  Value logs = logSoftmax(n, x, {1});
  n.set(0, lossOf(n, logs, labels));
  n.set(1, logs);
}

} // namespace

void onnx_frontend::addLossOps(OpTable &t) {
  t["NegativeLogLikelihoodLoss"] = negativeLogLikelihood;
  t["SoftmaxCrossEntropyLoss"] = softmaxCrossEntropy;
}
