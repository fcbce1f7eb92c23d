//===- LoadedModel.cpp - a compiled model ready to run --------------------===//

#include "nacre/Codegen/LoadedModel.h"
#include "nacre/Failure/Failure.h"
#include <chrono>

using llvm::Twine;
using Clock = std::chrono::steady_clock;

namespace nacre {

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [axis, extent] : llvm::enumerate(shape))
    text += (axis ? ", " : "") + std::to_string(extent);
  return text + "]";
}

int64_t CompiledCode::boundOf(llvm::StringRef name) const {
  for (const auto *list : {&inputs, &outputs})
    for (const TensorInfo &tensor : *list)
      for (auto [axis, dim] : llvm::enumerate(tensor.dimNames))
        if (dim == name)
          return tensor.shape[axis];
  return 0;
}

llvm::Expected<Call> LoadedModel::prepare(llvm::ArrayRef<Tensor> given) const {
  Call call;
  llvm::StringMap<int64_t> dims;
  if (given.size() != inputs.size())
    return fail(ExitModel, Twine(given.size()) +
                               " inputs are given, model "
                               "needs " +
                               Twine(inputs.size()));
  for (auto [tensor, input] : llvm::zip_equal(given, inputs)) {
    if (input.dtype != tensor.dtype)
      return fail(ExitModel, Twine("input '") + input.name + "': data has " +
                                 dtypeName(tensor.dtype) + ", model needs " +
                                 dtypeName(input.dtype));
    bool fits = tensor.shape.size() == input.shape.size();
    for (size_t axis = 0; fits && axis < input.shape.size(); ++axis) {
      const std::string &dim = input.dimNames[axis];
      int64_t extent = tensor.shape[axis];
      fits = dim.empty()
                 ? extent == input.shape[axis]
                 : extent <= input.shape[axis] &&
                       dims.try_emplace(dim, extent).first->second == extent;
    }
    if (!fits)
      return fail(ExitModel, Twine("input '") + input.name +
                                 "': data has shape " +
                                 shapeText(tensor.shape) + ", model needs " +
                                 shapeText(input.shape));
    call.inputs.push_back(tensor);
  }
  for (const std::string &dim : dimNames) {
    auto at = dims.find(dim);
    if (at == dims.end())
      return fail(ExitUsage, Twine("no input determines dim '") + dim +
                                 "', give it with --dim");
    call.dims.push_back(at->second);
  }
  for (const TensorInfo &output : outputs) {
    llvm::SmallVector<int64_t> shape(output.shape.begin(), output.shape.end());
    for (auto [extent, dim] : llvm::zip_equal(shape, output.dimNames))
      if (!dim.empty())
        extent = dims.lookup(dim);
    call.outputs.push_back(Tensor::zeros(output.dtype, shape));
  }
  return call;
}

llvm::Expected<std::vector<double>>
LoadedModel::measure(Call &call, double seconds, size_t least) {
  auto microsecondsSince = [](Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start)
        .count();
  };
  std::vector<double> samples;
  Clock::time_point start = Clock::now();
  while (samples.size() < least || microsecondsSince(start) < seconds * 1e6) {
    Clock::time_point before = Clock::now();
    if (llvm::Error error = run(call))
      return error;
    samples.push_back(microsecondsSince(before));
  }
  return samples;
}

llvm::Expected<std::vector<std::vector<double>>>
LoadedModel::measureKernels(Call &, double) {
  return std::vector<std::vector<double>>();
}

} // namespace nacre
