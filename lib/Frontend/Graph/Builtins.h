//===- Builtins.h - the functions that are not written in .ngl --*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_BUILTINS_H
#define NACRE_LIB_FRONTEND_GRAPH_BUILTINS_H

#include "Evaluator.h"

namespace nacre::graph_frontend {

/// A call of a builtin: arguments in the order of its parameters, Nothing
/// where none was given. Getters reject what does not fit, at the call.
struct BuiltinCall {
  Evaluator &evaluator;
  const Builtin &builtin;
  std::vector<Datum> arguments;
  Position at;

  bool has(unsigned i) const { return !arguments[i].is<Nothing>(); }
  /// "'pad': low"
  std::string what(unsigned i) const;
  [[noreturn]] void fail(const llvm::Twine &text) const;

  mlir::Value tensor(unsigned i) const;
  int64_t integer(unsigned i) const;
  int64_t integer(unsigned i, int64_t fallback) const {
    return has(i) ? integer(i) : fallback;
  }
  double number(unsigned i) const;
  double number(unsigned i, double fallback) const {
    return has(i) ? number(i) : fallback;
  }
  bool boolean(unsigned i, bool fallback) const;
  std::string string(unsigned i) const;
  DType dtype(unsigned i, DType fallback) const;
  const List &list(unsigned i) const;
  /// A list of integers; one integer stands for a list of itself.
  llvm::SmallVector<int64_t> integers(unsigned i) const;
  /// An axis of a tensor of this rank, from its end when negative.
  int64_t axis(unsigned i, int64_t rank) const;
  int64_t axisOf(int64_t axis, int64_t rank, unsigned i) const;
  /// Distinct axes, all of them when none are given.
  llvm::SmallVector<int64_t> axes(unsigned i, int64_t rank) const;
  /// The extents of a tensor to be made; an open one of `like` is kDynamic.
  llvm::SmallVector<int64_t> shape(unsigned i, mlir::Type element) const;
  /// Rejects extents whose tensor would be above the limit.
  void checkSize(llvm::ArrayRef<int64_t> shape, mlir::Type element) const;
  /// Rejects a symbolic extent on one of these axes.
  void needStatic(mlir::Value x, llvm::ArrayRef<int64_t> axes) const;
  void needFloat(mlir::Value x) const;

  lazy::Build build() const { return evaluator.build(at); }
  Datum done(mlir::Value value) const { return evaluator.made(value, at); }
};

/// Parameters are words; one that ends in '?' may be left out.
struct Builtin {
  std::string name;
  std::string parameters;
  Datum (*make)(BuiltinCall &call);
};

/// The builtin of that name, or null.
const Builtin *findBuiltin(llvm::StringRef name);
/// All of their names.
std::vector<std::string> builtinNames();

// One function a file of them.
void addElementwise(std::vector<Builtin> &table);
void addReductions(std::vector<Builtin> &table);
void addViews(std::vector<Builtin> &table);
void addSources(std::vector<Builtin> &table);
void addProducts(std::vector<Builtin> &table);
void addCompileTime(std::vector<Builtin> &table);

/// a @ b by numpy's rules.
mlir::Value matmul(Evaluator &evaluator, mlir::Value a, mlir::Value b,
                   Position at);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_BUILTINS_H
