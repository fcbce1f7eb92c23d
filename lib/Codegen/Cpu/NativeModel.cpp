//===- NativeModel.cpp - machine code loaded into this process ------------===//
//
// `run`, `verify` and `bench` take the way a user's program takes: an object,
// linked and loaded, called through the C ABI. Only the weights are kept out
// of the library, in memory of their own: nothing is gained by a file.
//
//===----------------------------------------------------------------------===//

#include "NativeModel.h"
#include "Cpu.h"
#include "Peak.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Failure/Failure.h"
#include <chrono>
#include <dlfcn.h>

using llvm::StringRef;
using llvm::Twine;
using Clock = std::chrono::steady_clock;

namespace nacre::cpu {

//===----------------------------------------------------------------------===//
// Linking and loading
//===----------------------------------------------------------------------===//

llvm::Error NativeLibrary::open(const std::string &library, StringRef symbol) {
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

llvm::Expected<std::unique_ptr<NativeLibrary>>
NativeLibrary::load(const CompiledCode &code, StringRef symbol) {
  std::unique_ptr<NativeLibrary> result(new NativeLibrary);
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
  return result;
}

llvm::Expected<std::unique_ptr<NativeLibrary>>
NativeLibrary::loadFile(StringRef path, StringRef symbol) {
  std::unique_ptr<NativeLibrary> result(new NativeLibrary);
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

NativeLibrary::~NativeLibrary() {
  if (handle)
    ::dlclose(handle);
}

llvm::Error Pool::create(int64_t threads) {
  nacre_error error;
  if (nacre_pool_create(threads, &pool, &error))
    return fail(ExitLimit, Twine("--threads: ") + error.text);
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

class NativeModel : public LoadedModel {
public:
  NativeModel(const CompiledCode &code, const CodegenOptions &options)
      : LoadedModel(code), options(options), kernelCount(code.kernels.size()) {}
  ~NativeModel() override;
  llvm::Error create(const CompiledCode &code, int64_t threads);

  llvm::Error run(Call &call) override;
  llvm::Expected<std::vector<std::vector<double>>>
  measureKernels(Call &call, double seconds) override;
  llvm::Expected<Peaks> measurePeaks() override;

private:
  llvm::Error run(Call &call, const nacre_executor *executor);

  const CodegenOptions options;
  const size_t kernelCount;
  Pool pool;
  std::unique_ptr<NativeLibrary> library;
  uint8_t *weights = nullptr;
  void *arena = nullptr;
};

/// Stops the time of each call of parallel(): every kernel goes through one,
/// in kernel order (nacre/model.h). That costs a little.
struct Stopwatch {
  const nacre_executor *inner;
  std::vector<std::vector<double>> samples; ///< per kernel
  size_t next = 0;
  nacre_executor executor;

  Stopwatch(const nacre_executor *inner, size_t kernels)
      : inner(inner), samples(kernels),
        executor{this, inner->threads, parallel} {}

  static void parallel(void *self, nacre_task task, void *arg, int64_t count) {
    auto &watch = *static_cast<Stopwatch *>(self);
    Clock::time_point start = Clock::now();
    watch.inner->parallel(watch.inner->ctx, task, arg, count);
    std::chrono::duration<double, std::micro> spent = Clock::now() - start;
    if (watch.next < watch.samples.size())
      watch.samples[watch.next].push_back(spent.count());
    ++watch.next;
  }
};

/// Tells after each call of parallel() that a kernel is done.
struct KernelBell {
  const nacre_executor *inner;
  const std::function<void(int64_t)> &done;
  int64_t next = 0;
  nacre_executor executor;

  KernelBell(const nacre_executor *inner,
             const std::function<void(int64_t)> &done)
      : inner(inner), done(done), executor{this, inner->threads, parallel} {}

  static void parallel(void *self, nacre_task task, void *arg, int64_t count) {
    auto &bell = *static_cast<KernelBell *>(self);
    bell.inner->parallel(bell.inner->ctx, task, arg, count);
    bell.done(bell.next++);
  }
};

} // namespace

llvm::Error NativeModel::create(const CompiledCode &code, int64_t threads) {
  if (llvm::Error error = pool.create(threads))
    return error;
  auto loaded = NativeLibrary::load(code, options.symbol);
  if (!loaded)
    return loaded.takeError();
  library = std::move(*loaded);
  const nacre_model &table = library->table();
  if (code.weightsBytes) {
    weights = static_cast<uint8_t *>(nacre_alloc(code.weightsBytes));
    if (!weights)
      return fail(ExitLimit, "no memory for " + Twine(code.weightsBytes) +
                                 " bytes of weights");
    artifact::writeWeightsImage(code, weights);
  }
  arena = nacre_alloc(table.arena_bytes);
  if (!arena)
    return fail(ExitLimit, "no memory for an arena of " +
                               Twine(table.arena_bytes) + " bytes");
  return llvm::Error::success();
}

NativeModel::~NativeModel() {
  nacre_free(arena);
  nacre_free(weights);
}

llvm::Error NativeModel::run(Call &call) {
  if (!afterKernel)
    return run(call, pool.executor());
  KernelBell bell(pool.executor(), afterKernel);
  return run(call, &bell.executor);
}

llvm::Error NativeModel::run(Call &call, const nacre_executor *executor) {
  llvm::SmallVector<const void *> from;
  llvm::SmallVector<void *> to;
  for (const Tensor &input : call.inputs)
    from.push_back(input.bytes);
  for (Tensor &output : call.outputs)
    to.push_back(output.data<uint8_t>());
  for (Tensor &count : call.counts)
    to.push_back(count.data<uint8_t>());
  int32_t status = library->table().run(from.data(), to.data(), arena, weights,
                                        call.dims.data(), executor);
  lastStatus = status;
  if (status != NACRE_OK)
    return fail(status == NACRE_E_LIMIT || status == NACRE_E_NOMEM ? ExitLimit
                                                                   : ExitModel,
                Twine("the model refused the data: ") +
                    nacre_status_text(status));
  return settleShapes(call);
}

llvm::Expected<std::vector<std::vector<double>>>
NativeModel::measureKernels(Call &call, double seconds) {
  Stopwatch watch(pool.executor(), kernelCount);
  Clock::time_point start = Clock::now();
  do {
    watch.next = 0;
    if (llvm::Error error = run(call, &watch.executor))
      return error;
  } while (Clock::now() - start < std::chrono::duration<double>(seconds));
  // Calls and kernels that do not match one to one cannot be told apart.
  if (watch.next != kernelCount)
    watch.samples.clear();
  return std::move(watch.samples);
}

llvm::Expected<Peaks> NativeModel::measurePeaks() {
  CodegenOptions resolved = options;
  llvm::Expected<MachineDescription> machine = describeMachine(resolved);
  if (!machine)
    return machine.takeError();
  return cpu::measurePeaks(resolved, *machine, pool.executor());
}

llvm::Expected<std::unique_ptr<LoadedModel>>
loadModel(const CompiledCode &code, const CodegenOptions &options,
          int64_t threads) {
  auto result = std::make_unique<NativeModel>(code, options);
  if (llvm::Error error = result->create(code, threads))
    return error;
  return result;
}

} // namespace nacre::cpu
