//===- Canonicalize.cpp - folders, common subexpressions, dead code -------===//
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "nacre/Fuse/Fuse.h"

using namespace mlir;
namespace nacre::fuse {

LogicalResult canonicalize(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createSymbolDCEPass()); // functions of loops that are gone
  return passes.run(module);
}

} // namespace nacre::fuse
