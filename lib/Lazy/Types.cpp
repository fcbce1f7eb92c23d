//===- Types.cpp - questions about lazy tensor types ----------------------===//
#include "nacre/Lazy/Lazy.h"
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

Type storageType(Type element) {
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

LogicalResult verifyProgram(Operation *module) {
  auto status = success();
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
