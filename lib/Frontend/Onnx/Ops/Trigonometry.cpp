//===- Trigonometry.cpp - inverse and hyperbolic functions ----------------===//
//
// Each is r (1 + z P(z)) with z = r^2 near 0, where a difference of large terms
// would lose the digits, and a formula without cancellation elsewhere. P is a
// polynomial through the Chebyshev points of its range, of a degree for f32
// and one for f64; the relative error of the whole stands beside each. f16 and
// bf16 compute in f32. Arguments of a branch that is not taken stay where the
// branch has a derivative, so that gradients pass.
//
//===----------------------------------------------------------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;

namespace {

/// Coefficients of P from z^0 on.
struct Polynomial {
  std::vector<double> narrow, wide; // f32, f64
};

/// atan, r within tan(pi/8): 2.26e-9 and 1.79e-19.
const Polynomial arcTangentNear0{
    {-0.33333331760863766, 0.1999954041360354, -0.1426395317115633,
     0.10743705260895021, -0.06451841276882797},
    {-0.3333333333333333, 0.19999999999999804, -0.14285714285659806,
     0.11111111105153429, -0.09090908753400499, 0.07692296372129964,
     -0.06666424833613552, 0.05878928398517232, -0.052304498567092406,
     0.04551573086664191, -0.034570044186095536, 0.016285183029865667}};
/// asin, r within 1/2: 9.17e-10 and 3.52e-18.
const Polynomial arcSineNear0{
    {0.16666666337430908, 0.07500094543497424, 0.04459940152851218,
     0.03110066273549457, 0.017149238357677253, 0.03369084720283012},
    {0.16666666666666669, 0.07499999999998433, 0.04464285714635543,
     0.030381944138531247, 0.02237217294214989, 0.017352392720869973,
     0.013971212973552933, 0.011479177415184906, 0.01032281435018578,
     0.005457506718640358, 0.01740087944269402, -0.014851887071247204,
     0.028757851367421566}};
/// atanh, r within 1/3: 3.48e-10 and 1.28e-19.
const Polynomial areaTangentNear0{
    {0.3333333366026371, 0.1999985316596486, 0.14296178997151418,
     0.10853287900440187, 0.11612164612011674},
    {0.3333333333333333, 0.19999999999999762, 0.1428571428580005,
     0.11111111099118386, 0.09090909948981357, 0.07692271982430275,
     0.06667589315724629, 0.05867139530651599, 0.05422589197440007,
     0.03746071897775383, 0.07815288900461426}};
/// sinh, r within 1: 1.56e-10 and 2.83e-19.
const Polynomial sineNear0{{0.16666666646842135, 0.00833333967591706,
                            0.00019838101968683888, 2.8062802582276946e-06},
                           {0.16666666666666666, 0.008333333333333299,
                            0.00019841269841324198, 2.7557319191381816e-06,
                            2.5052117695907823e-08, 1.6057679623801638e-10,
                            7.746178593018827e-13}};

/// A value with the operators of formulas.
struct Term {
  Node *n;
  Value v;

  Term with(Value x) const { return {n, x}; }
  Term constant(double c) const { return with(n->build.splatLike(v, c)); }
  Term operator-() const { return with(n->build.unary<lazy::NegOp>(v)); }
  Term operator+(Term o) const { return with(n->binary<lazy::AddOp>(v, o.v)); }
  Term operator-(Term o) const { return with(n->binary<lazy::SubOp>(v, o.v)); }
  Term operator*(Term o) const { return with(n->binary<lazy::MulOp>(v, o.v)); }
  Term operator/(Term o) const { return with(n->binary<lazy::DivOp>(v, o.v)); }
  Term operator+(double c) const { return *this + constant(c); }
  Term operator-(double c) const { return *this - constant(c); }
  Term operator*(double c) const { return *this * constant(c); }
  Term abs() const { return with(n->build.unary<lazy::AbsOp>(v)); }
  Term sqrt() const { return with(n->unary<lazy::SqrtOp>(v)); }
  Term exp() const { return with(n->unary<lazy::ExpOp>(v)); }
  Term log() const { return with(n->unary<lazy::LogOp>(v)); }
  Value above(double c) const { return n->cmp(CmpKind::gt, v, constant(c).v); }
  bool isWide() const { return Node::dtype(v) == DType::F64; }
};

Term where(Value condition, Term a, Term b) {
  return a.with(a.n->where(condition, a.v, b.v));
}

/// A constant and the digits that f64 has no place for.
struct Constant {
  double high, low;
};
constexpr Constant kHalfPi{1.5707963267948966, 6.123233995736766e-17};
constexpr double kLog2 = 0.6931471805599453;

/// r (1 + z P(z)).
Term near0(Term r, const Polynomial &p) {
  Term z = r * r;
  const std::vector<double> &c = r.isWide() ? p.wide : p.narrow;
  Term sum = r.constant(c.back());
  for (size_t i = c.size() - 1; i-- > 0;)
    sum = sum * z + c[i];
  return r * (z * sum + 1);
}

/// y, which is not negative, with the sign of x; x where that is 0.
Term withSign(Term x, Term y) {
  Value zero = x.constant(0).v;
  Value negative = x.n->cmp(CmpKind::lt, x.v, zero);
  Value isZero = x.n->cmp(CmpKind::eq, x.v, zero);
  return where(negative, -y, where(isZero, x, y));
}

/// times * pi / 2 + y, rounded once or twice.
Term fromQuarter(Term y, double times) {
  double high = kHalfPi.high * times, low = kHalfPi.low * times;
  if (!y.isWide()) {
    low += high - double(float(high));
    high = float(high);
  }
  return y + low + high;
}

/// |x| is brought within tan(pi/8) by turns of pi/4.
Term arcTangent(Term x) {
  Term a = x.abs();
  Value far = a.above(2.414213562373095), middle = a.above(0.4142135623730950);
  Term one = a.constant(1);
  Term above = where(far, -one, where(middle, a - one, a));
  Term below = where(far, a, where(middle, a + one, one));
  Term y = near0(above / below, arcTangentNear0);
  y = where(far, fromQuarter(y, 1), where(middle, fromQuarter(y, 0.5), y));
  return withSign(x, y);
}

/// asin(|x|) within 1/2, else asin(sqrt((1 - |x|) / 2)), and whether it is
/// that.
std::pair<Term, Value> halfArcSine(Term x) {
  Term a = x.abs();
  Value far = a.above(0.5);
  Term half = (a.constant(1) - a) * 0.5;
  Term root = where(far, half, half.constant(0.25)).sqrt();
  // Beyond 1 the root is NaN.
  return {near0(where(far, root, a), arcSineNear0), far};
}

Term arcSine(Term x) {
  auto [y, far] = halfArcSine(x);
  return withSign(x, where(far, fromQuarter(y * -2, 1), y));
}

Term arcCosine(Term x) {
  auto [y, far] = halfArcSine(x);
  Value negative = x.n->cmp(CmpKind::lt, x.v, x.constant(0).v);
  Term near = fromQuarter(where(negative, y, -y), 1);
  Term twice = y * 2;
  return where(far, where(negative, fromQuarter(-twice, 2), twice), near);
}

/// log(1 + y) for y from 0 on: 2 atanh(y / (2 + y)) below 1.
Term logOfOneMore(Term y) {
  Value far = y.above(1);
  Term kept = where(far, y.constant(1), y);
  return where(far, (y + 1).log(),
               near0(kept / (kept + 2), areaTangentNear0) * 2);
}

/// Beyond this x^2 + 1 is x^2, and squares do not overflow before.
double farFrom1(Term x) { return x.isWide() ? 1e9 : 1e5; }

Term areaSine(Term x) {
  Term a = x.abs();
  Value far = a.above(farFrom1(x));
  Term near = where(far, a.constant(1), a);
  Term square = near * near;
  Term y = logOfOneMore(near + square / ((square + 1).sqrt() + 1));
  return withSign(x, where(far, where(far, a, a.constant(1)).log() + kLog2, y));
}

Term areaCosine(Term x) {
  Value far = x.above(farFrom1(x));
  Term t = where(far, x.constant(1), x - 1);
  Term y = logOfOneMore(t + (t * (t + 2)).sqrt());
  Term all = where(far, where(far, x, x.constant(1)).log() + kLog2, y);
  // Far below 1 the formula gives numbers.
  double nan = std::numeric_limits<double>::quiet_NaN();
  return where(x.n->cmp(CmpKind::lt, x.v, x.constant(1).v), x.constant(nan),
               all);
}

Term areaTangent(Term x) {
  Term a = x.abs(), one = a.constant(1);
  Value far = a.above(1.0 / 3);
  Term kept = where(far, a, a.constant(0.5));
  Term log = ((one + kept) / (one - kept)).log() * 0.5;
  Term near = near0(where(far, a.constant(0), a), areaTangentNear0);
  return withSign(x, where(far, log, near));
}

/// e^a / 2 for a from 0 on; e^a itself may be too large.
Term halfExp(Term a) {
  Term root = (a * 0.5).exp();
  return root * 0.5 * root;
}

Term hyperbolicSine(Term x) {
  Term a = x.abs();
  Value far = a.above(1);
  Term e = halfExp(a);
  Term near = near0(where(far, a.constant(0), a), sineNear0);
  return withSign(x, where(far, e - e.constant(0.25) / e, near));
}

Term hyperbolicCosine(Term x) {
  Term e = halfExp(x.abs());
  return e + e.constant(0.25) / e;
}

template <Term (*function)(Term)> void apply(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  mlir::Type given = Node::element(x);
  bool half = given.getIntOrFloatBitWidth() == 16;
  Value wide = half ? n.build.cast(x, n.type(DType::F32)) : x;
  n.set(0, n.build.cast(function({&n, wide}).v, given));
}

} // namespace

void onnx_frontend::addTrigonometryOps(OpTable &t) {
  t["Acos"] = bounded(apply<arcCosine>);
  t["Acosh"] = bounded(apply<areaCosine>);
  t["Asin"] = bounded(apply<arcSine>);
  t["Asinh"] = bounded(apply<areaSine>);
  t["Atan"] = bounded(apply<arcTangent>);
  t["Atanh"] = bounded(apply<areaTangent>);
  t["Cosh"] = bounded(apply<hyperbolicCosine>);
  t["Sinh"] = bounded(apply<hyperbolicSine>);
}
