//===- Types.cpp - questions about lazy tensor types ----------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Lazy/State.h"
#include "nacre/Lazy/Tensor.h"

using namespace mlir;
namespace nacre::lazy {

RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static DimsAttr dimsOf(RankedTensorType type) {
  return dyn_cast_or_null<DimsAttr>(type.getEncoding());
}

/// Position of `axis` among the dynamic axes of `type`.
static unsigned dynamicIndex(RankedTensorType type, unsigned axis) {
  unsigned k = 0;
  for (unsigned i = 0; i < axis; ++i)
    k += type.isDynamicDim(i);
  return k;
}

bool hasBoundedShape(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.hasStaticShape())
    return tensor != nullptr;
  DimsAttr dims = dimsOf(tensor);
  if (!dims || dims.getNames().size() != size_t(tensor.getNumDynamicDims()) ||
      dims.getBounds().asArrayRef().size() !=
          size_t(tensor.getNumDynamicDims()))
    return false;
  return llvm::all_of(dims.getNames(),
                      [](Attribute a) { return isa<StringAttr>(a); }) &&
         llvm::all_of(dims.getBounds().asArrayRef(),
                      [](int64_t b) { return b >= 0; });
}

llvm::SmallVector<int64_t> boundedShape(RankedTensorType type) {
  llvm::SmallVector<int64_t> shape(type.getShape());
  for (unsigned i = 0; i < shape.size(); ++i)
    if (type.isDynamicDim(i))
      shape[i] = dimsOf(type).getBounds()[dynamicIndex(type, i)];
  return shape;
}

StringAttr symbolOf(RankedTensorType type, unsigned axis) {
  if (!type.isDynamicDim(axis))
    return {};
  return cast<StringAttr>(dimsOf(type).getNames()[dynamicIndex(type, axis)]);
}

RankedTensorType withShape(RankedTensorType type, ArrayRef<int64_t> shape,
                           ArrayRef<int64_t> symbolAxes) {
  SmallVector<Attribute> names;
  SmallVector<int64_t> bounds;
  SmallVector<unsigned> sources;
  for (unsigned i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sources.push_back(i);
  unsigned next = 0;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(extent))
      continue;
    assert(!sources.empty() && "a symbolic extent needs a source");
    unsigned axis = i < symbolAxes.size() && symbolAxes[i] >= 0
                        ? unsigned(symbolAxes[i])
                        : sources[std::min<size_t>(next++, sources.size() - 1)];
    unsigned k = dynamicIndex(type, axis);
    names.push_back(dimsOf(type).getNames()[k]);
    bounds.push_back(dimsOf(type).getBounds()[k]);
  }
  MLIRContext *context = type.getContext();
  Attribute encoding;
  if (!names.empty())
    encoding = DimsAttr::get(context, ArrayAttr::get(context, names),
                             DenseI64ArrayAttr::get(context, bounds));
  return RankedTensorType::get(shape, type.getElementType(), encoding);
}

RankedTensorType withElement(RankedTensorType type, Type element) {
  return RankedTensorType::get(type.getShape(), element, type.getEncoding());
}

bool isUnsignedElement(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  return integer && (integer.isUnsigned() || integer.getWidth() == 1);
}

bool isNarrow(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return !integer.isSigned() &&
           (integer.getWidth() == 4 || integer.getWidth() == 2);
  return isa<Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type,
             Float8E5M2FNUZType, Float8E8M0FNUType, Float4E2M1FNType>(element);
}

bool isFloatElement(Type element) {
  return isa<FloatType>(element) && !isNarrow(element);
}

TypedAttr storedConstant(TypedAttr value) {
  Type stored = storageType(value.getType());
  auto integer = dyn_cast<IntegerAttr>(value);
  if (!integer && stored == value.getType())
    return value;
  APInt bits = integer ? integer.getValue()
                       : cast<FloatAttr>(value).getValue().bitcastToAPInt();
  return IntegerAttr::get(stored, bits.zext(stored.getIntOrFloatBitWidth()));
}

TypedAttr narrowConstant(Type element, uint8_t bits) {
  unsigned width = element.getIntOrFloatBitWidth();
  APInt value(width, bits, /*isSigned=*/false, /*implicitTrunc=*/true);
  if (auto floating = dyn_cast<FloatType>(element))
    return FloatAttr::get(element,
                          APFloat(floating.getFloatSemantics(), value));
  return IntegerAttr::get(element, value);
}

Type storageType(Type element) {
  if (isNarrow(element))
    return IntegerType::get(element.getContext(), 8);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}

int64_t elementBytes(Type element) {
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

llvm::StringRef elementName(Type element) {
  return dtypeName(dtypeOf(element));
}

/// Inputs and outputs are dense in the extents of the run, so only a leading
/// extent may be symbolic; a contraction must not sum over one.
static LogicalResult checkSymbols(func::FuncOp main) {
  Block &block = main.getBody().front();
  auto check = [&](Value v, StringRef what, unsigned i) -> LogicalResult {
    auto type = tensorType(v);
    for (int64_t axis = 1; axis < type.getRank(); ++axis)
      if (StringAttr symbol = symbolOf(type, axis))
        return main.emitError()
               << what << " " << i << " has the symbolic extent "
               << symbol.getValue() << " on axis " << axis
               << "; only the leading one may be symbolic, bind it with --dim "
               << symbol.getValue() << "=VALUE";
    return success();
  };
  for (auto [i, v] : llvm::enumerate(block.getArguments()))
    if (failed(check(v, "argument", i)))
      return failure();
  for (auto [i, v] : llvm::enumerate(block.getTerminator()->getOperands()))
    if (failed(check(v, "result", i)))
      return failure();
  auto status = success();
  block.walk([&](ContractOp op) {
    for (unsigned k = 0; k < 2; ++k) {
      auto type = tensorType(op->getOperand(k));
      for (auto [axis, e] : llvm::enumerate(op.map(k).getResults()))
        if (symbolOf(type, axis) &&
            !llvm::is_contained(op.map(2).getResults(), e)) {
          op.emitOpError("sums over the symbolic extent ")
              << symbolOf(type, axis).getValue() << "; bind it with --dim "
              << symbolOf(type, axis).getValue() << "=VALUE";
          status = failure();
        }
    }
  });
  return status;
}

LogicalResult verifyProgram(Operation *module) {
  auto status = success();
  auto main = dyn_cast_or_null<func::FuncOp>(
      SymbolTable::lookupSymbolIn(module, "main"));
  if (!main || main.isExternal() || !main.getBody().hasOneBlock())
    return module->emitError("a program needs a function 'main' of one block");
  if (failed(verifyCalls(cast<ModuleOp>(module))))
    return failure();
  auto checkType = [&](Type type, StringRef what, unsigned i) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    bool element =
        tensor &&
        (isa<Float16Type, BFloat16Type, Float32Type, Float64Type, IntegerType>(
             tensor.getElementType()) ||
         isNarrow(tensor.getElementType()));
    if (auto integer = element ? dyn_cast<IntegerType>(tensor.getElementType())
                               : IntegerType())
      element =
          (isNarrow(integer) ||
           llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth())) &&
          !integer.isSigned() &&
          !(integer.isUnsigned() && integer.getWidth() == 1);
    if (element && hasBoundedShape(type))
      return;
    main.emitError() << what << " " << i << " of main has type " << type
                     << ", expected a tensor of f16, bf16, f32, f64, i1, "
                        "i2..i64, ui2..ui64 or a float of 8 or 4 bits "
                        "with bounded extents";
    status = failure();
  };
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes()))
    checkType(type, "argument", i);
  for (auto [i, type] : llvm::enumerate(main.getResultTypes()))
    checkType(type, "result", i);
  if (failed(status) || failed(checkSymbols(main)) ||
      failed(verifySignature(main)) || failed(verifyStates(main)))
    return failure();
  module->walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          tensor && tensor.getRank() > maxRank) {
        op->emitOpError("has a result of rank ")
            << tensor.getRank() << ", at most " << maxRank
            << " axes are supported";
        status = failure();
      }
  });
  for (auto function : module->getRegion(0).getOps<func::FuncOp>())
    for (Operation &op : function.getBody().front())
      if (!isa<LazyDialect>(op.getDialect()) && !isa<func::ReturnOp>(op)) {
        op.emitOpError("is not a lazy operation");
        status = failure();
      }
  module->walk([&](KernelOp kernel) {
    for (Operation &op : kernel.getBody().front())
      if (!isa<LazyDialect>(op.getDialect())) {
        op.emitOpError("is not a lazy operation, inside kernel ")
            << kernel.getName();
        status = failure();
      }
  });
  return status;
}

} // namespace nacre::lazy
