//===- Bits.cpp - shifts, bitwise logic and bits as another type ----------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

void needInteger(Value v) {
  if (Node::isFloat(v) || Node::dtype(v) == DType::Bool)
    block("is not supported on " + Twine(dtypeName(Node::dtype(v))));
}

void bitShift(Node &n) {
  Value x = n.in(0), by = n.in(1);
  needInteger(x);
  if (!lazy::isUnsignedElement(Node::element(x)))
    block("is not supported on " + Twine(dtypeName(Node::dtype(x))));
  std::string direction = n.stringAttr("direction", "");
  if (direction == "LEFT")
    return n.set(0, n.binary<lazy::ShlOp>(x, by));
  if (direction == "RIGHT")
    return n.set(0, n.binary<lazy::ShrOp>(x, by));
  block("E_ATTR: direction is " + quoted(direction) +
        ", not 'LEFT' or 'RIGHT'");
}

template <typename Op> void bitwise(Node &n) {
  needInteger(n.in(0));
  n.set(0, n.binary<Op>(n.in(0), n.in(1)));
}

void bitwiseNot(Node &n) {
  needInteger(n.in(0));
  n.set(0, n.build.unary<lazy::NotOp>(n.in(0)));
}

/// bool is the byte 0 or 1: other bytes, which it is not to hold, become 1.
void bitCast(Node &n) {
  Value x = n.in(0);
  int64_t given = std::clamp<int64_t>(n.intAttr("to", 0), 0, 9999);
  DType to = dtypeOfOnnx(int32_t(given), "to"), from = Node::dtype(x);
  if (dtypeBytes(to) != dtypeBytes(from))
    block("E_DTYPE: " + Twine(dtypeName(from)) + " and " + dtypeName(to) +
          " differ in width");
  if (to == from)
    return n.set(0, x);
  if (to == DType::Bool || from == DType::Bool)
    return n.set(0, n.build.cast(x, n.type(to)));
  mlir::RankedTensorType type =
      lazy::withElement(lazy::tensorType(x), n.type(to));
  n.set(0, lazy::BitcastOp::create(n.build.b, n.build.loc, type, x));
}

} // namespace

void onnx_frontend::addBitsOps(OpTable &t) {
  t["BitShift"] = bounded(bitShift);
  t["BitwiseAnd"] = bounded(bitwise<lazy::AndOp>);
  t["BitwiseOr"] = bounded(bitwise<lazy::OrOp>);
  t["BitwiseXor"] = bounded(bitwise<lazy::XorOp>);
  t["BitwiseNot"] = bounded(bitwiseNot);
  t["BitCast"] = bounded(bitCast);
}
