//===- OpenModel.h - from the command line to a model that runs -*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_OPENMODEL_H
#define NACRE_LIB_DRIVER_OPENMODEL_H

#include "Session.h"

namespace nacre::driver {

/// A model file, and what it is compiled for.
struct OpenModel {
  Toolchain tools;
  std::unique_ptr<mlir::MLIRContext> context;
  ModelSource source;
};

/// Checks the options that need no model, says what was chosen and opens the
/// model.
llvm::Expected<OpenModel> openModel(const ModelOptions &options);

/// The values of all open dims, from the options and the inputs that have
/// bytes; the other inputs get random ones.
llvm::Expected<Dims> completeInputs(const OpenModel &model,
                                    std::vector<Tensor> &inputs, uint64_t seed);

/// Makes compiled code, embedWeights off, ready to run here, and says on
/// stderr what it runs on where the target did not say before.
llvm::Expected<std::unique_ptr<LoadedModel>> load(const CompiledCode &code,
                                                  const Toolchain &tools);

/// What a run gave: the outputs, in order, and the texts of those of strings.
struct Outcome {
  std::vector<TensorInfo> outputs;
  std::vector<Tensor> tensors;
  Strings strings;
};

/// One run of a model whose program has these strings. Strings among the inputs
/// are codes of `read`; `dims` has the dims that no input has.
llvm::Expected<Outcome> runOnce(LoadedModel &model,
                                llvm::ArrayRef<std::string> strings,
                                std::vector<Tensor> inputs, const Strings &read,
                                const Dims &dims);
/// The same of the reference interpreter and a program after import.
llvm::Expected<Outcome> interpret(const Program &program,
                                  std::vector<Tensor> inputs,
                                  const Strings &read, const Dims &dims);
/// Codes of `read` among the tensors become codes of `strings`.
void recode(llvm::ArrayRef<TensorInfo> infos, std::vector<Tensor> &tensors,
            const Strings &read, Strings &strings);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_OPENMODEL_H
