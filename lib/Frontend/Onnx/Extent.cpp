//===- Extent.cpp - extents that a run decides ----------------------------===//
#include "Extent.h"
#include "Blocker.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

using namespace nacre::onnx_frontend;

using Range = ExtentTable::Range;

//===----------------------------------------------------------------------===//
// Polynomials
//===----------------------------------------------------------------------===//

void Extent::add(const Product &product, int64_t coefficient) {
  int64_t &sum = terms[product];
  if (__builtin_add_overflow(sum, coefficient, &sum))
    block("E_OVERFLOW: an extent exceeds 64 bits");
  if (sum == 0)
    terms.erase(product);
}

namespace nacre::onnx_frontend {

Extent operator+(const Extent &a, const Extent &b) {
  Extent sum = a;
  for (const auto &[product, coefficient] : b.terms)
    sum.add(product, coefficient);
  return sum;
}

Extent operator-(const Extent &a, const Extent &b) {
  return a + Extent(-1) * b;
}

Extent operator*(const Extent &a, const Extent &b) {
  Extent result;
  for (const auto &[p, x] : a.terms)
    for (const auto &[q, y] : b.terms) {
      Extent::Product both;
      std::merge(p.begin(), p.end(), q.begin(), q.end(),
                 std::back_inserter(both));
      int64_t coefficient;
      if (__builtin_mul_overflow(x, y, &coefficient))
        block("E_OVERFLOW: an extent exceeds 64 bits");
      result.add(both, coefficient);
    }
  return result;
}

bool isConstant(llvm::ArrayRef<Extent> extents) {
  return llvm::all_of(extents, [](const Extent &e) { return e.isConstant(); });
}

} // namespace nacre::onnx_frontend

/// Long division by the last term, which is the one of highest order.
std::optional<Extent> Extent::divideExactly(Extent a, const Extent &b) {
  if (b.terms.empty())
    return std::nullopt;
  const auto &[divisor, factor] = *b.terms.rbegin();
  Extent quotient;
  for (int steps = 0; !a.terms.empty(); ++steps) {
    const auto [product, coefficient] = *a.terms.rbegin();
    if (coefficient % factor != 0 || steps == 64 ||
        !std::includes(product.begin(), product.end(), divisor.begin(),
                       divisor.end()))
      return std::nullopt;
    Product rest;
    std::set_difference(product.begin(), product.end(), divisor.begin(),
                        divisor.end(), std::back_inserter(rest));
    Extent term;
    term.add(rest, coefficient / factor);
    quotient = quotient + term;
    a = a - term * b;
  }
  return quotient;
}

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

Extent ExtentTable::dim(llvm::StringRef name, Range range) {
  for (auto [i, atom] : llvm::enumerate(atoms))
    if (atom.kind == Atom::Dim && atom.name == name)
      return Extent::atom(i);
  atoms.push_back({Atom::Dim, name.str(), range, {}, {}, {}});
  return Extent::atom(atoms.size() - 1);
}

Extent ExtentTable::counted(llvm::StringRef name, Range range,
                            mlir::Value value) {
  atoms.push_back({Atom::Counted, name.str(), range, {}, {}, value});
  return Extent::atom(atoms.size() - 1);
}

Extent ExtentTable::of(Atom::Kind kind, const Extent &a, const Extent &b,
                       Range range) {
  for (auto [i, atom] : llvm::enumerate(atoms))
    if (atom.kind == kind && atom.a == a && atom.b == b)
      return Extent::atom(i);
  static const char *names[] = {"", "", "/", "max", "min"};
  std::string name = kind == Atom::Quotient
                         ? "(" + text(a) + ")/" + text(b)
                         : names[kind] + ("(" + text(a) + ", " + text(b) + ")");
  atoms.push_back({kind, name, range, a, b, {}});
  return Extent::atom(atoms.size() - 1);
}

static int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

Extent ExtentTable::quotient(const Extent &a, const Extent &b) {
  if (auto exact = Extent::divideExactly(a, b))
    return *exact;
  Range x = range(a), y = range(b);
  if (y.least < 1)
    block("E_DIM: the divisor " + text(b) + " may be less than 1");
  if (a.isConstant() && b.isConstant())
    return floorDivide(a.value(), b.value());
  return of(
      Atom::Quotient, a, b,
      {std::min(floorDivide(x.least, y.most), floorDivide(x.least, y.least)),
       std::max(floorDivide(x.most, y.least), floorDivide(x.most, y.most))});
}

Extent ExtentTable::largest(const Extent &a, const Extent &b) {
  if (auto known = less(a, b))
    return *known ? b : a;
  // What is never less than the other is the larger one, equal or not.
  if (range(a - b).least >= 0)
    return a;
  if (range(b - a).least >= 0)
    return b;
  Range x = range(a), y = range(b);
  return of(Atom::Largest, std::min(a, b), std::max(a, b),
            {std::max(x.least, y.least), std::max(x.most, y.most)});
}

Extent ExtentTable::smallest(const Extent &a, const Extent &b) {
  if (auto known = less(a, b))
    return *known ? a : b;
  if (range(a - b).least >= 0)
    return b;
  if (range(b - a).least >= 0)
    return a;
  Range x = range(a), y = range(b);
  return of(Atom::Smallest, std::min(a, b), std::max(a, b),
            {std::min(x.least, y.least), std::min(x.most, y.most)});
}

Range ExtentTable::range(const Extent &e) const {
  auto times = [](int64_t a, int64_t b) {
    __int128 product = __int128(a) * b;
    constexpr __int128 limit = int64_t(1) << 60;
    return int64_t(std::clamp<__int128>(product, -limit, limit));
  };
  Range sum{0, 0};
  for (const auto &[product, coefficient] : e.sum()) {
    Range r{1, 1};
    for (unsigned number : product) {
      Range atom = atoms[number].range;
      int64_t ends[] = {times(r.least, atom.least), times(r.least, atom.most),
                        times(r.most, atom.least), times(r.most, atom.most)};
      r = {*std::min_element(ends, ends + 4),
           *std::max_element(ends, ends + 4)};
    }
    if (coefficient < 0)
      std::swap(r.least, r.most);
    sum.least += times(coefficient, r.least);
    sum.most += times(coefficient, r.most);
  }
  return sum;
}

std::optional<bool> ExtentTable::less(const Extent &a, const Extent &b) const {
  Range difference = range(b - a);
  if (difference.least > 0)
    return true;
  if (difference.most <= 0)
    return false;
  return std::nullopt;
}

std::optional<bool> ExtentTable::equal(const Extent &a, const Extent &b) const {
  if (a == b)
    return true;
  Range difference = range(b - a);
  if (difference.least > 0 || difference.most < 0)
    return false;
  return std::nullopt;
}

std::string ExtentTable::text(const Extent &e) const {
  if (e.isConstant())
    return std::to_string(e.value());
  std::string text;
  // Products first, the constant last.
  for (bool constants : {false, true})
    for (const auto &[product, coefficient] : e.sum()) {
      if (product.empty() != constants)
        continue;
      int64_t size = coefficient < 0 ? -coefficient : coefficient;
      text += text.empty() ? (coefficient < 0 ? "-" : "")
                           : (coefficient < 0 ? " - " : " + ");
      if (size != 1 || product.empty())
        text += std::to_string(size) + (product.empty() ? "" : "*");
      for (auto [i, number] : llvm::enumerate(product))
        text += (i ? "*" : "") + atoms[number].name;
    }
  return text;
}

bool ExtentTable::isDim(const Extent &e) const {
  if (e.sum().size() != 1)
    return false;
  const auto &[product, coefficient] = *e.sum().begin();
  return coefficient == 1 && product.size() == 1 &&
         atoms[product[0]].kind == Atom::Dim;
}
