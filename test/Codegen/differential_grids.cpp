//===- differential_grids.cpp - shapes that exercise a grid ---------------===//
//
// On cpu the shapes are as good as others. On a device they make less than a
// work-group, exactly one, more than a launch has in a row; rows that a group
// shares and rows that it does not; every way to multiply matrices.
//
//===----------------------------------------------------------------------===//
#include "Differential.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

std::vector<std::pair<std::string, Ways>> gridVariants() {
  auto ways = [](std::function<void(MachineDescription &)> machine) {
    return Ways{{2}, {2}, std::move(machine)};
  };
  auto staged = [&](unsigned units, unsigned bytes) {
    return ways([=](MachineDescription &m) {
      m.minStagedFlops = 0;
      m.computeUnits = units;
      m.localBytes = std::min(m.localBytes, bytes);
    });
  };
  auto direct = [&](unsigned units) {
    return ways([=](MachineDescription &m) {
      m.minStagedFlops = 1e30;
      m.computeUnits = units;
    });
  };
  return {{"tiles", direct(1)},
          {"k-split", direct(1 << 16)},
          {"staged-largest", staged(1, 16 << 10)},
          {"staged-64x64", staged(1, 9000)},
          {"staged-64x32", staged(1, 7000)},
          {"staged-smallest", staged(1 << 16, 16 << 10)}};
}

/// Elementwise work of so many elements, with a result that is in place of
/// nothing and one that reuses its operand.
static void map(DType t, int64_t elements) {
  Net net;
  Value x = net.input(random(t, {elements}, net.rng));
  Value y = net.input(random(t, {elements}, net.rng));
  Value sum = net.build.binary<AddOp>(x, y);
  net.output(sum, "sum");
  net.output(net.build.binary<MulOp>(net.build.binary<SubOp>(sum, x), y),
             "product");
  check(net);
}

static void rows(DType t, ArrayRef<int64_t> lengths, int64_t count) {
  Net net;
  auto &b = net.build;
  bool floats = isFloat(t), wide = t == DType::F32 || t == DType::F64;
  for (int64_t length : lengths) {
    std::string of = " of " + std::to_string(length);
    Value x = net.input(random(t, {count, length}, net.rng));
    for (ReduceKind kind : {ReduceKind::add, ReduceKind::max, ReduceKind::min})
      net.output(b.reduce(kind, x, {1}), stringifyReduceKind(kind).str() + of,
                 floats ? roundings(t, 8) : Tolerance{});
    net.output(b.argReduce(ReduceKind::max, x, 1, length % 2, false),
               "arg max" + of);
    net.output(b.reduce(ReduceKind::add, b.reshape(x, {length, count}), {0}),
               "column" + of, floats ? roundings(t, 8) : Tolerance{});
    if (!floats) {
      net.output(b.reduce(ReduceKind::mul, x, {1}), "product" + of);
      continue;
    }
    // The mean carries the rounding of a sum of `length` terms.
    double f32 = 4e-6 * std::max<double>(1, length / 1000.0);
    Tolerance close = wide ? roundings(t, 64, t == DType::F32 ? f32 : 1e-12)
                           : roundings(t, 8, t == DType::F16 ? 4e-3 : 4e-2);
    net.output(softmax(net, x, 1), "softmax" + of, close);
    net.output(layerNorm(net, x, {1}, true), "norm" + of, close);
    // Several reductions of several lengths that meet in one kernel.
    Value most = b.reduce(ReduceKind::max, x, {0, 1}, true);
    Value share = b.binary<DivOp>(
        b.reduce(ReduceKind::add, b.binary<SubOp>(x, most), {1}, true),
        b.binary<AddOp>(b.reduce(ReduceKind::max, x, {1}, true),
                        b.splat(element(t), 64)));
    net.output(b.binary<AddOp>(x, share), "together" + of,
               wide ? close : roundings(t, 64, 1));
  }
  check(net);
}

/// More work-groups than a launch has in one row: rows that each have a group.
static void manyRows() {
  Net net;
  Value x = net.input(random(DType::I8, {70000, 64}, net.rng));
  net.output(net.build.reduce(ReduceKind::add, x, {1}), "sums");
  net.output(net.build.reduce(ReduceKind::max, x, {1}), "extremes");
  check(net,
        {{2}, {2}, [](MachineDescription &m) { m.computeUnits = 1 << 20; }});
}

/// A kernel that reads many weights, one of them twice.
static void manyWeights(int count) {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(DType::F32, {7, 33}, net.rng)), y = x;
  Value first;
  for (int k = 0; k < count; ++k) {
    Shape shape = k % 3 == 0   ? Shape{7, 33}
                  : k % 3 == 1 ? Shape{33}
                               : Shape{7, 1};
    Value w = net.weight(random(DType::F32, shape, net.rng));
    first = first ? first : w;
    y = k % 2 ? b.binary<AddOp>(y, w) : b.binary<MaxOp>(y, w);
  }
  net.output(b.binary<SubOp>(y, first), std::to_string(count) + " weights");
  Value bytes = net.input(random(DType::I8, {7, 33}, net.rng));
  for (int k = 0; k < count; ++k)
    bytes =
        b.binary<AddOp>(bytes, net.weight(random(DType::I8, {33}, net.rng)));
  net.output(bytes, std::to_string(count) + " weights of bytes");
  check(net);
}

/// Weights that lie across chunks of 128 MiB: before, inside, behind and over
/// the border, several in one kernel.
static void hugeWeights() {
  Net net;
  auto &b = net.build;
  auto weight = [&](DType t, Shape shape) {
    Tensor data = Tensor::zeros(t, shape);
    for (int64_t i = 0; i < data.count(); ++i)
      data.setInteger(i, (i * 7919) % 101);
    return net.weight(data);
  };
  int64_t million = 1 << 20;
  Value small = weight(DType::F32, {64});
  Value large = weight(DType::F32, {20 * million, 2}); // 160 MiB
  Value other = weight(DType::I8, {30 * million, 1});
  Value last = weight(DType::F32, {16 * million, 2}); // 128 MiB
  Tensor index = Tensor::zeros(DType::I32, {40});
  for (int64_t i = 0; i < 40; ++i)
    index.setInteger(i, i * 400000 + i);
  Value at = net.input(index);
  Value g = b.gather(large, at, 0), h = b.gather(last, at, 0);
  net.output(g, "gathered");
  net.output(b.binary<AddOp>(b.binary<MulOp>(g, h), b.slice(small, {3}, {2})),
             "from three weights");
  net.output(b.gather(other, at, 0), "bytes");
  net.output(b.reduce(ReduceKind::max, large, {0}), "of all");
  net.output(b.slice(large, {16 * million - 3, 0}, {6, 2}), "over the border");
  check(net);
}

static void manyOutputs() {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(DType::F32, {5, 130}, net.rng));
  Value e = b.unary<ExpOp>(x);
  Tolerance close = roundings(DType::F32, 8, 1e-30);
  for (int k = 1; k < 12; ++k) {
    Value v = b.binary<MulOp>(e, b.splat(element(DType::F32), k));
    net.output(v, "times " + std::to_string(k), close);
    if (k % 3 == 0)
      net.output(b.cast(b.binary<MulOp>(x, b.splat(element(DType::F32), k)),
                        element(k % 2 ? DType::I8 : DType::F16)),
                 "narrow");
  }
  check(net);
}

/// Chains over and over the same memory.
static void inPlace(DType t) {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(t, {3, 1000}, net.rng)), y = x;
  for (int k = 0; k < 6; ++k) {
    y = b.binary<MaxOp>(b.binary<AddOp>(y, b.splat(element(t), k % 3)),
                        b.unary<NegOp>(y));
    // A reduction over the other axis keeps the kernels apart.
    y = b.binary<SubOp>(y,
                        b.reduce(ReduceKind::max, y, {int64_t(k % 2)}, true));
  }
  net.output(y, "last");
  check(net);
}

void addGrids(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({"grid/" + std::move(name), std::move(body)});
  };
  for (DType t : {DType::F32, DType::I8, DType::F16, DType::I64, DType::Bool})
    for (int64_t n : {1, 127, 128, 129, 3001})
      if (t == DType::F32 || t == DType::I8 || n == 129)
        add("map/" + std::string(dtypeName(t)) + "/" + std::to_string(n),
            [=] { map(t, n); });
  add("map/u8/65536 groups", [] { map(DType::U8, 65536 * 128 + 77); });
  for (DType t : allTypes) {
    std::string name = dtypeName(t);
    add("rows/" + name + "/short", [=] { rows(t, {63, 64, 65, 100}, 5); });
    if (t == DType::F32 || t == DType::F16 || t == DType::I32 || under.full) {
      add("rows/" + name + "/long", [=] { rows(t, {255, 256, 257, 1000}, 3); });
      add("rows/" + name + "/longest", [=] { rows(t, {5000}, 2); });
    }
  }
  add("rows/f32/many", [] { rows(DType::F32, {64, 70}, 300); });
  add("rows/65536 groups", manyRows);
  add("weights/6", [] { manyWeights(6); });
  add("weights/20", [] { manyWeights(20); });
  if (under.full)
    add("weights/huge", hugeWeights);
  add("outputs", manyOutputs);
  for (DType t : {DType::F32, DType::I8, DType::F16})
    add("in-place/" + std::string(dtypeName(t)), [=] { inPlace(t); });
}

} // namespace nacre::test
