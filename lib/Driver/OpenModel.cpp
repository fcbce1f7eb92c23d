//===- OpenModel.cpp - from the command line to a model that runs ---------===//

#include "OpenModel.h"
#include "Data.h"

namespace nacre::driver {

llvm::Expected<OpenModel> openModel(const ModelOptions &options) {
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  llvm::Expected<ModelSource> source = ModelSource::open(*context, options);
  if (!source)
    return source.takeError();
  return OpenModel{std::move(*tools), std::move(context), std::move(*source)};
}

llvm::Expected<Dims> completeInputs(const OpenModel &model,
                                    std::vector<Tensor> &inputs,
                                    uint64_t seed) {
  const ModelSource &source = model.source;
  if (llvm::Error error = source.checkInputs())
    return error;
  llvm::Expected<Dims> dims =
      bindDims(source.inputs(), inputs, source.givenDims(),
               source.symbolicDims(), source.leastDims());
  if (!dims)
    return dims.takeError();
  if (llvm::Error error = fillRandom(source.inputs(), inputs, *dims,
                                     source.symbolicDims(), seed))
    return error;
  return dims;
}

llvm::Expected<std::unique_ptr<LoadedModel>> load(const CompiledCode &code,
                                                  const Toolchain &tools) {
  auto model = tools.target->load(code, tools.options, tools.threads);
  if (model && !(*model)->device().empty())
    llvm::errs() << "nacre: on " << printable((*model)->device()) << "\n";
  return model;
}

} // namespace nacre::driver
