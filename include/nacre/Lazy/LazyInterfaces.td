//===- LazyInterfaces.td - what passes may ask of a lazy op ---*- tablegen -*-===//
//
// Passes ask these interfaces and never switch on operation names, so a new
// primitive costs a pass nothing.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_INTERFACES
#define NACRE_LAZY_INTERFACES

include "mlir/IR/OpBase.td"

def ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::nacre::lazy";
  let description = [{
    An operation whose result element depends on the operand elements at the
    same index only. Operands and result have the same shape.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits the scalar body in arith and math. `args` are scalars, or vectors
      of one common length, of the signless storage form of the operands'
      element types (`storageType`); so is the result.
    }], "::mlir::Value", "emitScalar",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::ValueRange":$args)>,
    InterfaceMethod<[{
      A rough cost in simple instructions a lane, for the fusion cost model.
    }], "int64_t", "scalarCost", (ins), [{}], [{ return 1; }]>
  ];
}

def ViewOpInterface : OpInterface<"ViewOpInterface"> {
  let cppNamespace = "::nacre::lazy";
  let description = [{
    An operation that moves no data: element `i` of the result is element
    `indexMap(i)` of the source or, where that index lies outside the source
    (padding), `fillValue`.
  }];
  let methods = [
    InterfaceMethod<"Maps a result index to a source index.",
      "::mlir::AffineMap", "indexMap", (ins)>,
    InterfaceMethod<"The viewed value.", "::mlir::Value", "source", (ins),
      [{}], [{ return $_op->getOperand(0); }]>,
    InterfaceMethod<[{
      The scalar found where the source has no element, or null when every
      result index maps inside the source.
    }], "::mlir::TypedAttr", "fillValue", (ins), [{}], [{ return {}; }]>
  ];
}

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::nacre::lazy";
  let description = [{
    An operation with one result and a rule for reverse-mode differentiation.
    An operation without it that a gradient must pass is an error. docs/autodiff.md
    has the rules.
  }];
  let methods = [
    InterfaceMethod<[{
      The part of the gradient of operand number `operand`, a float tensor, that
      comes through this operation, given the gradient `g` of the result; of the
      operand's type. Null where it is zero everywhere.
    }], "::mlir::Value", "gradient",
      (ins "::nacre::lazy::Build &":$build, "::mlir::Value":$g,
           "unsigned":$operand)>,
    InterfaceMethod<[{
      Whether the rule covers this operation; of some only a kind has one.
    }], "bool", "hasGradient", (ins), [{}], [{ return true; }]>
  ];
}

#endif // NACRE_LAZY_INTERFACES
