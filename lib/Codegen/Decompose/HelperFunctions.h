//===- HelperFunctions.h - functions that decomposed code calls -*- C++ -*-===//
#ifndef NACRE_CODEGEN_DECOMPOSE_HELPERFUNCTIONS_H
#define NACRE_CODEGEN_DECOMPOSE_HELPERFUNCTIONS_H

#include "Decompose.h"
#include "Scalar.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"

namespace nacre::codegen {

/// Private functions of scalars, made on first use, before all others.
class Helpers {
public:
  Helpers(mlir::ModuleOp module, const Lacks &lacks)
      : module(module), lacks(lacks) {}

  using Body = llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>)>;
  /// Calls `name`, whose body `emit` writes when it is not there yet.
  Scalar call(llvm::StringRef name, mlir::Type result,
              llvm::ArrayRef<Scalar> args, Body emit);
  /// Removes calls that nothing uses, then helpers that nothing calls.
  void prune();

  mlir::ModuleOp module;
  const Lacks &lacks;

private:
  llvm::SmallSetVector<mlir::func::FuncOp, 8> functions;
};

//===-- conversions on bits (Bits.cpp) ------------------------------------===//
// Round to nearest even, exact for subnormals, quiet NaN for NaN. No float
// arithmetic sees a subnormal: a target may flush them.

/// f16 and bf16 as an i32, sign-extended, and f32.
Scalar halfToFloat(Helpers &helpers, Scalar bits);
Scalar floatToHalf(Helpers &helpers, Scalar value);
Scalar bfloatToFloat(Scalar bits);
Scalar floatToBfloat(Helpers &helpers, Scalar value);

/// An i64 or the bits of an f64.
struct Words {
  Scalar low, high;
};
Scalar doubleToFloat(Helpers &helpers, Words bits);
Words floatToDouble(Helpers &helpers, Scalar value);

/// i32 to f32 rounded to odd in at least 17 bits: right for rounding again to
/// f16 or bf16.
Scalar oddFloat(Helpers &helpers, Scalar value, bool isUnsigned);

//===-- 64-bit integers in two words (Words.cpp) --------------------------===//
Words add(Words a, Words b);
Words subtract(Words a, Words b);
Words multiply(Helpers &helpers, Words a, Words b);
Words shiftLeft(Words a, Scalar amount);
Words shiftRight(Words a, Scalar amount, bool isUnsigned);
Words choose(Scalar condition, Words a, Words b);
Scalar compare(mlir::arith::CmpIPredicate predicate, Words a, Words b);
/// Quotient or remainder, by a loop of 64 steps.
Words divide(Words a, Words b, bool isUnsigned, bool remainder);
Scalar wordsToFloat(Helpers &helpers, Words a, bool isUnsigned, bool odd);
/// The value must be in range.
Words floatToWords(Scalar value, bool isUnsigned);

//===-- functions in f32 (Functions.cpp) ----------------------------------===//

/// The value of an operation of expandableOps on f32.
Scalar expandFunction(Helpers &helpers, llvm::StringRef op,
                      llvm::ArrayRef<Scalar> args);

//===-- stages ------------------------------------------------------------===//

/// Element types (Translate.cpp). Diagnoses what it cannot express.
mlir::LogicalResult translateTypes(Helpers &helpers);
/// Functions, comparisons with NaN, divisions (Expand.cpp).
void expandOperations(Helpers &helpers);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_DECOMPOSE_HELPERFUNCTIONS_H
