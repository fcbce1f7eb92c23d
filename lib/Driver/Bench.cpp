//===- Bench.cpp - nacre bench --------------------------------------------===//
//
// Two phases: whole runs, undisturbed, for the median; then runs through an
// executor that stops the time of each kernel, which costs a little.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "NativeModel.h"
#include "Peak.h"
#include "Session.h"
#include "llvm/Support/Format.h"
#include <nlohmann/json.hpp>

using llvm::Twine;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

namespace nacre::driver {

static double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// The value below which `share` of the samples lie, by nearest rank.
static double quantile(std::vector<double> samples, double share) {
  if (samples.empty())
    return 0;
  size_t rank = std::min<size_t>(samples.size() - 1, share * samples.size());
  std::nth_element(samples.begin(), samples.begin() + rank, samples.end());
  return samples[rank];
}

namespace {
/// Stops the time of each call of parallel(): every kernel goes through one,
/// in kernel order (nacre/model.h).
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
    double spent = microseconds(Clock::now() - start);
    if (watch.next < watch.samples.size())
      watch.samples[watch.next].push_back(spent);
    ++watch.next;
  }
};
} // namespace

/// Repeats `once` for `seconds`, at least `least` times; microseconds each.
static llvm::Expected<std::vector<double>>
repeat(double seconds, size_t least, llvm::function_ref<llvm::Error()> once) {
  std::vector<double> samples;
  Clock::time_point start = Clock::now();
  while (samples.size() < least ||
         microseconds(Clock::now() - start) < seconds * 1e6) {
    Clock::time_point before = Clock::now();
    if (llvm::Error error = once())
      return error;
    samples.push_back(microseconds(Clock::now() - before));
  }
  return samples;
}

llvm::Error bench(const BenchOptions &options) {
  if (!(options.minTime >= 0) || options.minTime > 3600)
    return fail(ExitUsage, "--min-time: must be 0 to 3600 seconds");
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  tools->native.embedWeights = false;
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  llvm::Expected<ModelSource> source = ModelSource::open(*context, options);
  if (!source)
    return source.takeError();
  std::vector<Tensor> inputs(source->inputs().size());
  if (!options.data.empty()) {
    auto read = readInputs(options.data, source->inputs());
    if (!read)
      return read.takeError();
    inputs = std::move(*read);
  }
  llvm::Expected<Dims> dims = bindDims(
      source->inputs(), inputs, source->givenDims(), source->symbolicDims());
  if (!dims)
    return dims.takeError();
  if (llvm::Error error = fillRandom(source->inputs(), inputs, *dims,
                                     source->symbolicDims(), options.seed))
    return error;
  llvm::Expected<Compiled> compiled =
      compileSource(*context, *source, *dims, *tools);
  if (!compiled)
    return compiled.takeError();
  const NativeCode &code = compiled->code;
  auto model = NativeModel::load(code, tools->native.symbol);
  if (!model)
    return model.takeError();
  Pool pool;
  if (llvm::Error error = pool.create(tools->threads))
    return error;
  llvm::Expected<NativeModel::Call> call = (*model)->prepare(inputs);
  if (!call)
    return call.takeError();

  Progress progress;
  progress.say("warm up");
  const nacre_executor *executor = pool.executor();
  auto once = [&] { return (*model)->run(*call, executor); };
  auto warm = repeat(std::min(options.minTime / 4, 0.5), 1, once);
  if (!warm)
    return warm.takeError();
  progress.say("measure");
  auto runs = repeat(options.minTime, 3, once);
  if (!runs)
    return runs.takeError();
  progress.say("measure kernels");
  Stopwatch watch(executor, code.kernels.size());
  auto profiled = repeat(std::min(options.minTime / 2, 2.0), 1, [&] {
    watch.next = 0;
    return (*model)->run(*call, &watch.executor);
  });
  if (!profiled)
    return profiled.takeError();
  progress.say("measure peak");
  llvm::Expected<double> peak =
      measurePeak(tools->native, tools->machine, executor);
  if (!peak)
    return peak.takeError();
  progress.clear();

  double median = quantile(*runs, 0.5), p90 = quantile(*runs, 0.9);
  uint64_t flops = 0;
  for (const KernelInfo &kernel : code.kernels)
    flops += kernel.flops;
  auto gflops = [](uint64_t count, double time) {
    return time > 0 ? double(count) / time / 1e3 : 0;
  };
  // Calls and kernels that do not match one to one cannot be told apart.
  bool matched = watch.next == code.kernels.size();
  Json kernels = Json::array();
  for (auto [kernel, samples] : llvm::zip_equal(code.kernels, watch.samples)) {
    double time = matched ? quantile(samples, 0.5) : 0;
    kernels.push_back({{"name", kernel.name},
                       {"computes", kernel.computes},
                       {"median_us", time},
                       {"flops", kernel.flops},
                       {"gflops", gflops(kernel.flops, time)},
                       {"gbytes_per_s", gflops(kernel.bytes, time)}});
  }
  if (options.json) {
    printJson({{"median_ms", median / 1e3},
               {"p90_ms", p90 / 1e3},
               {"min_ms", quantile(*runs, 0) / 1e3},
               {"runs", runs->size()},
               {"threads", tools->threads},
               {"cpu", code.cpu},
               {"flops", flops},
               {"gflops", gflops(flops, median)},
               {"peak_gflops", *peak},
               {"share_of_peak", gflops(flops, median) / *peak},
               {"compile_ms", compiled->times.total()},
               {"arena_bytes", code.arenaBytes},
               {"weights_bytes", code.weightsBytes},
               {"kernels", kernels}});
    return finishOutput();
  }
  llvm::outs() << llvm::format(
      "median %.3f ms, p90 %.3f ms, %zu runs, "
      "%.2f GFLOP/s (%.0f%% of %.0f), compiled in "
      "%.0f ms\n",
      median / 1e3, p90 / 1e3, runs->size(), gflops(flops, median),
      100 * gflops(flops, median) / *peak, *peak, compiled->times.total());
  llvm::outs() << "      us  share  GFLOP/s  kernel\n";
  for (const Json &kernel : kernels) {
    double time = kernel["median_us"];
    llvm::outs() << llvm::format("%8.1f %5.1f%% %8.2f  ", time,
                                 median > 0 ? 100 * time / median : 0,
                                 kernel["gflops"].get<double>())
                 << printable(kernel["name"].get<std::string>()) << ": "
                 << printable(kernel["computes"].get<std::string>()) << "\n";
  }
  return finishOutput();
}

} // namespace nacre::driver
