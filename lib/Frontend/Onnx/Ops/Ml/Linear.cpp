//===- Linear.cpp - linear models and support vectors ---------------------===//
#include "../../OpTable.h"
#include "../Einsum.h"
#include "Scores.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

int64_t labelCount(Node &n) {
  return std::max(numbersAttr(n, "classlabels_ints").size(),
                  stringsAttr(n, "classlabels_strings").size());
}

/// x times coefficients [rows of them, features], with intercepts.
Value linear(Node &n, Value x, std::vector<double> coefficients, int64_t rows) {
  int64_t features = Node::shape(x)[1];
  Value w =
      constantNumbers(n, Node::element(x), {rows, features}, coefficients);
  Value y = einsum(n, "nf,cf->nc", {x, w});
  if (auto b = numbersAttr(n, "intercepts"); !b.empty())
    y = n.binary<lazy::AddOp>(y,
                              constantNumbers(n, Node::element(x), {rows}, b));
  return y;
}

void linearRegressor(Node &n) {
  Value x = readFeatures(n);
  int64_t targets = n.intAttr("targets", 1);
  if (targets < 1)
    block("E_ATTR: targets is " + Twine(targets) + ", must be > 0");
  Value y = linear(n, x, numbersAttr(n, "coefficients"), targets);
  n.set(0, n.build.cast(
               postTransform(n, y, n.stringAttr("post_transform", "NONE")),
               n.type(DType::F32)));
}

/// [-s, s] for the single score of two classes.
Value twoScores(Node &n, Value scores) {
  return n.concat({n.build.unary<lazy::NegOp>(scores), scores}, 1);
}

void linearClassifier(Node &n) {
  Value x = readFeatures(n);
  std::vector<double> coefficients = numbersAttr(n, "coefficients");
  int64_t features = Node::shape(x)[1];
  if (features < 1 || coefficients.empty() ||
      coefficients.size() % features != 0)
    block("E_ATTR: " + Twine(coefficients.size()) + " coefficients for " +
          Twine(features) + " features");
  int64_t rows = int64_t(coefficients.size()) / features;
  Value scores = linear(n, x, coefficients, rows);
  if (rows == 1 && labelCount(n) == 2)
    scores = twoScores(n, scores);
  else if (rows == 1)
    block("one class is not supported");
  setLabels(n, scores, "classlabels_ints");
  scores = postTransform(n, scores, n.stringAttr("post_transform", "NONE"));
  n.set(1, n.build.cast(scores, n.type(DType::F32)));
}

//===-- support vectors ---------------------------------------------------===//

/// The kernel of each row of x with each row of vectors: [rows, vectors].
Value kernels(Node &n, Value x, Value vectors) {
  std::string kind = n.stringAttr("kernel_type", "LINEAR");
  std::vector<double> given = numbersAttr(n, "kernel_params");
  given.resize(3, 0);
  double gamma = given[0], coef0 = given[1], degree = given[2];
  if (kind == "RBF") {
    Ints wide{Node::shape(x)[0], 1, Node::shape(x)[1]};
    Value d = n.binary<lazy::SubOp>(n.reshape(x, wide), vectors);
    d = n.build.reduce(lazy::ReduceKind::add, n.binary<lazy::MulOp>(d, d), {2});
    return n.unary<lazy::ExpOp>(n.binary<lazy::MulOp>(d, -gamma));
  }
  Value s = einsum(n, "nf,vf->nv", {x, vectors});
  if (kind == "LINEAR")
    return s;
  s = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(s, gamma), coef0);
  if (kind == "SIGMOID")
    return n.unary<lazy::TanhOp>(s);
  if (kind != "POLY")
    block("E_ATTR: unknown kernel_type " + quoted(kind));
  Value power = s; // a whole degree keeps the sign of s
  for (int64_t i = 1; i < int64_t(degree); ++i)
    power = n.binary<lazy::MulOp>(power, s);
  return degree >= 1 ? power : n.build.splatLike(s, 1);
}

Value rho(Node &n, mlir::Type element, int64_t count) {
  return constantNumbers(n, element, {count}, numbersAttr(n, "rho"));
}

void svmRegressor(Node &n) {
  Value x = readFeatures(n);
  mlir::Type element = Node::element(x);
  std::vector<double> coefficients = numbersAttr(n, "coefficients");
  int64_t count = n.intAttr("n_supports", 0), features = Node::shape(x)[1];
  Value k = x;
  if (count > 0)
    k = kernels(n, x,
                constantNumbers(n, element, {count, features},
                                numbersAttr(n, "support_vectors")));
  Value w = constantNumbers(n, element, {Node::shape(k)[1]}, coefficients);
  Value y = n.reshape(einsum(n, "nv,v->n", {k, w}), {Node::shape(x)[0], 1});
  y = n.binary<lazy::AddOp>(y, rho(n, element, 1));
  if (n.intAttr("one_class", 0) != 0) {
    Value positive = n.cmp(lazy::CmpKind::gt, y, n.build.splatLike(y, 0));
    y = n.where(positive, n.build.splatLike(y, 1), n.build.splatLike(y, -1));
  }
  y = postTransform(n, y, n.stringAttr("post_transform", "NONE"));
  n.set(0, n.build.cast(y, n.type(DType::F32)));
}

/// A score for every pair of classes, each of which is a vote.
void svmClassifier(Node &n) {
  Value x = readFeatures(n);
  mlir::Type element = Node::element(x);
  std::vector<double> perClass = numbersAttr(n, "vectors_per_class");
  std::vector<double> coefficients = numbersAttr(n, "coefficients");
  int64_t classes = labelCount(n), features = Node::shape(x)[1];
  std::string transform = n.stringAttr("post_transform", "NONE");
  if (!numbersAttr(n, "prob_a").empty())
    block("probabilities (prob_a, prob_b) are not supported");
  if (classes < 2)
    block("E_ATTR: " + Twine(classes) + " class labels");
  if (perClass.empty()) { // one linear score for each class
    Value w = constantNumbers(n, element, {classes, features}, coefficients);
    std::vector<double> shift = numbersAttr(n, "rho");
    if (shift.empty())
      block("E_ATTR: no rho");
    Value y = n.binary<lazy::AddOp>(einsum(n, "nf,cf->nc", {x, w}), shift[0]);
    setLabels(n, y, "classlabels_ints");
    y = postTransform(n, y, transform);
    return n.set(1, n.build.cast(y, n.type(DType::F32)));
  }
  Ints starts;
  int64_t count = 0;
  for (double size : perClass) {
    starts.push_back(count);
    if (!(size >= 0 && size < 0x1p31))
      block("E_ATTR: vectors_per_class has " + Twine(int64_t(size)));
    count += int64_t(size);
  }
  if (int64_t(perClass.size()) != classes ||
      int64_t(coefficients.size()) != (classes - 1) * count)
    block("E_ATTR: " + Twine(coefficients.size()) + " coefficients and " +
          Twine(perClass.size()) + " classes do not fit " + Twine(count) +
          " vectors");
  Value k = kernels(n, x,
                    constantNumbers(n, element, {count, features},
                                    numbersAttr(n, "support_vectors")));
  // Pair (i, j) weighs the vectors of class i by row j - 1 and those of class
  // j by row i: one matrix [pairs, vectors] for all of them.
  int64_t pairs = classes * (classes - 1) / 2, pair = 0;
  std::vector<double> weights(pairs * count, 0);
  std::vector<double> wins(pairs * classes, 0), losses(pairs * classes, 0);
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      wins[pair * classes + i] = losses[pair * classes + j] = 1;
      for (int64_t v = 0; v < int64_t(perClass[i]); ++v)
        weights[pair * count + starts[i] + v] =
            coefficients[(j - 1) * count + starts[i] + v];
      for (int64_t v = 0; v < int64_t(perClass[j]); ++v)
        weights[pair * count + starts[j] + v] =
            coefficients[i * count + starts[j] + v];
    }
  Value scores =
      einsum(n, "nv,pv->np",
             {k, constantNumbers(n, element, {pairs, count}, weights)});
  scores = n.binary<lazy::AddOp>(scores, rho(n, element, pairs));
  Value win = n.build.cast(
      n.cmp(lazy::CmpKind::gt, scores, n.build.splatLike(scores, 0)), element);
  Value lose = n.binary<lazy::SubOp>(n.build.splatLike(win, 1), win);
  auto votes = [&](Value v, llvm::ArrayRef<double> of) {
    return einsum(n, "np,pc->nc",
                  {v, constantNumbers(n, element, {pairs, classes}, of)});
  };
  setLabels(n, n.binary<lazy::AddOp>(votes(win, wins), votes(lose, losses)),
            "classlabels_ints");
  if (pairs == 1)
    scores = twoScores(n, scores);
  n.set(1,
        n.build.cast(postTransform(n, scores, transform), n.type(DType::F32)));
}

} // namespace

void onnx_frontend::addMlLinearOps(OpTable &t) {
  t["LinearRegressor"] = linearRegressor;
  t["LinearClassifier"] = linearClassifier;
  t["SVMRegressor"] = svmRegressor;
  t["SVMClassifier"] = svmClassifier;
}
