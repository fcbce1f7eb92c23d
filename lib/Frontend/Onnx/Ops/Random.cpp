//===- Random.cpp - random tensors ----------------------------------------===//
//
// The numbers are a function of the node's seed and of the place, the same on
// every target and in every run. ONNX leaves the generator open, so they are
// not those of another runtime. Nodes without a seed get one from the name of
// their output.
//
//===----------------------------------------------------------------------===//
#include "../Node.h"
#include "../OpTable.h"
#include "RandomSource.h"
#include "llvm/Support/xxhash.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

struct Source {
  Value seed, step;
  uint32_t site;
};

/// The seed of old nodes is a float, of Dropout an integer.
uint32_t seedOf(Node &n) {
  if (n.attribute("seed")->type() == onnx::AttributeProto::INT)
    return uint32_t(llvm::xxh3_64bits(std::to_string(n.intAttr("seed", 0))));
  return llvm::bit_cast<uint32_t>(float(n.floatAttr("seed", 0)));
}

Source sourceOf(Node &n) {
  mlir::Type i64 = n.type(DType::I64);
  Value zero = n.build.splat(i64, 0);
  if (!n.attribute("seed"))
    return {zero, zero, uint32_t(llvm::xxh3_64bits(n.proto.output(0)))};
  return {n.build.splat(i64, double(seedOf(n))), zero, 0};
}

Value uniform(Node &n, llvm::ArrayRef<int64_t> shape) {
  n.needShape(shape);
  Source s = sourceOf(n);
  return n.build.uniform(s.seed, s.step, s.site, shape);
}

Value normal(Node &n, llvm::ArrayRef<int64_t> shape) {
  n.needShape(shape);
  Source s = sourceOf(n);
  return n.build.normal(s.seed, s.step, s.site, shape);
}

mlir::Type typeAttr(Node &n, mlir::Type otherwise) {
  if (!n.attribute("dtype"))
    return otherwise;
  return n.type(dtypeOfOnnx(int32_t(n.intAttr("dtype", 0)), "dtype"));
}

/// The shape and type of the result: attributes, or those of an input.
std::pair<Ints, mlir::Type> wanted(Node &n, bool like) {
  Ints shape;
  mlir::Type type = n.type(DType::F32);
  if (like) {
    n.needStatic(n.in(0));
    shape = Ints(Node::shape(n.in(0)));
    type = Node::element(n.in(0));
  } else {
    std::optional<Ints> given = n.intsAttr("shape");
    if (!given)
      block("E_ATTR: no shape");
    shape = *given;
  }
  type = typeAttr(n, type);
  if (!mlir::isa<mlir::FloatType>(type))
    block("is not supported on " + Twine(dtypeName(dtypeOf(type))));
  return {shape, type};
}

template <bool like> void uniformOp(Node &n) {
  auto [shape, type] = wanted(n, like);
  double low = n.floatAttr("low", 0), high = n.floatAttr("high", 1);
  Value y = n.binary<lazy::MulOp>(uniform(n, shape), high - low);
  n.set(0, n.build.cast(n.binary<lazy::AddOp>(y, low), type));
}

template <bool like> void randomNormal(Node &n) {
  auto [shape, type] = wanted(n, like);
  Value y = n.binary<lazy::MulOp>(normal(n, shape), n.floatAttr("scale", 1));
  n.set(0,
        n.build.cast(n.binary<lazy::AddOp>(y, n.floatAttr("mean", 0)), type));
}

/// 1 with the probability that the input says, else 0.
void bernoulli(Node &n) {
  Value p = n.in(0);
  n.needFloat(p);
  n.needStatic(p);
  mlir::Type type = typeAttr(n, Node::element(p));
  Value u = n.build.cast(uniform(n, Node::shape(p)), Node::element(p));
  n.set(0, n.build.cast(n.cmp(lazy::CmpKind::lt, u, p), type));
}

/// Classes drawn by unnormalized log-probabilities: the largest of them after
/// Gumbel noise is added.
void multinomial(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needStatic(x);
  int64_t samples = n.intAttr("sample_size", 1);
  if (Node::rank(x) != 2 || Node::shape(x)[1] < 1)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " is not [batch,classes]");
  if (samples < 1)
    block("E_ATTR: sample_size is " + Twine(samples) + ", must be > 0");
  int64_t batch = Node::shape(x)[0], classes = Node::shape(x)[1];
  mlir::Type type = typeAttr(n, n.type(DType::I32));
  if (dtypeOf(type) != DType::I32 && dtypeOf(type) != DType::I64)
    block("is not supported on " + Twine(dtypeName(dtypeOf(type))));
  Value u = uniform(n, {batch, samples, classes});
  auto negLog = [&](Value v) {
    return n.build.unary<lazy::NegOp>(n.unary<lazy::LogOp>(v));
  };
  Value scores =
      n.reshape(n.build.cast(x, Node::element(u)), {batch, 1, classes});
  scores = n.binary<lazy::AddOp>(scores, negLog(negLog(u)));
  n.set(0, n.build.cast(n.build.argReduce(lazy::ReduceKind::max, scores, 2,
                                          false, false),
                        type));
}

} // namespace

Value onnx_frontend::randomUniform(Node &n, llvm::ArrayRef<int64_t> shape) {
  return uniform(n, shape);
}

void onnx_frontend::addRandomOps(OpTable &t) {
  t["RandomUniform"] = uniformOp<false>;
  t["RandomUniformLike"] = uniformOp<true>;
  t["RandomNormal"] = randomNormal<false>;
  t["RandomNormalLike"] = randomNormal<true>;
  t["Bernoulli"] = bernoulli;
  t["Multinomial"] = multinomial;
}
