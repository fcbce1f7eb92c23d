//===- Reduce.cpp - reductions along axes ---------------------------------===//
//
// Float sums and products are accumulated in f64 and rounded once, whatever
// the element type: the order of a float sum is not specified, and the oracle
// should not add an order of its own. Integers wrap in 64 bits, of which the
// low ones are right for every width.
//
//===----------------------------------------------------------------------===//

#include "Evaluators.h"
#include "Scalar.h"
#include "Walk.h"

using namespace mlir;

namespace nacre::reference {

namespace {
/// The loops of a reduction: outside over the result, inside over the rest.
struct ReduceNest {
  Nest<2> outer; // positions in x and out
  Nest<1> inner; // position in x
};
} // namespace

/// Accumulates in A: out = round(combine(... combine(neutral, x0) ..., xn)).
template <typename T, typename A, typename Combine>
static void fold(const ReduceNest &nest, const Tensor &x, Tensor &out,
                 A neutral, Combine combine) {
  const T *from = x.data<T>();
  T *to = out.data<T>();
  nest.outer.run({0, 0}, [&](const auto &at) {
    A sum = neutral;
    nest.inner.run({at[0]}, [&](const auto &in) {
      sum = combine(sum, static_cast<A>(load(from[in[0]])));
    });
    if constexpr (std::is_same_v<A, uint64_t>)
      to[at[1]] = store<T>(static_cast<Compute<T>>(sum));
    else
      to[at[1]] = convert<T>(sum);
  });
}

llvm::Error evaluateReduce(lazy::ReduceOp op, const Tensor &x, Tensor &out) {
  ReduceNest nest;
  Extents strides = denseStrides(x.shape), outStrides = denseStrides(out.shape);
  Extents kept;
  for (auto [i, extent] : llvm::enumerate(x.shape)) {
    if (llvm::is_contained(op.getAxes(), static_cast<int64_t>(i))) {
      nest.inner.axis(extent, {strides[i]});
      continue;
    }
    if (kept.size() < outStrides.size())
      nest.outer.axis(extent, {strides[i], outStrides[kept.size()]});
    kept.push_back(extent);
  }
  if (ArrayRef<int64_t>(kept) != ArrayRef<int64_t>(out.shape))
    return failed(op, "the result is not the source without the axes");
  withElement(x.dtype, [&](auto t) {
    using T = decltype(t);
    using C = Compute<T>;
    using Sum = std::conditional_t<isFloat<T>, double, uint64_t>;
    switch (op.getKind()) {
    case lazy::ReduceKind::add:
      return fold<T, Sum>(nest, x, out, 0, [](Sum a, Sum b) { return a + b; });
    case lazy::ReduceKind::mul:
      return fold<T, Sum>(nest, x, out, 1, [](Sum a, Sum b) { return a * b; });
    case lazy::ReduceKind::max:
      return fold<T, C>(nest, x, out, load(lowestValue<T>()), largerOf<C>);
    case lazy::ReduceKind::min:
      return fold<T, C>(nest, x, out, load(highestValue<T>()), smallerOf<C>);
    }
  });
  return llvm::Error::success();
}

llvm::Error evaluateArgReduce(lazy::ArgReduceOp op, const Tensor &x,
                              Tensor &out) {
  int64_t axis = op.getAxis(), extent = x.shape[axis];
  if (out.count() == 0)
    return llvm::Error::success();
  if (extent == 0)
    return failed(op, "axis " + Twine(axis) + " has no element to choose");
  Extents strides = denseStrides(x.shape), outStrides = denseStrides(out.shape);
  Nest<2> nest;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (static_cast<int64_t>(i) == axis)
      continue;
    nest.axis(
        x.shape[i],
        {strides[i], outStrides[static_cast<int64_t>(i) < axis ? i : i - 1]});
  }
  bool wantMax = op.getKind() == lazy::ReduceKind::max, last = op.getLast();
  withElement(x.dtype, [&](auto t) {
    using T = decltype(t);
    const T *from = x.data<T>();
    int64_t *to = out.data<int64_t>();
    nest.run({0, 0}, [&](const auto &at) {
      int64_t best = 0;
      auto top = load(from[at[0]]);
      for (int64_t i = 1; i < extent; ++i) {
        auto v = load(from[at[0] + i * strides[axis]]);
        bool equal = v == top || (isNaN(v) && isNaN(top));
        bool beats = !isNaN(top) && (isNaN(v) || (wantMax ? v > top : v < top));
        if (beats || (equal && last)) {
          best = i;
          top = v;
        }
      }
      to[at[1]] = best;
    });
  });
  return llvm::Error::success();
}

} // namespace nacre::reference
