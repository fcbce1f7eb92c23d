//===- Cast.cpp - conversion of the element type --------------------------===//
#include "Cast.h"
#include "../OpTable.h"
#include "Strings.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

/// The largest number of a float of 8 bits.
double largest(DType dtype) {
  switch (dtype) {
  case DType::F8E4M3FN:
    return 448;
  case DType::F8E4M3FNUZ:
    return 240;
  default: // both e5m2
    return 57344;
  }
}

/// The power of two at or beside |x|, in the bits of f32. ONNX leaves the sign
/// open. It states the ends for two combinations of its attributes; here
/// `saturate` decides about them alone: 0 and what is smaller than 2^-127 is
/// that number or NaN, what is larger than 2^127 once rounded, infinity too, is
/// that number or NaN.
Value toScale(Node &n, Value x) {
  bool saturate = n.intAttr("saturate", 1) != 0;
  std::string mode = n.stringAttr("round_mode", "up");
  mlir::Type i32 = n.type(DType::I32);
  x = n.build.cast(x, n.type(DType::F32));
  Value bits = lazy::BitcastOp::create(
      n.build.b, n.build.loc, lazy::withElement(lazy::tensorType(x), i32), x);
  auto constant = [&](double v) { return n.build.splatLike(bits, v); };
  bits = n.binary<lazy::AndOp>(bits, double(0x7fffffff));
  // What carries into the exponent, and the first subnormal number above
  // 2^-127 that does; up to there they have the smallest code.
  int64_t carry, tiny;
  if (mode == "up")
    carry = 0x7fffff, tiny = 0x400001;
  else if (mode == "down")
    carry = 0, tiny = 0x800000;
  else if (mode == "nearest")
    carry = 0x400000, tiny = 0x600000;
  else
    block("E_ATTR: round_mode is " + quoted(mode) +
          ", not 'up', 'down' or 'nearest'");
  // NaN would carry into the sign.
  Value limited = n.binary<lazy::MinOp>(bits, double(0x7f800000));
  Value code = n.binary<lazy::ShrOp>(
      n.binary<lazy::AddOp>(limited, double(carry)), 23.0);
  Value isTiny = n.cmp(CmpKind::lt, bits, constant(0x800000));
  Value above = n.build.cast(n.cmp(CmpKind::ge, bits, constant(tiny)), i32);
  code = n.where(isTiny, above, code);
  Value outside = n.cmp(CmpKind::gt, bits, constant(0x7f800000));
  if (saturate)
    code = n.binary<lazy::MinOp>(code, 254.0);
  else
    outside = n.build.binary<lazy::OrOp>(
        outside, n.cmp(CmpKind::lt, bits, constant(0x400000)));
  code = n.where(outside, constant(255), code);
  code = n.build.cast(code, n.type(DType::U8));
  return lazy::BitcastOp::create(
      n.build.b, n.build.loc,
      lazy::withElement(lazy::tensorType(x), n.type(DType::F8E8M0)), code);
}

} // namespace

Value onnx_frontend::castTo(Node &n, Value x, DType to) {
  DType from = Node::dtype(x);
  if (from == to)
    return x;
  switch (to) {
  case DType::I4:
  case DType::U4:
  case DType::I2:
  case DType::U2:
    // ONNX leaves floats out of range open; its tests have the low bits.
    if (isFloatDType(from))
      x = n.build.cast(x, n.type(DType::I32));
    break;
  case DType::F8E8M0:
    return toScale(n, x);
  case DType::F8E4M3FN:
  case DType::F8E4M3FNUZ:
  case DType::F8E5M2:
  case DType::F8E5M2FNUZ:
    if (n.intAttr("saturate", 1) == 0)
      break;
    if (!isFloatDType(from) || isNarrow(from))
      x = n.build.cast(x, n.type(DType::F32));
    x = n.binary<lazy::MaxOp>(x, -largest(to));
    x = n.binary<lazy::MinOp>(x, largest(to));
    break;
  default:
    break;
  }
  return n.build.cast(x, n.type(to));
}

namespace {

/// Types by their names in TensorProto, as Cast had them before opset 6.
DType typeNamed(const std::string &name) {
  onnx::TensorProto::DataType type;
  if (!onnx::TensorProto::DataType_Parse(name, &type))
    block("E_DTYPE: unknown data type " + quoted(name));
  return dtypeOfOnnx(type, "to");
}

bool areStrings(const Datum &datum) {
  return datum.isStrings() || datum.isCoded();
}

void cast(Node &n) {
  if (n.opset < 6)
    return n.set(0, castTo(n, n.in(0), typeNamed(n.stringAttr("to", ""))));
  int64_t to = n.intAttr("to", 0);
  if (to < INT32_MIN || to > INT32_MAX)
    block("E_DTYPE: unknown data type " + Twine(to));
  if (to == onnx::TensorProto::STRING)
    return castStrings(n, std::nullopt);
  DType dtype = dtypeOfOnnx(int32_t(to), "to");
  if (areStrings(n.datum(0)))
    return castStrings(n, dtype);
  n.set(0, castTo(n, n.in(0), dtype));
}

void castLike(Node &n) {
  if (areStrings(n.datum(1)))
    return castStrings(n, std::nullopt);
  if (areStrings(n.datum(0)))
    return castStrings(n, Node::dtype(n.in(1)));
  n.set(0, castTo(n, n.in(0), Node::dtype(n.in(1))));
}

/// bool is the byte 0 or 1: other bytes, which it is not to hold, become 1.
void bitCast(Node &n) {
  Value x = n.in(0);
  int64_t given = std::clamp<int64_t>(n.intAttr("to", 0), 0, 9999);
  DType to = dtypeOfOnnx(int32_t(given), "to"), from = Node::dtype(x);
  if (dtypeBits(to) != dtypeBits(from))
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

void onnx_frontend::addCastOps(OpTable &t) {
  t["Cast"] = bounded(cast);
  t["CastLike"] = bounded(castLike);
  t["BitCast"] = bounded(bitCast);
}
