//===- Muon.cpp - the orthogonal matrix next to a momentum ----------------===//
//
// Jordan et al., "Muon: an optimizer for hidden layers", 2024: five steps of
// X <- a X + (b A + c A A) X with A = X X', from X of Frobenius norm 1, bring
// every singular value near 1. The coefficients are the authors'; so is the
// scale, by which a tall matrix moves as far as a square one. PyTorch calls it
// adjust_lr_fn="original". Theirs iterates in bf16, ours in the parameter's
// type.
//
//===----------------------------------------------------------------------===//
#include "Optimizers.h"
#include <cmath>

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;

/// x times y, or times y transposed.
static Value product(Build build, Value x, Value y, bool transposed) {
  MLIRContext *context = build.b.getContext();
  AffineExpr m, n, k;
  bindDims(context, m, n, k);
  auto map = [&](AffineExpr row, AffineExpr column) {
    return AffineMap::get(3, 0, {row, column}, context);
  };
  return build.contract(x, y, map(m, k), transposed ? map(n, k) : map(k, n),
                        map(m, n));
}

Value orthogonalized(Build build, Value x) {
  SmallVector<int64_t> shape(tensorType(x).getShape());
  int64_t rows = shape[0], columns = 1;
  for (int64_t extent : ArrayRef(shape).drop_front())
    columns *= extent;
  auto times = [&](Value v, double factor) {
    return build.binary<MulOp>(v, build.splatLike(v, factor));
  };
  x = build.reshape(x, {rows, columns});
  // The smaller side squared is the size of A.
  bool isTall = rows > columns;
  if (isTall)
    x = build.permute(x, {1, 0});
  Value norm = build.unary<SqrtOp>(
      build.reduce(ReduceKind::add, build.binary<MulOp>(x, x), {0, 1}));
  x = build.binary<DivOp>(
      x, build.binary<MaxOp>(norm, build.splatLike(norm, 1e-7)));
  for (int i = 0; i < 5; ++i) {
    Value a = product(build, x, x, true);
    Value polynomial = build.binary<AddOp>(
        times(a, -4.7750), times(product(build, a, a, false), 2.0315));
    x = build.binary<AddOp>(times(x, 3.4445),
                            product(build, polynomial, x, false));
  }
  if (isTall)
    x = build.permute(x, {1, 0});
  x = times(x, std::sqrt(std::max(1.0, double(rows) / double(columns))));
  return build.reshape(x, shape);
}

} // namespace nacre::autodiff
