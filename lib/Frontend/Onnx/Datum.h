//===- Datum.h - what a name of a graph stands for --------------*- C++ -*-===//
//
// A tensor of the program, or what is known while the model is imported and
// leaves no trace in the program: how long a sequence is, whether an optional
// is there, strings. An optional that is there is what it holds. Strings that
// only the run knows are a tensor of their codes.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_DATUM_H
#define NACRE_LIB_FRONTEND_ONNX_DATUM_H

#include "mlir/IR/Value.h"
#include "nacre/Frontend/Onnx.h"

namespace nacre::onnx_frontend {

class Datum {
public:
  /// A tensor; a null one is the result of a node that was blocked.
  Datum(mlir::Value tensor = {}) : tensor(tensor) {}
  static Datum list(std::vector<Datum> elements);
  static Datum strings(StringTensor tensor);
  /// Strings of the run, by a tensor of i32 with their codes.
  static Datum coded(mlir::Value codes);
  static Datum absent();

  /// False where a node was blocked.
  explicit operator bool() const;
  bool isTensor() const { return kind == Kind::Tensor; }
  bool isList() const { return kind == Kind::List; }
  bool isStrings() const { return kind == Kind::Strings; }
  bool isCoded() const { return kind == Kind::Coded; }
  bool isAbsent() const { return kind == Kind::Absent; }

  /// The tensor or the codes, null unless it is one.
  mlir::Value value() const { return tensor; }
  llvm::ArrayRef<Datum> elements() const { return *parts; }
  const StringTensor &text() const { return *texts; }

  /// The tensors in it, in order.
  void collect(llvm::SmallVectorImpl<mlir::Value> &tensors) const;
  /// The same with other tensors.
  Datum map(llvm::function_ref<mlir::Value(mlir::Value)> change) const;
  /// "a tensor", "a sequence of 3", "a tensor of strings", "strings of the
  /// run", "an absent optional"
  std::string what() const;
  /// Whether both are the same but for their tensors.
  bool sameForm(const Datum &other) const;

private:
  enum class Kind { Tensor, List, Strings, Coded, Absent } kind = Kind::Tensor;
  mlir::Value tensor;
  std::shared_ptr<const std::vector<Datum>> parts;
  std::shared_ptr<const StringTensor> texts;
};

/// The tensors in all of them, in order.
llvm::SmallVector<mlir::Value> tensorsOf(llvm::ArrayRef<Datum> data);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_DATUM_H
