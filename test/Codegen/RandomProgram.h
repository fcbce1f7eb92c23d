//===- RandomProgram.h - random programs -----------------------*- C++ -*-===//
//
// Every value carries a bound of its magnitude and of the error two honest
// evaluations may differ by, so that the tolerance of a result is proved and
// not guessed, and operations that jump (floor, comparisons, conversions to
// integers) are applied to exact values only. Then no false alarm hides a true
// one, whatever the seed.
//
//===----------------------------------------------------------------------===//

#ifndef NACRE_TEST_CODEGEN_RANDOMPROGRAM_H
#define NACRE_TEST_CODEGEN_RANDOMPROGRAM_H

#include "Differential.h"
#include "nacre/Lazy/Lazy.h"
#include <cmath>

namespace nacre::test {

/// A value of the program.
struct Item {
  Value v;
  DType type;
  double size = 0;  ///< no element is larger in magnitude (floats)
  double error = 0; ///< 0: exact
  int fraction = 0; ///< an exact value is a multiple of 2^-fraction
  bool used = false;
  Shape shape() const { return Shape(lazy::tensorType(v).getShape()); }
  int64_t count() const { return *elementCount(shape()); }
  bool exact() const { return !isFloat(type) || error == 0; }
};

class RandomProgram {
public:
  explicit RandomProgram(uint64_t seed) {
    net.rng.seed(seed * 0x9E3779B97F4A7C15ull + 1);
    for (int i = 0; i < 5; ++i)
      net.rng();
  }
  /// Builds it, and checks it in some ways.
  void run(uint64_t seed);

private:
  int64_t below(int64_t n) { return net.rng() % uint64_t(n); }
  DType anyType() {
    static const DType types[] = {DType::F32, DType::F32, DType::I32,
                                  DType::I64, DType::I8,  DType::U8,
                                  DType::Bool};
    return types[below(std::size(types))];
  }
  Shape randomShape();
  size_t leaf(Shape shape, DType type) {
    Tensor data = random(type, shape, net.rng);
    Value v = below(3) ? net.input(data) : net.weight(data);
    return add({v, type, 5, 0, 2});
  }
  /// Its index, or SIZE_MAX where it is too large or too inexact to go on with.
  size_t add(Item item);
  Item &pick() {
    // Recent values more often: deeper programs.
    size_t n = items.size();
    size_t i = below(2) ? n - 1 - below(std::min<size_t>(n, 4)) : below(n);
    return items[i];
  }
  /// A value that broadcasts with `x`, of its type.
  Item partner(const Item &x);
  Value constant(DType t, double v) { return net.build.splat(element(t), v); }
  double rounding(double size) { return size * 0x1p-23; }
  Value clamp(Value v, double limit) {
    auto &b = net.build;
    v = b.binary<lazy::MaxOp>(v, constant(DType::F32, -limit));
    return b.binary<lazy::MinOp>(v, constant(DType::F32, limit));
  }
  double sumError(const Item &x, double terms) {
    return x.exact() && x.fraction + std::log2(x.size * terms + 1) <= 23
               ? 0
               : x.error * terms + x.size * terms * terms * 0x1p-24;
  }

  void step();
  void function(Item x);
  void binary(Item x);
  void exactUnary(Item x);
  void convert(Item x);
  void choose(Item x);
  void demand(const Item &x);
  void view(Item x);
  void scatterSome(Item x);
  void gatherSome(Item x);
  void reduceSome(Item x);
  void contraction(Item x);
  void rowKernel(Item x);

  Net net;
  std::vector<Item> items;
};

} // namespace nacre::test

#endif // NACRE_TEST_CODEGEN_RANDOMPROGRAM_H
