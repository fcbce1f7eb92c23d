//===- Evaluators.h - one function per family of operations -----*- C++ -*-===//
//
// `out` comes with the dtype and shape of the result and zeroed bytes. The
// operands have been checked against the operation's types, symbolic extents
// included.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_REFERENCE_EVALUATORS_H
#define NACRE_LIB_REFERENCE_EVALUATORS_H

#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Tensor.h"
#include "llvm/Support/Error.h"

namespace nacre::reference {

using Operands = llvm::ArrayRef<Tensor>;

llvm::Error evaluateElementwise(mlir::Operation *op, Operands xs, Tensor &out);
llvm::Error evaluateView(mlir::Operation *op, const Tensor &x, Tensor &out);
llvm::Error evaluateReduce(lazy::ReduceOp op, const Tensor &x, Tensor &out);
llvm::Error evaluateArgReduce(lazy::ArgReduceOp op, const Tensor &x,
                              Tensor &out);
llvm::Error evaluateContract(lazy::ContractOp op, const Tensor &a,
                             const Tensor &b, Tensor &out);
llvm::Error evaluateConcat(lazy::ConcatOp op, Operands xs, Tensor &out);
llvm::Error evaluateGather(lazy::GatherOp op, const Tensor &x,
                           const Tensor &index, Tensor &out);
llvm::Error evaluateScatter(lazy::ScatterOp op, const Tensor &updates,
                            const Tensor &index, Tensor &out);
llvm::Error evaluateWrite(lazy::WriteOp op, Operands xs, Tensor &out);

/// Every element of `out` takes the value of the attribute, whose type is the
/// element type.
void fill(Tensor &out, mlir::TypedAttr value);

/// "lazy.gather: message".
llvm::Error failed(mlir::Operation *op, const llvm::Twine &message);

} // namespace nacre::reference

#endif // NACRE_LIB_REFERENCE_EVALUATORS_H
