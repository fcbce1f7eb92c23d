//===- Lazy.h - the lazy dialect: types, operations, interfaces -*- C++ -*-===//
#ifndef NACRE_LAZY_LAZY_H
#define NACRE_LAZY_LAZY_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace nacre::lazy {
/// Whether every dynamic extent of the type has a name and a bound in a
/// lazy.dims encoding. True for static types.
bool hasBoundedShape(mlir::Type type);
/// Whether this is an element type that is only moved and cast: f8E4M3FN,
/// f8E4M3FNUZ, f8E5M2, f8E5M2FNUZ, f8E8M0FNU, f4E2M1FN, i4, ui4, i2, ui2.
bool isNarrow(mlir::Type element);
struct Build;
} // namespace nacre::lazy

#include "nacre/Lazy/LazyDialect.h.inc"
#include "nacre/Lazy/LazyEnums.h.inc"
#include "nacre/Lazy/LazyInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "nacre/Lazy/LazyAttrs.h.inc"
#define GET_OP_CLASSES
#include "nacre/Lazy/LazyOps.h.inc"

namespace nacre::lazy {

/// The most axes a tensor may have.
constexpr int64_t maxRank = 32;

/// The tensor type of a lazy value.
mlir::RankedTensorType tensorType(mlir::Value value);

/// Extents with each symbolic one replaced by its bound.
llvm::SmallVector<int64_t> boundedShape(mlir::RankedTensorType type);

/// Name of the symbol of extent `axis`, or null when the extent is static.
mlir::StringAttr symbolOf(mlir::RankedTensorType type, unsigned axis);

/// `type` with other extents. Where `symbolAxes[i]` is set, extent i takes the
/// symbol of axis symbolAxes[i] of `type` (and shape[i] must be kDynamic).
mlir::RankedTensorType withShape(mlir::RankedTensorType type,
                                 llvm::ArrayRef<int64_t> shape,
                                 llvm::ArrayRef<int64_t> symbolAxes = {});

/// `type` with another element type, shape and symbols kept.
mlir::RankedTensorType withElement(mlir::RankedTensorType type,
                                   mlir::Type element);

/// Whether integers of this element type compare and convert as unsigned:
/// ui8..ui64 and i1.
bool isUnsignedElement(mlir::Type element);

/// Whether this is a float that is computed with: f16, bf16, f32, f64.
bool isFloatElement(mlir::Type element);

/// The signless type a register holds for an element: ui8 -> i8; the bits as an
/// i8 for the narrow types; others as is.
mlir::Type storageType(mlir::Type element);

/// A constant of an element type as one of its storageType; an attribute of
/// that type.
mlir::TypedAttr storedConstant(mlir::TypedAttr value);

/// A constant of a narrow type of these bits.
mlir::TypedAttr narrowConstant(mlir::Type element, uint8_t bits);

/// Bytes of one element in memory; i1 takes one byte, as do the narrow types.
int64_t elementBytes(mlir::Type element);

/// The tool-facing name of an element type: "f32", "u8", "bool", ...
llvm::StringRef elementName(mlir::Type element);

/// Checks what no single operation can: types are in the accepted set, kernels
/// hold only lazy operations. Emits diagnostics; returns failure on any.
mlir::LogicalResult verifyProgram(mlir::Operation *module);

} // namespace nacre::lazy

#endif // NACRE_LAZY_LAZY_H
