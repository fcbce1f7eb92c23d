//===- differential_bytes.cpp - sums of products of bytes -----------------===//
//
// Contractions of i8 and u8 in i32, as such and as what a quantized network
// becomes (lib/Fuse/SumBytes.cpp), on machines with and without instructions
// for them. All is exact but the scales.
//
//===----------------------------------------------------------------------===//
#include "Differential.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {
namespace {

AffineExpr dim(unsigned d) { return getAffineDimExpr(d, context()); }
AffineMap map(unsigned dims, ArrayRef<AffineExpr> results) {
  return AffineMap::get(dims, 0, results, context());
}

/// All bytes, so that sums reach far beyond 16 bits.
Tensor bytes(DType t, ArrayRef<int64_t> shape, std::mt19937_64 &rng) {
  Tensor data = Tensor::zeros(t, shape);
  for (int64_t i = 0, n = data.count(); i < n; ++i)
    data.data<uint8_t>()[i] = uint8_t(rng());
  return data;
}

/// How operands of the result come about.
enum class Form {
  Bytes,   ///< lazy.contract of bytes
  Words,   ///< of i32 less zero points
  Numbers, ///< of f32 less zero points, times scales
};

struct Sum {
  Net &net;
  Form form;
  Tolerance tolerance() const {
    return form == Form::Numbers ? Tolerance{1e-4, 1e-2} : Tolerance{};
  }
  /// What a byte stands for: (v - zero) * scale, the scale along `axis` of the
  /// weights if there is one.
  Value meaning(Value v, int64_t zero, double scale, int64_t axis = -1) {
    Build &b = net.build;
    if (form == Form::Bytes)
      return v;
    Type to = element(form == Form::Words ? DType::I32 : DType::F32);
    Value y = b.cast(v, to);
    if (zero)
      y = b.binary<SubOp>(y, b.splat(to, zero));
    if (form == Form::Words)
      return y;
    if (axis < 0)
      return b.binary<MulOp>(y, b.splat(to, scale));
    Shape along(tensorType(v).getRank(), 1);
    along[axis] = tensorType(v).getDimSize(axis);
    Tensor scales = random(DType::F32, along, net.rng);
    return b.binary<MulOp>(y, net.weight(scales));
  }
  Value contract(Value x, Value w, AffineMap xs, AffineMap ws, AffineMap ys) {
    Build &b = net.build;
    Value like = b.contract(x, form == Form::Bytes ? b.cast(w, typeOf(x)) : w,
                            xs, ws, ys);
    if (form != Form::Bytes)
      return like;
    auto type = tensorType(like).clone(element(DType::I32));
    auto op = like.getDefiningOp<ContractOp>();
    return ContractOp::create(b.b, b.loc, type, x, w, op.getMapsAttr());
  }
  static Type typeOf(Value v) { return tensorType(v).getElementType(); }
};

void matmuls(Form form, DType left, DType right, const Ways &ways) {
  Net net;
  net.rng.seed(int(left) * 16 + int(right));
  Sum sum{net, form};
  for (auto [m, n, k] :
       {std::tuple(1, 16, 4), std::tuple(3, 5, 7), std::tuple(17, 33, 129),
        std::tuple(2, 4, 1), std::tuple(5, 64, 2), std::tuple(1, 100, 63),
        std::tuple(31, 8, 64)}) {
    std::string name =
        std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    Value x = sum.meaning(net.input(bytes(left, {m, k}, net.rng)),
                          left == DType::I8 ? -3 : 131, 0.125);
    Value w = sum.meaning(net.weight(bytes(right, {k, n}, net.rng)),
                          right == DType::I8 ? 0 : 128, 0.5, 1);
    net.output(sum.contract(x, w, map(3, {dim(0), dim(2)}),
                            map(3, {dim(2), dim(1)}), map(3, {dim(0), dim(1)})),
               name, sum.tolerance());
    Value v = sum.meaning(net.weight(bytes(right, {n, k}, net.rng)),
                          right == DType::I8 ? 0 : 128, 0.5, 0);
    net.output(sum.contract(v, x, map(3, {dim(0), dim(2)}),
                            map(3, {dim(1), dim(2)}), map(3, {dim(0), dim(1)})),
               name + " from the left", sum.tolerance());
  }
  check(net, ways);
}

struct Conv {
  int64_t in, out, groups, kernel, stride, dilation, low, high;
};

void convolutions(Form form, DType left, const Ways &ways) {
  Net net;
  net.rng.seed(int(left) + 7);
  Sum sum{net, form};
  auto &b = net.build;
  for (const Conv &c :
       {Conv{3, 16, 1, 3, 1, 1, 1, 1}, Conv{1, 64, 1, 5, 2, 1, 2, 1},
        Conv{16, 24, 1, 1, 1, 1, 0, 0}, Conv{13, 17, 1, 3, 1, 2, 2, 2},
        Conv{32, 32, 1, 3, 2, 1, 0, 1}, Conv{12, 24, 3, 3, 1, 1, 1, 1},
        Conv{8, 8, 8, 3, 1, 1, 1, 1}}) {
    int64_t zero = left == DType::I8 ? -128 : 7;
    Value x = net.input(bytes(left, {2, c.in, 9, 7}, net.rng));
    x = sum.meaning(x, zero, 0.03);
    x = b.pad(x, {0, 0, c.low, c.low}, {0, 0, c.high, c.high}, 0);
    Value w = net.weight(bytes(
        DType::I8, {c.out, c.in / c.groups, c.kernel, c.kernel}, net.rng));
    w = sum.meaning(w, 0, 0.2, 0);
    Shape xShape(tensorType(x).getShape());
    x = b.reshape(x, {2, c.groups, c.in / c.groups, xShape[2], xShape[3]});
    w = b.reshape(
        w, {c.groups, c.out / c.groups, c.in / c.groups, c.kernel, c.kernel});
    // batch, group, channel, row, column; input channel, window
    Value y = sum.contract(
        x, w,
        map(8, {dim(0), dim(1), dim(5), dim(3) * c.stride + dim(6) * c.dilation,
                dim(4) * c.stride + dim(7) * c.dilation}),
        map(8, {dim(1), dim(2), dim(5), dim(6), dim(7)}),
        map(8, {dim(0), dim(1), dim(2), dim(3), dim(4)}));
    net.output(y,
               std::to_string(c.in) + "->" + std::to_string(c.out) +
                   " kernel " + std::to_string(c.kernel) + " groups " +
                   std::to_string(c.groups),
               sum.tolerance());
  }
  check(net, ways);
}

/// Bytes between two layers: quantized, stored once, read as sums and beside.
void layers(DType t, const Ways &ways) {
  Net net;
  net.rng.seed(int(t) + 99);
  Sum sum{net, Form::Numbers};
  auto &b = net.build;
  int64_t zero = t == DType::I8 ? 5 : 120, low = t == DType::I8 ? -128 : 0;
  auto quantize = [&](Value v, double scale) {
    Type f32 = element(DType::F32);
    v = b.binary<DivOp>(v, b.splat(f32, scale));
    v = b.binary<AddOp>(b.unary<RoundOp>(v), b.splat(f32, zero));
    v = b.binary<MaxOp>(v, b.splat(f32, low));
    v = b.binary<MinOp>(v, b.splat(f32, low + 255));
    return b.cast(v, element(t));
  };
  Value x = net.input(bytes(t, {6, 40}, net.rng));
  Value first = sum.meaning(x, zero, 1.0 / 64);
  for (int layer = 0; layer < 3; ++layer) {
    Value v = sum.meaning(x, zero, 1.0 / 64);
    Value w =
        b.binary<MulOp>(b.cast(net.weight(bytes(DType::I8, {40, 40}, net.rng)),
                               element(DType::F32)),
                        b.splat(element(DType::F32), 1.0 / 1024));
    v = sum.contract(v, w, map(3, {dim(0), dim(2)}), map(3, {dim(2), dim(1)}),
                     map(3, {dim(0), dim(1)}));
    v = b.binary<AddOp>(v, first);
    x = quantize(v, 1.0 / 64);
    net.output(x, "layer " + std::to_string(layer));
  }
  check(net, ways);
}

} // namespace

void addByteSums(std::vector<Case> &cases) {
  Ways with, without;
  with.machine = [](MachineDescription &m) { m.dotProducts = true; };
  without.machine = [](MachineDescription &m) { m.dotProducts = false; };
  for (DType left : {DType::U8, DType::I8}) {
    std::string t = dtypeName(left);
    for (DType right : {DType::I8, DType::U8}) {
      std::string p = "bytes/" + t + "*" + dtypeName(right);
      cases.push_back({p, [=] { matmuls(Form::Bytes, left, right, with); }});
      cases.push_back(
          {p + "/i32", [=] { matmuls(Form::Words, left, right, with); }});
      cases.push_back(
          {p + "/f32", [=] { matmuls(Form::Numbers, left, right, with); }});
    }
    std::string p = "bytes/conv/" + t;
    cases.push_back({p, [=] { convolutions(Form::Words, left, with); }});
    cases.push_back(
        {p + "/f32", [=] { convolutions(Form::Numbers, left, with); }});
    cases.push_back(
        {p + "/plain", [=] { convolutions(Form::Words, left, without); }});
    cases.push_back({"bytes/layers/" + t, [=] { layers(left, with); }});
  }
}

} // namespace nacre::test
