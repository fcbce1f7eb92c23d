//===- Bits.cpp - shifts and bitwise logic --------------------------------===//
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

} // namespace

void onnx_frontend::addBitsOps(OpTable &t) {
  t["BitShift"] = bounded(bitShift);
  t["BitwiseAnd"] = bounded(bitwise<lazy::AndOp>);
  t["BitwiseOr"] = bounded(bitwise<lazy::OrOp>);
  t["BitwiseXor"] = bounded(bitwise<lazy::XorOp>);
  t["BitwiseNot"] = bounded(bitwiseNot);
}
