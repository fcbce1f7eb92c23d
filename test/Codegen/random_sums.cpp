//===- random_sums.cpp - reductions and products in random programs -------===//

#include "RandomProgram.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

void RandomProgram::reduceSome(Item x) {
  Shape s = x.shape(), axes;
  if (s.empty())
    return;
  double terms = 1;
  for (int64_t i = 0; i < int64_t(s.size()); ++i)
    if (below(2) || (axes.empty() && i + 1 == int64_t(s.size()))) {
      axes.push_back(i);
      terms *= s[i];
    }
  bool keep = below(2);
  Item y = x;
  y.used = false;
  if (below(4) == 0 && x.exact() && s[axes[0]] > 0) {
    y.v = net.build.argReduce(below(2) ? ReduceKind::max : ReduceKind::min, x.v,
                              axes[0], below(2), keep);
    y.type = DType::I64;
  } else if (below(2)) {
    y.v = net.build.reduce(ReduceKind::add, x.v, axes, keep);
    y.size = x.size * std::max(terms, 1.0);
    y.error = sumError(x, std::max(terms, 1.0));
  } else if (terms > 0) {
    y.v = net.build.reduce(below(2) ? ReduceKind::max : ReduceKind::min, x.v,
                           axes, keep);
  } else {
    return;
  }
  add(y);
}

void RandomProgram::contraction(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  auto d = [&](unsigned i) { return getAffineDimExpr(i, context()); };
  auto map = [&](unsigned n, ArrayRef<AffineExpr> e) {
    return AffineMap::get(n, 0, e, context());
  };
  if (s.empty() || x.type == DType::Bool || x.count() > 4096)
    return;
  static const int64_t widths[] = {1, 3, 5, 8, 16, 17, 33};
  int64_t n = widths[below(std::size(widths))];
  double terms = 1;
  Value y;
  Item w{};
  if (s.size() == 4 && s[2] >= 2 && s[3] >= 2 && below(3)) {
    int64_t k = 1 + below(std::min<int64_t>({s[2], s[3], 3})),
            stride = 1 + below(2), p = below(k);
    int64_t groups = s[1] % 2 == 0 && below(2) ? 2 : 1;
    bool depthwise = below(3) == 0;
    Value image = b.pad(x.v, {0, 0, p, p}, {0, 0, p, p}, 0);
    if (depthwise) {
      w = items[leaf({s[1], k, k}, x.type)];
      terms = k * k;
      y = b.contract(
          image, w.v,
          map(6, {d(0), d(1), d(2) * stride + d(4), d(3) * stride + d(5)}),
          map(6, {d(1), d(4), d(5)}), map(6, {d(0), d(1), d(2), d(3)}));
    } else if (groups == 2) {
      w = items[leaf({2, n, s[1] / 2, k, k}, x.type)];
      Shape split(tensorType(image).getShape());
      split.insert(split.begin() + 1, 2);
      split[2] /= 2;
      terms = k * k * split[2];
      y = b.contract(b.reshape(image, split), w.v,
                     map(8, {d(0), d(1), d(5), d(3) * stride + d(6),
                             d(4) * stride + d(7)}),
                     map(8, {d(1), d(2), d(5), d(6), d(7)}),
                     map(8, {d(0), d(1), d(2), d(3), d(4)}));
      Shape merged(tensorType(y).getShape());
      merged[1] *= merged[2];
      merged.erase(merged.begin() + 2);
      y = b.reshape(y, merged);
    } else {
      w = items[leaf({n, s[1], k, k}, x.type)];
      terms = k * k * s[1];
      y = b.contract(
          image, w.v,
          map(7, {d(0), d(4), d(2) * stride + d(5), d(3) * stride + d(6)}),
          map(7, {d(1), d(4), d(5), d(6)}), map(7, {d(0), d(1), d(2), d(3)}));
    }
  } else {
    // The last axis against a matrix, either way round.
    unsigned rank = s.size();
    bool turned = below(2);
    w = items[leaf(turned ? Shape{n, s.back()} : Shape{s.back(), n}, x.type)];
    terms = s.back();
    SmallVector<AffineExpr> xs, ys;
    for (unsigned i = 0; i + 1 < rank; ++i) {
      xs.push_back(d(i));
      ys.push_back(d(i));
    }
    xs.push_back(d(rank));
    ys.push_back(d(rank - 1));
    SmallVector<AffineExpr> ws{d(rank), d(rank - 1)};
    if (turned)
      std::swap(ws[0], ws[1]);
    bool swapped = below(3) == 0;
    y = swapped ? b.contract(w.v, x.v, map(rank + 1, ws), map(rank + 1, xs),
                             map(rank + 1, ys))
                : b.contract(x.v, w.v, map(rank + 1, xs), map(rank + 1, ws),
                             map(rank + 1, ys));
  }
  for (Item &item : items)
    if (item.v == w.v)
      item.used = true;
  terms = std::max(terms, 1.0);
  Item product = x;
  product.size = x.size * w.size;
  product.fraction = x.fraction + w.fraction;
  product.error = x.error * w.size;
  Item sum{y, x.type, product.size * terms, sumError(product, terms),
           product.fraction};
  if (sum.count() <= 16384)
    add(sum);
}

void RandomProgram::rowKernel(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  if (s.empty() || x.type != DType::F32 || x.count() == 0)
    return;
  int64_t axis = below(3) ? int64_t(s.size()) - 1 : below(s.size());
  Value v = clamp(x.v, 8);
  if (below(2)) {
    Value e = b.unary<ExpOp>(
        b.binary<SubOp>(v, b.reduce(ReduceKind::max, v, {axis}, true)));
    Value y = b.binary<DivOp>(e, b.reduce(ReduceKind::add, e, {axis}, true));
    add({y, DType::F32, 1, 4 * x.error + 2e-5, 0});
  } else {
    Value n = constant(DType::F32, double(s[axis]));
    Value c = b.binary<SubOp>(
        v, b.binary<DivOp>(b.reduce(ReduceKind::add, v, {axis}, true), n));
    Value variance = b.binary<DivOp>(
        b.reduce(ReduceKind::add, b.binary<MulOp>(c, c), {axis}, true), n);
    // A large epsilon bounds how far the quotient moves.
    Value y = b.binary<DivOp>(
        c, b.unary<SqrtOp>(b.binary<AddOp>(variance, constant(DType::F32, 1))));
    add({y, DType::F32, 16, 64 * (x.error + 1e-5), 0});
  }
}

} // namespace nacre::test
