//===- SaveModel.cpp - what training made, as a file ----------------------===//

#include "Loop.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

/// What a trained model keeps: everything that inference reads.
static WeightStore parametersOf(const States &states) {
  return storeOf(states, [](autodiff::StateKind kind) {
    return kind == autodiff::StateKind::Parameter ||
           kind == autodiff::StateKind::Frozen ||
           kind == autodiff::StateKind::Buffer;
  });
}

llvm::Error saveModel(mlir::MLIRContext &, const Training &training,
                      const TrainOptions &options) {
  WeightStore store = parametersOf(training.states);
  std::string error;
  if (failed(store.save(options.output, error)))
    return fail(ExitUsage, error);
  return llvm::Error::success();
}

} // namespace nacre::driver
