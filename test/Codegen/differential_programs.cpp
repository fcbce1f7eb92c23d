//===- differential_programs.cpp - row kernels and pieces of networks -----===//

#include "Differential.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

static Value scalar(Net &net, DType t, double v) {
  return net.build.splat(element(t), v);
}

Value softmax(Net &net, Value x, int64_t axis) {
  auto &b = net.build;
  Value shifted =
      b.binary<SubOp>(x, b.reduce(ReduceKind::max, x, {axis}, true));
  Value e = b.unary<ExpOp>(shifted);
  return b.binary<DivOp>(e, b.reduce(ReduceKind::add, e, {axis}, true));
}

Value layerNorm(Net &net, Value x, ArrayRef<int64_t> axes, bool affine) {
  auto &b = net.build;
  auto type = tensorType(x);
  DType t = dtypeOf(type.getElementType());
  int64_t count = 1;
  Shape weights(type.getRank(), 1);
  for (int64_t axis : axes) {
    count *= type.getDimSize(axis);
    weights[axis] = type.getDimSize(axis);
  }
  Value n = scalar(net, t, double(count));
  Value mean = b.binary<DivOp>(b.reduce(ReduceKind::add, x, axes, true), n);
  Value centred = b.binary<SubOp>(x, mean);
  Value variance = b.binary<DivOp>(
      b.reduce(ReduceKind::add, b.binary<MulOp>(centred, centred), axes, true),
      n);
  Value y = b.binary<DivOp>(centred, b.unary<SqrtOp>(b.binary<AddOp>(
                                         variance, scalar(net, t, 1e-5))));
  if (affine) {
    y = b.binary<MulOp>(y, net.weight(random(t, weights, net.rng)));
    y = b.binary<AddOp>(y, net.weight(random(t, weights, net.rng)));
  }
  return y;
}

static void rows(DType t, bool norm, const Ways &ways) {
  Net net;
  Tolerance close = roundings(t,
                              t == DType::F16   ? 8
                              : t == DType::F64 ? 1e6
                                                : 64,
                              t == DType::F16   ? 4e-3
                              : t == DType::F64 ? 1e-9
                                                : 4e-6);
  for (Shape shape : {Shape{1}, Shape{7}, Shape{1, 1000}, Shape{5, 33},
                      Shape{3, 7, 13}, Shape{2, 4, 17, 17}, Shape{13, 1}})
    for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis) {
      if (axis + 2 < int64_t(shape.size()) && shape.size() > 3)
        continue;
      Value x = net.input(random(t, shape, net.rng));
      std::string label = "axis " + std::to_string(axis) + " of rank " +
                          std::to_string(shape.size());
      if (norm)
        net.output(layerNorm(net, x, {axis}, axis % 2 == 0), "norm " + label,
                   close);
      else
        net.output(softmax(net, net.build.unary<NegOp>(x), axis),
                   "softmax " + label, close);
    }
  if (norm) {
    Value image = net.input(random(t, {2, 3, 5, 7}, net.rng));
    net.output(layerNorm(net, image, {2, 3}, false), "instance norm", close);
    net.output(layerNorm(net, image, {1, 2, 3}, true), "over three axes",
               close);
  }
  check(net, ways);
}

/// Attention, as importers write it.
static void attention() {
  Net net;
  auto &b = net.build;
  int64_t heads = 3, tokens = 11, width = 8, model = heads * width;
  auto d = [&](unsigned i) { return getAffineDimExpr(i, context()); };
  auto map = [&](unsigned n, ArrayRef<AffineExpr> e) {
    return AffineMap::get(n, 0, e, context());
  };
  Value x = net.input(random(DType::F32, {tokens, model}, net.rng));
  auto project = [&] {
    Value w = net.weight(random(DType::F32, {model, model}, net.rng));
    Value y = b.contract(x, w, map(3, {d(0), d(2)}), map(3, {d(2), d(1)}),
                         map(3, {d(0), d(1)}));
    y = b.binary<MulOp>(y, scalar(net, DType::F32, 0x1p-5));
    return b.permute(b.reshape(y, {tokens, heads, width}), {1, 0, 2});
  };
  Value q = project(), k = project(), v = project();
  Value scores =
      b.contract(q, k, map(4, {d(0), d(1), d(3)}), map(4, {d(0), d(2), d(3)}),
                 map(4, {d(0), d(1), d(2)}));
  Value mask =
      b.cmp(CmpKind::ge, b.iota(typeOf(DType::I32, {tokens, tokens}), 0),
            b.iota(typeOf(DType::I32, {tokens, tokens}), 1));
  scores = b.where(mask, scores, scalar(net, DType::F32, -1e9));
  Value p = softmax(net, scores, 2);
  Value out =
      b.contract(p, v, map(4, {d(0), d(1), d(3)}), map(4, {d(0), d(3), d(2)}),
                 map(4, {d(0), d(1), d(2)}));
  out = b.reshape(b.permute(out, {1, 0, 2}), {tokens, model});
  net.output(p, "weights", {1e-4, 1e-5});
  net.output(layerNorm(net, b.binary<AddOp>(out, x), {1}, true), "block",
             {1e-3, 1e-4});
  check(net, everyLevel);
}

/// What a frontend makes of a quantised layer.
static void quantised() {
  Net net;
  auto &b = net.build;
  auto d = [&](unsigned i) { return getAffineDimExpr(i, context()); };
  auto map = [&](ArrayRef<AffineExpr> e) {
    return AffineMap::get(3, 0, e, context());
  };
  for (auto [m, n, k] : {std::tuple(1, 10, 64), std::tuple(9, 33, 17)}) {
    Value x = net.input(random(DType::I8, {m, k}, net.rng));
    Value w = net.weight(random(DType::I8, {k, n}, net.rng));
    Value scale = net.weight(random(DType::F32, {n}, net.rng));
    auto real = [&](Value v, Value s) {
      return b.binary<MulOp>(b.cast(v, element(DType::F32)), s);
    };
    Value y =
        b.contract(real(x, scalar(net, DType::F32, 0.25)), real(w, scale),
                   map({d(0), d(2)}), map({d(2), d(1)}), map({d(0), d(1)}));
    Value q =
        b.unary<RoundOp>(b.binary<DivOp>(y, scalar(net, DType::F32, 0.5)));
    q = b.binary<MinOp>(b.binary<MaxOp>(q, scalar(net, DType::F32, -128)),
                        scalar(net, DType::F32, 127));
    net.output(b.cast(q, element(DType::I8)), "quantised");
    Value wide = b.contract(b.cast(x, element(DType::I32)),
                            b.cast(w, element(DType::I32)), map({d(0), d(2)}),
                            map({d(2), d(1)}), map({d(0), d(1)}));
    net.output(b.binary<SubOp>(wide, scalar(net, DType::I32, 3)),
               "in integers");
  }
  check(net, everyLevel);
}

/// Shapes of programs that are easy to get wrong.
static void signatures() {
  Net net;
  auto &b = net.build;
  Tensor data = random(DType::F32, {3, 5}, net.rng);
  Value x = net.input(data), w = net.weight(data);
  Value unused = net.input(random(DType::I8, {4}, net.rng));
  (void)unused;
  net.output(x, "an input as a result");
  net.output(x, "the same input again");
  net.output(w, "a weight as a result");
  net.output(b.splat(element(DType::F32), 2.5, {3, 3}), "a constant");
  net.output(b.iota(typeOf(DType::I64, {2, 7}), 1), "an iota");
  net.output(b.permute(x, {1, 0}), "a view of an input");
  net.output(b.permute(w, {1, 0}), "a view of a weight");
  Value y = b.unary<NegOp>(x);
  net.output(y, "a result");
  net.output(y, "the same result again");
  net.output(b.reshape(y, {15}), "a view of a result");
  net.output(b.unary<AbsOp>(y), "computed from a result");
  net.output(b.binary<AddOp>(x, x), "one value twice");
  net.output(b.binary<AddOp>(b.reshape(b.permute(x, {1, 0}), {3, 5}), x),
             "a value and its transpose");
  net.output(b.reshape(net.input(random(DType::F32, {}, net.rng)), {1, 1}),
             "a scalar reshaped");
  net.output(b.concat({b.unary<NegOp>(y), y, y}, 0), "joined with itself");
  // In-place chains while another reader is still to come.
  Value c = b.unary<ExpOp>(x), e = b.binary<AddOp>(c, x), f = b.unary<NegOp>(e);
  Value s = b.reduce(ReduceKind::add, c, {0, 1});
  net.output(b.binary<MulOp>(f, s), "a late reader", roundings(DType::F32, 64));
  check(net, everyLevel);
}

/// Elementwise operations between reshapes: loops that run as one need every
/// address to come together again, however deep the shape was taken apart.
static void reshaped() {
  Net net;
  auto &b = net.build;
  for (Shape shape : {Shape{2, 3, 4, 5}, Shape{3, 1, 4, 7},
                      Shape{2, 3, 2, 3, 4}, Shape{30, 4}})
    for (Shape between :
         {Shape{1, 0}, Shape{0}, Shape{0, 1}, Shape{3, 0}, Shape{0, 5}}) {
      int64_t count = 1, known = 1;
      for (int64_t extent : shape)
        count *= extent;
      for (int64_t extent : between)
        known *= std::max<int64_t>(extent, 1);
      if (count % known != 0)
        continue;
      for (int64_t &extent : between)
        if (extent == 0)
          extent = count / known;
      Value x = net.input(random(DType::F32, shape, net.rng));
      Value y = net.input(random(DType::F32, between, net.rng));
      Value sum = b.binary<AddOp>(b.reshape(x, between), y);
      std::string label = std::to_string(shape.size()) + " axes as " +
                          std::to_string(between.size());
      net.output(b.reshape(sum, shape), "back to " + label);
      net.output(b.reshape(b.unary<NegOp>(sum), {2, count / 2}),
                 "on from " + label);
      net.output(b.reshape(x, Shape(llvm::reverse(shape))), "turned " + label);
    }
  check(net, everyLevel);
}

/// A value of one element that another view gave strides of zero: the guard
/// depends on loops that the address does not.
static void paddedScalar() {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(DType::F32, {40}, net.rng));
  Value y = net.input(random(DType::F32, {3, 5}, net.rng));
  Value m =
      b.unary<NegOp>(b.reshape(b.reduce(ReduceKind::add, x, {0}), {1, 1}));
  net.output(b.reshape(m, {1, 1, 1, 1}), "reshaped", roundings(DType::F32, 64));
  net.output(b.binary<AddOp>(b.pad(m, {1, 2}, {1, 2}, 5), y), "padded",
             roundings(DType::F32, 64));
  check(net, everyLevel);
}

/// Rows divided by their sum, where its reciprocal would overflow, be
/// subnormal, infinite or 0.
static void rowQuotients() {
  Net net;
  auto &b = net.build;
  const Shape shape{9, 21};
  std::vector<double> units{1,      0x1p-149, 0x1p-130, 0x1p-63, 0x1p-65,
                            0x1p64, 0x1p121,  0,        INFINITY};
  Tensor x = Tensor::zeros(DType::F32, shape);
  for (int64_t i = 0; i < x.count(); ++i)
    x.setNumber(i, units[i / shape[1]] * double(i % shape[1] % 11 + 1));
  for (int64_t axis : {0, 1}) {
    Tensor data = x;
    if (axis == 0) { // the same columns
      data = Tensor::zeros(DType::F32, {shape[1], shape[0]});
      for (int64_t i = 0; i < data.count(); ++i)
        data.setNumber(i, x.numberAt(i % shape[0] * shape[1] + i / shape[0]));
    }
    Value v = net.input(data);
    Value sum = b.reduce(ReduceKind::add, v, {axis}, true);
    net.output(b.binary<DivOp>(v, sum),
               "quotients along axis " + std::to_string(axis),
               roundings(DType::F32, 2));
  }
  check(net, everyLevel);
}

/// Nothing to compute with still has a place.
static void empty() {
  Net net;
  auto &b = net.build;
  Value x = net.input(random(DType::F32, {2, 0, 4}, net.rng));
  net.output(b.reduce(ReduceKind::add, b.binary<MulOp>(x, x), {1}), "sum");
  net.output(b.unary<NegOp>(b.unary<AbsOp>(x)), "negated");
  check(net, everyLevel);
}

void addPrograms(std::vector<Case> &cases) {
  for (DType t : {DType::F32, DType::F64, DType::F16})
    for (bool norm : {false, true})
      cases.push_back(
          {std::string(norm ? "norm/" : "softmax/") + dtypeName(t),
           [=] { rows(t, norm, t == DType::F32 ? everyLevel : Ways{}); }});
  cases.push_back({"attention", attention});
  cases.push_back({"quantised", quantised});
  cases.push_back({"signatures", signatures});
  cases.push_back({"reshaped", reshaped});
  cases.push_back({"padded scalar", paddedScalar});
  cases.push_back({"row quotients", rowQuotients});
  cases.push_back({"empty", empty});
}

} // namespace nacre::test
