//===- PackedWeights.cpp - what unpacks a weight when it is read ----------===//
#include "PackedWeights.h"
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

llvm::DenseSet<Value> unpackedValues(func::FuncOp function) {
  llvm::DenseSet<Value> values;
  for (Operation &op : function.getBody().front()) {
    if (auto weight = dyn_cast<WeightOp>(op)) {
      if (weight.getPacked())
        values.insert(weight);
    } else if (isa<ElementwiseOpInterface, ViewOpInterface, ConcatOp>(op) &&
               llvm::any_of(op.getOperands(),
                            [&](Value v) { return values.contains(v); })) {
      values.insert(op.getResult(0));
    }
  }
  return values;
}

} // namespace nacre::fuse
