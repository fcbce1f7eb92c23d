//===- Contract.cpp - sums of products over affine maps -------------------===//
//
// y[maps[2](d)] += a[maps[0](d)] * b[maps[1](d)].
//
// Both operands are first widened: floats to f64, integers to 64 unsigned
// bits, so there are two loops and not thirteen. Products of f32 are exact in
// f64 and sums are rounded to the element type once; integers wrap in 64 bits,
// of which the low ones are right for every width.
//
// A linear map becomes one stride a dimension, found once. The loop nest is
// then: result dimensions outside, summed dimensions inside them, and
// innermost one result dimension along which both operands are near in memory
// (a row of sums stays in cache), or a summed one where none is. Maps with
// floordiv or mod are evaluated at every point by a nest of their own.
//
//===----------------------------------------------------------------------===//

#include "Evaluators.h"
#include "Scalar.h"
#include "Walk.h"
#include "mlir/IR/AffineExpr.h"
#include <thread>

using namespace mlir;

namespace nacre::reference {

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

/// The value of an expression at a point.
static int64_t valueAt(AffineExpr expr, ArrayRef<int64_t> point) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr); // the verifier bars symbols
  int64_t l = valueAt(binary.getLHS(), point);
  int64_t r = valueAt(binary.getRHS(), point);
  int64_t floor = r == 0 ? 0 : l / r - (l % r != 0 && (l < 0) != (r < 0));
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return l + r;
  case AffineExprKind::Mul:
    return l * r;
  case AffineExprKind::FloorDiv:
    return floor;
  case AffineExprKind::CeilDiv:
    return floor + (r != 0 && l % r != 0);
  case AffineExprKind::Mod:
    return l - floor * r;
  default:
    llvm_unreachable("not an affine operation");
  }
}

static bool isLinear(AffineExpr expr) {
  bool linear = true;
  expr.walk([&](AffineExpr e) {
    linear &= e.getKind() != AffineExprKind::FloorDiv &&
              e.getKind() != AffineExprKind::CeilDiv &&
              e.getKind() != AffineExprKind::Mod;
  });
  return linear;
}

namespace {
/// Where a linear map reads: element `start + sum(d_k * strides[k])`.
struct Access {
  int64_t start = 0;
  Extents strides;
};

/// One loop of the nest, with the strides of a, b and y.
struct Loop {
  int64_t extent, a, b, y;
};
} // namespace

/// A linear expression is its value at 0 plus, for each dimension, the
/// difference one step makes.
static Access accessOf(AffineMap map, ArrayRef<int64_t> shape) {
  Extents point(map.getNumDims(), 0), dense = denseStrides(shape);
  Access access;
  access.strides.assign(map.getNumDims(), 0);
  for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
    int64_t origin = valueAt(expr, point);
    access.start += origin * dense[axis];
    for (unsigned d = 0; d < map.getNumDims(); ++d) {
      point[d] = 1;
      access.strides[d] += (valueAt(expr, point) - origin) * dense[axis];
      point[d] = 0;
    }
  }
  return access;
}

/// The extents of the iteration space: every dimension stands alone in some
/// map. Empty optional when two tensors disagree.
static std::optional<Extents> spaceOf(lazy::ContractOp op, const Tensor &a,
                                      const Tensor &b, const Tensor &y) {
  const Tensor *tensors[3] = {&a, &b, &y};
  Extents extents(op.map(0).getNumDims(), -1);
  for (unsigned k = 0; k < 3; ++k)
    for (auto [axis, expr] : llvm::enumerate(op.map(k).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        int64_t &extent = extents[dim.getPosition()];
        if (extent != -1 && extent != tensors[k]->shape[axis])
          return std::nullopt;
        extent = tensors[k]->shape[axis];
      }
  return extents;
}

/// Whether a linear map stays inside a tensor over the whole (non-empty) box.
static bool staysInside(AffineMap map, ArrayRef<int64_t> extents,
                        ArrayRef<int64_t> shape) {
  Extents point(extents.size(), 0);
  for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
    int64_t origin = valueAt(expr, point), low = origin, high = origin;
    for (size_t d = 0; d < extents.size(); ++d) {
      point[d] = extents[d] - 1;
      int64_t reach = valueAt(expr, point) - origin;
      (reach < 0 ? low : high) += reach;
      point[d] = 0;
    }
    if (low < 0 || high >= shape[axis])
      return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

template <typename W> static std::vector<W> widen(const Tensor &x) {
  std::vector<W> wide(x.count());
  auto read = [&](auto t) {
    using T = decltype(t);
    const T *from = x.data<T>();
    for (size_t i = 0; i < wide.size(); ++i)
      wide[i] = static_cast<W>(load(from[i]));
  };
  if constexpr (std::is_same_v<W, double>)
    withFloat(x.dtype, read);
  else
    withInteger(x.dtype, read);
  return wide;
}

/// Stores a row of sums at `start`, `stride` elements apart.
template <typename W>
static void storeRow(Tensor &y, int64_t start, int64_t stride,
                     ArrayRef<W> sums) {
  auto write = [&](auto t) {
    using T = decltype(t);
    T *to = y.data<T>() + start;
    for (size_t i = 0; i < sums.size(); ++i) {
      if constexpr (std::is_same_v<W, double>)
        to[i * stride] = convert<T>(sums[i]);
      else
        to[i * stride] = store<T>(static_cast<Compute<T>>(sums[i]));
    }
  };
  if constexpr (std::is_same_v<W, double>)
    withFloat(y.dtype, write);
  else
    withInteger(y.dtype, write);
}

//===----------------------------------------------------------------------===//
// The nest for linear maps
//===----------------------------------------------------------------------===//

namespace {
template <typename W> class LinearContract {
public:
  LinearContract(lazy::ContractOp op, const Tensor &a, const Tensor &b,
                 Tensor &y, ArrayRef<int64_t> extents)
      : a(widen<W>(a)), b(widen<W>(b)), y(y),
        accessA(accessOf(op.map(0), a.shape)),
        accessB(accessOf(op.map(1), b.shape)),
        accessY(accessOf(op.map(2), y.shape)) {
    for (unsigned d = 0; d < extents.size(); ++d) {
      Loop loop{extents[d], accessA.strides[d], accessB.strides[d],
                accessY.strides[d]};
      points *= loop.extent;
      bool isResult = llvm::any_of(op.map(2).getResults(), [&](AffineExpr e) {
        return cast<AffineDimExpr>(e).getPosition() == d;
      });
      if (loop.extent != 1)
        (isResult ? outer : summed).push_back(loop);
    }
    chooseRow();
  }

  /// Every sum is made by one thread in one order, so the numbers do not
  /// depend on the number of threads.
  void run() {
    int64_t rows = 1;
    for (const Loop &loop : outer)
      rows *= loop.extent;
    if (points < 1 << 22 || rows < 2)
      return runRows(0, rows);
    std::thread other([&] { runRows(0, rows / 2); });
    runRows(rows / 2, rows);
    other.join();
  }

private:
  std::vector<W> a, b;
  Tensor &y;
  Access accessA, accessB, accessY;
  SmallVector<Loop> outer, summed;
  Loop row{1, 0, 0, 0};
  int64_t points = 1;

  /// Makes the innermost loop one over the result when it walks memory at
  /// least as closely as the closest summed loop would.
  void chooseRow() {
    auto farness = [](const Loop &loop) {
      return std::max(std::abs(loop.a), std::abs(loop.b));
    };
    auto closer = [&](const Loop &l, const Loop &r) {
      return farness(l) < farness(r);
    };
    llvm::sort(summed, [&](const Loop &l, const Loop &r) {
      return std::tuple(farness(l), l.extent, l.a, l.b) >
             std::tuple(farness(r), r.extent, r.a, r.b);
    });
    auto best = llvm::min_element(outer, closer);
    if (best == outer.end() || (!summed.empty() && farness(*best) > 4 &&
                                farness(*best) > farness(summed.back())))
      return;
    row = *best;
    outer.erase(best);
  }

  void runRows(int64_t begin, int64_t end) {
    std::vector<W> sums(row.extent);
    for (int64_t i = begin; i < end; ++i) {
      int64_t atA = accessA.start, atB = accessB.start, atY = accessY.start;
      int64_t rest = i;
      for (const Loop &loop : llvm::reverse(outer)) {
        int64_t index = rest % loop.extent;
        rest /= loop.extent;
        atA += index * loop.a;
        atB += index * loop.b;
        atY += index * loop.y;
      }
      std::fill(sums.begin(), sums.end(), W(0));
      sum(0, a.data() + atA, b.data() + atB, sums);
      storeRow<W>(y, atY, row.y, sums);
    }
  }

  void sum(size_t depth, const W *fromA, const W *fromB, std::vector<W> &sums) {
    if (depth == summed.size())
      return addRow(fromA, fromB, sums);
    const Loop &loop = summed[depth];
    if (depth + 1 == summed.size() && row.extent == 1) {
      W total = sums[0];
      for (int64_t i = 0; i < loop.extent; ++i)
        total += fromA[i * loop.a] * fromB[i * loop.b];
      sums[0] = total;
      return;
    }
    for (int64_t i = 0; i < loop.extent; ++i)
      sum(depth + 1, fromA + i * loop.a, fromB + i * loop.b, sums);
  }

  void addRow(const W *fromA, const W *fromB, std::vector<W> &sums) const {
    W *to = sums.data();
    const int64_t n = row.extent, strideA = row.a, strideB = row.b;
    if (strideA == 1 && strideB == 0) {
      const W factor = *fromB;
      for (int64_t i = 0; i < n; ++i)
        to[i] += fromA[i] * factor;
    } else if (strideA == 0 && strideB == 1) {
      const W factor = *fromA;
      for (int64_t i = 0; i < n; ++i)
        to[i] += factor * fromB[i];
    } else {
      for (int64_t i = 0; i < n; ++i)
        to[i] += fromA[i * strideA] * fromB[i * strideB];
    }
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Any map, point by point
//===----------------------------------------------------------------------===//

template <typename W>
static llvm::Error contractByPoint(lazy::ContractOp op, const Tensor &a,
                                   const Tensor &b, Tensor &y,
                                   ArrayRef<int64_t> extents) {
  std::vector<W> wideA = widen<W>(a), wideB = widen<W>(b);
  std::vector<W> sums(y.count(), W(0));
  const Tensor *tensors[3] = {&a, &b, &y};
  Extents dense[3] = {denseStrides(a.shape), denseStrides(b.shape),
                      denseStrides(y.shape)};
  Extents point(extents.size(), 0);
  while (true) {
    int64_t at[3] = {0, 0, 0};
    for (unsigned k = 0; k < 3; ++k)
      for (auto [axis, expr] : llvm::enumerate(op.map(k).getResults())) {
        int64_t index = valueAt(expr, point);
        if (index < 0 || index >= tensors[k]->shape[axis])
          return failed(op, "map " + Twine(k) + " leaves axis " + Twine(axis) +
                                " of its tensor");
        at[k] += index * dense[k][axis];
      }
    sums[at[2]] += wideA[at[0]] * wideB[at[1]];
    size_t d = extents.size();
    while (d > 0 && ++point[d - 1] == extents[d - 1])
      point[--d] = 0;
    if (d == 0)
      break;
  }
  storeRow<W>(y, 0, 1, sums);
  return llvm::Error::success();
}

llvm::Error evaluateContract(lazy::ContractOp op, const Tensor &a,
                             const Tensor &b, Tensor &out) {
  std::optional<Extents> extents = spaceOf(op, a, b, out);
  if (!extents)
    return failed(op, "a dimension has different extents in different tensors");
  if (llvm::is_contained(*extents, 0))
    return llvm::Error::success(); // an empty sum is the 0 `out` came with
  bool linear = true;
  for (unsigned k = 0; k < 3; ++k)
    linear &= llvm::all_of(op.map(k).getResults(), isLinear);
  auto go = [&](auto wide) -> llvm::Error {
    using W = decltype(wide);
    if (!linear)
      return contractByPoint<W>(op, a, b, out, *extents);
    LinearContract<W>(op, a, b, out, *extents).run();
    return llvm::Error::success();
  };
  if (linear)
    for (unsigned k = 0; k < 2; ++k)
      if (!staysInside(op.map(k), *extents, k == 0 ? a.shape : b.shape))
        return failed(op, "map " + Twine(k) + " leaves its tensor");
  return isFloatDType(out.dtype) ? go(double{}) : go(uint64_t{});
}

} // namespace nacre::reference
