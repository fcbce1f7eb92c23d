//===- extents.cpp - extents that a run decides ---------------------------===//
#include "Onnx/Blocker.h"
#include "Onnx/Extent.h"
#include <catch2/catch.hpp>

using namespace nacre::onnx_frontend;

namespace {
struct Dims {
  ExtentTable table;
  Extent b = table.dim("B", {1, 4}), t = table.dim("T", {2, 9}),
         p = table.dim("P", {0, 5});
};
} // namespace

TEST_CASE("extents of one value have one form") {
  Dims d;
  CHECK(d.t + d.p == d.p + d.t);
  CHECK((d.b + 1) * (d.t - 1) == d.b * d.t - d.b + d.t - 1);
  CHECK(d.t - d.t == Extent(0));
  CHECK((d.t - d.t).isConstant());
  CHECK_FALSE(d.t == d.b);
  CHECK(d.table.dim("T", {2, 9}) == d.t);
}

TEST_CASE("extents are divided exactly or not at all") {
  Dims d;
  CHECK(Extent::divideExactly(d.b * d.t * 12, d.b * 4) == d.t * 3);
  CHECK(Extent::divideExactly(d.b * d.t + d.b, d.b) == d.t + 1);
  CHECK(Extent::divideExactly((d.t + d.p) * d.b * 2, d.t + d.p) == d.b * 2);
  CHECK_FALSE(Extent::divideExactly(d.t * 3, 2));
  CHECK_FALSE(Extent::divideExactly(d.t + 1, d.t));
  CHECK_FALSE(Extent::divideExactly(d.t, 0));
}

TEST_CASE("ranges of extents decide what all runs agree on") {
  Dims d;
  ExtentTable::Range range = d.table.range(d.b * d.t - d.p);
  CHECK(range.least == 1 * 2 - 5);
  CHECK(range.most == 4 * 9 - 0);
  CHECK(d.table.less(d.p, d.t + 4) == true);
  CHECK(d.table.less(d.t + 4, d.p) == false);
  CHECK(d.table.less(d.p, d.t) == std::nullopt);
  CHECK(d.table.equal(d.t, d.t + 1) == false);
  CHECK(d.table.equal(d.t, d.p) == std::nullopt);
}

TEST_CASE("quotients, largest and smallest are atoms where they must be") {
  Dims d;
  CHECK(d.table.quotient(d.t * 6, 3) == d.t * 2);
  Extent half = d.table.quotient(d.t, 2);
  CHECK(half == d.table.quotient(d.t, 2));
  CHECK(d.table.range(half).least == 1);
  CHECK(d.table.range(half).most == 4);
  CHECK(d.table.text(half) == "(T)/2");
  CHECK(d.table.largest(d.t - 1, 0) == d.t - 1);
  CHECK(d.table.smallest(d.t, 20) == d.t);
  Extent most = d.table.largest(d.t, d.p);
  CHECK(most == d.table.largest(d.p, d.t));
  CHECK(d.table.range(most).least == 2);
  CHECK(d.table.text(d.b * d.t - d.p * 2 + 3) == "B*T - 2*P + 3");
}

TEST_CASE("extents beyond 64 bits are refused") {
  Dims d;
  Extent big = d.t * (int64_t(1) << 62);
  CHECK_THROWS_AS(big * 4, Blocker);
  CHECK_THROWS_AS(big + big + big, Blocker);
  CHECK_THROWS_AS(d.table.quotient(d.t, d.p), Blocker); // by what may be 0
}
