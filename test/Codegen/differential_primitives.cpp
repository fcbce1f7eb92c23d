//===- differential_primitives.cpp - every primitive, every type ----------===//

#include "Differential.h"
#include "nacre/model.h"
#include <cmath>

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

static std::string name(DType t) { return dtypeName(t); }
static std::string name(ArrayRef<int64_t> shape) {
  std::string out;
  for (int64_t extent : shape)
    out += (out.empty() ? "" : "x") + std::to_string(extent);
  return out.empty() ? "scalar" : out;
}

/// An operation by its name, with the type of its first operand.
static Value apply(Net &net, StringRef op, ArrayRef<Value> operands) {
  OperationState state(net.build.loc, ("lazy." + op).str(), operands,
                       {operands[0].getType()});
  return net.builder.create(state)->getResult(0);
}

struct Primitive {
  const char *name;
  bool floats, integers;
  double units; ///< allowed error in units of the last place
};
static const Primitive unaries[] = {
    {"neg", true, true, 0},   {"abs", true, true, 0},
    {"sqrt", true, false, 1}, {"floor", true, false, 0},
    {"ceil", true, false, 0}, {"round", true, false, 0},
    {"not", false, true, 0}};
static const Primitive binaries[] = {
    {"add", true, true, 0},  {"sub", true, true, 0},  {"mul", true, true, 0},
    {"div", true, true, 1},  {"rem", true, true, 0},  {"max", true, true, 0},
    {"min", true, true, 0},  {"and", false, true, 0}, {"or", false, true, 0},
    {"xor", false, true, 0}, {"shl", false, true, 0}, {"shr", false, true, 0}};

/// A processor's conversion to bf16 (vcvtneps2bf16) takes subnormal numbers for
/// zero; every other conversion and every other type keeps them.
static Tolerance stored(DType t, double units) {
  return roundings(t, units, t == DType::BF16 ? 0x1p-126 : 0);
}

/// Operations whose value the target computes exactly or to a rounding, on the
/// hardest numbers there are.
static void exactElementwise(DType t, const Shape &shape, const Ways &ways) {
  Net net;
  net.rng.seed(int(t) * 100 + shape.size());
  Value a = net.input(random(t, shape, net.rng, Values::Wild));
  Value b = net.input(random(t, shape, net.rng, Values::Wild));
  Value c = net.input(random(DType::Bool, shape, net.rng));
  auto admits = [&](const Primitive &p) {
    return isFloat(t) ? p.floats : p.integers;
  };
  for (const Primitive &p : unaries)
    if (admits(p))
      net.output(apply(net, p.name, {a}), p.name, stored(t, p.units));
  for (const Primitive &p : binaries)
    if (admits(p))
      net.output(apply(net, p.name, {a, b}), p.name, stored(t, p.units));
  for (CmpKind kind : {CmpKind::eq, CmpKind::ne, CmpKind::lt, CmpKind::le,
                       CmpKind::gt, CmpKind::ge})
    net.output(net.build.cmp(kind, a, b),
               ("cmp " + stringifyCmpKind(kind)).str());
  net.output(net.build.where(c, a, b), "where");
  check(net, ways);
}

/// Transcendental functions over the part of the line where each is defined.
static void transcendental(DType t, const Shape &shape, const Ways &ways) {
  Net net;
  net.rng.seed(int(t) + 7);
  auto over = [&](double low, double high) {
    Tensor x = Tensor::zeros(t, shape);
    std::uniform_real_distribution<double> pick(low, high);
    for (int64_t i = 0; i < x.count(); ++i)
      x.setNumber(i, pick(net.rng));
    return net.input(x);
  };
  auto special = [&](std::initializer_list<double> values) {
    Tensor x = Tensor::zeros(t, {int64_t(values.size())});
    int64_t i = 0;
    for (double v : values)
      x.setNumber(i++, v);
    return net.input(x);
  };
  // docs: sin and cos keep absolute accuracy only; the smallest exponentials
  // flush to zero.
  double tiny = t == DType::F64 ? 1e-300 : 1e-37,
         units = t == DType::F64 ? 8 : 8;
  auto both = [&](const char *op, double low, double high, double absolute) {
    net.output(apply(net, op, {over(low, high)}), op,
               roundings(t, units, absolute));
  };
  both("exp", -20, 11, tiny);
  both("log", 1e-3, 60000, t == DType::F64 ? 1e-15 : 1e-6);
  both("sin", -30, 30, t == DType::F64 ? 1e-14 : 1e-5);
  both("cos", -30, 30, t == DType::F64 ? 1e-14 : 1e-5);
  both("tanh", -10, 10, tiny);
  both("erf", -5, 5, tiny);
  both("exp", -1, 1, tiny);
  if (t == DType::F32) { // to the ends of the normal numbers
    both("exp", -87.3, -86, 0);
    both("exp", 88, 88.72, 0);
    net.output(apply(net, "exp",
                     {special({88.722, 88.7229, 88.73, 89, 1e4, 3e38, -104,
                               -1e4, -3e38, 1e-40, -1e-40})}),
               "exp beyond the largest", roundings(t, units, tiny));
  }
  both("tanh", -0.01, 0.01, tiny);
  both("erf", -0.01, 0.01, tiny);
  net.output(apply(net, "pow", {over(0.01, 10), over(-3, 3)}), "pow",
             roundings(t, t == DType::F64 ? 16 : 40, tiny));
  Value edge =
      special({0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 100, -100, 1e-30});
  for (const char *op : {"exp", "tanh", "erf", "sqrt"})
    net.output(apply(net, op, {edge}), std::string(op) + " at the edges",
               roundings(t, units, tiny));
  Value positive = special({INFINITY, NAN, 1, 100, 0.5, 2, -1, 0.0});
  net.output(apply(net, "log", {positive}), "log at the edges",
             roundings(t, units, tiny));
  Value base = special({2, -2, -2, 0, 0, 1, 3, -1.5, 10, 0.25, 4});
  Value power = special({3, 3, 2, 2, 0, 7, -2, 2, 0, 0.5, -0.5});
  net.output(apply(net, "pow", {base, power}), "pow at the edges",
             roundings(t, t == DType::F64 ? 16 : 40, tiny));
  check(net, ways);
}

static void casts(DType from, const Shape &shape, const Ways &ways) {
  Net net;
  net.rng.seed(int(from));
  Value x = net.input(random(from, shape, net.rng, Values::Wild));
  for (DType to : allTypes) {
    if (to != from)
      net.output(net.build.cast(x, element(to)), "cast to " + name(to),
                 isFloat(to) ? stored(to, 0) : Tolerance{});
    if (dtypeBytes(to) == dtypeBytes(from) && from != DType::Bool &&
        to != DType::Bool) {
      auto type = typeOf(to, shape);
      net.output(BitcastOp::create(net.builder, net.build.loc, type, x),
                 "bitcast to " + name(to));
    }
  }
  check(net, ways);
}

static void reductions(DType t, const Shape &shape, const Ways &ways) {
  Net net;
  net.rng.seed(int(t) + 31 * shape.size());
  Value x = net.input(random(t, shape, net.rng));
  SmallVector<SmallVector<int64_t>> sets;
  for (unsigned bits = 1; bits < 1u << shape.size(); ++bits) {
    sets.emplace_back();
    for (unsigned i = 0; i < shape.size(); ++i)
      if (bits >> i & 1)
        sets.back().push_back(i);
  }
  for (auto &axes : sets)
    for (ReduceKind kind : {ReduceKind::add, ReduceKind::max, ReduceKind::min})
      net.output(
          net.build.reduce(kind, x, axes),
          ("reduce " + stringifyReduceKind(kind) + " over " + name(axes)).str(),
          kind == ReduceKind::add && isFloat(t)
              ? roundings(t, 2, dtypeBytes(t) == 2 ? 0.0 : 0)
              : Tolerance{});
  // Products of few factors of one bit stay exact.
  Value half = isFloat(t) ? net.build.unary<AbsOp>(x) : x;
  if (isFloat(t))
    half = net.build.where(
        net.build.cmp(CmpKind::gt, half, net.build.splatLike(half, 2)),
        net.build.splatLike(half, 2), net.build.splatLike(half, 1));
  if (!shape.empty() && (!isFloat(t) || shape.back() <= 13))
    net.output(
        net.build.reduce(ReduceKind::mul, half, {int64_t(shape.size()) - 1}),
        "reduce mul");
  for (unsigned axis = 0; axis < shape.size(); ++axis)
    for (bool last : {false, true})
      for (ReduceKind kind : {ReduceKind::max, ReduceKind::min})
        if (shape[axis] > 0)
          net.output(net.build.argReduce(kind, x, axis, last, false),
                     ("arg " + stringifyReduceKind(kind) + " of axis " +
                      std::to_string(axis) + (last ? ", last" : ""))
                         .str());
  check(net, ways);
}

/// NaN and infinities through reductions.
static void reductionsOfExtremes(DType t) {
  Net net;
  Shape shape{6, 37};
  Tensor x = random(t, shape, net.rng);
  for (int64_t i : {3, 40, 80, 100, 150})
    x.setNumber(i, i % 2 ? NAN : -INFINITY);
  for (int64_t i = 37 * 5; i < 37 * 6; ++i)
    x.setNumber(i, -INFINITY);
  x.setNumber(37 * 4 + 5, INFINITY);
  Value v = net.input(x);
  for (int64_t axis : {0, 1}) {
    for (ReduceKind kind : {ReduceKind::add, ReduceKind::max, ReduceKind::min})
      net.output(
          net.build.reduce(kind, v, {axis}),
          (stringifyReduceKind(kind) + " over " + std::to_string(axis)).str(),
          roundings(t, 4));
    for (bool last : {false, true})
      net.output(net.build.argReduce(ReduceKind::max, v, axis, last, false),
                 "arg max");
    net.output(net.build.argReduce(ReduceKind::min, v, axis, false, false),
               "arg min");
  }
  check(net);
}

/// Chains of views composed at random over numbers that name their position.
static void views(DType t, int seed, bool padsOnly) {
  Net net;
  net.rng.seed(seed);
  auto below = [&](int64_t n) { return int64_t(net.rng() % n); };
  for (int chain = 0; chain < 8; ++chain) {
    Shape shape;
    for (int64_t rank = 1 + below(4); rank > 0; --rank)
      shape.push_back(
          SmallVector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 13, 17}[below(10)]);
    while (*elementCount(shape) > 3000)
      shape.pop_back();
    Tensor data = Tensor::zeros(t, shape);
    for (int64_t i = 0; i < data.count(); ++i)
      data.setInteger(i, t == DType::I8 ? i % 101 : i + 1);
    Value v = net.input(data);
    std::string label;
    for (int64_t steps = 2 + below(5); steps > 0; --steps) {
      Shape s(tensorType(v).getShape());
      int64_t rank = s.size(), count = *elementCount(s);
      switch (padsOnly ? 3 + below(3) : below(9)) {
      case 0: { // Another factorisation of the same count.
        Shape to;
        int64_t rest = count;
        for (int64_t f : {2, 3, 5, 7, 2, 13, 2, 17})
          if (rest % f == 0 && below(2)) {
            to.push_back(f);
            rest /= f;
          }
        to.insert(to.begin() + below(to.size() + 1), rest);
        v = net.build.reshape(v, to);
        label += "reshape ";
        break;
      }
      case 1: {
        Shape perm(rank);
        std::iota(perm.begin(), perm.end(), 0);
        std::shuffle(perm.begin(), perm.end(), net.rng);
        v = net.build.permute(v, perm);
        label += "permute ";
        break;
      }
      case 2: {
        Shape to(s);
        for (int64_t &extent : to)
          if (extent == 1 && count < 2000)
            extent = 1 + below(4);
        v = net.build.expand(v, to);
        label += "expand ";
        break;
      }
      case 3: {
        if (count > 3000)
          break;
        Shape low, high;
        for (int64_t i = 0; i < rank; ++i) {
          low.push_back(below(3));
          high.push_back(below(3));
        }
        v = net.build.pad(v, low, high, below(2) ? 0 : -7);
        label += "pad ";
        break;
      }
      case 4: {
        Shape starts, sizes, steps;
        for (int64_t extent : s) {
          steps.push_back(1 + below(3));
          starts.push_back(below(std::max<int64_t>(extent, 1)));
          int64_t most = extent > starts.back()
                             ? (extent - starts.back() - 1) / steps.back() + 1
                             : 0;
          sizes.push_back(most == 0 ? 0
                                    : most - below(std::min<int64_t>(most, 2)));
        }
        v = net.build.slice(v, starts, sizes, steps);
        label += "slice ";
        break;
      }
      case 5: {
        Shape axes;
        for (int64_t i = 0; i < rank; ++i)
          if (below(2))
            axes.push_back(i);
        v = net.build.flip(v, axes);
        label += "flip ";
        break;
      }
      case 6: {
        int64_t axis = below(std::max<int64_t>(rank, 1));
        if (!rank || s[axis] < 2 || count > 1500 || rank > 5)
          break;
        int64_t size = 1 + below(std::min<int64_t>(s[axis], 3));
        int64_t dilation = size > 1 ? 1 + below((s[axis] - 1) / (size - 1)) : 1;
        v = net.build.window(v, {axis}, {size}, {1 + below(3)}, {dilation});
        label += "window ";
        break;
      }
      case 7:
        v = net.build.binary<AddOp>(v, net.build.splat(element(t), 3));
        label += "add ";
        break;
      case 8:
        if (rank && count) {
          v = net.build.reduce(below(2) ? ReduceKind::add : ReduceKind::max, v,
                               {below(rank)}, below(2));
          label += "reduce ";
        }
        break;
      }
    }
    net.output(v, label, roundings(t, 4));
  }
  check(net, {{2, unsigned(seed) % 4}, {1, 2}, nullptr});
}

/// A border of the reduction's own kind of zero, and of something else, under
/// sums, extremes and windows.
static void padsUnderReductions(DType t, double fill) {
  Net net;
  Value x = net.input(random(t, {2, 3, 9, 17}, net.rng));
  Value padded = net.build.pad(x, {0, 0, 1, 2}, {0, 0, 2, 1}, fill);
  for (ReduceKind kind : {ReduceKind::add, ReduceKind::max, ReduceKind::min}) {
    std::string of = stringifyReduceKind(kind).str();
    net.output(net.build.reduce(kind, padded, {2, 3}),
               of + " of a padded image", roundings(t, 4));
    net.output(net.build.reduce(kind, padded, {1}), of + " across",
               roundings(t, 4));
    Value windows = net.build.window(padded, {2, 3}, {3, 3}, {2, 2}, {1, 1});
    net.output(net.build.reduce(kind, windows, {4, 5}), of + " of windows",
               roundings(t, 4));
    Value dilated = net.build.window(padded, {2, 3}, {2, 3}, {1, 3}, {4, 2});
    net.output(net.build.reduce(kind, dilated, {4, 5}),
               of + " of dilated windows", roundings(t, 4));
  }
  Value computed = net.build.pad(net.build.unary<NegOp>(x), {0, 1, 1, 0},
                                 {0, 0, 1, 2}, fill);
  net.output(computed, "pad of a computed value");
  net.output(net.build.reduce(ReduceKind::max, computed, {3}), "max of it");
  check(net, everyLevel);
}

/// Joins of inputs, computed values, weights, pads and slices, and joins of
/// joins: what the memory plan stores in place must come out in order.
static void concats(int seed) {
  Net net;
  net.rng.seed(seed);
  auto below = [&](int64_t n) { return int64_t(net.rng() % n); };
  DType t = SmallVector<DType>{DType::F32, DType::I8, DType::I64,
                               DType::F16}[seed % 4];
  for (int k = 0; k < 3; ++k) {
    Shape shape{1 + below(3), 1 + below(5), 1 + below(7)};
    int64_t axis = below(3);
    std::function<Value(int)> part = [&](int depth) -> Value {
      Shape own(shape);
      own[axis] = 1 + below(4);
      switch (below(depth > 0 ? 8 : 6)) {
      case 0:
        return net.input(random(t, own, net.rng));
      case 1:
        return net.build.unary<NegOp>(net.input(random(t, own, net.rng)));
      case 2:
        return net.weight(random(t, own, net.rng));
      case 3: {
        Value v = net.build.unary<AbsOp>(net.input(random(t, own, net.rng)));
        return net.build.pad(v, {0, 0, 0},
                             axis == 2 ? Shape{0, 0, 2} : Shape{0, 0, 0}, 5);
      }
      case 4: {
        Shape big(own);
        big[axis] += 3;
        Value v = net.build.unary<NegOp>(net.input(random(t, big, net.rng)));
        Shape starts(3, 0);
        starts[axis] = 1 + below(2);
        return net.build.slice(v, starts, own);
      }
      case 5:
        return net.build.splat(element(t), 2, own);
      default: {
        Value a = part(depth - 1), b = part(depth - 1);
        return net.build.concat({a, b}, axis);
      }
      }
    };
    Value a = part(2), b = part(2);
    Value once = net.build.concat({a, b}, axis);
    Value twice = net.build.concat({a, once, a}, axis);
    net.output(once, "concat");
    net.output(twice, "a part joined twice");
    net.output(net.build.unary<NegOp>(a), "a part with another user");
    net.output(net.build.reduce(ReduceKind::max, twice, {axis}),
               "max of a concat");
    if (k == 0)
      net.output(a, "a part as a result too");
  }
  check(net, {{0, 2}, {1, 2}, nullptr});
}

static void gathers(DType indexType) {
  Net net;
  auto below = [&](int64_t n) { return int64_t(net.rng() % n); };
  for (Shape shape : {Shape{9}, Shape{7, 5}, Shape{3, 6, 33}})
    for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis)
      for (Shape of : {Shape{}, Shape{4}, Shape{2, 17}}) {
        Tensor index = Tensor::zeros(indexType, of);
        for (int64_t i = 0; i < index.count(); ++i)
          index.setInteger(i, below(2 * shape[axis]) - shape[axis]);
        Value x = net.input(random(DType::F32, shape, net.rng));
        Value y = net.build.gather(x, net.input(index), axis);
        net.output(y,
                   "gather axis " + std::to_string(axis) + " by " + name(of));
        if (of.size() == 1)
          net.output(
              net.build.reduce(ReduceKind::add,
                               net.build.gather(net.build.unary<NegOp>(x),
                                                net.weight(index), axis),
                               {axis}),
              "sum of gathered", roundings(DType::F32, 4));
      }
  check(net, everyLevel);
}

static void indexOutOfRange(int64_t bad, DType indexType, bool fused) {
  Net net;
  Tensor index = Tensor::zeros(indexType, {33});
  index.setInteger(20, bad);
  Value x = net.input(random(DType::F32, {7, 5}, net.rng));
  Value i = net.input(index);
  Value y = net.build.gather(x, i, 0);
  if (fused) {
    y = net.build.unary<ExpOp>(y);
    net.output(net.build.reduce(ReduceKind::add, y, {1}), "sum");
  }
  net.output(y, "gather");
  checkStatus(net, NACRE_E_INDEX);
}

static void symbolic(int which) {
  Net net;
  auto dims = [&](int64_t bound) {
    return DimsAttr::get(context(), net.builder.getStrArrayAttr({"N"}),
                         net.builder.getDenseI64ArrayAttr({bound}));
  };
  auto open = [&](ArrayRef<int64_t> tail, DType t = DType::F32) {
    Shape shape{ShapedType::kDynamic};
    shape.append(tail.begin(), tail.end());
    auto type = RankedTensorType::get(shape, element(t), dims(9));
    std::vector<Tensor> data;
    for (int64_t n : {1, 9, 4, 0, 7}) {
      shape[0] = n;
      data.push_back(random(t, shape, net.rng));
    }
    return net.input(type, data);
  };
  Tolerance close = roundings(DType::F32, 16, 1e-6);
  if (which == 0) {
    Value x = open({13}), y = open({13});
    Value z = net.build.binary<AddOp>(net.build.unary<ExpOp>(x), y);
    net.output(z, "elementwise", close);
    net.output(net.build.binary<MulOp>(
                   x, net.weight(random(DType::F32, {13}, net.rng))),
               "with a broadcast weight");
    net.output(net.build.cast(x, element(DType::I32)), "cast");
    Value flat = open({});
    net.output(net.build.unary<NegOp>(flat), "rank 1");
    net.output(net.build.where(net.build.cmp(CmpKind::lt, x, y), x, y),
               "where");
  } else if (which == 1) {
    Value x = open({5, 17});
    net.output(net.build.reduce(ReduceKind::add, x, {1, 2}), "rows", close);
    net.output(net.build.reduce(ReduceKind::max, x, {1}), "middle");
    net.output(net.build.reduce(ReduceKind::add, x, {0}), "over the batch",
               close);
    net.output(net.build.argReduce(ReduceKind::max, x, 2, false, false),
               "arg max");
    Value e = net.build.unary<ExpOp>(x);
    Value sum = net.build.reduce(ReduceKind::add, e, {2}, true);
    net.output(net.build.binary<DivOp>(e, sum), "softmax", close);
  } else if (which == 2) {
    Value x = open({24});
    auto dim = [&](unsigned d) { return getAffineDimExpr(d, context()); };
    auto map = [&](ArrayRef<AffineExpr> e) {
      return AffineMap::get(3, 0, e, context());
    };
    for (int64_t n : {1, 7, 16, 33}) {
      Value w = net.weight(random(DType::F32, {24, n}, net.rng));
      Value y =
          net.build.contract(x, w, map({dim(0), dim(2)}), map({dim(2), dim(1)}),
                             map({dim(0), dim(1)}));
      net.output(y, "times a weight of " + std::to_string(n), close);
      Value r = net.input(random(DType::F32, {24, n}, net.rng));
      net.output(
          net.build.binary<MaxOp>(
              net.build.contract(x, r, map({dim(0), dim(2)}),
                                 map({dim(2), dim(1)}), map({dim(0), dim(1)})),
              net.build.splat(element(DType::F32), 0)),
          "times an input of " + std::to_string(n), close);
    }
  } else {
    Value x = open({4, 6});
    Value r = net.build.reshape(x, {ShapedType::kDynamic, 24});
    net.output(net.build.unary<NegOp>(r), "reshaped");
    net.output(net.build.permute(net.build.unary<NegOp>(x), {0, 2, 1}),
               "permuted tail");
    net.output(net.build.permute(net.build.unary<AbsOp>(net.build.permute(
                                     net.build.unary<AbsOp>(x), {1, 0, 2})),
                                 {1, 0, 2}),
               "permuted batch");
    net.output(net.build.concat({x, net.build.unary<NegOp>(x)}, 1), "joined");
    net.output(net.build.pad(x, {0, 1, 0}, {0, 0, 2}, 3), "padded tail");
    net.output(
        net.build.slice(x, {0, 1, 0}, {ShapedType::kDynamic, 2, 3}, {1, 2, 2}),
        "sliced");
    net.output(net.build.flip(x, {1}), "flipped");
  }
  check(net, everyLevel);
}

void addPrimitives(std::vector<Case> &cases) {
  const Ways usual, all = everyLevel;
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({std::move(name), std::move(body)});
  };
  for (DType t : allTypes) {
    bool main = t == DType::F32 || t == DType::I32 || t == DType::I8;
    SmallVector<Shape> shapes{{3, 17}};
    if (main)
      shapes.append({Shape{}, Shape{1}, Shape{1037}, Shape{2, 1, 33}, Shape{0},
                     Shape{3, 0, 2}});
    for (const Shape &shape : shapes)
      add("elementwise/" + name(t) + "/" + name(shape), [=] {
        exactElementwise(t, shape, main && shape.size() == 2 ? all : usual);
      });
    if (isFloat(t))
      for (Shape shape : {Shape{531}, Shape{}})
        add("functions/" + name(t) + "/" + name(shape),
            [=] { transcendental(t, shape, t == DType::F32 ? all : usual); });
    add("cast/" + name(t) + "/67", [=] { casts(t, {67}, main ? all : usual); });
    if (main)
      add("cast/" + name(t) + "/scalar", [=] { casts(t, {}, usual); });
    SmallVector<Shape> reduced{{5, 33}};
    if (main)
      reduced.append(
          {Shape{1}, Shape{257}, Shape{1, 7, 1}, Shape{3, 13, 8}, Shape{4, 0}});
    for (const Shape &shape : reduced)
      add("reduce/" + name(t) + "/" + name(shape), [=] {
        reductions(t, shape, main && shape.size() == 2 ? all : usual);
      });
    if (isFloat(t))
      add("reduce/" + name(t) + "/extremes", [=] { reductionsOfExtremes(t); });
  }
  for (int seed = 0; seed < 12; ++seed) {
    add("views/f32/" + std::to_string(seed),
        [=] { views(DType::F32, seed, false); });
    if (seed < 4)
      add("views/i8/" + std::to_string(seed),
          [=] { views(DType::I8, 50 + seed, false); });
    if (seed < 4)
      add("views/pads/" + std::to_string(seed),
          [=] { views(DType::F32, 70 + seed, true); });
    if (seed < 8)
      add("concat/" + std::to_string(seed), [=] { concats(seed); });
  }
  add("pads-under-reductions/f32/0",
      [] { padsUnderReductions(DType::F32, 0); });
  add("pads-under-reductions/f32/-inf",
      [] { padsUnderReductions(DType::F32, -INFINITY); });
  add("pads-under-reductions/f32/2.5",
      [] { padsUnderReductions(DType::F32, 2.5); });
  add("pads-under-reductions/u8/3", [] { padsUnderReductions(DType::U8, 3); });
  add("pads-under-reductions/f16/1",
      [] { padsUnderReductions(DType::F16, 1); });
  for (DType index : {DType::I32, DType::I64}) {
    add("gather/" + name(index), [=] { gathers(index); });
    for (int64_t bad :
         {int64_t(7), int64_t(-8), int64_t(INT32_MAX), int64_t(INT32_MIN)})
      for (bool fused : {false, true})
        add("gather/" + name(index) + "/out-of-range/" + std::to_string(bad) +
                (fused ? "/fused" : ""),
            [=] { indexOutOfRange(bad, index, fused); });
  }
  for (int64_t bad : {INT64_MAX, INT64_MIN, int64_t(1) << 32})
    add("gather/i64/out-of-range/" + std::to_string(bad),
        [=] { indexOutOfRange(bad, DType::I64, false); });
  const char *parts[] = {"elementwise", "reduce", "contract", "views"};
  for (int which = 0; which < 4; ++which)
    add(std::string("symbolic/") + parts[which], [=] { symbolic(which); });
}

} // namespace nacre::test
