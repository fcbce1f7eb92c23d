//===- ContractGradient.cpp - the gradient of a contraction ---------------===//
//
// y[R(d)] += a[A(d)] * b[B(d)]. The gradient of a is the transpose:
// da[A(d)] += dy[R(d)] * b[B(d)], over the same points. Where A holds plain
// dimensions only this is a contraction as it stands: the weight gradient of a
// convolution has the window expressions in the other operand's map.
//
// Where an axis of a is read at s*p + t*w (a convolution's input; p a position,
// in y's map; w within the window, in b's), the places p and w that meet at
// i = s*p + t*w are gathered:
//
//   s = 1:  da[i] += dy[i - t*w] * b[w], with zeros around dy.
//   t = 1:  i = s*q + r, w = s*v + r: da[q, r] += dy[q - v] * b[v, r], with
//           zeros behind b up to a multiple of s. No product with a zero of a
//           dilated dy is computed.
//   else:   dy with s - 1 zeros between its elements, then as s = 1.
//
// What no case fits (windows that do not overlap, three terms on an axis,
// dimensions of several roles, offsets) gets an axis for each of A's dimensions
// and is added up by `unread`, the transpose of reading.
//
//===----------------------------------------------------------------------===//
#include "Unslice.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::lazy {

namespace {
/// A term of a sum over dimensions.
struct DimTerm {
  unsigned dim;
  int64_t coefficient;
};

/// The contraction that computes the gradient, under construction.
class Transposed {
public:
  Transposed(Build &build, ContractOp op, Value g, unsigned operand)
      : build(build), context(op.getContext()), extents(op.extents()),
        a(op->getOperand(operand)), aMap(op.map(operand)),
        g{g, op.map(2), context},
        b{op->getOperand(1 - operand), op.map(1 - operand), context} {}

  Value run();

private:
  /// An operand: for each of its axes the expressions it is read at (several
  /// where it is split) and zeros to put around it.
  struct Side {
    Side(Value v, AffineMap map, MLIRContext *)
        : v(v), low(map.getNumResults(), 0), high(low) {
      for (auto [axis, e] : llvm::enumerate(map.getResults())) {
        exprs.push_back({e});
        split.push_back({tensorType(v).getDimSize(axis)});
      }
    }
    Value finish(Build &build) {
      SmallVector<int64_t> shape;
      for (auto &extents : split)
        shape.append(extents);
      return build.reshape(build.pad(v, low, high, 0), shape);
    }
    SmallVector<AffineExpr> results() const {
      SmallVector<AffineExpr> all;
      for (auto &list : exprs)
        all.append(list);
      return all;
    }
    bool reads(unsigned dim) const {
      return llvm::any_of(results(),
                          [&](AffineExpr e) { return e.isFunctionOfDim(dim); });
    }
    /// The only axis that is read at an expression with `dim`, when that is
    /// the dimension alone.
    std::optional<unsigned> axisOf(unsigned dim) const {
      std::optional<unsigned> found;
      for (auto [axis, list] : llvm::enumerate(exprs))
        for (AffineExpr e : list) {
          if (!e.isFunctionOfDim(dim))
            continue;
          if (found || !isa<AffineDimExpr>(e))
            return std::nullopt;
          found = axis;
        }
      return found;
    }
    Value v;
    SmallVector<SmallVector<AffineExpr>> exprs;
    SmallVector<SmallVector<int64_t>> split;
    SmallVector<int64_t> low, high;
  };

  AffineExpr dim(unsigned d) { return getAffineDimExpr(d, context); }
  unsigned addDim(int64_t extent) {
    extents.push_back(extent);
    return extents.size() - 1;
  }
  bool gather(unsigned axis, SmallVectorImpl<DimTerm> &terms, int64_t offset);
  Value contract(ArrayRef<unsigned> order);

  Build &build;
  MLIRContext *context;
  SmallVector<int64_t> extents;
  Value a;
  AffineMap aMap;
  Side g, b;
};
} // namespace

/// Gathers axis number `axis` of a when it is a convolution's: p and w of
/// `terms` leave, the dimensions of the gathered axis take their place.
bool Transposed::gather(unsigned axis, SmallVectorImpl<DimTerm> &terms,
                        int64_t offset) {
  if (terms.size() != 2)
    return false;
  DimTerm p = terms[0], w = terms[1];
  if (!g.reads(p.dim))
    std::swap(p, w);
  auto pAxis = g.axisOf(p.dim), wAxis = b.axisOf(w.dim);
  if (!pAxis || !wAxis || g.reads(w.dim) || b.reads(p.dim))
    return false;
  for (auto [other, e] : llvm::enumerate(aMap.getResults()))
    if (other != axis && (e.isFunctionOfDim(p.dim) || e.isFunctionOfDim(w.dim)))
      return false;
  int64_t s = p.coefficient, t = w.coefficient, positions = extents[p.dim],
          size = extents[w.dim];
  int64_t extent = tensorType(a).getDimSize(axis) - offset;
  if (s < 1 || t < 1 || positions < 1 || t * (size - 1) < s)
    return false;
  if (s > 1 && t == 1) {
    int64_t blocks = llvm::divideCeil(size, s);
    unsigned q = addDim(llvm::divideCeil(extent, s)), r = addDim(s),
             v = addDim(blocks);
    g.exprs[*pAxis] = {dim(q) - dim(v) + (blocks - 1)};
    g.low[*pAxis] = blocks - 1;
    g.high[*pAxis] = extents[q] - positions;
    g.split[*pAxis] = {positions + g.low[*pAxis] + g.high[*pAxis]};
    b.exprs[*wAxis] = {dim(v), dim(r)};
    b.high[*wAxis] = blocks * s - size;
    b.split[*wAxis] = {blocks, s};
    terms.assign({{q, s}, {r, 1}});
    return true;
  }
  if (s > 1) {
    SmallVector<int64_t> shape(tensorType(g.v).getShape());
    SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
    steps[*pAxis] = s;
    shape[*pAxis] = positions = s * (positions - 1) + 1;
    g.v = unslice(build, g.v, starts, steps, shape);
  }
  int64_t reach = t * (size - 1);
  unsigned i = addDim(extent);
  g.exprs[*pAxis] = {dim(i) - dim(w.dim) * t + reach};
  g.low[*pAxis] = reach;
  g.high[*pAxis] = extent - positions;
  g.split[*pAxis] = {extent + reach};
  terms.assign({{i, 1}});
  return true;
}

/// The contraction with a result axis for each dimension of `order`, which g
/// or b read.
Value Transposed::contract(ArrayRef<unsigned> order) {
  SmallVector<AffineExpr> gExprs = g.results(), bExprs = b.results(), result,
                          compact(extents.size());
  unsigned used = 0;
  for (unsigned d = 0; d < extents.size(); ++d)
    if (g.reads(d) || b.reads(d))
      compact[d] = dim(used++);
    else
      compact[d] = getAffineConstantExpr(0, context);
  SmallVector<int64_t> shape;
  for (unsigned d : order) {
    result.push_back(compact[d]);
    shape.push_back(extents[d]);
  }
  auto map = [&](ArrayRef<AffineExpr> exprs, bool rename) {
    auto all = AffineMap::get(extents.size(), 0, exprs, context);
    return rename ? all.replaceDimsAndSymbols(compact, {}, used, 0)
                  : AffineMap::get(used, 0, exprs, context);
  };
  Value x = g.finish(build), y = b.finish(build);
  return ContractOp::create(
      build.b, build.loc, withShape(tensorType(a), shape), x, y,
      build.b.getAffineMapArrayAttr(
          {map(gExprs, true), map(bExprs, true), map(result, false)}));
}

Value Transposed::run() {
  SmallVector<ReadAxis> axes;
  SmallVector<unsigned> order; // dimensions of the contraction's result
  SmallVector<unsigned> repeated,
      seen; // only a reads them; all, in axes' order
  SmallVector<SmallVector<DimTerm>> read;
  for (auto [axis, expr] : llvm::enumerate(aMap.getResults())) {
    SmallVector<DimTerm> terms;
    AffineExpr rest = expr;
    for (unsigned d = 0; d < aMap.getNumDims(); ++d) {
      auto parts = splitLinear(rest, d);
      assert(parts && "maps of contractions are linear");
      if (parts->first)
        terms.push_back({d, parts->first});
      rest = parts->second;
    }
    int64_t offset = cast<AffineConstantExpr>(rest).getValue();
    gather(axis, terms, offset);
    axes.push_back({{}, offset, tensorType(a).getDimSize(axis)});
    read.push_back(terms);
  }
  // A dimension on a second axis (a diagonal) gets a fresh one there.
  SmallVector<std::pair<unsigned, unsigned>> diagonals;
  for (auto &terms : read)
    for (DimTerm &term : terms) {
      if (llvm::is_contained(seen, term.dim)) {
        unsigned fresh = addDim(extents[term.dim]);
        diagonals.push_back({term.dim, fresh});
        term.dim = fresh;
      }
      seen.push_back(term.dim);
      (g.reads(term.dim) || b.reads(term.dim) ? order : repeated)
          .push_back(term.dim);
    }
  Value x = contract(order);
  // Axes of x: order, then repeated.
  if (!repeated.empty()) {
    SmallVector<int64_t> narrow(tensorType(x).getShape()), wide(narrow);
    for (unsigned d : repeated) {
      narrow.push_back(1);
      wide.push_back(extents[d]);
    }
    x = build.expand(build.reshape(x, narrow), wide);
    order.append(repeated);
  }
  auto axisIn = [&](unsigned d) {
    return llvm::find(order, d) - order.begin();
  };
  for (auto [d, fresh] : diagonals) {
    auto type = withElement(tensorType(x), build.b.getI64Type());
    Value same = build.cmp(CmpKind::eq, build.iota(type, axisIn(d)),
                           build.iota(type, axisIn(fresh)));
    x = build.where(same, x, build.splatLike(x, 0));
  }
  for (auto [axis, terms] : llvm::enumerate(read))
    for (DimTerm term : terms)
      axes[axis].terms.push_back({axisIn(term.dim), term.coefficient});
  return unread(build, x, axes);
}

Value ContractOp::gradient(Build &build, Value g, unsigned operand) {
  return Transposed(build, *this, g, operand).run();
}

} // namespace nacre::lazy
