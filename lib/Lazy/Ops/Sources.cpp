//===- Sources.cpp - splat, iota ------------------------------------------===//
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::lazy {

LogicalResult SplatOp::verify() {
  Type element = tensorType(getResult()).getElementType();
  if (getValue().getType() != element)
    return emitOpError("value has type ")
           << getValue().getType() << ", the tensor holds " << element;
  return success();
}

LogicalResult IotaOp::verify() {
  int64_t rank = tensorType(getResult()).getRank();
  if (int64_t(getAxis()) < 0 || int64_t(getAxis()) >= rank)
    return emitOpError("axis ")
           << int64_t(getAxis()) << " is outside rank " << rank;
  return success();
}

} // namespace nacre::lazy
