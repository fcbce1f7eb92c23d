//===- NativeModel.cpp - compiled code loaded into this process -----------===//
//
// `run`, `verify` and `bench` take the way a user's program takes: an object,
// linked and loaded, called through the C ABI. Only the weights are kept out
// of the library, in memory of their own: nothing is gained by a file.
//
//===----------------------------------------------------------------------===//

#include "NativeModel.h"
#include "LoadModel.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Driver/Failure.h"
#include <dlfcn.h>
#include <sys/mman.h>

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

llvm::Error NativeModel::open(const std::string &library, StringRef symbol) {
  handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(ExitModel,
                Twine("cannot load the compiled model: ") + ::dlerror());
  model = static_cast<const nacre_model *>(
      ::dlsym(handle, (symbol + "_model").str().c_str()));
  if (!model)
    return fail(ExitModel, "the object does not define " + symbol + "_model");
  nacre_error error;
  if (nacre_check_model(model, &error))
    return fail(ExitModel, error.text);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<NativeModel>>
NativeModel::load(const NativeCode &code, StringRef symbol) {
  std::unique_ptr<NativeModel> result(new NativeModel);
  artifact::ScratchFolder scratch;
  if (llvm::Error error = scratch.create())
    return error;
  std::string object = scratch.file("model.o"),
              library = scratch.file("model.so");
  if (llvm::Error error = artifact::writeFile(
          object, [&](llvm::raw_ostream &os) { os << code.object; },
          artifact::Durability::Scratch))
    return error;
  if (llvm::Error error = artifact::linkShared({object}, library))
    return error;
  if (llvm::Error error = result->open(library, symbol))
    return error;
  const nacre_model &table = *result->model;
  if (code.weightsBytes) {
    void *image = ::mmap(nullptr, code.weightsBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (image == MAP_FAILED)
      return fail(ExitLimit, "no memory for " + Twine(code.weightsBytes) +
                                 " bytes of weights");
    result->weights = static_cast<uint8_t *>(image);
    artifact::writeWeightsImage(code, result->weights);
  }
  result->arena = nacre_alloc(table.arena_bytes);
  if (!result->arena)
    return fail(ExitLimit, "no memory for an arena of " +
                               Twine(table.arena_bytes) + " bytes");
  return result;
}

llvm::Expected<std::unique_ptr<NativeModel>>
NativeModel::loadFile(StringRef path, StringRef symbol) {
  std::unique_ptr<NativeModel> result(new NativeModel);
  artifact::ScratchFolder scratch;
  std::string library = path.str();
  if (llvm::Error error = scratch.create())
    return error;
  if (!path.ends_with(".so")) {
    library = scratch.file("model.so");
    if (llvm::Error error = artifact::linkShared({path.str()}, library))
      return error;
  } else if (!path.contains('/')) {
    library = "./" + library; // the loader searches plain names elsewhere
  }
  if (llvm::Error error = result->open(library, symbol))
    return error;
  return result;
}

NativeModel::~NativeModel() {
  nacre_free(arena);
  if (weights)
    ::munmap(weights, model->weights_bytes);
  if (handle)
    ::dlclose(handle);
}

llvm::Expected<NativeModel::Call>
NativeModel::prepare(llvm::ArrayRef<Tensor> inputs) const {
  Call call;
  llvm::StringMap<int64_t> dims;
  if (static_cast<int64_t>(inputs.size()) != model->input_count)
    return fail(ExitModel, Twine(inputs.size()) +
                               " inputs are given, model "
                               "needs " +
                               Twine(model->input_count));
  for (auto [i, tensor] : llvm::enumerate(inputs)) {
    const nacre_tensor &input = model->inputs[i];
    if (StringRef(input.dtype) != dtypeName(tensor.dtype))
      return fail(ExitModel, Twine("input '") + input.name + "': data has " +
                                 dtypeName(tensor.dtype) + ", model needs " +
                                 input.dtype);
    bool fits = static_cast<int64_t>(tensor.shape.size()) == input.rank;
    for (int64_t axis = 0; fits && axis < input.rank; ++axis) {
      const char *name = input.dim_names ? input.dim_names[axis] : nullptr;
      int64_t extent = tensor.shape[axis];
      fits = name ? extent <= input.shape[axis] &&
                        dims.try_emplace(name, extent).first->second == extent
                  : extent == input.shape[axis];
    }
    if (!fits)
      return fail(
          ExitModel,
          Twine("input '") + input.name + "': data has shape " +
              shapeText(tensor.shape) + ", model needs " +
              shapeText({input.shape, static_cast<size_t>(input.rank)}));
    call.inputs.push_back(tensor);
    call.inputPointers.push_back(tensor.bytes);
  }
  for (int64_t d = 0; d < model->dim_count; ++d) {
    auto at = dims.find(model->dim_names[d]);
    if (at == dims.end())
      return fail(ExitUsage, Twine("no input determines dim '") +
                                 model->dim_names[d] + "', give it with --dim");
    call.dims.push_back(at->second);
  }
  for (int64_t i = 0; i < model->output_count; ++i) {
    const nacre_tensor &output = model->outputs[i];
    llvm::SmallVector<int64_t> shape(output.shape, output.shape + output.rank);
    for (int64_t axis = 0; axis < output.rank; ++axis)
      if (output.dim_names && output.dim_names[axis])
        shape[axis] = dims.lookup(output.dim_names[axis]);
    call.outputs.push_back(Tensor::zeros(*dtypeFromName(output.dtype), shape));
    call.outputPointers.push_back(call.outputs.back().data<uint8_t>());
  }
  return call;
}

llvm::Error NativeModel::run(Call &call, const nacre_executor *executor) {
  int32_t status =
      model->run(call.inputPointers.data(), call.outputPointers.data(), arena,
                 weights, call.dims.data(), executor);
  if (status != NACRE_OK)
    return fail(status == NACRE_E_LIMIT || status == NACRE_E_NOMEM ? ExitLimit
                                                                   : ExitModel,
                Twine("the model refused the data: ") +
                    nacre_status_text(status));
  return llvm::Error::success();
}

llvm::Error Pool::create(int64_t threads) {
  nacre_error error;
  if (nacre_pool_create(threads, &pool, &error))
    return fail(ExitLimit, Twine("--threads: ") + error.text);
  return llvm::Error::success();
}

} // namespace nacre::driver
