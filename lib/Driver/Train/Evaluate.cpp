//===- Evaluate.cpp - averages over a data set ----------------------------===//

#include "Evaluate.h"

namespace nacre::driver {

llvm::Expected<Evaluation>
Evaluation::create(mlir::MLIRContext &context, const TrainingSource &source,
                   const Toolchain &tools, Program program, Examples examples) {
  Evaluation result;
  result.batch = dataInputs(program).front().shape.front();
  result.examples = std::move(examples);
  const int64_t count = result.examples.count;
  if (count >= result.batch) {
    llvm::Expected<StateProgram> full =
        StateProgram::compile(std::move(program), tools);
    if (!full)
      return full.takeError();
    result.full = std::move(*full);
  }
  const int64_t remainder = count % result.batch;
  if (remainder && source.batchIsOpen()) {
    llvm::Expected<ImportedTraining> imported =
        source.import(context, remainder);
    if (!imported)
      return imported.takeError();
    llvm::Expected<StateProgram> rest =
        StateProgram::compile(std::move(imported->model->eval), tools);
    if (!rest)
      return rest.takeError();
    result.rest = std::move(*rest);
  }
  return result;
}

/// Runs on the examples from `first` on and adds the scalars, times examples.
llvm::Error Evaluation::add(StateProgram &program, States &states,
                            int64_t first, Scalars &sums) {
  std::vector<Tensor> data;
  for (auto [array, input] : llvm::zip_equal(examples.arrays, program.data())) {
    int64_t bytes = array.byteCount() / array.shape[0];
    data.push_back(Tensor::view(array.dtype, input.shape,
                                array.bytes + first * bytes, array.keepAlive));
  }
  llvm::Expected<Scalars> scalars = program.run(states, data);
  failedStatus = program.status();
  if (!scalars)
    return scalars.takeError();
  if (sums.empty())
    for (const auto &scalar : *scalars)
      sums.emplace_back(scalar.first, 0);
  for (auto [sum, scalar] : llvm::zip_equal(sums, *scalars))
    sum.second += scalar.second * program.data().front().shape.front();
  return llvm::Error::success();
}

llvm::Expected<Scalars> Evaluation::run(States &states) {
  Scalars sums;
  int64_t done = 0;
  for (; full && done + batch <= examples.count; done += batch)
    if (llvm::Error error = add(*full, states, done, sums))
      return error;
  if (rest) {
    if (llvm::Error error = add(*rest, states, done, sums))
      return error;
    done = examples.count;
  }
  for (auto &sum : sums)
    sum.second /= double(done);
  return sums;
}

} // namespace nacre::driver
