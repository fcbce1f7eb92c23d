//===- Signature.h - main's arguments and results ---------------*- C++ -*-===//
//
// With bounded dims (docs/dims.md) an argument or a result of `main` is a
// vector that stands for a tensor of open extents, dense in those of the run:
// the attribute lazy.shape holds its bounds and lazy.dims a name for each axis,
// empty for a static one. The dims themselves are further arguments after the
// inputs, scalars of i64 with lazy.dim (the name) and lazy.range (least, most).
// An extent that the run works out is a further result of that kind.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_SIGNATURE_H
#define NACRE_LAZY_SIGNATURE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Lazy.h"

namespace nacre::lazy {

/// A tensor as callers see it.
struct CallerShape {
  llvm::SmallVector<int64_t> bounds;
  llvm::SmallVector<std::string> dims; ///< per axis; empty for a static one
  /// Whether the program has a vector instead, as large as the bounds.
  bool flat = false;
};

/// Of an argument or a result of this type with these attributes (which may be
/// null).
CallerShape callerShape(mlir::RankedTensorType type,
                        mlir::DictionaryAttr attributes);

/// The attribute of an operation with the names of the extents that the run
/// decides, per axis of the result, "" for the others: what lies beyond is not
/// looked at and need not be computed. An operation that has lost it is
/// computed whole.
constexpr const char *openExtents = "lazy.open";
/// The same of a contraction for each of its dimensions, and of a reduction for
/// each axis it combines: what lies beyond changes nothing.
constexpr const char *openDims = "lazy.open_dims";
/// The attribute of a `where` that puts a number in place of what lies beyond
/// the extents that the run decides: their names, per axis, "" for the others.
constexpr const char *openBeyond = "lazy.beyond";
/// Operand `k` of a contraction without such a `where`, when the contraction
/// ends at the same extents and so never looks beyond; else null.
mlir::Value withoutMask(ContractOp op, unsigned k);
/// The attribute of `main` that says what a name stands for: a dictionary of
/// sums, each product a list of its coefficient and of positions among the
/// dims.
constexpr const char *extentSums = "lazy.extents";

/// The attribute of an argument or a result of `main` whose elements, of i32,
/// are codes of strings: places in the table of `main`'s attribute of the
/// second name, a list of different strings; from its length on other strings,
/// the same code for the same string.
constexpr const char *ofStrings = "lazy.of_strings";
constexpr const char *stringTable = "lazy.strings";

/// A dim that is an argument or a result itself.
struct DimScalar {
  std::string name;
  int64_t least, most;
};
std::optional<DimScalar> dimScalar(mlir::DictionaryAttr attributes);

/// Whether the attributes above fit the types of `main` and one another, and
/// every name of an extent in the program is one that a run knows, with the
/// same bound everywhere. Diagnoses what does not.
mlir::LogicalResult verifySignature(mlir::func::FuncOp main);

} // namespace nacre::lazy

#endif // NACRE_LAZY_SIGNATURE_H
