//===- differential_contract.cpp - matmuls and convolutions ---------------===//

#include "Differential.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

static AffineExpr dim(unsigned d) { return getAffineDimExpr(d, context()); }
static AffineMap map(unsigned dims, ArrayRef<AffineExpr> results) {
  return AffineMap::get(dims, 0, results, context());
}
/// Small numbers make integer sums exact and float sums nearly so.
static Tolerance sums(DType t) {
  return isFloat(t) ? roundings(t, 4, 0) : Tolerance{};
}

/// y[b, m, n] = sum_k a[b, m, k] * c[b, k, n], in one of the forms frontends
/// and gradients make.
struct MatMul {
  int64_t batch, m, n, k;
  bool leftTransposed = false, rightTransposed = false;
  bool weightLeft = false, weightRight = false;
  bool sharedRight = true; ///< the right operand has no batch
};

static std::string nameOf(const MatMul &s) {
  auto number = [](int64_t v) { return std::to_string(v); };
  return number(s.batch) + "x" + number(s.m) + "x" + number(s.n) + "x" +
         number(s.k) + (s.leftTransposed ? "/lt" : "") +
         (s.rightTransposed ? "/rt" : "") + (s.weightLeft ? "/weight*" : "") +
         (s.weightRight ? "/*weight" : "") + (s.sharedRight ? "" : "/batched");
}

static void matmul(Net &net, DType t, const MatMul &s, bool epilogue) {
  auto operand = [&](Shape shape, bool weight) {
    Tensor data = random(t, shape, net.rng);
    return weight ? net.weight(data) : net.input(data);
  };
  Shape aShape =
      s.leftTransposed ? Shape{s.batch, s.k, s.m} : Shape{s.batch, s.m, s.k};
  Shape cShape = s.rightTransposed ? Shape{s.n, s.k} : Shape{s.k, s.n};
  SmallVector<AffineExpr> aMap =
      s.leftTransposed ? SmallVector<AffineExpr>{dim(0), dim(3), dim(1)}
                       : SmallVector<AffineExpr>{dim(0), dim(1), dim(3)};
  SmallVector<AffineExpr> cMap = s.rightTransposed
                                     ? SmallVector<AffineExpr>{dim(2), dim(3)}
                                     : SmallVector<AffineExpr>{dim(3), dim(2)};
  if (!s.sharedRight) {
    cShape.insert(cShape.begin(), s.batch);
    cMap.insert(cMap.begin(), dim(0));
  }
  Value a = operand(aShape, s.weightLeft), c = operand(cShape, s.weightRight);
  Value y = net.build.contract(a, c, map(4, aMap), map(4, cMap),
                               map(4, {dim(0), dim(1), dim(2)}));
  if (epilogue) {
    y = net.build.binary<AddOp>(y, net.weight(random(t, {s.n}, net.rng)));
    y = net.build.binary<MaxOp>(y, net.build.splat(element(t), 0));
    y = net.build.binary<SubOp>(
        y, net.input(random(t, {s.batch, s.m, s.n}, net.rng)));
  }
  net.output(y, nameOf(s) + (epilogue ? "+tail" : ""), sums(t));
}

static void matmuls(DType t, ArrayRef<MatMul> sizes, const Ways &ways) {
  Net net;
  net.rng.seed(int(t));
  int n = 0;
  for (const MatMul &s : sizes)
    matmul(net, t, s, n++ % 2);
  check(net, ways);
}

/// The same product as frontends without contractions write it:
/// reduce(mul(expand, expand)).
static void raised(DType t) {
  Net net;
  auto &b = net.build;
  for (auto [m, n, k] :
       {std::tuple(5, 7, 13), std::tuple(1, 33, 17), std::tuple(16, 16, 16)}) {
    Value x = net.input(random(t, {m, k}, net.rng));
    Value w = net.weight(random(t, {k, n}, net.rng));
    Value product = b.binary<MulOp>(
        b.expand(b.reshape(x, {m, 1, k}), {m, n, k}),
        b.expand(b.reshape(b.permute(w, {1, 0}), {1, n, k}), {m, n, k}));
    net.output(b.reduce(ReduceKind::add, product, {2}), "matmul", sums(t));
    // An outer product, and a row times itself: sums without reuse.
    Value squares = b.reduce(ReduceKind::add, b.binary<MulOp>(x, x), {1}, true);
    net.output(b.binary<AddOp>(x, squares), "squares", sums(t));
    net.output(
        b.reduce(ReduceKind::add,
                 b.binary<MulOp>(b.expand(b.reshape(x, {m, k, 1}), {m, k, 3}),
                                 net.input(random(t, {m, k, 3}, net.rng))),
                 {0}),
        "sum over the batch", sums(t));
  }
  check(net, everyLevel);
}

struct Conv {
  SmallVector<int64_t> image; ///< spatial extents
  int64_t batch, in, out, groups;
  SmallVector<int64_t> kernel, strides, dilations, low, high;
  bool runtimeWeight = false;
};

static std::string nameOf(const Conv &c) {
  std::string out;
  auto list = [&](StringRef what, ArrayRef<int64_t> values) {
    out += what.str();
    for (auto [i, v] : llvm::enumerate(values))
      out += (i ? "x" : "") + std::to_string(v);
  };
  list("n", {c.batch});
  list(" c", {c.in, c.out});
  list(" g", {c.groups});
  list(" image ", c.image);
  list(" kernel ", c.kernel);
  list(" s", c.strides);
  list(" d", c.dilations);
  list(" pad ", c.low);
  list(",", c.high);
  return out + (c.runtimeWeight ? " run-time weight" : "");
}

/// A convolution in the form the ONNX frontend gives it.
static Value convolve(Net &net, Value x, Value w, const Conv &c) {
  auto &b = net.build;
  size_t spatial = c.image.size();
  int64_t outputs = c.out / c.groups, inputs = c.in / c.groups;
  Shape low{0, 0}, high{0, 0};
  low.append(c.low);
  high.append(c.high);
  x = b.pad(x, low, high, 0);
  bool depthwise = c.groups > 1 && outputs == 1 && inputs == 1;
  bool grouped = c.groups > 1 && !depthwise;
  if (grouped) {
    Shape split{c.batch, c.groups, inputs};
    llvm::append_range(split, tensorType(x).getShape().drop_front(2));
    x = b.reshape(x, split);
    split = {c.groups, outputs, inputs};
    split.append(c.kernel);
    w = b.reshape(w, split);
  } else if (depthwise) {
    Shape dropped{c.groups};
    dropped.append(c.kernel);
    w = b.reshape(w, dropped);
  }
  unsigned next = 0;
  SmallVector<AffineExpr> xs, ws, ys, positions;
  xs.push_back(dim(next));
  ys.push_back(dim(next++));
  if (c.groups > 1) {
    for (auto *m : {&xs, &ws, &ys})
      m->push_back(dim(next));
    ++next;
  }
  if (!depthwise) {
    ws.push_back(dim(next));
    ys.push_back(dim(next++));
  }
  for (size_t i = 0; i < spatial; ++i)
    positions.push_back(dim(next++));
  ys.append(positions);
  if (!depthwise) {
    xs.push_back(dim(next));
    ws.push_back(dim(next++));
  }
  for (size_t i = 0; i < spatial; ++i) {
    ws.push_back(dim(next));
    xs.push_back(positions[i] * c.strides[i] + dim(next++) * c.dilations[i]);
  }
  Value y = b.contract(x, w, map(next, xs), map(next, ws), map(next, ys));
  if (grouped) {
    Shape merged{c.batch, c.out};
    llvm::append_range(merged, tensorType(y).getShape().drop_front(3));
    y = b.reshape(y, merged);
  }
  return y;
}

static Value convolution(Net &net, DType t, Value x, const Conv &c, int tail) {
  auto &b = net.build;
  Shape wShape{c.out, c.in / c.groups};
  wShape.append(c.kernel);
  Tensor data = random(t, wShape, net.rng);
  Value y =
      convolve(net, x, c.runtimeWeight ? net.input(data) : net.weight(data), c);
  Shape channels{c.out};
  channels.append(c.image.size(), 1);
  if (tail >= 1)
    y = b.binary<AddOp>(
        y, b.reshape(net.weight(random(t, {c.out}, net.rng)), channels));
  if (tail >= 2)
    y = b.binary<MaxOp>(y, b.splat(element(t), 0));
  if (tail >= 3) // a residual
    y = b.binary<AddOp>(
        y, net.input(random(t, tensorType(y).getShape(), net.rng)));
  return y;
}

/// Convolutions whose sums are of the products they are written with.
static void convolutions(DType t, ArrayRef<Conv> list, Ways ways) {
  ways.machine = [](MachineDescription &m) { m.winograd = false; };
  Net net;
  net.rng.seed(int(t) + 5);
  int n = 0;
  for (const Conv &c : list) {
    Shape shape{c.batch, c.in};
    shape.append(c.image);
    Value x = net.input(random(t, shape, net.rng));
    net.output(convolution(net, t, x, c, n % 4),
               nameOf(c) + ", tail " + std::to_string(n % 4), sums(t));
    ++n;
  }
  check(net, ways);
}

/// Convolutions that become products of transformed tiles, whose sums are
/// rounded otherwise; in other machines' eyes they stay what they are.
static void tiles(ArrayRef<Conv> list, bool rewritten) {
  Net net;
  net.rng.seed(17);
  int n = 0;
  for (const Conv &c : list) {
    Shape shape{c.batch, c.in};
    shape.append(c.image);
    Value x = net.input(random(DType::F32, shape, net.rng));
    net.output(convolution(net, DType::F32, x, c, n % 4),
               nameOf(c) + ", tail " + std::to_string(n % 4), {1e-5, 2e-2});
    ++n;
  }
  Ways ways;
  ways.machine = [=](MachineDescription &m) { m.winograd = rewritten; };
  check(net, ways);
}

/// Convolutions after one another, with a pad between that the producer
/// writes into, a branch and a join: what layouts must agree on.
static void chains(int seed) {
  Net net;
  net.rng.seed(seed);
  auto &b = net.build;
  auto below = [&](int64_t n) { return int64_t(net.rng() % n); };
  DType t = DType::F32;
  int64_t channels = SmallVector<int64_t>{1, 3, 5, 8, 16, 17, 24, 32}[below(8)];
  int64_t side = 5 + below(12);
  Value x = net.input(
      random(t, {1 + below(2), channels, side, side + below(3)}, net.rng));
  Tolerance close{1e-4, 1e-2};
  for (int step = 0; step < 4; ++step) {
    Shape s(tensorType(x).getShape());
    int64_t k = 1 + 2 * below(2),
            stride = s[2] > 4 && s[3] > 4 ? 1 + below(2) : 1;
    int64_t out = SmallVector<int64_t>{1, 3, 5, 8, 16, 17, 32, 48}[below(8)],
            groups = 1;
    if (below(3) == 0)
      groups = out = s[1]; // depthwise
    else if (below(3) == 0 && s[1] % 2 == 0 && out % 2 == 0)
      groups = 2;
    int64_t p = k / 2;
    Conv c{{s[2], s[3]},     s[0],   s[1],   out,   groups, {k, k},
           {stride, stride}, {1, 1}, {p, p}, {p, p}};
    Value y = convolution(net, t, x, c, below(3));
    // Values stay small enough for the tolerance to mean something.
    y = b.binary<MulOp>(y, b.splat(element(t), 0.125));
    switch (below(6)) {
    case 0:
      if (tensorType(y).getShape() == tensorType(x).getShape())
        y = b.binary<AddOp>(y, x);
      break;
    case 1:
      if (groups == 1)
        y = b.concat({y, convolution(net, t, x, c, 1)}, 1);
      break;
    case 2: {
      Shape ys(tensorType(y).getShape());
      if (ys[2] >= 3 && ys[3] >= 3)
        y = b.reduce(ReduceKind::max,
                     b.window(b.pad(y, {0, 0, 1, 1}, {0, 0, 1, 1}, -1e30),
                              {2, 3}, {3, 3}, {2, 2}, {1, 1}),
                     {4, 5});
      break;
    }
    case 3: { // sigmoid gate of the channel means
      Value mean = b.reduce(ReduceKind::add, y, {2, 3}, true);
      y = b.binary<MulOp>(y, b.unary<TanhOp>(b.binary<MulOp>(
                                 mean, b.splat(element(t), 0x1p-7))));
      break;
    }
    case 4:
      net.output(y, "branch " + std::to_string(step), close);
      break;
    }
    x = y;
  }
  net.output(x, "last", close);
  if (seed % 2) {
    Shape s(tensorType(x).getShape());
    net.output(b.permute(x, {0, 2, 3, 1}), "channels last", close);
    net.output(b.reshape(x, {s[0], s[1] * s[2] * s[3]}), "flat", close);
  }
  check(net, {{2, unsigned(seed) % 4}, {1, 2}, nullptr});
}

void addContractions(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({std::move(name), std::move(body)});
  };
  const Ways usual, all = everyLevel;
  // batch, m, n, k; then the forms.
  std::vector<MatMul> sizes;
  for (auto [m, n, k] :
       {std::tuple(1, 1, 1), std::tuple(1, 33, 17), std::tuple(7, 13, 5),
        std::tuple(33, 7, 1), std::tuple(16, 64, 32), std::tuple(17, 65, 129)})
    sizes.push_back({1, m, n, k});
  auto form = [&](auto &&change) {
    std::vector<MatMul> out = sizes;
    for (MatMul &s : out)
      change(s);
    return out;
  };
  for (DType t : allTypes) {
    bool main = t == DType::F32;
    const Ways &ways = main ? all : usual;
    std::string p = std::string("matmul/") + dtypeName(t);
    auto each = [&](std::string what, std::vector<MatMul> list) {
      if (!main)
        list.resize(5);
      add(p + "/" + what, [=] { matmuls(t, list, ways); });
    };
    each("weight", form([](MatMul &s) { s.weightRight = true; }));
    each("run-time", form([](MatMul &) {}));
    if (!main && t != DType::I8 && t != DType::I32 && t != DType::F64 &&
        t != DType::F16)
      continue;
    each("weight-transposed",
         form([](MatMul &s) { s.weightRight = s.rightTransposed = true; }));
    each("run-time-transposed",
         form([](MatMul &s) { s.rightTransposed = true; }));
    each("batched", form([](MatMul &s) {
           s.batch = 3;
           s.sharedRight = false;
         }));
    each("left-weight", form([](MatMul &s) { s.weightLeft = true; }));
    if (main) {
      each("left-transposed", form([](MatMul &s) { s.leftTransposed = true; }));
      each("both-transposed", form([](MatMul &s) {
             s.leftTransposed = s.rightTransposed = true;
           }));
      each("batch-shared", form([](MatMul &s) {
             s.batch = 5;
             s.weightRight = true;
           }));
      each("batched-transposed", form([](MatMul &s) {
             s.batch = 2;
             s.sharedRight = false;
             s.rightTransposed = true;
           }));
      each("both-weights",
           form([](MatMul &s) { s.weightLeft = s.weightRight = true; }));
    }
    add("raised/" + std::string(dtypeName(t)), [=] { raised(t); });
  }
  add("matmul/f32/large", [] {
    matmuls(DType::F32,
            {{1, 197, 331, 257, false, false, false, true},
             {1, 128, 256, 512, false, false, false, true},
             {1, 1, 1000, 611, false, true, false, true},
             {2, 67, 129, 33, false, false, false, false, false}},
            {{1, 2, 3}, {1, 2}, nullptr});
  });

  std::vector<Conv> tiled;
  for (auto [height, width, batch, in, out, low, high] :
       {std::tuple(24, 24, 1, 32, 32, 1, 1),
        std::tuple(23, 29, 1, 33, 40, 1, 1), std::tuple(9, 7, 6, 48, 33, 0, 1),
        std::tuple(26, 26, 1, 64, 48, 0, 0), std::tuple(8, 8, 8, 32, 64, 1, 1)})
    tiled.push_back({{height, width},
                     batch,
                     in,
                     out,
                     1,
                     {3, 3},
                     {1, 1},
                     {1, 1},
                     {low, low},
                     {high, high}});
  for (bool rewritten : {true, false})
    add(std::string("conv/f32/tiles") + (rewritten ? "" : "/direct"),
        [=] { tiles(tiled, rewritten); });

  for (DType t : {DType::F32, DType::I32, DType::I8, DType::F64, DType::F16,
                  DType::BF16}) {
    std::string p = std::string("conv/") + dtypeName(t);
    bool main = t == DType::F32;
    const Ways &ways = main ? all : usual;
    auto each = [&](std::string what, std::vector<Conv> list) {
      if (!main && list.size() > 4)
        list.resize(4);
      add(p + "/" + what, [=] { convolutions(t, list, ways); });
    };
    std::vector<Conv> pointwise, spatial, depth, grouped;
    for (auto [in, out] :
         {std::pair(3, 17), std::pair(33, 5), std::pair(1, 48),
          std::pair(64, 1), std::pair(5, 33), std::pair(17, 64)}) {
      pointwise.push_back(
          {{7, 9}, 1, in, out, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}});
      spatial.push_back(
          {{9, 11}, 1, in, out, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
    }
    each("pointwise", pointwise);
    each("3x3", spatial);
    each("strides",
         {{{13, 17}, 1, 3, 16, 1, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
          {{13, 17}, 2, 5, 8, 1, {5, 3}, {2, 3}, {1, 1}, {2, 0}, {2, 1}},
          {{12, 12}, 1, 17, 33, 1, {1, 1}, {2, 2}, {1, 1}, {0, 0}, {0, 0}},
          {{16, 9}, 1, 4, 3, 1, {2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}},
          {{31, 31}, 1, 3, 32, 1, {7, 7}, {2, 2}, {1, 1}, {3, 3}, {3, 3}}});
    each("dilations",
         {{{13, 17}, 1, 3, 16, 1, {3, 3}, {1, 1}, {2, 2}, {2, 2}, {2, 2}},
          {{13, 17}, 1, 8, 5, 1, {3, 2}, {2, 1}, {3, 4}, {0, 3}, {1, 0}}});
    for (int64_t channels : {1, 3, 5, 16, 17, 33, 48, 64}) {
      if (channels > 1)
        depth.push_back({{9, 10},
                         1,
                         channels,
                         channels,
                         channels,
                         {3, 3},
                         {1, 1},
                         {1, 1},
                         {1, 1},
                         {1, 1}});
      depth.push_back({{9, 10},
                       1,
                       channels,
                       channels,
                       channels,
                       {3, 3},
                       {2, 2},
                       {1, 1},
                       {0, 1},
                       {1, 1}});
    }
    each("depthwise", depth);
    each("depthwise-5x5",
         {{{11, 11}, 2, 24, 24, 24, {5, 5}, {1, 1}, {1, 1}, {2, 2}, {2, 2}},
          {{11, 11}, 1, 7, 7, 7, {5, 5}, {2, 2}, {2, 1}, {4, 2}, {4, 2}}});
    for (auto [in, out, groups] :
         {std::tuple(6, 4, 2), std::tuple(8, 16, 4), std::tuple(33, 66, 11),
          std::tuple(5, 15, 5), std::tuple(64, 32, 2)})
      grouped.push_back(
          {{7, 8}, 1, in, out, groups, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
    each("groups", grouped);
    each("run-time-weight",
         {{{7, 9}, 1, 3, 17, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, true},
          {{7, 9}, 1, 16, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, true},
          {{7, 9}, 2, 8, 8, 2, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, true}});
    each("1d-3d", {{{37}, 1, 3, 8, 1, {5}, {1}, {1}, {2}, {2}},
                   {{41}, 2, 16, 5, 1, {3}, {2}, {3}, {0}, {3}},
                   {{5, 6, 7},
                    1,
                    3,
                    8,
                    1,
                    {3, 3, 3},
                    {1, 1, 1},
                    {1, 1, 1},
                    {1, 1, 1},
                    {1, 1, 1}},
                   {{4, 5, 9},
                    1,
                    4,
                    4,
                    4,
                    {2, 3, 3},
                    {1, 2, 2},
                    {1, 1, 1},
                    {0, 1, 1},
                    {1, 1, 1}}});
    if (main)
      each("large",
           {{{28, 28}, 1, 64, 64, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
            {{14, 14}, 1, 128, 96, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
            {{1, 1}, 1, 256, 10, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}});
  }
  // Every way that a grid multiplies, with tails in each direction.
  for (auto &[variant, ways] : gridVariants()) {
    std::vector<MatMul> shapes;
    for (auto [batch, m, n, k] :
         {std::tuple(1, 16, 16, 16), std::tuple(2, 33, 47, 19),
          std::tuple(1, 128, 64, 32), std::tuple(1, 130, 70, 50),
          std::tuple(1, 65, 129, 100), std::tuple(3, 17, 20, 64),
          std::tuple(1, 1, 37, 700), std::tuple(1, 40, 1, 65)})
      shapes.push_back({batch, m, n, k});
    for (DType t : {DType::F32, DType::F16, DType::BF16, DType::F64, DType::I32,
                    DType::I64, DType::U8}) {
      auto each = [&, &variant = variant, &ways = ways](std::string what,
                                                        auto &&change) {
        std::vector<MatMul> list = shapes;
        for (MatMul &s : list)
          change(s);
        add("grid-matmul/" + variant + "/" + dtypeName(t) + "/" + what,
            [=] { matmuls(t, list, ways); });
      };
      bool staged = StringRef(variant).starts_with("staged");
      if (staged && (t == DType::F64 || !isFloat(t)))
        continue; // only sums in f32 are
      each("run-time", [](MatMul &s) { s.sharedRight = s.batch == 1; });
      if (t != DType::F32 && !under.full)
        continue;
      each("weight", [](MatMul &s) { s.weightRight = true; });
      each("transposed",
           [](MatMul &s) { s.rightTransposed = s.leftTransposed = true; });
      each("right-transposed", [](MatMul &s) {
        s.rightTransposed = true;
        s.sharedRight = s.batch == 1;
      });
      each("left-weight", [](MatMul &s) { s.weightLeft = true; });
    }
    for (DType t : {DType::F32, DType::F16, DType::I32}) {
      if (t != DType::F32 && !under.full)
        continue;
      std::vector<Conv> list = {
          {{20, 19}, 1, 17, 33, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
          {{21, 20}, 2, 16, 32, 1, {3, 3}, {2, 2}, {1, 1}, {0, 1}, {1, 1}},
          {{16, 16}, 1, 48, 64, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}},
          {{11, 13}, 1, 24, 24, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
          {{9, 10}, 1, 32, 64, 2, {3, 3}, {1, 1}, {2, 1}, {2, 1}, {2, 1}},
          {{9, 9}, 1, 16, 20, 1, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, true}};
      add("grid-conv/" + variant + "/" + dtypeName(t),
          [=, ways = ways] { convolutions(t, list, ways); });
    }
  }
  for (int seed = 0; seed < 20; ++seed)
    add("conv-chain/" + std::to_string(seed), [=] { chains(seed); });
}

} // namespace nacre::test
