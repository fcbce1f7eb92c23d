//===- differential_random.cpp - random programs --------------------------===//
//
// Every value carries a bound of its magnitude and of the error two honest
// evaluations may differ by, so that the tolerance of a result is proved and
// not guessed, and operations that jump (floor, comparisons, conversions to
// integers) are applied to exact values only. Then no false alarm hides a true
// one, whatever the seed.
//
//===----------------------------------------------------------------------===//

#include "Differential.h"
#include <cmath>

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {
namespace {

struct Item {
  Value v;
  DType type;
  double size = 0;  ///< no element is larger in magnitude (floats)
  double error = 0; ///< 0: exact
  int fraction = 0; ///< an exact value is a multiple of 2^-fraction
  bool used = false;
  Shape shape() const { return Shape(tensorType(v).getShape()); }
  int64_t count() const { return *elementCount(shape()); }
  bool exact() const { return !isFloat(type) || error == 0; }
};

class Generator {
public:
  explicit Generator(uint64_t seed) {
    net.rng.seed(seed * 0x9E3779B97F4A7C15ull + 1);
    for (int i = 0; i < 5; ++i)
      net.rng();
  }
  void run(uint64_t seed) {
    int64_t leaves = 2 + below(2);
    for (int64_t i = 0; i < leaves; ++i)
      leaf(randomShape(), below(5) ? DType::F32 : anyType());
    int64_t steps = 6 + below(26);
    for (int64_t i = 0; i < steps; ++i)
      step();
    // Unused values first, and now and then one that is used as well.
    for (size_t i = items.size(); i-- > 0 && net.outputs() < 8;)
      if (!items[i].used || below(12) == 0)
        net.output(items[i].v, "value " + std::to_string(i),
                   {0, items[i].exact() ? 0 : 4 * items[i].error});
    check(net, {{2, unsigned(seed % 4)}, {1, 2}, nullptr});
  }

private:
  int64_t below(int64_t n) { return net.rng() % uint64_t(n); }
  DType anyType() {
    static const DType types[] = {DType::F32, DType::F32, DType::I32,
                                  DType::I64, DType::I8,  DType::U8,
                                  DType::Bool};
    return types[below(std::size(types))];
  }
  Shape randomShape() {
    static const int64_t extents[] = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33};
    Shape shape;
    for (int64_t rank = below(5); rank > 0; --rank)
      shape.push_back(extents[below(std::size(extents))]);
    while (*elementCount(shape) > 4096)
      shape.erase(shape.begin() + below(shape.size()));
    return shape;
  }

  size_t leaf(Shape shape, DType type) {
    Tensor data = random(type, shape, net.rng);
    Value v = below(3) ? net.input(data) : net.weight(data);
    return add({v, type, 5, 0, 2});
  }
  size_t add(Item item) {
    // Exact as long as the bits fit; else the rounding counts.
    if (isFloat(item.type)) {
      if (item.size > 1e5)
        return SIZE_MAX;
      if (item.error == 0 && item.fraction + std::log2(item.size + 1) > 23)
        item.error = item.size * 0x1p-23;
      if (item.error > 1e-2 * std::max(1.0, item.size))
        return SIZE_MAX;
    }
    items.push_back(item);
    return items.size() - 1;
  }
  Item &pick() {
    // Recent values more often: deeper programs.
    size_t n = items.size();
    size_t i = below(2) ? n - 1 - below(std::min<size_t>(n, 4)) : below(n);
    return items[i];
  }
  /// A value that broadcasts with `x`, of its type.
  Item partner(const Item &x) {
    if (below(2))
      for (int tries = 0; tries < 8; ++tries) {
        Item &y = items[below(items.size())];
        auto shape = broadcastShapes(x.shape(), y.shape());
        if (y.type == x.type && shape && *elementCount(*shape) <= 8192) {
          y.used = true;
          return y;
        }
      }
    if (below(3) == 0) {
      double v = double(below(9)) -
                 (x.type == DType::U8 || x.type == DType::Bool ? 0 : 4);
      if (x.type == DType::Bool)
        v = v > 2;
      return {net.build.splat(element(x.type), v), x.type, 5, 0, 0};
    }
    Shape shape = x.shape();
    for (int64_t &extent : shape)
      if (below(3) == 0)
        extent = 1;
    shape.erase(shape.begin(), shape.begin() + below(shape.size() + 1));
    return items[leaf(shape, x.type)];
  }
  Value constant(DType t, double v) { return net.build.splat(element(t), v); }
  double rounding(double size) { return size * 0x1p-23; }
  Value clamp(Value v, double limit) {
    auto &b = net.build;
    v = b.binary<MaxOp>(v, constant(DType::F32, -limit));
    return b.binary<MinOp>(v, constant(DType::F32, limit));
  }
  double sumError(const Item &x, double terms) {
    return x.exact() && x.fraction + std::log2(x.size * terms + 1) <= 23
               ? 0
               : x.error * terms + x.size * terms * terms * 0x1p-24;
  }

  void step();
  void function(Item x);
  void view(Item x);
  void reduceSome(Item x);
  void contraction(Item x);
  void rowKernel(Item x);

  Net net;
  std::vector<Item> items;
};

void Generator::function(Item x) {
  auto &b = net.build;
  double limit = 4, e = x.error, size = 0;
  Value v = x.v;
  const double polynomial = 2e-6;
  switch (below(8)) {
  case 0:
    v = b.unary<ExpOp>(clamp(v, limit));
    e = 55 * (e + polynomial);
    size = 55;
    break;
  case 1:
    v = b.unary<TanhOp>(v);
    e += polynomial;
    size = 1;
    break;
  case 2:
    v = b.unary<ErfOp>(v);
    e = 1.2 * e + polynomial;
    size = 1;
    break;
  case 3:
    v = b.unary<SinOp>(clamp(v, 50));
    e += 2e-5;
    size = 1;
    break;
  case 4:
    v = b.unary<SqrtOp>(
        b.binary<AddOp>(b.unary<AbsOp>(v), constant(DType::F32, 0.25)));
    size = std::sqrt(x.size + 0.25);
    e += rounding(size) * 2;
    break;
  case 5:
    v = b.unary<LogOp>(
        b.binary<AddOp>(b.unary<AbsOp>(v), constant(DType::F32, 0.5)));
    size = std::max(0.7, std::log(x.size + 0.5));
    e = 2 * e + rounding(size) * 8 + polynomial;
    break;
  case 6: { // sigmoid
    Value one = constant(DType::F32, 1);
    v = b.binary<DivOp>(
        one,
        b.binary<AddOp>(b.unary<ExpOp>(b.unary<NegOp>(clamp(v, 20))), one));
    e += 4 * polynomial;
    size = 1;
    break;
  }
  default: { // x / (1 + |y|)
    Item y = partner(x);
    v = b.binary<DivOp>(
        v, b.binary<AddOp>(b.unary<AbsOp>(y.v), constant(DType::F32, 1)));
    size = x.size;
    e += x.size * y.error + rounding(size) * 4;
    break;
  }
  }
  add({v, DType::F32, size, std::max(e, 1e-7), 0});
}

void Generator::view(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  int64_t rank = s.size(), count = x.count();
  Item y = x;
  y.used = false;
  switch (below(8)) {
  case 0: {
    Shape to;
    int64_t rest = count;
    for (int64_t f : {2, 3, 5, 7, 2, 13, 2, 11, 17})
      if (rest % f == 0 && below(2)) {
        to.push_back(f);
        rest /= f;
      }
    to.insert(to.begin() + below(to.size() + 1), rest);
    y.v = b.reshape(x.v, to);
    break;
  }
  case 1: {
    Shape perm(rank);
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), net.rng);
    y.v = b.permute(x.v, perm);
    break;
  }
  case 2:
    for (int64_t &extent : s)
      if (extent == 1 && count < 2000)
        extent = 1 + below(5);
    y.v = b.expand(x.v, s);
    break;
  case 3: {
    if (count > 3000)
      return;
    Shape low, high;
    for (int64_t i = 0; i < rank; ++i) {
      low.push_back(below(3));
      high.push_back(below(3));
    }
    y.v = b.pad(x.v, low, high, x.type == DType::Bool ? below(2) : below(4));
    y.size = std::max(y.size, 3.0);
    break;
  }
  case 4: {
    Shape starts, sizes, steps;
    for (int64_t extent : s) {
      steps.push_back(1 + below(3));
      starts.push_back(below(std::max<int64_t>(1, extent)));
      sizes.push_back(
          extent == 0
              ? 0
              : 1 + below((extent - starts.back() - 1) / steps.back() + 1));
    }
    y.v = b.slice(x.v, starts, sizes, steps);
    break;
  }
  case 5: {
    Shape axes;
    for (int64_t i = 0; i < rank; ++i)
      if (below(2))
        axes.push_back(i);
    y.v = b.flip(x.v, axes);
    break;
  }
  case 6: {
    if (!rank || count > 1000 || rank > 4)
      return;
    int64_t axis = below(rank);
    int64_t size = 1 + below(std::min<int64_t>(s[axis], 3));
    int64_t dilation = size > 1 ? 1 + below((s[axis] - 1) / (size - 1)) : 1;
    y.v = b.window(x.v, {axis}, {size}, {1 + below(3)}, {dilation});
    break;
  }
  default: { // join with something of the same shape beside the axis
    if (!rank || count > 3000)
      return;
    int64_t axis = below(rank);
    Shape other(s);
    other[axis] = 1 + below(4);
    if (*elementCount(other) > 4096)
      return;
    Item z = items[leaf(other, x.type)];
    if (below(2))
      z.v = b.unary<AbsOp>(z.v);
    y.v =
        below(2) ? b.concat({x.v, z.v}, axis) : b.concat({z.v, x.v, z.v}, axis);
    y.size = std::max(x.size, z.size);
    y.fraction = std::max(x.fraction, z.fraction);
  }
  }
  add(y);
}

void Generator::reduceSome(Item x) {
  Shape s = x.shape(), axes;
  if (s.empty())
    return;
  double terms = 1;
  for (int64_t i = 0; i < int64_t(s.size()); ++i)
    if (below(2) || (axes.empty() && i + 1 == int64_t(s.size()))) {
      axes.push_back(i);
      terms *= s[i];
    }
  bool keep = below(2);
  Item y = x;
  y.used = false;
  if (below(4) == 0 && x.exact() && s[axes[0]] > 0) {
    y.v = net.build.argReduce(below(2) ? ReduceKind::max : ReduceKind::min, x.v,
                              axes[0], below(2), keep);
    y.type = DType::I64;
  } else if (below(2)) {
    y.v = net.build.reduce(ReduceKind::add, x.v, axes, keep);
    y.size = x.size * std::max(terms, 1.0);
    y.error = sumError(x, std::max(terms, 1.0));
  } else if (terms > 0) {
    y.v = net.build.reduce(below(2) ? ReduceKind::max : ReduceKind::min, x.v,
                           axes, keep);
  } else {
    return;
  }
  add(y);
}

void Generator::contraction(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  auto d = [&](unsigned i) { return getAffineDimExpr(i, context()); };
  auto map = [&](unsigned n, ArrayRef<AffineExpr> e) {
    return AffineMap::get(n, 0, e, context());
  };
  if (s.empty() || x.type == DType::Bool || x.count() > 4096)
    return;
  static const int64_t widths[] = {1, 3, 5, 8, 16, 17, 33};
  int64_t n = widths[below(std::size(widths))];
  double terms = 1;
  Value y;
  Item w{};
  if (s.size() == 4 && s[2] >= 2 && s[3] >= 2 && below(3)) {
    int64_t k = 1 + below(std::min<int64_t>({s[2], s[3], 3})),
            stride = 1 + below(2), p = below(k);
    int64_t groups = s[1] % 2 == 0 && below(2) ? 2 : 1;
    bool depthwise = below(3) == 0;
    Value image = b.pad(x.v, {0, 0, p, p}, {0, 0, p, p}, 0);
    AffineExpr row = d(3), column = d(4);
    if (depthwise) {
      w = items[leaf({s[1], k, k}, x.type)];
      terms = k * k;
      y = b.contract(
          image, w.v,
          map(6, {d(0), d(1), d(2) * stride + d(4), d(3) * stride + d(5)}),
          map(6, {d(1), d(4), d(5)}), map(6, {d(0), d(1), d(2), d(3)}));
    } else if (groups == 2) {
      w = items[leaf({2, n, s[1] / 2, k, k}, x.type)];
      Shape split(tensorType(image).getShape());
      split.insert(split.begin() + 1, 2);
      split[2] /= 2;
      terms = k * k * split[2];
      y = b.contract(b.reshape(image, split), w.v,
                     map(8, {d(0), d(1), d(5), d(3) * stride + d(6),
                             d(4) * stride + d(7)}),
                     map(8, {d(1), d(2), d(5), d(6), d(7)}),
                     map(8, {d(0), d(1), d(2), d(3), d(4)}));
      Shape merged(tensorType(y).getShape());
      merged[1] *= merged[2];
      merged.erase(merged.begin() + 2);
      y = b.reshape(y, merged);
    } else {
      (void)row, (void)column;
      w = items[leaf({n, s[1], k, k}, x.type)];
      terms = k * k * s[1];
      y = b.contract(
          image, w.v,
          map(7, {d(0), d(4), d(2) * stride + d(5), d(3) * stride + d(6)}),
          map(7, {d(1), d(4), d(5), d(6)}), map(7, {d(0), d(1), d(2), d(3)}));
    }
  } else {
    // The last axis against a matrix, either way round.
    unsigned rank = s.size();
    bool turned = below(2);
    w = items[leaf(turned ? Shape{n, s.back()} : Shape{s.back(), n}, x.type)];
    terms = s.back();
    SmallVector<AffineExpr> xs, ys;
    for (unsigned i = 0; i + 1 < rank; ++i) {
      xs.push_back(d(i));
      ys.push_back(d(i));
    }
    xs.push_back(d(rank));
    ys.push_back(d(rank - 1));
    SmallVector<AffineExpr> ws{d(rank), d(rank - 1)};
    if (turned)
      std::swap(ws[0], ws[1]);
    bool swapped = below(3) == 0;
    y = swapped ? b.contract(w.v, x.v, map(rank + 1, ws), map(rank + 1, xs),
                             map(rank + 1, ys))
                : b.contract(x.v, w.v, map(rank + 1, xs), map(rank + 1, ws),
                             map(rank + 1, ys));
  }
  for (Item &item : items)
    if (item.v == w.v)
      item.used = true;
  terms = std::max(terms, 1.0);
  Item product = x;
  product.size = x.size * w.size;
  product.fraction = x.fraction + w.fraction;
  product.error = x.error * w.size;
  Item sum{y, x.type, product.size * terms, sumError(product, terms),
           product.fraction};
  if (sum.count() <= 16384)
    add(sum);
}

void Generator::rowKernel(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  if (s.empty() || x.type != DType::F32 || x.count() == 0)
    return;
  int64_t axis = below(3) ? int64_t(s.size()) - 1 : below(s.size());
  Value v = clamp(x.v, 8);
  if (below(2)) {
    Value e = b.unary<ExpOp>(
        b.binary<SubOp>(v, b.reduce(ReduceKind::max, v, {axis}, true)));
    Value y = b.binary<DivOp>(e, b.reduce(ReduceKind::add, e, {axis}, true));
    add({y, DType::F32, 1, 4 * x.error + 2e-5, 0});
  } else {
    Value n = constant(DType::F32, double(s[axis]));
    Value c = b.binary<SubOp>(
        v, b.binary<DivOp>(b.reduce(ReduceKind::add, v, {axis}, true), n));
    Value variance = b.binary<DivOp>(
        b.reduce(ReduceKind::add, b.binary<MulOp>(c, c), {axis}, true), n);
    // A large epsilon bounds how far the quotient moves.
    Value y = b.binary<DivOp>(
        c, b.unary<SqrtOp>(b.binary<AddOp>(variance, constant(DType::F32, 1))));
    add({y, DType::F32, 16, 64 * (x.error + 1e-5), 0});
  }
}

void Generator::step() {
  auto &b = net.build;
  Item &source = pick();
  Item x = source;
  bool wasUsed = source.used;
  size_t before = items.size(), at = &source - items.data();
  (void)wasUsed;
  bool real = x.type == DType::F32, truth = x.type == DType::Bool;
  switch (below(18)) {
  case 0:
  case 1:
    if (real)
      function(x);
    break;
  case 2:
  case 3:
  case 4:
  case 5: {
    Item y = partner(x);
    auto shape = broadcastShapes(x.shape(), y.shape());
    if (!shape || *elementCount(*shape) > 8192)
      break;
    bool swap = below(3) == 0;
    if (swap)
      std::swap(x, y);
    Item z{{}, x.type};
    if (truth) {
      switch (below(3)) {
      case 0:
        z.v = b.binary<AndOp>(x.v, y.v);
        break;
      case 1:
        z.v = b.binary<OrOp>(x.v, y.v);
        break;
      default:
        z.v = b.binary<XorOp>(x.v, y.v);
        break;
      }
      add(z);
      break;
    }
    z.fraction = std::max(x.fraction, y.fraction);
    switch (below(real ? 5 : 9)) {
    case 0:
      z.v = b.binary<AddOp>(x.v, y.v);
      z.size = x.size + y.size;
      z.error =
          x.error + y.error + (x.exact() && y.exact() ? 0 : rounding(z.size));
      break;
    case 1:
      z.v = b.binary<SubOp>(x.v, y.v);
      z.size = x.size + y.size;
      z.error =
          x.error + y.error + (x.exact() && y.exact() ? 0 : rounding(z.size));
      break;
    case 2:
      z.v = b.binary<MulOp>(x.v, y.v);
      z.size = x.size * y.size;
      z.fraction = x.fraction + y.fraction;
      z.error = x.error * y.size + y.error * x.size +
                (x.exact() && y.exact() ? 0 : rounding(z.size));
      break;
    case 3:
      z.v = b.binary<MaxOp>(x.v, y.v);
      z.size = std::max(x.size, y.size);
      z.error = std::max(x.error, y.error);
      break;
    case 4:
      z.v = b.binary<MinOp>(x.v, y.v);
      z.size = std::max(x.size, y.size);
      z.error = std::max(x.error, y.error);
      break;
    case 5:
      z.v = b.binary<DivOp>(x.v, y.v);
      break;
    case 6:
      z.v = b.binary<RemOp>(x.v, y.v);
      break;
    case 7:
      z.v = b.binary<ShlOp>(x.v, y.v);
      break;
    default:
      z.v = b.binary<ShrOp>(x.v, y.v);
      break;
    }
    add(z);
    break;
  }
  case 6: { // exact unary
    Item z = x;
    z.used = false;
    if (truth)
      z.v = b.unary<NotOp>(x.v);
    else if (real && x.exact() && below(2)) {
      z.v = below(2) ? b.unary<FloorOp>(x.v) : b.unary<RoundOp>(x.v);
      z.size += 1;
      z.fraction = 0;
    } else
      z.v = below(2) ? b.unary<NegOp>(x.v) : b.unary<AbsOp>(x.v);
    add(z);
    break;
  }
  case 7: { // conversions
    if (real && !x.exact())
      break;
    DType to = anyType();
    if (to == x.type)
      break;
    Item z{b.cast(x.v, element(to)), to};
    if (isFloat(to)) {
      if (truth)
        z.size = 1;
      else if (x.type == DType::I8 || x.type == DType::U8)
        z.size = 256;
      else { // wide integers could be anything
        Value low = b.binary<AndOp>(x.v, constant(x.type, 63));
        z = {b.cast(low, element(to)), to, 63};
      }
    }
    add(z);
    break;
  }
  case 8: { // a choice
    Item y = partner(x);
    Item c = items[leaf(x.shape(), DType::Bool)];
    if (x.exact() && below(2)) {
      items.back().used = true;
      c.v = b.cmp(below(2) ? CmpKind::lt : CmpKind::ne, x.v,
                  constant(x.type, truth ? 0 : 1));
    }
    auto shape = broadcastShapes(x.shape(), y.shape());
    if (!shape || *elementCount(*shape) > 8192)
      break;
    add({b.where(c.v, x.v, y.v), x.type, std::max(x.size, y.size),
         std::max(x.error, y.error), std::max(x.fraction, y.fraction)});
    break;
  }
  case 9:
  case 10:
  case 11:
    view(x);
    break;
  case 12:
    if (!truth)
      reduceSome(x);
    break;
  case 13:
    contraction(x);
    break;
  case 14:
    rowKernel(x);
    break;
  case 15: { // sums where numbers in range say
    Shape s = x.shape();
    if (s.empty() || x.count() > 4096)
      break;
    int64_t axis = below(s.size()), extent = 1 + below(9);
    Shape of(s.begin() + axis, s.begin() + axis + 1 + below(s.size() - axis));
    Tensor index = Tensor::zeros(below(2) ? DType::I32 : DType::I64, of);
    for (int64_t i = 0; i < index.count(); ++i)
      index.setInteger(i, below(2 * extent) - extent);
    double terms = std::max<double>(index.count(), 1);
    Item y = x;
    y.used = false;
    if (isFloat(x.type)) {
      y.error = sumError(x, terms);
      y.size = x.size * terms;
    }
    y.v = b.scatter(x.v, below(2) ? net.input(index) : net.weight(index), axis,
                    extent);
    if (y.count() <= 8192)
      add(y);
    break;
  }
  case 16: { // a condition that holds
    Value ok = b.cmp(CmpKind::eq, x.v, x.v);
    if (below(2)) {
      Tensor yes = Tensor::zeros(DType::Bool, x.shape());
      for (int64_t i = 0; i < yes.count(); ++i)
        yes.setInteger(i, 1);
      ok = net.input(yes);
    }
    Item y = x;
    y.used = false;
    y.v = b.require(x.v, ok, 9, "never");
    add(y);
    break;
  }
  default: { // gather by numbers in range, given or computed
    Shape s = x.shape();
    if (s.empty() || x.count() > 2000)
      break;
    int64_t axis = below(s.size());
    if (s[axis] == 0)
      break;
    DType indexType = below(2) ? DType::I32 : DType::I64;
    Shape of = below(2) ? Shape{1 + below(6)} : Shape{2, 1 + below(3)};
    Tensor index = Tensor::zeros(indexType, of);
    for (int64_t i = 0; i < index.count(); ++i)
      index.setInteger(i, below(2 * s[axis]) - s[axis]);
    Value i = below(2) ? net.input(index) : net.weight(index);
    if (below(2)) // computed where it is used
      i = b.binary<RemOp>(b.unary<AbsOp>(i),
                          constant(indexType, double(s[axis])));
    Item y = x;
    y.used = false;
    y.v = b.gather(x.v, i, axis);
    if (y.count() <= 8192)
      add(y);
    break;
  }
  }
  if (items.size() > before)
    items[at].used = true;
}

} // namespace

void addRandom(std::vector<Case> &cases, uint64_t first, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint64_t seed = first + i;
    cases.push_back({"random/" + std::to_string(seed),
                     [seed] { Generator(seed).run(seed); }});
  }
}

} // namespace nacre::test
