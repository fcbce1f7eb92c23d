//===- IndexMap.cpp - index expressions over bounded dimensions -----------===//
//
// Views compose into affine maps with floordiv and mod (reshapes). Over the
// box of the loop extents most of these vanish; what remains decides whether
// an access is a vector load, a broadcast or a gather, so this file is the
// heart of view fusion.
//
//===----------------------------------------------------------------------===//
#include "nacre/Lazy/IndexMap.h"
#include "llvm/ADT/SmallVector.h"
#include <numeric>

using namespace mlir;
namespace nacre::lazy {

static int64_t floorDiv(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && a < 0);
}

std::optional<Range> rangeOf(AffineExpr expr, ArrayRef<int64_t> extents) {
  switch (expr.getKind()) {
  case AffineExprKind::Constant: {
    int64_t v = cast<AffineConstantExpr>(expr).getValue();
    return Range{v, v};
  }
  case AffineExprKind::DimId: {
    unsigned p = cast<AffineDimExpr>(expr).getPosition();
    if (p >= extents.size() || extents[p] < 0)
      return std::nullopt;
    return Range{0, std::max<int64_t>(extents[p] - 1, 0)};
  }
  case AffineExprKind::SymbolId:
    return std::nullopt;
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto a = rangeOf(binary.getLHS(), extents);
  auto b = rangeOf(binary.getRHS(), extents);
  if (expr.getKind() == AffineExprKind::Mod && b && b->min == b->max) {
    if (a && a->min >= 0 && a->max < b->min)
      return a;
    return Range{0, b->min - 1};
  }
  if (!a || !b)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return Range{a->min + b->min, a->max + b->max};
  if (b->min != b->max)
    return std::nullopt;
  int64_t c = b->min;
  switch (expr.getKind()) {
  case AffineExprKind::Mul:
    return c >= 0 ? Range{a->min * c, a->max * c}
                  : Range{a->max * c, a->min * c};
  case AffineExprKind::FloorDiv:
    return Range{floorDiv(a->min, c), floorDiv(a->max, c)};
  case AffineExprKind::CeilDiv:
    return Range{-floorDiv(-a->min, c), -floorDiv(-a->max, c)};
  default:
    return std::nullopt;
  }
}

/// The terms of a sum.
static void collectTerms(AffineExpr expr, SmallVectorImpl<AffineExpr> &terms) {
  if (expr.getKind() == AffineExprKind::Add) {
    auto sum = cast<AffineBinaryOpExpr>(expr);
    collectTerms(sum.getLHS(), terms);
    collectTerms(sum.getRHS(), terms);
    return;
  }
  terms.push_back(expr);
}

/// The constant factor of a term.
static int64_t factorOf(AffineExpr term) {
  if (auto c = dyn_cast<AffineConstantExpr>(term))
    return c.getValue();
  if (term.getKind() == AffineExprKind::Mul)
    if (auto c = dyn_cast<AffineConstantExpr>(
            cast<AffineBinaryOpExpr>(term).getRHS()))
      return c.getValue();
  return 1;
}

static AffineExpr divideExactly(AffineExpr term, int64_t c) {
  if (auto k = dyn_cast<AffineConstantExpr>(term))
    return getAffineConstantExpr(k.getValue() / c, term.getContext());
  if (c == 1)
    return term;
  auto product = cast<AffineBinaryOpExpr>(term);
  return product.getLHS() * (factorOf(term) / c);
}

/// Splits a sum into the part divisible by c and the rest.
static std::pair<AffineExpr, AffineExpr> splitDivisible(AffineExpr expr,
                                                        int64_t c) {
  SmallVector<AffineExpr> terms;
  collectTerms(expr, terms);
  AffineExpr quotient = getAffineConstantExpr(0, expr.getContext());
  AffineExpr rest = quotient;
  for (AffineExpr term : terms) {
    int64_t factor = factorOf(term);
    if (factor % c == 0)
      quotient = quotient + divideExactly(term, c);
    else if (auto k = dyn_cast<AffineConstantExpr>(term)) {
      int64_t q = floorDiv(k.getValue(), c);
      quotient = quotient + q;
      rest = rest + (k.getValue() - q * c);
    } else
      rest = rest + term;
  }
  return {quotient, rest};
}

/// If all terms of `rest` and c share a divisor g, (rest floordiv c) equals
/// ((rest / g) floordiv (c / g)) and rest mod c equals g * ((rest/g) mod
/// (c/g)).
static int64_t commonDivisor(AffineExpr rest, int64_t c) {
  SmallVector<AffineExpr> terms;
  collectTerms(rest, terms);
  int64_t g = c;
  for (AffineExpr term : terms)
    g = std::gcd(g, factorOf(term));
  return std::max<int64_t>(std::abs(g), 1);
}

static AffineExpr divideSum(AffineExpr sum, int64_t g) {
  SmallVector<AffineExpr> terms;
  collectTerms(sum, terms);
  AffineExpr result = getAffineConstantExpr(0, sum.getContext());
  for (AffineExpr term : terms)
    result = result + divideExactly(term, g);
  return result;
}

/// Drops from `rest` the terms that only move it within one block of c:
/// (g*x + b) floordiv c = x floordiv (c/g) when 0 <= b < g.
static AffineExpr dropSmallTerms(AffineExpr rest, int64_t c,
                                 ArrayRef<int64_t> extents, int64_t &g) {
  SmallVector<AffineExpr> terms;
  collectTerms(rest, terms);
  g = 0;
  for (AffineExpr candidate : terms) {
    int64_t divisor = std::gcd(factorOf(candidate), c);
    if (divisor <= 1)
      continue;
    AffineExpr kept = getAffineConstantExpr(0, rest.getContext());
    AffineExpr small = kept;
    for (AffineExpr term : terms)
      if (factorOf(term) % divisor == 0)
        kept = kept + term;
      else
        small = small + term;
    auto range = rangeOf(small, extents);
    if (range && range->min >= 0 && range->max < divisor) {
      g = divisor;
      return kept;
    }
  }
  return rest;
}

/// k*E*(x floordiv E) + k*(x mod E) = k*x: what a reshape took apart comes
/// together again when its result is addressed row-major.
static AffineExpr recombine(AffineExpr sum, ArrayRef<int64_t> extents) {
  SmallVector<AffineExpr> terms;
  collectTerms(sum, terms);
  auto core = [](AffineExpr term) {
    return term.getKind() == AffineExprKind::Mul
               ? cast<AffineBinaryOpExpr>(term).getLHS()
               : term;
  };
  for (size_t i = 0; i < terms.size(); ++i) {
    AffineExpr modulo = core(terms[i]);
    if (modulo.getKind() != AffineExprKind::Mod)
      continue;
    auto mod = cast<AffineBinaryOpExpr>(modulo);
    auto divisor = dyn_cast<AffineConstantExpr>(mod.getRHS());
    if (!divisor)
      continue;
    int64_t k = factorOf(terms[i]);
    // (y floordiv D) mod E pairs with y floordiv (D*E).
    AffineExpr whole = simplify(mod.getLHS().floorDiv(divisor), extents);
    for (size_t j = 0; j < terms.size(); ++j) {
      if (j == i || core(terms[j]) != whole ||
          factorOf(terms[j]) != k * divisor.getValue())
        continue;
      AffineExpr result = mod.getLHS() * k;
      for (size_t n = 0; n < terms.size(); ++n)
        if (n != i && n != j)
          result = result + terms[n];
      return simplify(result, extents);
    }
  }
  return sum;
}

AffineExpr simplify(AffineExpr expr, ArrayRef<int64_t> extents) {
  switch (expr.getKind()) {
  case AffineExprKind::DimId: {
    unsigned p = cast<AffineDimExpr>(expr).getPosition();
    if (p < extents.size() && extents[p] == 1)
      return getAffineConstantExpr(0, expr.getContext());
    return expr;
  }
  case AffineExprKind::Constant:
  case AffineExprKind::SymbolId:
    return expr;
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  AffineExpr a = simplify(binary.getLHS(), extents);
  AffineExpr b = simplify(binary.getRHS(), extents);
  auto constant = dyn_cast<AffineConstantExpr>(b);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return recombine(a + b, extents);
  case AffineExprKind::Mul: {
    if (!constant)
      return a * b;
    // Distribute so that sums stay flat and later divisions see every term.
    SmallVector<AffineExpr> terms;
    collectTerms(a, terms);
    AffineExpr sum = getAffineConstantExpr(0, expr.getContext());
    for (AffineExpr term : terms)
      sum = sum + term * constant.getValue();
    return sum;
  }
  case AffineExprKind::FloorDiv: {
    if (!constant || constant.getValue() <= 0)
      return a.floorDiv(b);
    int64_t c = constant.getValue();
    auto [quotient, rest] = splitDivisible(a, c);
    auto range = rangeOf(rest, extents);
    if (range && floorDiv(range->min, c) == floorDiv(range->max, c))
      return quotient + floorDiv(range->min, c);
    // (x floordiv d) floordiv c = x floordiv (d*c)
    if (rest.getKind() == AffineExprKind::FloorDiv) {
      auto inner = cast<AffineBinaryOpExpr>(rest);
      auto d = dyn_cast<AffineConstantExpr>(inner.getRHS());
      if (d && d.getValue() > 0 && d.getValue() <= INT64_MAX / c)
        return quotient +
               simplify(inner.getLHS().floorDiv(d.getValue() * c), extents);
    }
    int64_t dropped = 0;
    AffineExpr kept = dropSmallTerms(rest, c, extents, dropped);
    if (dropped > 1)
      return quotient +
             simplify(divideSum(kept, dropped).floorDiv(c / dropped), extents);
    int64_t g = commonDivisor(rest, c);
    if (g > 1)
      return quotient + divideSum(rest, g).floorDiv(c / g);
    return quotient + rest.floorDiv(c);
  }
  case AffineExprKind::Mod: {
    if (!constant || constant.getValue() <= 0)
      return a % b;
    int64_t c = constant.getValue();
    AffineExpr rest = splitDivisible(a, c).second;
    auto range = rangeOf(rest, extents);
    if (range && floorDiv(range->min, c) == floorDiv(range->max, c))
      return rest - floorDiv(range->min, c) * c;
    int64_t dropped = 0;
    AffineExpr kept = dropSmallTerms(rest, c, extents, dropped);
    if (dropped > 1) {
      AffineExpr high =
          simplify(divideSum(kept, dropped) % (c / dropped), extents);
      return simplify(high * dropped, extents) + (rest - kept);
    }
    return rest % c;
  }
  default:
    return getAffineBinaryOpExpr(expr.getKind(), a, b);
  }
}

AffineMap simplify(AffineMap map, ArrayRef<int64_t> extents) {
  SmallVector<AffineExpr> results;
  for (AffineExpr expr : map.getResults())
    results.push_back(simplify(expr, extents));
  return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results,
                        map.getContext());
}

bool dependsOn(AffineExpr expr, unsigned dim) {
  return expr.isFunctionOfDim(dim);
}

std::optional<std::pair<int64_t, AffineExpr>> splitLinear(AffineExpr expr,
                                                          unsigned dim) {
  SmallVector<AffineExpr> terms;
  collectTerms(expr, terms);
  int64_t coefficient = 0;
  AffineExpr rest = getAffineConstantExpr(0, expr.getContext());
  for (AffineExpr term : terms) {
    if (!dependsOn(term, dim)) {
      rest = rest + term;
      continue;
    }
    AffineExpr base = term;
    if (term.getKind() == AffineExprKind::Mul) {
      auto product = cast<AffineBinaryOpExpr>(term);
      if (!isa<AffineConstantExpr>(product.getRHS()))
        return std::nullopt;
      base = product.getLHS();
      if (base.getKind() == AffineExprKind::Add) {
        auto inner = splitLinear(base, dim);
        if (!inner)
          return std::nullopt;
        coefficient += inner->first * factorOf(term);
        rest = rest + inner->second * factorOf(term);
        continue;
      }
    }
    if (base.getKind() != AffineExprKind::DimId)
      return std::nullopt;
    coefficient += factorOf(term);
  }
  return std::make_pair(coefficient, rest);
}

SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int i = int(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * std::max<int64_t>(shape[i + 1], 1);
  return strides;
}

AffineMap reshapeMap(MLIRContext *context, ArrayRef<int64_t> from,
                     ArrayRef<int64_t> to) {
  AffineExpr linear = getAffineConstantExpr(0, context);
  SmallVector<int64_t> fromStrides = rowMajorStrides(from);
  for (unsigned i = 0; i < from.size(); ++i)
    linear = linear + getAffineDimExpr(i, context) * fromStrides[i];
  SmallVector<int64_t> toStrides = rowMajorStrides(to);
  SmallVector<AffineExpr> results;
  for (unsigned i = 0; i < to.size(); ++i) {
    AffineExpr index = linear.floorDiv(toStrides[i]);
    if (i > 0)
      index = index % std::max<int64_t>(to[i], 1);
    results.push_back(index);
  }
  return simplify(AffineMap::get(from.size(), 0, results, context), from);
}

} // namespace nacre::lazy
