//===- Interpreter.h - the slow, obvious meaning of lazy IR -----*- C++ -*-===//
//
// Straight loops over every primitive. It shares no code with code generation
// and is the oracle of every test.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_REFERENCE_INTERPRETER_H
#define NACRE_REFERENCE_INTERPRETER_H

#include "nacre/Lazy/Program.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/Error.h"

namespace nacre::reference {

/// Evaluates one operation on the values of its operands. Symbolic extents
/// take the value found in `dims`. An index out of range and a condition that
/// does not hold are errors with a message; so is a missing weight.
/// `lazy.kernel` evaluates its body.
llvm::Expected<llvm::SmallVector<Tensor>>
evaluate(mlir::Operation *op, llvm::ArrayRef<Tensor> operands,
         const WeightStore &weights, const llvm::StringMap<int64_t> &dims = {});

/// Runs the function `main` of a program: inputs in order of its arguments,
/// outputs in order of its results. Values are freed after their last use.
/// Symbolic extents are bound from the shapes of the inputs; `dims` has those
/// that no input has.
llvm::Expected<llvm::SmallVector<Tensor>>
run(const Program &program, llvm::ArrayRef<Tensor> inputs,
    const llvm::StringMap<int64_t> &dims = {});

/// The value of `value` when it depends on weights, splats and iotas only and
/// evaluating it makes no tensor above `maxBytes`; else nullopt. `memo` keeps
/// values between calls.
std::optional<Tensor> constantValue(mlir::Value value,
                                    const WeightStore &weights,
                                    llvm::DenseMap<mlir::Value, Tensor> &memo,
                                    int64_t maxBytes = int64_t(64) << 20);

} // namespace nacre::reference

#endif // NACRE_REFERENCE_INTERPRETER_H
