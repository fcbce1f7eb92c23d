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
#include <array>

using namespace mlir;
namespace nacre::lazy {
namespace {

/// Elements and where they were, with the sorted axis at one place and any
/// others around it; the index may have extents of 1 there.
struct Pairs {
  Value value, index;
};

class Sorter {
public:
  /// `axis` is the one that is sorted.
  Sorter(Build &build, int64_t axis, bool largest, bool isFloat)
      : build(build), axis(axis), largest(largest), isFloat(isFloat) {}

  /// The best of every two blocks of `size`, one place at a time.
  Pairs halve(const Pairs &p, int64_t size) {
    auto part = [&](const Pairs &p, int64_t which) {
      return map(p, [&](Value v) {
        v = split(v, {-1, 2, size});
        SmallVector<int64_t> sizes(tensorType(v).getShape()),
            starts(sizes.size(), 0);
        starts[axis + 1] = which;
        sizes[axis + 1] = 1;
        return join(build.slice(v, starts, sizes));
      });
    };
    Pairs a = part(p, 0), b = part(p, 1);
    return choose(before(a, b), a, b);
  }

  /// Sorts blocks of `size` whose elements rise and then fall, forwards and
  /// backwards by turns.
  Pairs merge(Pairs p, int64_t size) {
    for (int64_t distance = size / 2; distance > 0; distance /= 2)
      p = exchange(p, size, distance);
    return p;
  }

  /// `count` places at the end that come after everything.
  Pairs padded(const Pairs &p, int64_t count) {
    double worst = largest   ? -std::numeric_limits<double>::infinity()
                   : isFloat ? std::numeric_limits<double>::quiet_NaN()
                             : std::numeric_limits<double>::infinity();
    auto pad = [&](Value v, double fill) {
      SmallVector<int64_t> low(tensorType(v).getRank(), 0), high(low);
      high[axis] = count;
      return build.pad(v, low, high, fill);
    };
    return {pad(p.value, worst), pad(p.index, double(INT32_MAX))};
  }

private:
  Pairs map(const Pairs &p, llvm::function_ref<Value(Value)> f) {
    return {f(p.value), f(p.index)};
  }

  /// The sorted axis as three, of which one extent may be -1: the rest.
  Value split(Value v, std::array<int64_t, 3> parts) {
    SmallVector<int64_t> shape(tensorType(v).getShape());
    int64_t rest = shape[axis];
    for (int64_t extent : parts)
      rest = extent < 0 ? rest : rest / extent;
    shape.erase(shape.begin() + axis);
    for (int64_t i = 3; i-- > 0;)
      shape.insert(shape.begin() + axis, parts[i] < 0 ? rest : parts[i]);
    return build.reshape(v, shape);
  }

  Value join(Value v) {
    SmallVector<int64_t> shape(tensorType(v).getShape());
    shape[axis] *= shape[axis + 1] * shape[axis + 2];
    shape.erase(shape.begin() + axis + 1, shape.begin() + axis + 3);
    return build.reshape(v, shape);
  }

  /// Whether a is before b, or neither before the other, by their values. NaN
  /// is above every number.
  Value notAfter(Value a, Value b) {
    Value ordered = build.cmp(largest ? CmpKind::ge : CmpKind::le, a, b);
    if (!isFloat)
      return ordered;
    Value above = largest ? a : b;
    return build.binary<OrOp>(ordered, build.cmp(CmpKind::ne, above, above));
  }

  /// Whether each element of a stands before that of b.
  Value before(const Pairs &a, const Pairs &b) {
    Value after = build.unary<NotOp>(notAfter(b.value, a.value));
    Value earlier = build.cmp(CmpKind::lt, a.index, b.index);
    return build.binary<AndOp>(notAfter(a.value, b.value),
                               build.binary<OrOp>(after, earlier));
  }

  Pairs choose(Value first, const Pairs &a, const Pairs &b) {
    return {build.where(first, a.value, b.value),
            build.where(first, a.index, b.index)};
  }

  /// Compares each element with that `distance` away; blocks of `size` are
  /// sorted forwards and backwards by turns.
  Pairs exchange(const Pairs &p, int64_t size, int64_t distance) {
    Pairs self = map(p, [&](Value v) { return split(v, {-1, 2, distance}); });
    Pairs partner =
        map(self, [&](Value v) { return build.flip(v, {axis + 1}); });
    // An element keeps the better of the two if it is the first of them in a
    // block that is sorted forwards, or the second in one sorted backwards.
    SmallVector<int64_t> shape(tensorType(self.value).getRank(), 1);
    shape[axis] = tensorType(self.value).getDimSize(axis);
    shape[axis + 1] = 2;
    auto type = RankedTensorType::get(shape, build.b.getI32Type());
    Value block = build.iota(type, axis), place = build.iota(type, axis + 1);
    int64_t shift = llvm::Log2_64(size / distance / 2);
    block = build.binary<ShrOp>(block, build.splatLike(block, double(shift)));
    Value odd = build.binary<AndOp>(build.binary<XorOp>(block, place),
                                    build.splatLike(block, 1));
    Value wantsWorse = build.cmp(CmpKind::ne, odd, build.splatLike(odd, 0));
    Value keeps = build.binary<XorOp>(before(self, partner), wantsWorse);
    return map(choose(keeps, self, partner), [&](Value v) { return join(v); });
  }

  Build &build;
  int64_t axis;
  bool largest, isFloat;
};

} // namespace

std::pair<Value, Value> Build::topK(Value x, int64_t axis, int64_t k,
                                    bool largest) {
  auto from = tensorType(x);
  int64_t rank = from.getRank(), extent = from.getDimSize(axis);
  assert(k >= 0 && k <= extent && extent < INT32_MAX && "k is in the axis");
  // The sorted axis goes to the front, behind a symbolic one: then elements
  // that lie side by side are compared alike.
  int64_t front = !from.hasStaticShape();
  assert(axis >= front && "a symbolic extent is not sorted");
  SmallVector<int64_t> order, back(rank), along(rank, 1);
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      order.push_back(i);
  order.insert(order.begin() + front, axis);
  for (auto [i, source] : llvm::enumerate(order))
    back[source] = i;
  along[front] = extent;
  Sorter sorter(*this, front, largest, isa<FloatType>(from.getElementType()));
  Pairs p{permute(x, order),
          iota(RankedTensorType::get(along, b.getI32Type()), front)};
  int64_t size = int64_t(llvm::PowerOf2Ceil(std::max<int64_t>(k, 1)));
  int64_t blocks = (extent + size - 1) / size;
  p = sorter.padded(p, blocks * size - extent);
  for (int64_t sorted = 2; sorted <= size; sorted *= 2)
    p = sorter.merge(p, sorted);
  for (; blocks > 1; blocks /= 2) {
    if (blocks % 2 == 1) {
      p = sorter.padded(p, size);
      ++blocks;
    }
    p = sorter.merge(sorter.halve(p, size), size);
  }
  auto finish = [&](Value v) {
    SmallVector<int64_t> starts(rank, 0), sizes(tensorType(v).getShape());
    sizes[front] = k;
    return permute(slice(v, starts, sizes), back);
  };
  // Where nothing was compared the index is the same for all.
  Value index = expandLike(p.index, p.value);
  return {finish(p.value), cast(finish(index), b.getI64Type())};
}

} // namespace nacre::lazy
