//===- LazyOps.td - the lazy-op dialect -----------------------*- tablegen -*-===//
//
// The primitives every network is made of. Values are ranked tensors, static
// or with bounded symbolic extents; the graph is pure. There is no conv, no
// matmul, no pooling, no softmax: frontends decompose into these, and
// raise-contraction finds the sums of products.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_OPS
#define NACRE_LAZY_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "nacre/Lazy/LazyInterfaces.td"

def Lazy_Dialect : Dialect {
  let name = "lazy";
  let cppNamespace = "::nacre::lazy";
  let summary = "Deferred tensor primitives, kernels and their memory plan";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 0;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Lazy_Attr<string name, string mnem, list<Trait> traits = []>
    : AttrDef<Lazy_Dialect, name, traits> { let mnemonic = mnem; }

def Lazy_DimsAttr : Lazy_Attr<"Dims", "dims"> {
  let summary = "names and bounds of the symbolic extents of a tensor type";
  let description = [{
    The encoding of a tensor type with dynamic extents: for each `?`, in
    order, the symbol's name and the largest value it may take. Buffers and
    the memory plan use the bound; loops run to the value given at run time.

    `tensor<?x64xf32, #lazy.dims<["N"], [32]>>`
  }];
  let parameters = (ins "::mlir::ArrayAttr":$names,
                        "::mlir::DenseI64ArrayAttr":$bounds);
  let assemblyFormat = "`<` $names `,` $bounds `>`";
}

def Lazy_PlaceAttr : Lazy_Attr<"Place", "place"> {
  let summary = "where a tensor lives: a strided window of a buffer";
  let description = [{
    `#lazy.place<space, slot, offset, strides>`: element `i` of the tensor
    lies at element `offset + sum(i_k * strides_k)` of buffer `slot` of
    `space`. Spaces: `input` and `output` (slot = position in the signature),
    `arena` (slot 0, offset from the arena's start), `weights` (the slot is the
    weight's number in the store's order). Offsets and strides count elements,
    not bytes.
  }];
  let parameters = (ins "::mlir::StringAttr":$space, "int64_t":$slot,
                        "int64_t":$offset,
                        "::mlir::DenseI64ArrayAttr":$strides);
  let assemblyFormat = "`<` $space `,` $slot `,` $offset `,` $strides `>`";
}

def Lazy_ReduceKind : I32EnumAttr<"ReduceKind", "combiner of a reduction", [
    I32EnumAttrCase<"add", 0>, I32EnumAttrCase<"mul", 1>,
    I32EnumAttrCase<"max", 2>, I32EnumAttrCase<"min", 3>]> {
  let cppNamespace = "::nacre::lazy";
}
def Lazy_CmpKind : I32EnumAttr<"CmpKind", "predicate of a comparison", [
    I32EnumAttrCase<"eq", 0>, I32EnumAttrCase<"ne", 1>,
    I32EnumAttrCase<"lt", 2>, I32EnumAttrCase<"le", 3>,
    I32EnumAttrCase<"gt", 4>, I32EnumAttrCase<"ge", 5>]> {
  let cppNamespace = "::nacre::lazy";
}

//===----------------------------------------------------------------------===//
// Types of operands
//===----------------------------------------------------------------------===//

/// A ranked tensor whose symbolic extents, if any, have names and bounds.
class Lazy_TensorOf<list<Type> elements>
    : ConfinedType<RankedTensorOf<elements>,
                   [CPred<"::nacre::lazy::hasBoundedShape($_self)">],
                   RankedTensorOf<elements>.summary # " with bounded extents",
                   "::mlir::RankedTensorType">;

/// What is computed with.
defvar Lazy_NumberTypes = [F16, BF16, F32, F64, I1, I8, I16, I32, I64,
                           UI8, UI16, UI32, UI64];
def Lazy_NumberTensor : Lazy_TensorOf<Lazy_NumberTypes>;
/// Also what is only moved, and cast from and to: one byte an element in
/// memory, the value in its low bits, the others 0.
def Lazy_Narrow : Type<CPred<"::nacre::lazy::isNarrow($_self)">,
                       "float of 8 or 4 bits or integer of 4 or 2 bits">;
def Lazy_Tensor : Lazy_TensorOf<Lazy_NumberTypes # [Lazy_Narrow]>;
def Lazy_FloatTensor : Lazy_TensorOf<[F16, BF16, F32, F64]>;
def Lazy_BoolTensor : Lazy_TensorOf<[I1]>;
def Lazy_IntTensor : Lazy_TensorOf<[I1, I8, I16, I32, I64, UI8, UI16, UI32, UI64]>;
def Lazy_IndexTensor : Lazy_TensorOf<[I32, I64]>;
def Lazy_NumberScalar
    : Type<CPred<"$_self == ::mlir::RankedTensorType::get({}, "
                 "::mlir::IntegerType::get($_self.getContext(), 64))">,
           "scalar tensor of i64", "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder.getI64Type())">;

class Lazy_Op<string mnemonic, list<Trait> traits = []>
    : Op<Lazy_Dialect, mnemonic, traits>;

def Lazy_Differentiable : DeclareOpInterfaceMethods<DifferentiableOpInterface>;

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

def Lazy_WeightOp : Lazy_Op<"weight", [Pure]> {
  let summary = "a tensor of the weight store";
  let description = [{
    The bytes are in the weight store under `name`; the IR holds the name only.
    `%w = lazy.weight "conv1.weight" : tensor<64x3x7x7xf32>`

    `packed` says that it is small on purpose: what unpacks it is done when it
    is read and not folded, and a product with it is no contraction, whose
    operands are written to memory.
  }];
  let arguments = (ins StrAttr:$name, UnitAttr:$packed);
  let results = (outs Lazy_Tensor:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
}

def Lazy_SplatOp : Lazy_Op<"splat", [Pure]> {
  let summary = "a tensor with one value everywhere";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Lazy_Tensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Lazy_IotaOp : Lazy_Op<"iota", [Pure]> {
  let summary = "the index along one axis";
  let description = "Element `i` is `i[axis]`, converted to the element type.";
  let arguments = (ins I64Attr:$axis);
  let results = (outs Lazy_NumberTensor:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

class Lazy_Unary<string mnemonic, string what, Type type, int cost,
                 list<Trait> traits = [Lazy_Differentiable]>
    : Lazy_Op<mnemonic, [Pure, SameOperandsAndResultType,
        DeclareOpInterfaceMethods<ElementwiseOpInterface, ["scalarCost"]>] # traits> {
  let summary = what;
  let arguments = (ins type:$x);
  let results = (outs type:$y);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let extraClassDefinition = "int64_t $cppClass::scalarCost() { return " # cost # "; }";
}

def Lazy_NegOp   : Lazy_Unary<"neg", "`-x`; two's complement for integers", Lazy_NumberTensor, 1>;
def Lazy_AbsOp   : Lazy_Unary<"abs", "`|x|`", Lazy_NumberTensor, 1>;
def Lazy_ExpOp   : Lazy_Unary<"exp", "`e^x`", Lazy_FloatTensor, 12>;
def Lazy_LogOp   : Lazy_Unary<"log", "natural logarithm", Lazy_FloatTensor, 16>;
def Lazy_SqrtOp  : Lazy_Unary<"sqrt", "square root", Lazy_FloatTensor, 6>;
def Lazy_SinOp   : Lazy_Unary<"sin", "sine of radians", Lazy_FloatTensor, 20>;
def Lazy_CosOp   : Lazy_Unary<"cos", "cosine of radians", Lazy_FloatTensor, 20>;
def Lazy_TanhOp  : Lazy_Unary<"tanh", "hyperbolic tangent", Lazy_FloatTensor, 16>;
def Lazy_ErfOp   : Lazy_Unary<"erf", "error function", Lazy_FloatTensor, 16>;
def Lazy_FloorOp : Lazy_Unary<"floor", "largest integer not above x", Lazy_FloatTensor, 1>;
def Lazy_CeilOp  : Lazy_Unary<"ceil", "smallest integer not below x", Lazy_FloatTensor, 1>;
def Lazy_RoundOp : Lazy_Unary<"round", "nearest integer, halves to even", Lazy_FloatTensor, 1>;
def Lazy_NotOp   : Lazy_Unary<"not", "bitwise complement; logical not for i1", Lazy_IntTensor, 1, []>;

class Lazy_Binary<string mnemonic, string what, Type type, int cost = 1,
                  list<Trait> traits = [Lazy_Differentiable]>
    : Lazy_Op<mnemonic, [Pure, SameOperandsAndResultType,
        DeclareOpInterfaceMethods<ElementwiseOpInterface, ["scalarCost"]>] # traits> {
  let summary = what;
  let arguments = (ins type:$a, type:$b);
  let results = (outs type:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` type($a)";
  let extraClassDefinition = "int64_t $cppClass::scalarCost() { return " # cost # "; }";
}

def Lazy_AddOp : Lazy_Binary<"add", "`a + b`; integers wrap", Lazy_NumberTensor>;
def Lazy_SubOp : Lazy_Binary<"sub", "`a - b`; integers wrap", Lazy_NumberTensor>;
def Lazy_MulOp : Lazy_Binary<"mul", "`a * b`; integers wrap", Lazy_NumberTensor>;
def Lazy_DivOp : Lazy_Binary<"div",
    "`a / b`; integers truncate, `x / 0` is 0 and `MIN / -1` wraps", Lazy_NumberTensor, 4>;
def Lazy_RemOp : Lazy_Binary<"rem",
    "remainder with the sign of a; for integers `x rem 0` and `MIN rem -1` are 0", Lazy_NumberTensor, 8>;
def Lazy_PowOp : Lazy_Binary<"pow", "`a ^ b` of floats", Lazy_FloatTensor, 40>;
def Lazy_MaxOp : Lazy_Binary<"max", "larger of the two; NaN if either is NaN", Lazy_NumberTensor>;
def Lazy_MinOp : Lazy_Binary<"min", "smaller of the two; NaN if either is NaN", Lazy_NumberTensor>;
def Lazy_AndOp : Lazy_Binary<"and", "bitwise and", Lazy_IntTensor, 1, []>;
def Lazy_OrOp  : Lazy_Binary<"or", "bitwise or", Lazy_IntTensor, 1, []>;
def Lazy_XorOp : Lazy_Binary<"xor", "bitwise exclusive or", Lazy_IntTensor, 1, []>;
def Lazy_ShlOp : Lazy_Binary<"shl", "shift left; 0 when b is at least the width", Lazy_IntTensor, 1, []>;
def Lazy_ShrOp : Lazy_Binary<"shr",
    "shift right, filling with the sign for signed types; over-wide shifts fill fully", Lazy_IntTensor, 1, []>;

def Lazy_CmpOp : Lazy_Op<"cmp", [Pure, SameTypeOperands,
    SameOperandsAndResultShape, DeclareOpInterfaceMethods<ElementwiseOpInterface>]> {
  let summary = "comparison; with NaN only `ne` is true";
  let arguments = (ins Lazy_CmpKind:$kind, Lazy_NumberTensor:$a, Lazy_NumberTensor:$b);
  let results = (outs Lazy_BoolTensor:$y);
  let assemblyFormat = "$kind `,` $a `,` $b attr-dict `:` type($a) `->` type($y)";
}

def Lazy_WhereOp : Lazy_Op<"where", [Pure, SameOperandsAndResultShape,
    AllTypesMatch<["a", "b", "y"]>,
    DeclareOpInterfaceMethods<ElementwiseOpInterface>, Lazy_Differentiable]> {
  let summary = "a where the condition holds, else b";
  let arguments = (ins Lazy_BoolTensor:$condition, Lazy_Tensor:$a, Lazy_Tensor:$b);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$condition `,` $a `,` $b attr-dict `:` type($condition) `,` type($a)";
}

def Lazy_CastOp : Lazy_Op<"cast", [Pure, SameOperandsAndResultShape,
    DeclareOpInterfaceMethods<ElementwiseOpInterface, ["scalarCost"]>,
    Lazy_Differentiable]> {
  let summary = "conversion of the element type";
  let description = [{
    Float to integer truncates towards zero, saturates at the type's limits and
    maps NaN to 0. Integer to narrower integer wraps. Anything to i1 is
    `x != 0`. Float to narrower float rounds to nearest even.

    To a float of 8 or 4 bits an integer becomes f32 first. What is too large
    becomes infinite, else NaN where the type has one, else the largest number.
    f8E8M0FNU has only powers of two: to the nearest, the larger of two; what is
    not above 0 becomes NaN. NaN becomes -0 in f4E2M1FN, which has none.
  }];
  let arguments = (ins Lazy_Tensor:$x);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasFolder = 1;
}

def Lazy_BitcastOp : Lazy_Op<"bitcast", [Pure, SameOperandsAndResultShape,
    DeclareOpInterfaceMethods<ElementwiseOpInterface>]> {
  let summary = "the same bits as another type of the same width";
  let arguments = (ins Lazy_Tensor:$x);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Lazy_RequireOp : Lazy_Op<"require", [Pure, AllTypesMatch<["x", "y"]>,
    TypesMatchWith<"'ok' is i1 of the shape of 'x'", "x", "ok",
        "::nacre::lazy::withElement(::llvm::cast<::mlir::RankedTensorType>($_self), "
        "::mlir::IntegerType::get($_self.getContext(), 1))">,
    DeclareOpInterfaceMethods<ElementwiseOpInterface>, Lazy_Differentiable]> {
  let summary = "x, and a run that fails where a condition does not hold";
  let description = [{
    The result is `x`. Where `ok` is false for an element that a result of the
    program needs, the run returns `status`, a nacre_status other than NACRE_OK
    (include nacre/model.h). The results that use such elements are then
    unspecified; the others are what they would be, which states rely on. When
    elements of several operations fail, gathers and scatters with an index out
    of range among them, the run returns any one of their codes. `message` says
    what is wrong; the interpreter, which checks every element, gives it as its
    error.

    `%y = lazy.require %x, %ok {status = 9 : i32, message = "the loss is not finite"} : tensor<f32>`
  }];
  let arguments = (ins Lazy_Tensor:$x, Lazy_BoolTensor:$ok, I32Attr:$status,
                       StrAttr:$message);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x `,` $ok attr-dict `:` type($x)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Reductions and contraction
//===----------------------------------------------------------------------===//

def Lazy_ReduceOp : Lazy_Op<"reduce", [Pure, Lazy_Differentiable]> {
  let summary = "combines all elements along some axes, which disappear";
  let description = [{
    An empty extent gives the combiner's neutral element. f16 and bf16 are
    accumulated in f32. The order of a float sum is not specified.
  }];
  let arguments = (ins Lazy_ReduceKind:$kind, Lazy_NumberTensor:$x,
                       DenseI64ArrayAttr:$axes);
  let results = (outs Lazy_NumberTensor:$y);
  let assemblyFormat = "$kind `,` $x `,` $axes attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Lazy_ArgReduceOp : Lazy_Op<"arg_reduce", [Pure]> {
  let summary = "position of the largest or smallest element along an axis";
  let description = [{
    `kind` is max or min. Of equals the first wins, or the last when `last` is
    set. NaN counts as the extreme.
  }];
  let arguments = (ins Lazy_ReduceKind:$kind, Lazy_NumberTensor:$x, I64Attr:$axis,
                       UnitAttr:$last);
  let results = (outs Lazy_TensorOf<[I64]>:$y);
  let assemblyFormat = "$kind `,` $x `,` $axis attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Lazy_ContractOp : Lazy_Op<"contract", [Pure, Lazy_Differentiable]> {
  let summary = "a sum of products over affine index maps";
  let description = [{
    `y[maps[2](d)] += a[maps[0](d)] * b[maps[1](d)]` over all points `d` of the
    iteration space. Every dimension stands alone in at least one map, which
    gives its extent; `maps[2]` is a permutation of distinct dimensions.
    Matmul, einsum, convolution in all its forms and their gradients are all
    this one operation. f16 and bf16 are accumulated in f32. Operands and result
    have one element type; i8 and u8, also one of each, may be summed in i32.
  }];
  let arguments = (ins Lazy_NumberTensor:$a, Lazy_NumberTensor:$b, AffineMapArrayAttr:$maps);
  let results = (outs Lazy_NumberTensor:$y);
  let assemblyFormat = "$a `,` $b `,` $maps attr-dict `:` type($a) `,` type($b) `->` type($y)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::AffineMap map(unsigned operand) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[operand]).getValue();
    }
    /// Extents of the iteration space; ShapedType::kDynamic for a symbolic one.
    ::llvm::SmallVector<int64_t> extents();
  }];
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

class Lazy_View<string mnemonic, string what>
    : Lazy_Op<mnemonic, [Pure, DeclareOpInterfaceMethods<ViewOpInterface, ["indexMap"]>,
                         Lazy_Differentiable]> {
  let summary = what;
  let results = (outs Lazy_Tensor:$y);
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lazy_ReshapeOp : Lazy_View<"reshape", "the same elements in row-major order under another shape"> {
  let description = "A symbolic extent must be the leading one on both sides.";
  let arguments = (ins Lazy_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}
def Lazy_PermuteOp : Lazy_View<"permute", "axes in another order"> {
  let description = "Axis `i` of the result is axis `perm[i]` of the source.";
  let arguments = (ins Lazy_Tensor:$x, DenseI64ArrayAttr:$perm);
  let assemblyFormat = "$x `,` $perm attr-dict `:` type($x) `->` type($y)";
}
def Lazy_ExpandOp : Lazy_View<"expand", "axes of extent 1 repeated"> {
  let description = "Same rank; each extent is equal, or 1 in the source.";
  let arguments = (ins Lazy_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}
def Lazy_PadOp : Lazy_Op<"pad", [Pure,
    DeclareOpInterfaceMethods<ViewOpInterface, ["indexMap", "fillValue"]>,
    Lazy_Differentiable]> {
  let summary = "a border of a constant";
  let arguments = (ins Lazy_Tensor:$x, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high, TypedAttrInterface:$value);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x `,` $low `,` $high `,` $value attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Lazy_SliceOp : Lazy_View<"slice", "every step-th element from a start, per axis"> {
  let description = "`y[i] = x[starts + i * steps]`; steps are at least 1; sizes are the result's extents.";
  let arguments = (ins Lazy_Tensor:$x, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$x `,` $starts `,` $steps attr-dict `:` type($x) `->` type($y)";
}
def Lazy_FlipOp : Lazy_View<"flip", "axes in reverse"> {
  let arguments = (ins Lazy_Tensor:$x, DenseI64ArrayAttr:$axes);
  let assemblyFormat = "$x `,` $axes attr-dict `:` type($x) `->` type($y)";
}
def Lazy_WindowOp : Lazy_View<"window", "the sliding windows of convolution and pooling"> {
  let description = [{
    For each listed axis `a_k` the result has, in its place, the window's
    position and, appended at the end, the place within the window:
    `y[.., p_k, .., w_k] = x[.., p_k * strides_k + w_k * dilations_k, ..]`.
  }];
  let arguments = (ins Lazy_Tensor:$x, DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$sizes,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $x `,` `axes` $axes `sizes` $sizes `strides` $strides `dilations` $dilations
    attr-dict `:` type($x) `->` type($y)
  }];
}

//===----------------------------------------------------------------------===//
// Joining and indexing
//===----------------------------------------------------------------------===//

def Lazy_ConcatOp : Lazy_Op<"concat", [Pure, Lazy_Differentiable]> {
  let summary = "tensors one after another along an axis";
  let arguments = (ins Variadic<Lazy_Tensor>:$xs, I64Attr:$axis);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$xs `axis` $axis attr-dict `:` functional-type($xs, $y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lazy_GatherOp : Lazy_Op<"gather", [Pure, Lazy_Differentiable]> {
  let summary = "slices of x picked by index along an axis";
  let description = [{
    `y[o.., i.., r..] = x[o.., index[i..], r..]` with `axis` leading extents
    `o`. Negative indices count from the end. An index out of range makes the
    run return NACRE_E_INDEX; the element is then unspecified and nothing
    outside x is read.
  }];
  let arguments = (ins Lazy_Tensor:$x, Lazy_IndexTensor:$index, I64Attr:$axis);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x `,` $index `,` $axis attr-dict `:` type($x) `,` type($index) `->` type($y)";
  let hasVerifier = 1;
}

def Lazy_ScatterOp : Lazy_Op<"scatter", [Pure,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["hasGradient"]>]> {
  let summary = "combines slices by index along an axis: gather's transpose";
  let description = [{
    `y[o.., index[i..], r..] = kind(y[..], updates[o.., i.., r..])` for all
    `o`, `i` and `r`, from a `y` of the kind's neutral element, with `axis`
    leading extents `o`. The kind is add where none is written; then y is the
    sum of what is scattered to each element. An element nothing is scattered to
    stays neutral: 0, 1, or the end of the type's range, infinite for floats.
    NaN stays NaN. The shape of `updates` is that of `gather(y, index, axis)`.
    Each element is combined in row-major order of `i`, so the result does not
    depend on the number of threads. f16 and bf16 are accumulated in f32;
    integers wrap. Negative indices count from the end. An index out of range
    makes the run return NACRE_E_INDEX; nothing outside y is written. The extent
    of `y` along `axis` is not symbolic. Only a sum has a gradient.

    `%y = lazy.scatter max, %u, %i, 0 : tensor<5x8xf32>, tensor<5xi64> -> tensor<3x8xf32>`
  }];
  let arguments = (ins
      DefaultValuedAttr<Lazy_ReduceKind, "::nacre::lazy::ReduceKind::add">:$kind,
      Lazy_NumberTensor:$updates, Lazy_IndexTensor:$index, I64Attr:$axis);
  let results = (outs Lazy_NumberTensor:$y);
  let assemblyFormat = "($kind^ `,`)? $updates `,` $index `,` $axis attr-dict `:` type($updates) `,` type($index) `->` type($y)";
  let hasVerifier = 1;
}

def Lazy_WriteOp : Lazy_Op<"write", [Pure, AllTypesMatch<["x", "y"]>,
    AllElementTypesMatch<["x", "rows"]>]> {
  let summary = "x with a run of slices along an axis replaced";
  let description = [{
    `y[o.., first + i, r..] = rows[o.., i, r..]` for 0 <= i < `count`, with
    `axis` leading extents `o`; every other element of y is that of x. `first`
    and `count` are scalars. The run returns NACRE_E_INDEX, and y is x, unless
    0 <= first, 0 <= count <= rows' extent along the axis and first + count is
    at most x's. Extents are not symbolic. y is stored where x is: a state that
    is written to stays in its place, and nothing else of it is touched.

    `%y = lazy.write %x, %rows, %first, %count, 0 : tensor<8x4xf32>, tensor<3x4xf32>`
  }];
  let arguments = (ins Lazy_Tensor:$x, Lazy_Tensor:$rows,
                       Lazy_NumberScalar:$first, Lazy_NumberScalar:$count,
                       I64Attr:$axis);
  let results = (outs Lazy_Tensor:$y);
  let assemblyFormat = "$x `,` $rows `,` $first `,` $count `,` $axis attr-dict `:` type($x) `,` type($rows)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

class Lazy_CallOp<string mnemonic, list<Trait> traits = []>
    : Lazy_Op<mnemonic, !listconcat([Pure,
        DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)>;

def Lazy_LoopOp : Lazy_CallOp<"loop", [AttrSizedOperandSegments]> {
  let summary = "a function run again and again";
  let description = [{
    Runs `body`, a private function, for i = 0, 1, ... up to
    `min(max(trips, 0), bound)`, or `bound` where there is no `trips` (a scalar
    of i64). The body takes i (a scalar of i64); the carried values, which are
    the operands at first and then what the body gave last; element i of each
    scanned operand along its leading axis, or element bound - 1 - i where it is
    `backward`; the captured operands. It gives, when the loop is
    `conditional`, a scalar of i1, false where this was the last time; the new
    carried values, of the same types; and slices that are collected along a new
    leading axis, at i or, `backward`, at bound - 1 - i. Slices are scanned and
    collected only where the number of times is known: without `trips` and
    `conditional`. The results are the last carried values, then what was
    collected.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, I64Attr:$bound,
                       UnitAttr:$conditional, DenseBoolArrayAttr:$backward,
                       Optional<Lazy_Tensor>:$trips,
                       Variadic<Lazy_Tensor>:$carried,
                       Variadic<Lazy_Tensor>:$scanned,
                       Variadic<Lazy_Tensor>:$captured,
                       OptionalAttr<ArrayAttr>:$operand_places,
                       OptionalAttr<ArrayAttr>:$result_places,
                       OptionalAttr<ArrayAttr>:$scratch);
  let results = (outs Variadic<Lazy_Tensor>:$results);
  let assemblyFormat = [{
    $body `bound` $bound (`trips` $trips^ `:` type($trips))?
    (`conditional` $conditional^)? (`carried` $carried^ `:` type($carried))?
    (`scanned` $scanned^ `:` type($scanned))?
    (`captured` $captured^ `:` type($captured))?
    `backward` $backward attr-dict `->` `(` type($results) `)`
  }];
  let extraClassDeclaration = [{
    /// How many results are collected slices.
    unsigned collected() { return getNumResults() - getCarried().size(); }
  }];
}

def Lazy_IfOp : Lazy_CallOp<"if"> {
  let summary = "one of two functions";
  let description = [{
    Runs `then`, a private function, where the scalar `condition` holds, else
    `otherwise`. Both take the captured operands and give the results.
  }];
  let arguments = (ins FlatSymbolRefAttr:$then, FlatSymbolRefAttr:$otherwise,
                       Lazy_BoolTensor:$condition,
                       Variadic<Lazy_Tensor>:$captured,
                       OptionalAttr<ArrayAttr>:$operand_places,
                       OptionalAttr<ArrayAttr>:$result_places,
                       OptionalAttr<ArrayAttr>:$scratch);
  let results = (outs Variadic<Lazy_Tensor>:$results);
  let assemblyFormat = [{
    $condition `then` $then `else` $otherwise
    (`captured` $captured^)? attr-dict
    `:` type($condition) (`,` type($captured)^)? `->` `(` type($results) `)`
  }];
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Lazy_KernelOp : Lazy_Op<"kernel", [Pure, IsolatedFromAbove,
    SingleBlock]> {
  let summary = "operations that run as one loop nest";
  let description = [{
    Made by fusion. The body is lazy operations on the block arguments, ending
    in `lazy.yield`. `schedule` says how the nest is run (see
    docs/schedule.md); `operand_places` and `result_places`, set by the memory
    plan, say where each tensor lives. What is computed never depends on them.
  }];
  let arguments = (ins Variadic<Lazy_Tensor>:$operands, StrAttr:$name,
      OptionalAttr<DictionaryAttr>:$schedule,
      OptionalAttr<ArrayAttr>:$operand_places,
      OptionalAttr<ArrayAttr>:$result_places);
  let results = (outs Variadic<Lazy_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Lazy_YieldOp : Lazy_Op<"yield", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "the results of a kernel";
  let arguments = (ins Variadic<Lazy_Tensor>:$results);
  let assemblyFormat = "$results attr-dict `:` type($results)";
}

#endif // NACRE_LAZY_OPS
