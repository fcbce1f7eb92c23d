//===- Fused.cpp - com.microsoft: activations and fused products ----------===//
//
// Ops that ONNX Runtime writes when it optimizes a model: several of ONNX's in
// one. They are taken apart again; fusion joins what belongs together here.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "../Einsum.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

Value sigmoid(Node &n, Value x) {
  Value e = n.unary<lazy::ExpOp>(n.build.unary<lazy::NegOp>(x));
  return n.binary<lazy::DivOp>(n.build.splatLike(x, 1),
                               n.binary<lazy::AddOp>(e, 1.0));
}

/// x / 2 * (1 + f(x)), f being the error function of x / sqrt(2) or a tanh
/// close to it.
Value gelu(Node &n, Value x, bool byTanh) {
  n.needFloat(x);
  Value inner;
  if (byTanh) {
    Value cube = n.binary<lazy::MulOp>(n.binary<lazy::MulOp>(x, x), x);
    inner = n.binary<lazy::AddOp>(x, n.binary<lazy::MulOp>(cube, 0.044715));
    inner = n.unary<lazy::TanhOp>(
        n.binary<lazy::MulOp>(inner, 0.7978845608028654)); // sqrt(2/pi)
  } else {
    inner = n.unary<lazy::ErfOp>(
        n.binary<lazy::MulOp>(x, 0.7071067811865476)); // sqrt(1/2)
  }
  return n.binary<lazy::MulOp>(n.binary<lazy::MulOp>(x, 0.5),
                               n.binary<lazy::AddOp>(inner, 1.0));
}

/// Input 0 with the bias of input 1, if there is one.
Value biased(Node &n) {
  Value x = n.in(0);
  return n.has(1) ? n.binary<lazy::AddOp>(x, n.in(1)) : x;
}

void geluOp(Node &n) { n.set(0, gelu(n, n.in(0), false)); }
void biasGelu(Node &n) { n.set(0, gelu(n, biased(n), false)); }
void fastGelu(Node &n) { n.set(0, gelu(n, biased(n), true)); }

void quickGelu(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  double alpha = n.floatAttr("alpha", 1.702f);
  n.set(0,
        n.binary<lazy::MulOp>(x, sigmoid(n, n.binary<lazy::MulOp>(x, alpha))));
}

/// x + y, of x's shape.
Value plus(Node &n, Value x, Value y, llvm::StringRef what) {
  Value sum = n.binary<lazy::AddOp>(x, y);
  if (Node::shape(sum) != Node::shape(x))
    block("E_SHAPE: " + what + " of shape " + shapeText(Node::shape(y)) +
          " does not broadcast to " + shapeText(Node::shape(x)));
  return sum;
}

void biasAdd(Node &n) {
  n.set(0, plus(n, plus(n, n.in(0), n.in(1), "bias"), n.in(2), "skip"));
}

/// The first half of the last axis times the gelu of the second.
void biasSplitGelu(Node &n) {
  n.needRank(n.in(0), 1);
  Value x = plus(n, n.in(0), n.in(1), "bias");
  int64_t last = Node::rank(x) - 1;
  n.needStatic(x, last);
  int64_t size = Node::shape(x)[last] / 2;
  if (Node::shape(x)[last] % 2 != 0)
    block("E_SHAPE: the last axis of " + shapeText(Node::shape(x)) +
          " does not split into halves");
  n.set(0, n.binary<lazy::MulOp>(
               n.sliceAxis(x, last, 0, size),
               gelu(n, n.sliceAxis(x, last, size, size), false)));
}

/// Inference only: nothing is dropped.
void biasDropout(Node &n) {
  if (n.has(4) && n.constant(4, "training_mode").numberAt(0) != 0)
    block("training_mode is not supported");
  Value y = plus(n, n.in(0), n.in(1), "bias");
  if (n.has(2))
    y = plus(n, y, n.in(2), "residual");
  n.set(0, y);
  n.set(1, n.build.cast(n.build.splatLike(y, 1), n.type(DType::Bool)));
}

/// x with its first axis behind the other batch axes.
Value firstAxisInner(Node &n, Value x) {
  int64_t rank = Node::rank(x);
  n.needRank(x, 2);
  n.needStatic(x);
  Ints order;
  for (int64_t i = 1; i + 1 < rank; ++i)
    order.push_back(i);
  order.append({0, rank - 1});
  return n.build.permute(x, order);
}

/// A matrix product by labels, so that transposing is a matter of names.
void fusedMatMul(Node &n) {
  Value a = n.in(0), b = n.in(1);
  n.needRank(a, 2);
  n.needRank(b, 2);
  if (n.intAttr("transBatchA", 0) != 0)
    a = firstAxisInner(n, a);
  if (n.intAttr("transBatchB", 0) != 0)
    b = firstAxisInner(n, b);
  int64_t batch = std::max(Node::rank(a), Node::rank(b)) - 2;
  constexpr int row = -1, column = -2, inner = -3;
  auto labels = [&](Value v, int first, int second, bool swapped) {
    Labels l;
    for (int64_t i = batch - (Node::rank(v) - 2); i < batch; ++i)
      l.push_back(int(i));
    l.append(swapped ? Labels{second, first} : Labels{first, second});
    return l;
  };
  Labels result;
  for (int64_t i = 0; i < batch; ++i)
    result.push_back(int(i));
  result.append({row, column});
  Value y = einsum(n,
                   {labels(a, row, inner, n.intAttr("transA", 0) != 0),
                    labels(b, inner, column, n.intAttr("transB", 0) != 0)},
                   result, {a, b});
  n.set(0, n.binary<lazy::MulOp>(y, n.floatAttr("alpha", 1)));
}

Value activated(Node &n, Value x, double alpha, double beta) {
  std::string kind = n.stringAttr("activation", "");
  auto clamp = [&](Value v, double low, double high) {
    return n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(v, low), high);
  };
  if (kind.empty())
    return x;
  if (kind == "Relu")
    return n.binary<lazy::MaxOp>(x, 0.0);
  if (kind == "Tanh")
    return n.unary<lazy::TanhOp>(x);
  if (kind == "Sigmoid")
    return sigmoid(n, x);
  if (kind == "LeakyRelu") {
    Value positive = n.cmp(lazy::CmpKind::gt, x, n.build.splatLike(x, 0));
    return n.where(positive, x, n.binary<lazy::MulOp>(x, alpha));
  }
  if (kind == "Clip")
    return clamp(x, alpha, beta);
  if (kind == "HardSigmoid")
    return clamp(n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(x, alpha), beta),
                 0, 1);
  block("E_ATTR: unknown activation " + quoted(kind));
}

/// The result of the op of that name of the default domain, of this node's
/// inputs and attributes.
Value plain(Node &n, llvm::StringRef op) {
  opTable("").lookup(op).import(n);
  return n.scope.find(n.proto.output(0))->value();
}

void fusedConv(Node &n) {
  Value y = plain(n, "Conv");
  if (n.has(3))
    y = n.binary<lazy::AddOp>(y, n.in(3));
  llvm::SmallVector<double> given =
      n.floatsAttr("activation_params").value_or(llvm::SmallVector<double>());
  given.resize(2, 0);
  n.set(0, activated(n, y, given[0], given[1]));
}

void fusedGemm(Node &n) {
  n.set(0, activated(n, plain(n, "Gemm"), n.floatAttr("activation_alpha", 0),
                     n.floatAttr("activation_beta", 0)));
}

} // namespace

void onnx_frontend::addMicrosoftFusedOps(OpTable &t) {
  t["Gelu"] = geluOp;
  t["BiasGelu"] = biasGelu;
  t["FastGelu"] = fastGelu;
  t["QuickGelu"] = quickGelu;
  t["BiasAdd"] = bounded(biasAdd);
  t["BiasSplitGelu"] = bounded(biasSplitGelu);
  t["BiasDropout"] = bounded(biasDropout);
  t["FusedMatMul"] = fusedMatMul;
  t["FusedConv"] = fusedConv;
  t["FusedGemm"] = fusedGemm;
}
