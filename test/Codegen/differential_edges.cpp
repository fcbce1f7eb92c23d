//===- differential_edges.cpp - values and names that are easy to get wrong
//===//

#include "Differential.h"
#include <cmath>

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

/// Views and joins of every type, each alone.
static void moves(DType t) {
  Net net;
  auto &b = net.build;
  auto x = [&](Shape shape) {
    return net.input(random(t, shape, net.rng, Values::Wild));
  };
  net.output(b.reshape(x({6, 35}), {10, 21}), "reshape");
  net.output(b.permute(x({3, 5, 7}), {2, 0, 1}), "permute");
  net.output(b.expand(x({5, 1, 7}), {5, 4, 7}), "expand");
  net.output(b.pad(x({5, 7}), {1, 0}, {2, 3}, t == DType::Bool ? 1 : 3), "pad");
  net.output(b.slice(x({9, 17}), {1, 2}, {4, 5}, {2, 3}), "slice");
  net.output(b.flip(x({5, 7}), {1}), "flip");
  net.output(b.window(x({4, 17}), {1}, {3}, {2}, {3}), "window");
  net.output(b.concat({x({3, 5}), x({1, 5}), x({4, 5})}, 0), "concat");
  net.output(b.concat({x({3, 5}), x({3, 1}), x({3, 2})}, 1), "concat inside");
  Tensor index = Tensor::zeros(DType::I32, {11});
  for (int64_t i = 0; i < 11; ++i)
    index.setInteger(i, (i * 5) % 18 - 9);
  net.output(b.gather(x({9, 3}), net.input(index), 0), "gather");
  net.output(b.gather(x({3, 9}), net.input(index), 1), "gather inside");
  net.output(b.splat(element(t), t == DType::Bool ? 1 : 2, {3, 7}), "splat");
  net.output(net.weight(random(t, {5, 3}, net.rng, Values::Wild)), "weight");
  if (t != DType::Bool)
    net.output(b.iota(typeOf(t, {3, 50}), 1), "iota");
  Value c = net.input(random(DType::Bool, {9, 4}, net.rng));
  net.output(b.where(c, x({9, 4}), x({9, 4})), "where");
  check(net);
}

/// Numbers half-way between two of the result type, and beside those.
static void ties(DType from) {
  Net net;
  auto numbers = [&](int digits, int low, int high) {
    Tensor x = Tensor::zeros(from, {240});
    for (int64_t i = 0; i < 240; ++i) {
      int exponent = low + int(net.rng() % (high - low + 1));
      double v = std::ldexp(double(net.rng() % (1ull << digits)) +
                                double(1ull << digits) + 0.5,
                            exponent - digits);
      if (i % 3)
        v = std::nextafter(v, i % 3 == 1 ? 0 : INFINITY);
      if (i % 6 >= 3 && from >= DType::F16)
        v = -v;
      x.setNumber(i, v);
    }
    return net.input(x);
  };
  auto to = [&](DType type, int digits, int low, int high) {
    net.output(net.build.cast(numbers(digits, low, high), element(type)),
               std::string("to ") + dtypeName(type) + " of 2^" +
                   std::to_string(high));
  };
  bool isInteger = from < DType::F16;
  to(DType::F16, 10, isInteger ? 11 : -30, 17);
  to(DType::BF16, 7, isInteger ? 8 : -126, isInteger ? 62 : 127);
  to(DType::F32, 23, isInteger ? 24 : -126, isInteger ? 62 : 127);
  for (DType t : {DType::I8, DType::U8, DType::I16, DType::U16, DType::I32,
                  DType::U32, DType::I64, DType::U64})
    for (int high : {3, 8, 17, 33, 65})
      if (!isInteger)
        to(t, 2, -2, high);
  if (!isInteger) {
    Value x = numbers(0, -2, 12), y = numbers(2, -1, 22);
    for (Value v : {x, y}) {
      net.output(net.build.unary<RoundOp>(v), "round");
      net.output(net.build.unary<FloorOp>(v), "floor");
      net.output(net.build.unary<CeilOp>(v), "ceil");
      net.output(net.build.binary<RemOp>(v, numbers(1, -3, 3)), "rem");
    }
  }
  check(net);
}

/// Arithmetic of integers at their ends, each pair of them.
static void ends(DType t) {
  Net net;
  auto &b = net.build;
  int64_t width = 8 * dtypeBytes(t);
  uint64_t top = uint64_t(1) << (width - 1);
  std::vector<uint64_t> list{0,
                             1,
                             2,
                             3,
                             top,
                             top - 1,
                             top + 1,
                             0 - uint64_t(1),
                             top / 2,
                             0x55,
                             uint64_t(width),
                             uint64_t(width - 1)};
  if (width == 64)
    list.insert(list.end(), {0xffffffffull, 0x100000000ull, 0x80000000ull,
                             0xffffffff00000000ull});
  int64_t n = list.size();
  Tensor left = Tensor::zeros(t, {n * n}), right = Tensor::zeros(t, {n * n});
  for (int64_t i = 0; i < n * n; ++i) {
    left.setInteger(i, int64_t(list[i / n]));
    right.setInteger(i, int64_t(list[i % n]));
  }
  Value x = net.input(left), y = net.input(right);
  net.output(b.binary<AddOp>(x, y), "add");
  net.output(b.binary<SubOp>(x, y), "sub");
  net.output(b.binary<MulOp>(x, y), "mul");
  net.output(b.binary<DivOp>(x, y), "div");
  net.output(b.binary<RemOp>(x, y), "rem");
  net.output(b.binary<ShlOp>(x, y), "shl");
  net.output(b.binary<ShrOp>(x, y), "shr");
  net.output(b.binary<MaxOp>(x, y), "max");
  net.output(b.binary<MinOp>(x, y), "min");
  net.output(b.unary<NegOp>(x), "neg");
  net.output(b.unary<AbsOp>(x), "abs");
  for (CmpKind kind : {CmpKind::lt, CmpKind::le, CmpKind::gt, CmpKind::ge,
                       CmpKind::eq, CmpKind::ne})
    net.output(b.cmp(kind, x, y), "cmp");
  // With what the compiler sees: constants and one operand twice.
  for (uint64_t v : list) {
    if (v >> 53)
      continue;
    Value c = b.splatLike(x, double(t == DType::U8 || v < top ? v : 1));
    net.output(b.binary<DivOp>(x, c), "div by " + std::to_string(v));
    net.output(b.binary<RemOp>(x, c), "rem by " + std::to_string(v));
    net.output(b.binary<ShlOp>(x, c), "shl by " + std::to_string(v));
    net.output(b.binary<ShrOp>(x, c), "shr by " + std::to_string(v));
    net.output(b.binary<MulOp>(c, x), "mul by " + std::to_string(v));
  }
  net.output(b.binary<DivOp>(x, x), "div by itself");
  net.output(b.binary<SubOp>(x, x), "sub itself");
  check(net);
}

/// NaN, infinities and signed zeros, each pair, beside what a compiler that
/// assumes none would fold.
static void specials(DType t) {
  Net net;
  auto &b = net.build;
  const double list[] = {0.0,  -0.0, 1,        -1,        INFINITY, -INFINITY,
                         NAN,  0.5,  -2,       1e4,       -1e4,     3,
                         -2.5, 1.5,  0x1p-126, -0x1p-126, 65504};
  int64_t n = std::size(list);
  Tensor left = Tensor::zeros(t, {n * n}), right = Tensor::zeros(t, {n * n});
  for (int64_t i = 0; i < n * n; ++i) {
    left.setNumber(i, list[i / n]);
    right.setNumber(i, list[i % n]);
  }
  Value x = net.input(left), y = net.input(right);
  for (CmpKind kind : {CmpKind::lt, CmpKind::le, CmpKind::gt, CmpKind::ge,
                       CmpKind::eq, CmpKind::ne}) {
    net.output(b.cmp(kind, x, y), "cmp");
    net.output(b.cmp(kind, x, x), "cmp of one");
    net.output(b.where(b.cmp(kind, x, y), x, y), "chosen");
    Value c = b.cmp(kind, x, y);
    net.output(b.unary<NotOp>(c), "not");
  }
  Tolerance one = roundings(t, 1);
  net.output(b.binary<MaxOp>(x, y), "max");
  net.output(b.binary<MinOp>(x, y), "min");
  net.output(b.binary<AddOp>(x, y), "add", one);
  net.output(b.binary<SubOp>(x, y), "sub", one);
  net.output(b.binary<MulOp>(x, y), "mul", one);
  net.output(b.binary<DivOp>(x, y), "div", one);
  net.output(b.binary<RemOp>(x, y), "rem", one);
  net.output(b.binary<PowOp>(x, y), "pow", roundings(t, 16, 1e-37));
  net.output(b.binary<SubOp>(x, x), "sub itself");
  net.output(b.binary<MulOp>(x, b.splatLike(x, 0)), "times 0");
  net.output(b.binary<DivOp>(b.splatLike(x, 1), x), "reciprocal", one);
  net.output(
      b.binary<DivOp>(b.splatLike(x, 1), b.binary<MulOp>(x, b.splatLike(x, 0))),
      "sign of zero", one);
  for (double v :
       {double(INFINITY), -double(INFINITY), double(NAN), 0.0, -0.0}) {
    net.output(b.binary<MaxOp>(x, b.splatLike(x, v)), "max with a constant");
    net.output(b.binary<MinOp>(b.splatLike(x, v), x), "min with a constant");
    net.output(b.binary<AddOp>(x, b.splatLike(x, v)), "add a constant", one);
    net.output(b.cmp(CmpKind::eq, x, b.splatLike(x, v)), "equals a constant");
    net.output(b.cmp(CmpKind::ne, x, b.splatLike(x, v)), "differs");
  }
  for (auto [low, high] : {std::pair(-1.0, 1.0), std::pair(0.0, 6.0)})
    net.output(b.binary<MinOp>(b.binary<MaxOp>(x, b.splatLike(x, low)),
                               b.splatLike(x, high)),
               "clamp");
  for (auto *f : {+[](Build &b, Value v) { return b.unary<SqrtOp>(v); },
                  +[](Build &b, Value v) { return b.unary<ExpOp>(v); },
                  +[](Build &b, Value v) { return b.unary<LogOp>(v); },
                  +[](Build &b, Value v) { return b.unary<TanhOp>(v); },
                  +[](Build &b, Value v) { return b.unary<ErfOp>(v); },
                  +[](Build &b, Value v) { return b.unary<SinOp>(v); },
                  +[](Build &b, Value v) { return b.unary<CosOp>(v); },
                  +[](Build &b, Value v) { return b.unary<FloorOp>(v); },
                  +[](Build &b, Value v) { return b.unary<CeilOp>(v); },
                  +[](Build &b, Value v) { return b.unary<RoundOp>(v); },
                  +[](Build &b, Value v) { return b.unary<AbsOp>(v); },
                  +[](Build &b, Value v) { return b.unary<NegOp>(v); }})
    net.output(f(b, x), "function",
               roundings(t, 8, t == DType::F64 ? 1e-13 : 1e-6));
  check(net);
}

/// Numbers as text: every constant must come back.
static void constants(DType t) {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(t, {3}, net.rng));
  std::vector<double> list{
      0.1,      1e-3,         1e20,     -1e-20, 3.4028235e38, 1.0 / 3,  -0.0,
      16777217, 2147483647.0, 1e-37,    65504,  -128,         127,      255,
      0x1p-126, 1e300,        -7.25e-5, 5e-324, INFINITY,     -INFINITY};
  for (double v : list) {
    if (!isFloat(t)) {
      // The nearest integer of the type, both ends included.
      double top = std::ldexp(1.0, 8 * int(dtypeBytes(t)) - 1);
      v = std::trunc(std::min(
          std::max(v, t == DType::I32 || t == DType::I8 || t == DType::I64
                          ? -top
                          : 0.0),
          top - (top > 1e15 ? 1024 : 1)));
    }
    if (under.flushes() && std::fabs(v) < 0x1p-126)
      v = 0;
    if (under.narrowsF64() && t == DType::F64)
      v = std::isinf(float(v)) ? 0 : float(v);
    Value c = b.splatLike(x, v);
    net.output(b.where(b.cmp(CmpKind::eq, x, x), c, x), "constant");
    net.output(b.binary<AddOp>(x, c), "added", roundings(t, 1));
  }
  check(net);
}

/// Names from models, that are nobody's identifiers.
static void names() {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(DType::F32, {5, 7}, net.rng));
  int n = 0;
  for (StringRef name :
       {"float4",
        "",
        "vec4",
        "\xc3\xbcn\xc3\xaf",
        "main",
        "f32",
        "kernel",
        "atomic_add",
        "group",
        "item",
        "0",
        "__x",
        "x\n*/ y /*",
        "params",
        "memory",
        "status",
        "k_p",
        "k_params",
        "fn",
        "let",
        "array",
        "bitcast",
        "as_int",
        "exp",
        "nacre_exp",
        "chunk_1",
        "a.b/c",
        "\\",
        "\"",
        "%d",
        "log",
        "log_",
        "Log",
        "LOG",
        "log",
        "select",
        "min",
        "dot",
        "w_at",
        "x0",
        "group_p",
        "node.with.a.very.long.name.that.goes.on.and.on.and.does.not.end"}) {
    b.loc = NameLoc::get(net.builder.getStringAttr(name));
    Value w = net.weight(random(DType::F32, {7}, net.rng));
    // Reductions keep the kernels apart.
    Value y = b.reduce(ReduceKind::add, b.binary<MulOp>(x, w),
                       {int64_t(++n % 2)}, false);
    net.output(n % 3 ? b.unary<ExpOp>(y) : b.unary<TanhOp>(y), name.str(),
               roundings(DType::F32, 64, 1e-6));
  }
  check(net);
}

/// No elements, and one without axes.
static void nothing(DType t) {
  Net net;
  auto &b = net.build;
  auto x = [&](Shape shape) { return net.input(random(t, shape, net.rng)); };
  auto d = [&](unsigned i) { return getAffineDimExpr(i, context()); };
  auto map = [&](ArrayRef<AffineExpr> e) {
    return AffineMap::get(3, 0, e, context());
  };
  for (auto [m, n, k] : {std::tuple(0, 3, 4), std::tuple(3, 0, 4),
                         std::tuple(3, 4, 0), std::tuple(0, 0, 0)}) {
    Value y = b.contract(x({m, k}), x({k, n}), map({d(0), d(2)}),
                         map({d(2), d(1)}), map({d(0), d(1)}));
    net.output(y, "contract");
    net.output(b.binary<AddOp>(y, b.splatLike(y, 1)), "and one");
    net.output(b.contract(x({m, k}), net.weight(random(t, {k, n}, net.rng)),
                          map({d(0), d(2)}), map({d(2), d(1)}),
                          map({d(0), d(1)})),
               "with a weight");
  }
  net.output(b.concat({x({2, 3}), x({0, 3}), b.unary<AbsOp>(x({1, 3}))}, 0),
             "concat");
  net.output(b.pad(x({0, 3}), {1, 1}, {1, 0}, 1), "pad");
  net.output(b.gather(x({4, 3}), net.input(Tensor::zeros(DType::I32, {0})), 0),
             "gather");
  net.output(b.slice(x({4, 3}), {4, 0}, {0, 3}), "slice");
  net.output(b.expand(x({1, 0}), {5, 0}), "expand");
  net.output(b.reduce(ReduceKind::mul, x({3, 0}), {1}), "product");
  net.output(b.reduce(ReduceKind::add, x({0, 3}), {0}), "sum");
  net.output(b.unary<NegOp>(x({})), "scalar");
  net.output(b.reduce(ReduceKind::max, x({2, 65}), {0, 1}), "to a scalar");
  net.output(b.binary<AddOp>(x({}), x({3})), "broadcast");
  check(net);
}

void addEdges(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({std::move(name), std::move(body)});
  };
  for (DType t : allTypes) {
    std::string name = dtypeName(t);
    add("moves/" + name, [=] { moves(t); });
    if (isFloat(t)) {
      add("specials/" + name, [=] { specials(t); });
      add("ties/" + name, [=] { ties(t); });
    } else if (t != DType::Bool) {
      add("ends/" + name, [=] { ends(t); });
      if (dtypeBytes(t) == 8)
        add("ties/" + name, [=] { ties(t); });
    }
    if (t == DType::F32 || t == DType::F64 || t == DType::I32 ||
        t == DType::I64 || t == DType::F16 || t == DType::I8)
      add("constants/" + name, [=] { constants(t); });
  }
  add("names", names);
  for (DType t : {DType::F32, DType::I8, DType::I64, DType::F16})
    add("nothing/" + std::string(dtypeName(t)), [=] { nothing(t); });
}

} // namespace nacre::test
