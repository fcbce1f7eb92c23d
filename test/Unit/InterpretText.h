//===- InterpretText.h - run lazy IR written as text ------------*- C++ -*-===//
//
// Tests write operations and numbers as text and compare text: what fails is
// then readable as it stands. Every module is printed and read back on the
// way, so these tests cover the textual form too.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_TEST_UNIT_INTERPRETTEXT_H
#define NACRE_TEST_UNIT_INTERPRETTEXT_H

#include "nacre/Lazy/Program.h"
#include "nacre/Lazy/Tensor.h"

namespace nacre::test {

/// One context for all tests, with the dialects a program is made of.
mlir::MLIRContext *context();

/// A tensor from "2x3xf32" or "f32" and its elements, separated by spaces:
/// decimal or hexadecimal numbers, "inf", "nan". Element types are spelled as
/// in MLIR: i1, i8, ui8, ..., bf16, f64.
Tensor tensor(llvm::StringRef type, llvm::StringRef elements);

/// The elements of a tensor separated by spaces. Floats have the digits that
/// tell them from their neighbours; every NaN is "nan".
std::string show(const Tensor &tensor);

/// Parses a module. Fails the test when it is invalid or does not print to
/// text that reads back the same.
Program parse(llvm::StringRef text);

/// `run` of the program of that text: the results, each as `show` writes it,
/// joined by " | ", or "error: " and the message.
std::string interpret(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs,
                      const WeightStore &weights = {});

/// The same for one operation on %a, %b and %c, the inputs. The last type in
/// its text is the result's: "lazy.add %a, %b : tensor<2xf32>".
std::string apply(llvm::StringRef operation, llvm::ArrayRef<Tensor> inputs,
                  const WeightStore &weights = {});

/// Elementwise operations on vectors: unary("neg", "f32", "1 -2") is "-1 2".
std::string unary(llvm::StringRef name, llvm::StringRef element,
                  llvm::StringRef x);
std::string binary(llvm::StringRef name, llvm::StringRef element,
                   llvm::StringRef a, llvm::StringRef b);
std::string compare(llvm::StringRef kind, llvm::StringRef element,
                    llvm::StringRef a, llvm::StringRef b);
std::string convert(llvm::StringRef from, llvm::StringRef to, llvm::StringRef x,
                    llvm::StringRef operation = "cast");

} // namespace nacre::test

#endif // NACRE_TEST_UNIT_INTERPRETTEXT_H
