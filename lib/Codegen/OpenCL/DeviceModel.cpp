//===- DeviceModel.cpp - a bundle on a device of this machine -------------===//
#include "OpenCl.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Failure/Failure.h"
#include <chrono>
#include <nacre/opencl.h>

using llvm::Twine;
using Clock = std::chrono::steady_clock;
namespace nacre::opencl {
namespace {

class DeviceModel : public LoadedModel {
public:
  explicit DeviceModel(const CompiledCode &code)
      : LoadedModel(code), kernelCount(code.kernels.size()) {}
  ~DeviceModel() override {
    nacre_opencl_free(model);
    nacre_opencl_close(opened);
  }
  llvm::Error create(const CompiledCode &code);

  llvm::Error run(Call &call) override {
    std::vector<const void *> in = inputPointers(call);
    std::vector<void *> out = outputPointers(call);
    nacre_error error;
    lastStatus = nacre_opencl_run(model, in.data(), out.data(),
                                  call.dims.data(), &error);
    return check(nacre_status(lastStatus), error);
  }
  llvm::Expected<std::vector<std::vector<double>>>
  measureKernels(Call &call, double seconds) override;
  std::string device() const override {
    const nacre_opencl_info *info = nacre_opencl_describe(opened);
    return std::string(info->name) + " (" + info->platform + ")";
  }

private:
  static llvm::Error check(nacre_status status, const nacre_error &error) {
    if (status == NACRE_OK)
      return llvm::Error::success();
    bool limit = status == NACRE_E_NOMEM || status == NACRE_E_LIMIT;
    return fail(limit                      ? ExitLimit
                : status == NACRE_E_DEVICE ? ExitUsage
                                           : ExitModel,
                error.text);
  }
  static std::vector<const void *> inputPointers(const Call &call) {
    std::vector<const void *> pointers;
    for (const Tensor &t : call.inputs)
      pointers.push_back(t.bytes);
    return pointers;
  }
  static std::vector<void *> outputPointers(Call &call) {
    std::vector<void *> pointers;
    for (Tensor &t : call.outputs)
      pointers.push_back(const_cast<uint8_t *>(t.bytes));
    return pointers;
  }

  const size_t kernelCount;
  nacre_opencl_device *opened = nullptr;
  nacre_opencl_model *model = nullptr;
};

llvm::Error DeviceModel::create(const CompiledCode &code) {
  nacre_error error;
  if (llvm::Error failed =
          check(nacre_opencl_open(nullptr, &opened, &error), error))
    return failed;
  std::vector<uint8_t> image(code.weightsBytes);
  artifact::writeWeightsImage(code, image.data());
  nacre_opencl_bundle bundle = {code.manifest.data(),   code.manifest.size(),
                                code.kernelText.data(), code.kernelText.size(),
                                image.data(),           image.size()};
  return check(nacre_opencl_load(opened, &bundle, &model, &error), error);
}

llvm::Expected<std::vector<std::vector<double>>>
DeviceModel::measureKernels(Call &call, double seconds) {
  std::vector<const void *> in = inputPointers(call);
  std::vector<void *> out = outputPointers(call);
  std::vector<std::vector<double>> samples(kernelCount);
  std::vector<uint64_t> nanoseconds(kernelCount);
  Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  do {
    nacre_error error;
    if (llvm::Error failed = check(
            nacre_opencl_profile(model, in.data(), out.data(), call.dims.data(),
                                 nanoseconds.data(), &error),
            error))
      return failed;
    for (auto [list, spent] : llvm::zip(samples, nanoseconds))
      list.push_back(spent / 1e3);
  } while (Clock::now() < end);
  return samples;
}

} // namespace

llvm::Expected<std::unique_ptr<LoadedModel>>
loadModel(const CompiledCode &code) {
  auto model = std::make_unique<DeviceModel>(code);
  if (llvm::Error error = model->create(code))
    return error;
  return std::unique_ptr<LoadedModel>(std::move(model));
}

} // namespace nacre::opencl
