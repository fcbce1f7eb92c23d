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
  for (auto [dim, range] : llvm::zip_equal(dimNames, dimRanges))
    if (dim == name)
      return range.most;
  return 0;
}

static std::vector<TensorInfo> outputsOf(const CompiledCode &code,
                                         bool counts) {
  std::vector<TensorInfo> list;
  llvm::copy_if(code.outputs, std::back_inserter(list),
                [&](const TensorInfo &t) { return t.isCount == counts; });
  return list;
}

LoadedModel::LoadedModel(const CompiledCode &code)
    : inputs(code.inputs), outputs(outputsOf(code, false)),
      counts(outputsOf(code, true)), dimNames(code.dimNames),
      dimRanges(code.dimRanges) {}

llvm::Error LoadedModel::settleShapes(Call &call) const {
  for (auto [tensor, output] : llvm::zip_equal(call.outputs, outputs))
    for (auto [axis, dim] : llvm::enumerate(output.dimNames))
      for (auto [count, value] : llvm::zip_equal(counts, call.counts)) {
        if (count.name != dim)
          continue;
        int64_t extent = value.integerAt(0), most = output.shape[axis];
        if (extent < 0 || extent > most)
          return fail(ExitModel, Twine("output '") + output.name + "': dim '" +
                                     dim + "' is " + Twine(extent) +
                                     ", at most " + Twine(most));
        tensor.shape[axis] = extent;
      }
  return llvm::Error::success();
}

/// An input with room for the bounds: a text may read what a run has not.
static Tensor inRoom(const Tensor &tensor, const TensorInfo &input) {
  if (tensor.byteCount() == input.byteCount())
    return tensor;
  Tensor room = Tensor::zeros(input.dtype, input.shape);
  std::memcpy(room.data<uint8_t>(), tensor.bytes, tensor.byteCount());
  room.shape = tensor.shape;
  return room;
}

llvm::Expected<Call>
LoadedModel::prepare(llvm::ArrayRef<Tensor> given,
                     const llvm::StringMap<int64_t> &otherDims,
                     const Call *before) const {
  Call call;
  llvm::StringMap<int64_t> dims;
  std::vector<Tensor> all(given);
  while (all.size() < inputs.size() && !inputs[all.size()].state.empty()) {
    const TensorInfo &state = inputs[all.size()];
    all.push_back(before ? before->inputs[all.size()]
                         : Tensor::zeros(state.dtype, state.shape));
  }
  bool own = all.size() > given.size();
  given = all;
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
    call.inputs.push_back(inRoom(tensor, input));
  }
  for (const std::string &dim : dimNames) {
    int64_t least = dimRanges[call.dims.size()].least;
    if (auto other = otherDims.find(dim); other != otherDims.end())
      dims.try_emplace(dim, other->second);
    else if (!inputs.empty() && !inputs.back().state.empty())
      dims.try_emplace(dim, least);
    auto at = dims.find(dim);
    if (at == dims.end())
      return fail(ExitUsage, Twine("no input determines dim '") + dim +
                                 "', give it with --dim");
    if (at->second < least)
      return fail(ExitModel, Twine("dim '") + dim + "' is " +
                                 Twine(at->second) + ", at least " +
                                 Twine(least));
    call.dims.push_back(at->second);
  }
  for (const TensorInfo &output : outputs) {
    auto state = llvm::find_if(inputs, [&](const TensorInfo &input) {
      return !output.state.empty() && input.state == output.state;
    });
    if (own && state != inputs.end()) {
      call.outputs.push_back(call.inputs[state - inputs.begin()]);
      continue;
    }
    // A run may write all that there is room for.
    Tensor tensor = Tensor::zeros(output.dtype, output.shape);
    for (auto [extent, dim] : llvm::zip_equal(tensor.shape, output.dimNames))
      if (auto at = dims.find(dim); at != dims.end())
        extent = at->second;
    call.outputs.push_back(std::move(tensor));
  }
  for (const TensorInfo &count : counts)
    call.counts.push_back(Tensor::zeros(count.dtype, count.shape));
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
