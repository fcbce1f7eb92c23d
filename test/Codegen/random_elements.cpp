//===- random_elements.cpp - elementwise steps of random programs ---------===//

#include "RandomProgram.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

void RandomProgram::function(Item x) {
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

void RandomProgram::binary(Item x) {
  auto &b = net.build;
  Item y = partner(x);
  auto shape = broadcastShapes(x.shape(), y.shape());
  if (!shape || *elementCount(*shape) > 8192)
    return;
  if (below(3) == 0)
    std::swap(x, y);
  Item z{{}, x.type};
  if (x.type == DType::Bool) {
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
    return;
  }
  z.fraction = std::max(x.fraction, y.fraction);
  // The largest magnitude, and the error without that of the operation itself.
  auto rounded = [&](double size, double error) {
    z.size = size;
    z.error = error + (x.exact() && y.exact() ? 0 : rounding(size));
  };
  switch (below(x.type == DType::F32 ? 5 : 9)) {
  case 0:
    z.v = b.binary<AddOp>(x.v, y.v);
    rounded(x.size + y.size, x.error + y.error);
    break;
  case 1:
    z.v = b.binary<SubOp>(x.v, y.v);
    rounded(x.size + y.size, x.error + y.error);
    break;
  case 2:
    z.v = b.binary<MulOp>(x.v, y.v);
    z.fraction = x.fraction + y.fraction;
    rounded(x.size * y.size, x.error * y.size + y.error * x.size);
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
}

void RandomProgram::exactUnary(Item x) {
  auto &b = net.build;
  x.used = false;
  if (x.type == DType::Bool)
    x.v = b.unary<NotOp>(x.v);
  else if (x.type == DType::F32 && x.exact() && below(2)) {
    x.v = below(2) ? b.unary<FloorOp>(x.v) : b.unary<RoundOp>(x.v);
    x.size += 1;
    x.fraction = 0;
  } else
    x.v = below(2) ? b.unary<NegOp>(x.v) : b.unary<AbsOp>(x.v);
  add(x);
}

void RandomProgram::convert(Item x) {
  auto &b = net.build;
  if (isFloat(x.type) && !x.exact())
    return;
  DType to = anyType();
  if (to == x.type)
    return;
  Item z{b.cast(x.v, element(to)), to};
  if (isFloat(to)) {
    if (x.type == DType::Bool)
      z.size = 1;
    else if (x.type == DType::I8 || x.type == DType::U8)
      z.size = 256;
    else { // wide integers could be anything
      Value low = b.binary<AndOp>(x.v, constant(x.type, 63));
      z = {b.cast(low, element(to)), to, 63};
    }
  }
  add(z);
}

void RandomProgram::choose(Item x) {
  auto &b = net.build;
  Item y = partner(x);
  Item c = items[leaf(x.shape(), DType::Bool)];
  if (x.exact() && below(2)) {
    items.back().used = true;
    c.v = b.cmp(below(2) ? CmpKind::lt : CmpKind::ne, x.v,
                constant(x.type, x.type == DType::Bool ? 0 : 1));
  }
  auto shape = broadcastShapes(x.shape(), y.shape());
  if (!shape || *elementCount(*shape) > 8192)
    return;
  add({b.where(c.v, x.v, y.v), x.type, std::max(x.size, y.size),
       std::max(x.error, y.error), std::max(x.fraction, y.fraction)});
}

/// A condition that holds.
void RandomProgram::demand(const Item &x) {
  auto &b = net.build;
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
}

} // namespace nacre::test
