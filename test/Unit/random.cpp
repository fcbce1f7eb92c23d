// Random numbers of lazy operations: their bits, their distribution, and that
// seeds, steps and sites do not meet.
#include "TrainingRuns.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace nacre;
using namespace nacre::test;

namespace {
enum class Kind { Bits, Uniform, Normal };

struct Source {
  Runner runner;

  Source(Kind kind, uint32_t site, llvm::ArrayRef<int64_t> shape, Way way,
         int64_t threads = 1)
      : runner(written([&](autodiff::MainFunction &main) {
                 mlir::Value seed =
                     main.addInput("seed", typeOf(DType::I64, {}));
                 mlir::Value step =
                     main.addInput("step", typeOf(DType::I64, {}));
                 lazy::Build build = main.build("random");
                 mlir::Value v = kind == Kind::Bits
                                     ? build.randomBits(seed, step, site, shape)
                                 : kind == Kind::Uniform
                                     ? build.uniform(seed, step, site, shape)
                                     : build.normal(seed, step, site, shape);
                 main.setResults({{"v", v, std::nullopt}});
               }),
               way, threads) {}

  Tensor draw(int64_t seed, int64_t step) const {
    Tensor s = Tensor::zeros(DType::I64, {}), t = Tensor::zeros(DType::I64, {});
    s.setInteger(0, seed);
    t.setInteger(0, step);
    return runner.run({{"seed", s}, {"step", t}})["v"];
  }
};

constexpr int64_t many = 1000000;

std::vector<double> numbersOf(const Tensor &t) {
  std::vector<double> numbers(t.count());
  for (int64_t i = 0; i < t.count(); ++i)
    numbers[i] = t.numberAt(i);
  return numbers;
}

double meanOf(const std::vector<double> &x) {
  double sum = 0;
  for (double v : x)
    sum += v;
  return sum / double(x.size());
}

/// Pearson's correlation of x and y moved by `lag`.
double correlation(const std::vector<double> &x, const std::vector<double> &y,
                   size_t lag = 0) {
  double mx = meanOf(x), my = meanOf(y), xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i + lag < x.size(); ++i) {
    double a = x[i] - mx, b = y[i + lag] - my;
    xy += a * b;
    xx += a * a;
    yy += b * b;
  }
  return xy / std::sqrt(xx * yy);
}

bool sameBytes(const Tensor &a, const Tensor &b) {
  return a.byteCount() == b.byteCount() &&
         std::memcmp(a.bytes, b.bytes, a.byteCount()) == 0;
}
} // namespace

TEST_CASE("the first random bits are these") {
  // Computed once from the description in lib/Lazy/Random.cpp.
  for (Way way : {Way::Interpreted, Way::Compiled}) {
    INFO(nameOf(way));
    Tensor zero = Source(Kind::Bits, 0, {2, 2}, way).draw(0, 0);
    CHECK(zero.dtype == DType::U32);
    const uint32_t first[] = {0x23b6fb6f, 0xa81dd778, 0x70d2edd1, 0x80406b2a};
    CHECK(std::equal(first, first + 4, zero.data<uint32_t>()));
    // All 64 bits of both scalars count.
    Tensor wide = Source(Kind::Bits, 7, {4}, way).draw(0x123456789abcdef0, -2);
    const uint32_t second[] = {0x2c8d8461, 0xd6b3484d, 0x06988d38, 0x2ffe0ce3};
    CHECK(std::equal(second, second + 4, wide.data<uint32_t>()));
    Tensor u = Source(Kind::Uniform, 0, {4}, way).draw(0, 0);
    const float uniform[] = {0.13951081037521362f, 0.6567053198814392f,
                             0.44071847200393677f, 0.500982940196991f};
    CHECK(std::equal(uniform, uniform + 4, u.data<float>()));
    Tensor n = Source(Kind::Normal, 5, {4}, way).draw(42, 3);
    const double normal[] = {-0.07545275845431486, 2.2725897789209286,
                             -0.8624619933292071, -1.1205718891652285};
    for (int i = 0; i < 4; ++i)
      CHECK(std::fabs(n.numberAt(i) - normal[i]) < 1e-6);
  }
}

TEST_CASE("random numbers are the same interpreted and on any number of "
          "threads") {
  for (Kind kind : {Kind::Bits, Kind::Uniform, Kind::Normal}) {
    Tensor one = Source(kind, 3, {101, 997}, Way::Compiled, 1).draw(5, 6);
    CHECK(sameBytes(one,
                    Source(kind, 3, {101, 997}, Way::Compiled, 2).draw(5, 6)));
    Tensor interpreted =
        Source(kind, 3, {101, 997}, Way::Interpreted).draw(5, 6);
    if (kind != Kind::Normal) {
      CHECK(sameBytes(one, interpreted));
      continue;
    }
    // A logarithm and a cosine may round in their own way.
    for (int64_t i = 0; i < one.count(); ++i)
      if (!(std::fabs(one.numberAt(i) - interpreted.numberAt(i)) <= 1e-6)) {
        FAIL("element " << i << " is " << one.numberAt(i) << ", interpreted "
                        << interpreted.numberAt(i));
      }
  }
}

TEST_CASE("uniform numbers are uniform in [0, 1)") {
  std::vector<double> u =
      numbersOf(Source(Kind::Uniform, 1, {many}, Way::Compiled).draw(1, 1));
  CHECK(*std::min_element(u.begin(), u.end()) >= 0);
  CHECK(*std::max_element(u.begin(), u.end()) < 1);
  double mean = meanOf(u), variance = 0;
  for (double v : u)
    variance += (v - mean) * (v - mean) / many;
  // Five standard deviations of each figure.
  CHECK(std::fabs(mean - 0.5) < 5 * std::sqrt(1.0 / 12 / many));
  CHECK(std::fabs(variance - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / many));
  // Of the top 10 bits and the lowest 10 of the 24: chi-square with 1023
  // degrees of freedom has mean 1023 and standard deviation 45.
  for (double scale : {0x1p10, 0x1p24}) {
    std::vector<double> counts(1024);
    for (double v : u)
      counts[uint32_t(v * scale) % 1024] += 1;
    double chi = 0, expected = many / 1024.0;
    for (double c : counts)
      chi += (c - expected) * (c - expected) / expected;
    INFO("chi-square " << chi);
    CHECK(std::fabs(chi - 1023) < 5 * std::sqrt(2.0 * 1023));
  }
  // Neighbours, along a row and a likely width apart.
  for (size_t lag : {1, 2, 3, 64, 1000, 1024, 65536})
    CHECK(std::fabs(correlation(u, u, lag)) < 5 / std::sqrt(double(many)));
}

TEST_CASE("normal numbers are normal") {
  std::vector<double> x =
      numbersOf(Source(Kind::Normal, 2, {many}, Way::Compiled).draw(9, 4));
  double moments[5] = {};
  for (double v : x)
    for (int k = 1; k <= 4; ++k)
      moments[k] += std::pow(v, k) / many;
  // The k-th power of a normal number has variance E[x^2k] - E[x^k]^2.
  CHECK(std::fabs(moments[1]) < 5 * std::sqrt(1.0 / many));
  CHECK(std::fabs(moments[2] - 1) < 5 * std::sqrt(2.0 / many));
  CHECK(std::fabs(moments[3]) < 5 * std::sqrt(15.0 / many));
  CHECK(std::fabs(moments[4] - 3) < 5 * std::sqrt(96.0 / many));
  // 100 classes of equal probability.
  std::vector<double> counts(100);
  for (double v : x)
    counts[std::min(99, int(50 * std::erfc(-v / std::sqrt(2.0))))] += 1;
  double chi = 0;
  for (double c : counts)
    chi += (c - many / 100.0) * (c - many / 100.0) / (many / 100.0);
  INFO("chi-square " << chi);
  CHECK(std::fabs(chi - 99) < 5 * std::sqrt(2.0 * 99));
}

TEST_CASE("sites, steps and seeds are independent") {
  Source here(Kind::Uniform, 4, {many / 4}, Way::Compiled);
  Source there(Kind::Uniform, 5, {many / 4}, Way::Compiled);
  std::vector<double> base = numbersOf(here.draw(7, 8));
  CHECK(base == numbersOf(here.draw(7, 8)));
  const std::pair<const char *, Tensor> others[] = {
      {"site", there.draw(7, 8)},
      {"next step", here.draw(7, 9)},
      {"step of the upper half", here.draw(7, 8 + (int64_t(1) << 32))},
      {"next seed", here.draw(8, 8)},
      {"seed of the upper half", here.draw(7 + (int64_t(1) << 32), 8)},
      {"seed and step exchanged", here.draw(8, 7)}};
  for (const auto &[what, tensor] : others)
    for (size_t lag : {0, 1}) {
      INFO(what << ", lag " << lag);
      CHECK(std::fabs(correlation(base, numbersOf(tensor), lag)) <
            5 / std::sqrt(many / 4.0));
    }
}
