//===- Signature.cpp - what main's arguments and results stand for --------===//
#include "nacre/Lazy/Signature.h"
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::lazy {

CallerShape callerShape(RankedTensorType type, DictionaryAttr attributes) {
  CallerShape shape;
  auto bounds = attributes ? attributes.getAs<DenseI64ArrayAttr>("lazy.shape")
                           : DenseI64ArrayAttr();
  if (!bounds) {
    shape.bounds = boundedShape(type);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      StringAttr symbol = symbolOf(type, axis);
      shape.dims.push_back(symbol ? symbol.str() : "");
    }
    return shape;
  }
  shape.flat = true;
  shape.bounds = SmallVector<int64_t>(bounds.asArrayRef());
  auto names = attributes.getAs<ArrayAttr>("lazy.dims");
  for (size_t axis = 0; axis < shape.bounds.size(); ++axis) {
    auto name = names && axis < names.size() ? dyn_cast<StringAttr>(names[axis])
                                             : StringAttr();
    shape.dims.push_back(name ? name.str() : "");
  }
  return shape;
}

std::optional<DimScalar> dimScalar(DictionaryAttr attributes) {
  auto name =
      attributes ? attributes.getAs<StringAttr>("lazy.dim") : StringAttr();
  if (!name)
    return std::nullopt;
  auto range = attributes.getAs<DenseI64ArrayAttr>("lazy.range");
  if (!range || range.size() != 2)
    return DimScalar{name.str(), 0, 0};
  return DimScalar{name.str(), range[0], range[1]};
}

} // namespace nacre::lazy
