//===- Translator.h - one function, type by type ----------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_DECOMPOSE_TRANSLATOR_H
#define NACRE_CODEGEN_DECOMPOSE_TRANSLATOR_H

#include "HelperFunctions.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace nacre::codegen {

enum class Kind { Same, Narrow, Half, Wide, Double, Buffer, Bad };

class Translator {
public:
  Translator(Helpers &helpers)
      : helpers(helpers), builder(helpers.module.getContext()),
        i32(builder.getI32Type()), f32(builder.getF32Type()) {}
  mlir::LogicalResult function(mlir::func::FuncOp old);

private:
  using Parts = mlir::SmallVector<mlir::Value, 2>;

  //===-- types -----------------------------------------------------------===//
  Kind kindOf(mlir::Type type) const;
  bool isAffected(mlir::Type type) const { return kindOf(type) != Kind::Same; }
  mlir::MemRefType bufferType(mlir::MemRefType type) const;
  /// The types that a value's parts have.
  bool partTypes(mlir::Value v, mlir::SmallVectorImpl<mlir::Type> &types);
  /// An f64 that is nothing but moved: loads, constants, choices among them.
  bool isMoved(mlir::Value v);
  /// An f64 made from an integer on its way to f16 or bf16 through f32, which
  /// lowering rounds to odd.
  static bool isRoundedLater(mlir::Value v);

  //===-- values ----------------------------------------------------------===//
  Place at() { return {&builder, loc}; }
  Scalar one(mlir::Value old) { return {at(), values[old][0]}; }
  Words words(mlir::Value old);
  /// An old float as f32, or as it was when it needs nothing.
  Scalar asFloat(mlir::Value old);
  /// An old integer of at most 32 bits as i32.
  Scalar asWord(mlir::Value old, bool isUnsigned);
  Scalar wrap(Scalar v, unsigned width);
  void define(mlir::Value old, mlir::ArrayRef<mlir::Value> parts) {
    values[old].assign(parts.begin(), parts.end());
  }
  void define(mlir::Value old, Words w) { define(old, {w.low.v, w.high.v}); }
  /// An f32 as the float type of `old`.
  void defineFloat(mlir::Value old, Scalar v);
  /// An i32 as the integer type of `old`.
  void defineInteger(mlir::Value old, Scalar v, bool isUnsigned);

  //===-- operations ------------------------------------------------------===//
  mlir::LogicalResult region(mlir::Region &from, mlir::Region &to);
  mlir::LogicalResult operation(mlir::Operation *op);
  /// The same operation on the parts of its operands.
  mlir::LogicalResult structural(mlir::Operation *op);
  mlir::LogicalResult refuse(mlir::Operation *op);
  void constant(mlir::arith::ConstantOp op);
  mlir::LogicalResult load(mlir::memref::LoadOp op);
  mlir::LogicalResult store(mlir::memref::StoreOp op);
  mlir::LogicalResult allocation(mlir::Operation *op);
  mlir::LogicalResult integer(mlir::Operation *op);
  void narrow(mlir::Operation *op, unsigned width);
  mlir::LogicalResult wide(mlir::Operation *op);
  mlir::LogicalResult conversion(mlir::Operation *op);
  mlir::LogicalResult floating(mlir::Operation *op);
  void bitcast(mlir::arith::BitcastOp op);

  Helpers &helpers;
  mlir::OpBuilder builder;
  mlir::Location loc = builder.getUnknownLoc();
  mlir::Type i32, f32;
  llvm::DenseMap<mlir::Value, Parts> values;
  llvm::DenseMap<mlir::Value, bool> moved;
  llvm::DenseMap<mlir::Value, mlir::Value>
      decoded; ///< f32 of old values kept as bits
};

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_DECOMPOSE_TRANSLATOR_H
