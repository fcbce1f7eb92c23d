//===- Signature.h - what main's arguments and results stand for -*- C++
//-*-===//
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

#include "mlir/IR/BuiltinTypes.h"

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

/// A dim that is an argument or a result itself.
struct DimScalar {
  std::string name;
  int64_t least, most;
};
std::optional<DimScalar> dimScalar(mlir::DictionaryAttr attributes);

} // namespace nacre::lazy

#endif // NACRE_LAZY_SIGNATURE_H
