//===- ExpandExp.cpp - e^x of f32 in registers ----------------------------===//
//
// x = n ln 2 + r with a whole n, and e^x = 2^n e^r. Added to a number so large
// that its last bit counts ones, x / ln 2 is rounded to n, which then stands in
// the lowest bits: shifted to where exponents stand they are 2^n.
//
// At most 1 unit in the last place from e^x (docs/op-accuracy.md). Beyond the
// largest number it is infinity; below 2^-126.5 it is 0.
//
//===----------------------------------------------------------------------===//
#include "Cpu.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

constexpr float log2OfE = 0x1.715476p+0f;
/// ln 2 in two parts, of which multiples of the first by n are exact.
constexpr float ln2High = 0x1.62e4p-1f, ln2Low = 0x1.7f7d1cp-20f;
/// 1.5 * 2^23, where f32 counts ones, and the exponent's bias.
constexpr float counting = 12582912.0f + 127.0f;
/// n is 127 at most. Below, 2^-127 is 0 as its exponent's bits are.
constexpr float mostCounted = counting + 127.0f, least = -88.37f;
/// e^r - 1 - r over r^2, of the least relative error of e^r for r from -0.347
/// to 0.6935 (7 terms with 1 + r, Remez): 1.5e-9. Where n is held at 127, r
/// reaches ln 2.
constexpr float terms[] = {
    0x1.e793c8p-13f, 0x1.6ac82ap-10f, 0x1.10da12p-7f, 0x1.555844p-5f,
    0x1.555582p-3f,  0x1.fffffcp-2f,  1.0f,           1.0f};

struct ExpandExp : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &b) const override {
    Location loc = op.getLoc();
    Value x = op.getOperand();
    Type type = x.getType();
    if (!getElementTypeOrSelf(type).isF32())
      return failure();
    Type bits = b.getI32Type();
    if (auto vector = dyn_cast<VectorType>(type))
      bits = vector.clone(bits);
    auto constant = [&](Type of, Attribute value) -> Value {
      if (auto shaped = dyn_cast<ShapedType>(of))
        value = DenseElementsAttr::get(shaped, value);
      return arith::ConstantOp::create(b, loc, cast<TypedAttr>(value));
    };
    auto number = [&](float v) { return constant(type, b.getF32FloatAttr(v)); };
    auto fma = [&](Value p, Value q, Value r) -> Value {
      return math::FmaOp::create(b, loc, p, q, r);
    };
    /// v, or the limit where v is beyond it; NaN stays.
    auto limit = [&](Value v, arith::CmpFPredicate beyond, float at) -> Value {
      Value edge = number(at);
      Value is = arith::CmpFOp::create(b, loc, beyond, v, edge);
      return arith::SelectOp::create(b, loc, is, edge, v);
    };
    x = limit(x, arith::CmpFPredicate::OLT, least);
    Value count = limit(fma(x, number(log2OfE), number(counting)),
                        arith::CmpFPredicate::OGT, mostCounted);
    Value n = arith::SubFOp::create(b, loc, count, number(counting));
    Value r = fma(n, number(-ln2Low), fma(n, number(-ln2High), x));
    Value sum = number(terms[0]);
    for (float term : ArrayRef(terms).drop_front())
      sum = fma(sum, r, number(term));
    Value power = arith::ShLIOp::create(
        b, loc, arith::BitcastOp::create(b, loc, bits, count),
        constant(bits, b.getI32IntegerAttr(23)));
    b.replaceOpWithNewOp<arith::MulFOp>(
        op, sum, arith::BitcastOp::create(b, loc, type, power));
    return success();
  }
};

} // namespace

void populateExpandExp(RewritePatternSet &patterns) {
  patterns.add<ExpandExp>(patterns.getContext());
}

} // namespace nacre::codegen
