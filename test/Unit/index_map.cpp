//===- index_map.cpp - simplification against brute force -----------------===//

#include "nacre/Lazy/IndexMap.h"
#include <catch2/catch.hpp>
#include <random>

using namespace mlir;
using namespace nacre::lazy;

namespace {

MLIRContext *context() {
  static MLIRContext made(MLIRContext::Threading::DISABLED);
  return &made;
}
AffineExpr d(unsigned i) { return getAffineDimExpr(i, context()); }
AffineExpr number(int64_t v) { return getAffineConstantExpr(v, context()); }
std::string text(AffineExpr e) {
  std::string out;
  llvm::raw_string_ostream(out) << e;
  return out;
}

/// The value at a point, by the definition of floor division.
int64_t at(AffineExpr e, ArrayRef<int64_t> point) {
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return c.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(e))
    return point[dim.getPosition()];
  auto pair = cast<AffineBinaryOpExpr>(e);
  int64_t x = at(pair.getLHS(), point), y = at(pair.getRHS(), point);
  int64_t floor = y ? x / y - (x % y != 0 && (x < 0) != (y < 0)) : 0;
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return x + y;
  case AffineExprKind::Mul:
    return x * y;
  case AffineExprKind::FloorDiv:
    return floor;
  case AffineExprKind::Mod:
    return x - floor * y;
  default:
    FAIL("no such expression here");
    return 0;
  }
}

/// Calls `visit` at every point of the box.
void everywhere(ArrayRef<int64_t> extents,
                llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  for (int64_t e : extents)
    if (e == 0)
      return;
  SmallVector<int64_t> point(extents.size(), 0);
  while (true) {
    visit(point);
    size_t i = extents.size();
    while (i-- > 0 && ++point[i] == extents[i])
      point[i] = 0;
    if (i == size_t(-1))
      return;
  }
}

/// What an index costs: its divisions.
size_t divisions(AffineExpr e) {
  size_t n = 0;
  e.walk([&](AffineExpr x) {
    n += x.getKind() == AffineExprKind::FloorDiv ||
         x.getKind() == AffineExprKind::Mod;
  });
  return n;
}

} // namespace

TEST_CASE("simplify: equal at every point of random boxes") {
  std::mt19937_64 rng(7);
  auto below = [&](int64_t n) { return int64_t(rng() % n); };
  int fewer = 0;
  for (int round = 0; round < 4000; ++round) {
    unsigned dims = 1 + below(3);
    SmallVector<int64_t> extents;
    for (unsigned i = 0; i < dims; ++i)
      extents.push_back(1 + below(7));
    std::function<AffineExpr(int)> make = [&](int depth) -> AffineExpr {
      if (depth == 0)
        return below(4) ? d(below(dims)) : number(below(13) - 6);
      AffineExpr x = make(depth - 1);
      switch (below(5)) {
      case 0:
        return x + make(depth - 1);
      case 1:
        return x * number(below(9) - 4);
      case 2:
        return x.floorDiv(number(1 + below(8)));
      case 3:
        return x % number(1 + below(8));
      default:
        return x - make(depth - 1);
      }
    };
    AffineExpr before = make(1 + below(4));
    AffineExpr after = simplify(before, extents);
    INFO(text(before) << "  became  " << text(after));
    auto range = rangeOf(before, extents);
    CHECK(divisions(after) <= divisions(before));
    fewer += divisions(after) < divisions(before);
    everywhere(extents, [&](ArrayRef<int64_t> point) {
      int64_t value = at(before, point);
      REQUIRE(at(after, point) == value);
      if (range) {
        REQUIRE(value >= range->min);
        REQUIRE(value <= range->max);
      }
    });
  }
  CHECK(fewer > 500);
}

TEST_CASE("simplify: literal cases") {
  auto is = [](AffineExpr e, std::initializer_list<int64_t> extents,
               const char *expected) {
    CHECK(text(simplify(e, SmallVector<int64_t>(extents))) == expected);
  };
  is((d(0) * 4 + d(1)).floorDiv(4), {3, 4}, "d0");
  is((d(0) * 4 + d(1)) % 4, {3, 4}, "d1");
  is((d(0) * 8 + d(1)).floorDiv(4), {3, 4}, "d0 * 2");
  is(d(0).floorDiv(7), {7}, "0");
  is(d(0) % 7, {7}, "d0");
  is(d(0), {1}, "0");
  // One too many: nothing may be dropped.
  is(d(0) % 7, {8}, "d0 mod 7");
  is((d(0) * 4 + d(1)).floorDiv(4), {3, 5}, "d0 + d1 floordiv 4");
  // An index taken apart and put together again.
  is(d(0).floorDiv(5) * 5 + d(0) % 5, {35}, "d0");
  is((d(0) * 6 + d(1) * 2 + d(2)).floorDiv(2) % 3, {4, 3, 2}, "d1");
}

TEST_CASE("reshape maps: every element keeps its row-major position") {
  auto position = [](ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
    int64_t p = 0;
    for (auto [i, extent] : llvm::zip(index, shape))
      p = p * extent + i;
    return p;
  };
  using Shape = SmallVector<int64_t>;
  for (auto [from, to] :
       {std::pair(Shape{6}, Shape{2, 3}), std::pair(Shape{2, 3}, Shape{6}),
        std::pair(Shape{2, 6}, Shape{3, 4}),
        std::pair(Shape{4, 1, 9}, Shape{6, 6}), std::pair(Shape{1}, Shape{}),
        std::pair(Shape{}, Shape{1, 1}), std::pair(Shape{7, 13}, Shape{13, 7}),
        std::pair(Shape{2, 3, 5}, Shape{5, 3, 2}),
        std::pair(Shape{8, 1, 3}, Shape{1, 8, 3})}) {
    AffineMap map = reshapeMap(context(), from, to);
    REQUIRE(map.getNumDims() == from.size());
    REQUIRE(map.getNumResults() == to.size());
    everywhere(from, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> mapped;
      for (auto [e, extent] : llvm::zip(map.getResults(), to)) {
        mapped.push_back(at(e, index));
        REQUIRE(mapped.back() >= 0);
        REQUIRE(mapped.back() < extent);
      }
      REQUIRE(position(mapped, to) == position(index, from));
    });
    // There and back is the identity, without a division left.
    AffineMap back =
        simplify(reshapeMap(context(), to, from).compose(map), from);
    for (auto [i, e] : llvm::enumerate(back.getResults()))
      CHECK(text(e) == (from[i] == 1 ? "0" : "d" + std::to_string(i)));
  }
}

TEST_CASE("splitLinear") {
  auto split = splitLinear(d(0) * 3 + d(1) * 2 + 1 - d(0), 0);
  REQUIRE(split);
  CHECK(split->first == 2);
  CHECK(at(split->second, {100, 5}) == 11);
  CHECK(!splitLinear(d(0).floorDiv(2) + d(1), 0));
  CHECK(!splitLinear((d(0) + d(1)) % 3, 1));
  split = splitLinear(d(1).floorDiv(2), 0);
  REQUIRE(split);
  CHECK(split->first == 0);
  CHECK(dependsOn(d(0) + d(1), 1));
  CHECK(!dependsOn(d(0) + 1, 1));
}

TEST_CASE("rowMajorStrides") {
  CHECK(rowMajorStrides({2, 3, 5}) == SmallVector<int64_t>{15, 5, 1});
  CHECK(rowMajorStrides({}).empty());
}
