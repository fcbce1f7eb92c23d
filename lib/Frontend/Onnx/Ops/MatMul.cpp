//===- MatMul.cpp - matrix products as contractions -----------------------===//
#include "MatMul.h"
#include "../OpTable.h"
#include "Quantize.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::AffineExpr;

namespace {

mlir::AffineMap mapOf(Node &n, unsigned dims,
                      llvm::ArrayRef<AffineExpr> exprs) {
  return mlir::AffineMap::get(dims, 0, exprs, n.importer.builder.getContext());
}

/// numpy's matmul: batch axes broadcast by the maps, a vector has no M or N.
Value product(Node &n, Value a, Value b) {
  n.needRank(a, 1);
  n.needRank(b, 1);
  n.needSameElement(a, b);
  mlir::MLIRContext *context = n.importer.builder.getContext();
  llvm::ArrayRef<int64_t> as = Node::shape(a), bs = Node::shape(b);
  int64_t aBatch = std::max<int64_t>(as.size() - 2, 0);
  int64_t bBatch = std::max<int64_t>(bs.size() - 2, 0);
  int64_t inner = bs.size() == 1 ? bs[0] : bs[bBatch];
  if (as.back() != inner || mlir::ShapedType::isDynamic(inner))
    block("E_SHAPE: shapes " + shapeText(as) + " and " + shapeText(bs) +
          " do not multiply");
  if (!lazy::broadcastShapes(as.take_front(aBatch), bs.take_front(bBatch)))
    block("E_SHAPE: batch axes of " + shapeText(as) + " and " + shapeText(bs) +
          " do not broadcast");
  unsigned next = 0;
  auto dim = [&] { return mlir::getAffineDimExpr(next++, context); };
  llvm::SmallVector<AffineExpr> xs, ys, zs;
  int64_t batch = std::max(aBatch, bBatch);
  for (int64_t i = 0; i < batch; ++i) {
    int64_t ai = i - (batch - aBatch), bi = i - (batch - bBatch);
    AffineExpr d = dim(), zero = mlir::getAffineConstantExpr(0, context);
    int64_t ax = ai >= 0 ? as[ai] : 1, bx = bi >= 0 ? bs[bi] : 1;
    if (ai >= 0)
      xs.push_back(ax == 1 && bx != 1 ? zero : d);
    if (bi >= 0)
      ys.push_back(bx == 1 && ax != 1 ? zero : d);
    zs.push_back(d);
  }
  if (as.size() > 1) {
    xs.push_back(dim());
    zs.push_back(xs.back());
  }
  AffineExpr column;
  if (bs.size() > 1)
    zs.push_back(column = dim());
  AffineExpr k = dim();
  xs.push_back(k);
  ys.push_back(k);
  if (column)
    ys.push_back(column);
  return n.build.contract(a, b, mapOf(n, next, xs), mapOf(n, next, ys),
                          mapOf(n, next, zs));
}

void matMul(Node &n) { n.set(0, product(n, n.in(0), n.in(1))); }

/// A value less its zero point in i32: a scalar, or one for each row (a) or
/// column (b).
Value centered(Node &n, Value x, int input, bool perRow) {
  mlir::Type i32 = n.type(DType::I32);
  Value y = n.build.cast(x, i32);
  if (!n.has(input))
    return y;
  Value zero = n.in(input);
  n.needSameElement(x, zero);
  zero = n.build.cast(zero, i32);
  if (Node::rank(zero) == 1 && perRow && Node::shape(zero)[0] != 1)
    zero = n.reshape(zero, {Node::shape(zero)[0], 1});
  return n.binary<lazy::SubOp>(y, zero);
}

void matMulInteger(Node &n) {
  Value a = centered(n, n.in(0), 2, true);
  n.set(0, product(n, a, centered(n, n.in(1), 3, false)));
}

/// A scale of a's rows or b's columns beside the product; a scalar as it is.
Value scaleOf(Node &n, int input, bool perRow) {
  Value scale = n.in(input);
  n.needFloat(scale);
  n.needStatic(scale);
  if (lazy::tensorType(scale).getNumElements() == 1)
    return n.reshape(scale, {});
  return perRow && Node::rank(scale) == 1
             ? n.reshape(scale, {Node::shape(scale)[0], 1})
             : scale;
}

void qLinearMatMul(Node &n) {
  Value a = centered(n, n.in(0), 2, true), b = centered(n, n.in(3), 5, false);
  Value sum = product(n, a, b);
  Value scale =
      n.binary<lazy::MulOp>(scaleOf(n, 1, true), scaleOf(n, 4, false));
  Value y = requantize(n, sum, scale, 6, 7);
  if (Node::shape(y) != Node::shape(sum))
    block("E_SHAPE: a scale does not broadcast to " +
          shapeText(Node::shape(sum)));
  n.set(0, y);
}

void gemm(Node &n) {
  Value a = n.in(0), b = n.in(1);
  n.needSameElement(a, b);
  if (Node::rank(a) != 2 || Node::rank(b) != 2)
    block("E_SHAPE: shapes " + shapeText(Node::shape(a)) + " and " +
          shapeText(Node::shape(b)) + " are not matrices");
  bool ta = n.intAttr("transA", 0) != 0, tb = n.intAttr("transB", 0) != 0;
  if (Node::shape(a)[ta ? 0 : 1] != Node::shape(b)[tb ? 1 : 0])
    block("E_SHAPE: shapes " + shapeText(Node::shape(a)) +
          (ta ? " (transposed)" : "") + " and " + shapeText(Node::shape(b)) +
          (tb ? " (transposed)" : "") + " do not multiply");
  n.needStatic(b);
  if (ta)
    n.needStatic(a);
  AffineExpr i, j, k;
  mlir::bindDims(n.importer.builder.getContext(), i, j, k);
  auto map = [&](AffineExpr p, AffineExpr q) { return mapOf(n, 3, {p, q}); };
  Value y = n.build.contract(a, b, ta ? map(k, i) : map(i, k),
                             tb ? map(j, k) : map(k, j), map(i, j));
  double alpha = n.floatAttr("alpha", 1), beta = n.floatAttr("beta", 1);
  if (alpha != 1)
    y = n.binary<lazy::MulOp>(y, alpha);
  if (n.has(2) && beta != 0) {
    Value c = n.in(2);
    Ints shape(Node::shape(y));
    if (beta != 1)
      c = n.binary<lazy::MulOp>(c, beta);
    y = n.binary<lazy::AddOp>(y, c);
    if (Node::shape(y) != llvm::ArrayRef<int64_t>(shape))
      block("E_SHAPE: C of shape " + shapeText(Node::shape(c)) +
            " does not broadcast to " + shapeText(shape));
  }
  n.set(0, y);
}

} // namespace

Value onnx_frontend::matrixProduct(Node &n, Value a, Value b) {
  return product(n, a, b);
}

void onnx_frontend::addMatMulOps(OpTable &t) {
  t["MatMul"] = bounded(matMul);
  t["MatMulInteger"] = bounded(matMulInteger);
  t["QLinearMatMul"] = bounded(qLinearMatMul);
  t["Gemm"] = bounded(gemm);
}
