//===- MainFunction.h - main while arguments and results are added -*- C++
//-*-===//
#ifndef NACRE_LIB_AUTODIFF_MAINFUNCTION_H
#define NACRE_LIB_AUTODIFF_MAINFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Autodiff/Training.h"
#include "nacre/Lazy/Build.h"

namespace nacre::autodiff {

/// The same as of a program.
std::vector<State> statesOf(mlir::func::FuncOp main);

/// A result of main. `kind` is set for a state.
struct NamedResult {
  std::string name;
  mlir::Value value;
  std::optional<StateKind> kind;
};

/// All axes of a value, to reduce it to a scalar.
llvm::SmallVector<int64_t> allAxes(mlir::Value value);

/// The function `main` of a module while it changes: values are built before
/// its return.
class MainFunction {
public:
  explicit MainFunction(mlir::ModuleOp module);
  /// A module with an empty main of no arguments.
  static mlir::OwningOpRef<mlir::ModuleOp> create(mlir::MLIRContext *context);

  /// Builds at the end, at a location of that name: kernels are called so.
  lazy::Build build(llvm::StringRef what);
  /// The argument of that name, state or data, or null.
  mlir::Value argument(llvm::StringRef name);
  /// Adds an argument behind the others.
  mlir::Value addState(const State &state);
  mlir::Value addInput(llvm::StringRef name, mlir::RankedTensorType type);
  /// Removes the arguments that nothing uses, of the states for which `may`.
  void dropUnused(llvm::function_ref<bool(const State &)> may);
  std::vector<NamedResult> results();
  void setResults(llvm::ArrayRef<NamedResult> results);

  mlir::func::FuncOp function;

private:
  mlir::Value addArgument(llvm::StringRef name, mlir::RankedTensorType type,
                          std::optional<StateKind> kind);
  mlir::OpBuilder builder;
};

} // namespace nacre::autodiff

#endif // NACRE_LIB_AUTODIFF_MAINFUNCTION_H
