//===- Canonicalize.cpp - folders, common subexpressions, dead code -------===//
#include "nacre/Fuse/Fuse.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
namespace nacre::fuse {

LogicalResult canonicalize(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createCanonicalizerPass());
  return passes.run(module);
}

} // namespace nacre::fuse
