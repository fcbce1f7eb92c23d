//===- Datum.h - what an expression can be ----------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_DATUM_H
#define NACRE_LIB_FRONTEND_GRAPH_DATUM_H

#include "Ast.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Tensor.h"
#include <variant>

namespace nacre::graph_frontend {

struct Builtin;
struct Datum;
/// A list, and how many are one inside another in it.
struct List : std::vector<Datum> {
  using vector::vector;
  unsigned depth = 1;
};

/// No value.
struct Nothing {};
/// The place of a value whose making failed, which was said.
struct Poison {};
/// A tensor of the program that is being made.
struct TensorValue {
  mlir::Value value;
};
/// A state, by its number; reading it gives its tensor.
struct StateName {
  size_t index;
};
/// An extent known at run time only.
struct OpenExtent {
  mlir::StringAttr symbol;
};
/// Something to call: one of the three is set.
struct Callee {
  const Declaration *declaration = nullptr;
  const Builtin *builtin = nullptr;
  const Import *import = nullptr;
};

struct Library;
/// Another file of the language, whose declarations are its attributes.
struct ImportedFile {
  const Import *import;
  const Library *library;
};

/// A value at compile time; all but tensors are known.
struct Datum : std::variant<Nothing, Poison, bool, int64_t, double, std::string,
                            DType, std::shared_ptr<const List>, TensorValue,
                            StateName, OpenExtent, Callee, ImportedFile> {
  using variant::variant;
  template <typename T> bool is() const {
    return std::holds_alternative<T>(*this);
  }
  template <typename T> const T &as() const { return std::get<T>(*this); }
  bool isTensor() const { return is<TensorValue>(); }
  bool isList() const { return is<std::shared_ptr<const List>>(); }
  bool isNumber() const { return is<int64_t>() || is<double>(); }
  mlir::Value tensor() const { return as<TensorValue>().value; }
  const List &list() const { return *as<std::shared_ptr<const List>>(); }
  double number() const {
    return is<double>() ? as<double>() : double(as<int64_t>());
  }
};

inline Datum listOf(List items) {
  for (const Datum &item : items)
    if (item.isList())
      items.depth = std::max(items.depth, item.list().depth + 1);
  return std::make_shared<const List>(std::move(items));
}

/// "f32[2, 3]", "the number 3", "a list of 2": as messages say it.
std::string describe(const Datum &datum);
/// "f32[N, 3]"
std::string describe(mlir::RankedTensorType type);

/// f32, i64, bool and so on; bool stands for i1.
std::optional<DType> dtypeNamed(llvm::StringRef name);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_DATUM_H
