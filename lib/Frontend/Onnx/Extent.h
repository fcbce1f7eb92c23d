//===- Extent.h - extents that a run decides --------------------*- C++ -*-===//
//
// With a bounded dim, tensors are made as large as the bound and an extent is a
// polynomial in atoms: the dims themselves, quotients, largest and smallest of
// others, and counts that only the run finds out. Polynomials have one form, so
// extents that are equal by algebra compare equal.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_EXTENT_H
#define NACRE_LIB_FRONTEND_ONNX_EXTENT_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nacre::onnx_frontend {

/// A sum of products of atoms with whole coefficients.
class Extent {
public:
  using Product = std::vector<unsigned>; ///< atoms, ascending, with repeats

  Extent() = default; ///< 0
  Extent(int64_t value) {
    if (value)
      terms[{}] = value;
  }
  static Extent atom(unsigned number) {
    Extent e;
    e.terms[{number}] = 1;
    return e;
  }

  bool isConstant() const {
    return terms.empty() || (terms.size() == 1 && terms.begin()->first.empty());
  }
  /// Of a constant one.
  int64_t value() const { return terms.empty() ? 0 : terms.begin()->second; }
  const std::map<Product, int64_t> &sum() const { return terms; }

  bool operator==(const Extent &other) const = default;
  bool operator<(const Extent &other) const { return terms < other.terms; }
  friend Extent operator+(const Extent &a, const Extent &b);
  friend Extent operator-(const Extent &a, const Extent &b);
  friend Extent operator*(const Extent &a, const Extent &b);
  /// a / b where that is a polynomial, else nullopt.
  static std::optional<Extent> divideExactly(Extent a, const Extent &b);

private:
  void add(const Product &product, int64_t coefficient);
  std::map<Product, int64_t> terms; ///< no zero coefficient
};

using Extents = llvm::SmallVector<Extent>;

/// Whether no extent depends on the run.
bool isConstant(llvm::ArrayRef<Extent> extents);

/// The atoms of one import.
class ExtentTable {
public:
  struct Range {
    int64_t least, most;
  };

  /// The dim of this name, from `least` to `most`.
  Extent dim(llvm::StringRef name, Range range);
  /// A number that the run computes, a scalar of i64; `name` is for people.
  Extent counted(llvm::StringRef name, Range range, mlir::Value value);
  Extent quotient(const Extent &a, const Extent &b); ///< rounded down
  Extent largest(const Extent &a, const Extent &b);
  Extent smallest(const Extent &a, const Extent &b);

  Range range(const Extent &e) const;
  /// Whether a < b, when all runs agree.
  std::optional<bool> less(const Extent &a, const Extent &b) const;
  std::optional<bool> equal(const Extent &a, const Extent &b) const;
  /// "P + T", "2*T", "T/2".
  std::string text(const Extent &e) const;

  struct Atom {
    enum Kind { Dim, Counted, Quotient, Largest, Smallest } kind;
    std::string name;
    Range range;
    Extent a, b;
    mlir::Value value; ///< of a dim or a count
  };
  Atom &operator[](unsigned number) { return atoms[number]; }
  size_t size() const { return atoms.size(); }
  bool empty() const { return atoms.empty(); }
  /// Whether e is one dim itself.
  bool isDim(const Extent &e) const;

private:
  Extent of(Atom::Kind kind, const Extent &a, const Extent &b, Range range);
  std::vector<Atom> atoms;
};

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_EXTENT_H
