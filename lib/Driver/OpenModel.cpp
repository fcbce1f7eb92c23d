//===- OpenModel.cpp - from the command line to a model that runs ---------===//

#include "OpenModel.h"
#include "Data.h"
#include "nacre/Codegen/Signature.h"
#include "nacre/Reference/Interpreter.h"

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

void recode(llvm::ArrayRef<TensorInfo> infos, std::vector<Tensor> &tensors,
            const Strings &read, Strings &strings) {
  for (auto [info, tensor] : llvm::zip(infos, tensors))
    if (info.strings && tensor.dtype == DType::I32)
      strings.recode(read, tensor);
}

llvm::Expected<Outcome> runOnce(LoadedModel &model,
                                llvm::ArrayRef<std::string> strings,
                                std::vector<Tensor> inputs, const Strings &read,
                                const Dims &dims) {
  Outcome outcome{model.outputs, {}, Strings(strings)};
  recode(model.inputs, inputs, read, outcome.strings);
  llvm::Expected<Call> call = model.prepare(inputs, dims);
  if (!call)
    return call.takeError();
  Progress progress;
  progress.say("run");
  if (llvm::Error error = model.run(*call))
    return error;
  outcome.tensors = std::move(call->outputs);
  return outcome;
}

llvm::Expected<Outcome> interpret(const Program &program,
                                  std::vector<Tensor> inputs,
                                  const Strings &read, const Dims &dims) {
  Progress progress;
  progress.say("reference interpreter");
  CompiledCode code;
  readSignature(program, code);
  Outcome outcome{std::move(code.outputs), {}, Strings(code.strings)};
  recode(code.inputs, inputs, read, outcome.strings);
  auto results = reference::run(program, inputs, dims);
  if (!results)
    return withCode(ExitModel, results.takeError());
  outcome.tensors.assign(std::make_move_iterator(results->begin()),
                         std::make_move_iterator(results->end()));
  return outcome;
}

} // namespace nacre::driver
