//===- Sort.cpp - the first elements of a sorted axis ---------------------===//
//
// A network of compare-exchanges, whose order does not depend on the data.
// With K the power of two from k on, the axis is cut into blocks of K, and each
// is sorted by Batcher's bitonic network, every second block backwards. Of two
// neighbours, one forwards and one backwards, the better of the two elements at
// each place are the K best of both, in an order that one bitonic merge sorts;
// so the number of blocks halves until one is left. An element travels with its
// index, and equals keep the order of their indices.
//
//===----------------------------------------------------------------------===//
#include "nacre/Lazy/Build.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::lazy {
namespace {

/// Elements and where they were, along the last axis.
struct Pairs {
  Value value, index;
};

class Sorter {
public:
  Sorter(Build &build, bool largest, bool isFloat)
      : build(build), largest(largest), isFloat(isFloat) {}

  /// Whether each element of a stands before that of b. NaN is above every
  /// number.
  Value before(const Pairs &a, const Pairs &b) {
    Value better =
        build.cmp(largest ? CmpKind::gt : CmpKind::lt, a.value, b.value);
    Value equal = build.cmp(CmpKind::eq, a.value, b.value);
    if (isFloat) {
      const Pairs &first = largest ? a : b, &second = largest ? b : a;
      Value above = build.cmp(CmpKind::ne, first.value, first.value);
      Value alsoNan = build.cmp(CmpKind::ne, second.value, second.value);
      Value only = build.binary<AndOp>(above, build.unary<NotOp>(alsoNan));
      better = build.binary<OrOp>(better, only);
      equal = build.binary<OrOp>(equal, build.binary<AndOp>(above, alsoNan));
    }
    Value earlier = build.cmp(CmpKind::lt, a.index, b.index);
    return build.binary<OrOp>(better, build.binary<AndOp>(equal, earlier));
  }

  Pairs choose(Value first, const Pairs &a, const Pairs &b) {
    return {build.where(first, a.value, b.value),
            build.where(first, a.index, b.index)};
  }

  /// Compares each element with that `distance` away; blocks of `size` are
  /// sorted forwards and backwards by turns.
  Pairs exchange(const Pairs &p, int64_t size, int64_t distance) {
    SmallVector<int64_t> rows(tensorType(p.value).getShape().drop_back());
    int64_t count = tensorType(p.value).getShape().back();
    int64_t rank = rows.size(), pairs = count / (2 * distance);
    SmallVector<int64_t> apart(rows);
    apart.append({pairs, 2, distance});
    Pairs self{build.reshape(p.value, apart), build.reshape(p.index, apart)};
    Pairs partner{build.flip(self.value, {rank + 1}),
                  build.flip(self.index, {rank + 1})};
    // An element keeps the better of the two if it is the first of them in a
    // block that is sorted forwards, or the second in one sorted backwards.
    Type i32 = build.b.getI32Type();
    auto type = RankedTensorType::get({pairs, 2, 1}, i32);
    Value block = build.iota(type, 0), place = build.iota(type, 1);
    int64_t shift = llvm::Log2_64(size / distance / 2);
    block = build.binary<ShrOp>(block, build.splatLike(block, double(shift)));
    Value odd = build.binary<AndOp>(build.binary<XorOp>(block, place),
                                    build.splatLike(block, 1));
    Value wantsWorse = build.cmp(CmpKind::ne, odd, build.splatLike(odd, 0));
    Value keeps = build.binary<XorOp>(before(self, partner), wantsWorse);
    Pairs result = choose(keeps, self, partner);
    SmallVector<int64_t> together(rows);
    together.push_back(count);
    return {build.reshape(result.value, together),
            build.reshape(result.index, together)};
  }

  Pairs mergeBlocks(Pairs p, int64_t size) {
    for (int64_t distance = size / 2; distance > 0; distance /= 2)
      p = exchange(p, size, distance);
    return p;
  }

  /// The best of every two blocks of `size`, one place at a time.
  Pairs halve(const Pairs &p, int64_t size) {
    SmallVector<int64_t> rows(tensorType(p.value).getShape().drop_back());
    int64_t count = tensorType(p.value).getShape().back();
    SmallVector<int64_t> apart(rows), half(rows);
    apart.append({count / (2 * size), 2, size});
    half.push_back(count / 2);
    SmallVector<int64_t> starts(apart.size(), 0), sizes(apart);
    sizes[rows.size() + 1] = 1;
    auto part = [&](Value v, int64_t which) {
      starts[rows.size() + 1] = which;
      return build.reshape(build.slice(build.reshape(v, apart), starts, sizes),
                           half);
    };
    Pairs a{part(p.value, 0), part(p.index, 0)};
    Pairs b{part(p.value, 1), part(p.index, 1)};
    return choose(before(a, b), a, b);
  }

  /// `count` places at the end that come after everything.
  Pairs padded(const Pairs &p, int64_t count) {
    SmallVector<int64_t> low(tensorType(p.value).getRank(), 0), high(low);
    high.back() = count;
    double worst = largest   ? -std::numeric_limits<double>::infinity()
                   : isFloat ? std::numeric_limits<double>::quiet_NaN()
                             : std::numeric_limits<double>::infinity();
    return {build.pad(p.value, low, high, worst),
            build.pad(p.index, low, high, double(INT32_MAX))};
  }

private:
  Build &build;
  bool largest, isFloat;
};

} // namespace

std::pair<Value, Value> Build::topK(Value x, int64_t axis, int64_t k,
                                    bool largest) {
  auto from = tensorType(x);
  int64_t rank = from.getRank(), extent = from.getDimSize(axis);
  assert(k >= 0 && k <= extent && extent < INT32_MAX && "k is in the axis");
  SmallVector<int64_t> toLast, back;
  for (int64_t i = 0; i < rank; ++i) {
    if (i != axis)
      toLast.push_back(i);
    back.push_back(i < axis ? i : i == axis ? rank - 1 : i - 1);
  }
  toLast.push_back(axis);
  Sorter sorter(*this, largest, isa<FloatType>(from.getElementType()));
  Pairs p{permute(x, toLast), {}};
  p.index = expandLike(iota(RankedTensorType::get({extent}, b.getI32Type()), 0),
                       p.value);
  int64_t size = int64_t(llvm::PowerOf2Ceil(std::max<int64_t>(k, 1)));
  int64_t blocks = (extent + size - 1) / size;
  p = sorter.padded(p, blocks * size - extent);
  for (int64_t sorted = 2; sorted <= size; sorted *= 2)
    p = sorter.mergeBlocks(p, sorted);
  for (; blocks > 1; blocks /= 2) {
    if (blocks % 2 == 1) {
      p = sorter.padded(p, size);
      ++blocks;
    }
    p = sorter.mergeBlocks(sorter.halve(p, size), size);
  }
  auto finish = [&](Value v) {
    SmallVector<int64_t> starts(rank, 0), sizes(tensorType(v).getShape());
    sizes.back() = k;
    return permute(slice(v, starts, sizes), back);
  };
  return {finish(p.value), cast(finish(p.index), b.getI64Type())};
}

} // namespace nacre::lazy
