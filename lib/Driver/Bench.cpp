//===- Bench.cpp - nacre bench --------------------------------------------===//
//
// Two phases: whole runs, undisturbed, for the median; then runs with the time
// of each kernel, which costs a little, where the target can tell.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "OpenModel.h"
#include "Roofline.h"
#include "Tune.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace nacre::driver {

/// The value below which `share` of the samples lie, by nearest rank.
static double quantile(std::vector<double> samples, double share) {
  if (samples.empty())
    return 0;
  size_t rank = std::min<size_t>(samples.size() - 1, share * samples.size());
  std::nth_element(samples.begin(), samples.begin() + rank, samples.end());
  return samples[rank];
}

namespace {
/// Microseconds, and what the machine can do.
struct Measured {
  std::vector<double> runs;
  std::vector<double> kernels; ///< medians; empty if they cannot be told apart
  Peaks peaks;
  double median() const { return quantile(runs, 0.5); }
};
} // namespace

static llvm::Expected<Measured> measure(LoadedModel &model, Call &call,
                                        double seconds) {
  Measured measured;
  Progress progress;
  progress.say("warm up");
  auto warm = model.measure(call, std::min(seconds / 4, 0.5), 1);
  if (!warm)
    return warm.takeError();
  progress.say("measure");
  auto runs = model.measure(call, seconds, 3);
  if (!runs)
    return runs.takeError();
  measured.runs = std::move(*runs);
  progress.say("measure kernels");
  auto kernels = model.measureKernels(call, std::min(seconds / 2, 2.0));
  if (!kernels)
    return kernels.takeError();
  for (const std::vector<double> &samples : *kernels)
    measured.kernels.push_back(quantile(samples, 0.5));
  progress.say("measure peaks");
  llvm::Expected<Peaks> peaks = model.measurePeaks();
  if (!peaks)
    return peaks.takeError();
  measured.peaks = *peaks;
  return measured;
}

static Json kernelJson(const KernelInfo &kernel) {
  return {{"name", kernel.name},
          {"computes", kernel.computes},
          {"schedule", kernel.schedule},
          {"flops", kernel.flops},
          {"bytes", kernel.bytes}};
}

static Json kernelJson(const KernelRate &rate) {
  Json json = kernelJson(*rate.kernel);
  json["median_us"] = rate.microseconds;
  json["share"] = rate.share;
  json["gflops"] = rate.gflops;
  json["gbytes_per_s"] = rate.gbytes;
  if (!rate.bound.empty()) {
    json["bound"] = rate.bound.str();
    json["share_of_bound"] = rate.roofShare;
  }
  return json;
}

/// The report but its kernels.
static Json reportJson(const Compiled &compiled, const Measured &measured,
                       const Toolchain &tools, const LoadedModel &model,
                       uint64_t flops) {
  const CompiledCode &code = compiled.code;
  double gflops = billionsPerSecond(flops, measured.median());
  Json json = {{"median_ms", measured.median() / 1e3},
               {"p90_ms", quantile(measured.runs, 0.9) / 1e3},
               {"min_ms", quantile(measured.runs, 0) / 1e3},
               {"runs", measured.runs.size()},
               {"target", tools.target->name()}};
  if (tools.machine.groupItems == 0)
    json["threads"] = tools.threads;
  if (!model.device().empty())
    json["device"] = model.device();
  tools.target->report(code, json);
  json["flops"] = flops;
  json["gflops"] = gflops;
  if (measured.peaks.gflops > 0) {
    json["peak_gflops"] = measured.peaks.gflops;
    json["peak_memory_gbytes_per_s"] = measured.peaks.memoryGBytes;
    json["peak_cache_gbytes_per_s"] = measured.peaks.cacheGBytes;
    json["cache_bytes"] = measured.peaks.cacheBytes;
    json["share_of_peak"] = gflops / measured.peaks.gflops;
  }
  json["compile_ms"] = compiled.times.total();
  json["arena_bytes"] = code.arenaBytes;
  json["weights_bytes"] = code.weightsBytes;
  return json;
}

/// "82% of fma"
static std::string boundText(const KernelRate &rate) {
  if (rate.bound.empty())
    return "";
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("%.0f%% of ", 100 * rate.roofShare) << rate.bound;
  return text;
}

/// The line on whole runs.
static std::string summary(const Compiled &compiled, const Measured &measured,
                           uint64_t flops) {
  const Peaks &peaks = measured.peaks;
  double gflops = billionsPerSecond(flops, measured.median());
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format("median %.3f ms, p90 %.3f ms, %zu runs, %.2f GFLOP/s",
                     measured.median() / 1e3,
                     quantile(measured.runs, 0.9) / 1e3, measured.runs.size(),
                     gflops);
  if (peaks.gflops > 0)
    os << llvm::format(" (%.0f%% of %.0f)", 100 * gflops / peaks.gflops,
                       peaks.gflops);
  os << llvm::format(", compiled in %.0f ms", compiled.times.total());
  return text;
}

static void printTable(llvm::ArrayRef<KernelRate> rates, const Peaks &peaks) {
  if (peaks.gflops > 0)
    llvm::outs() << llvm::format("peaks: fma %.0f GFLOP/s, memory %.1f GB/s, "
                                 "cache %.0f GB/s\n",
                                 peaks.gflops, peaks.memoryGBytes,
                                 peaks.cacheGBytes);
  llvm::outs() << "      us  share  GFLOP/s    GB/s  bound           kernel\n";
  for (const KernelRate &rate : rates)
    llvm::outs() << llvm::format("%8.1f %5.1f%% %8.2f %7.2f  %-14s  ",
                                 rate.microseconds, 100 * rate.share,
                                 rate.gflops, rate.gbytes,
                                 boundText(rate).c_str())
                 << printable(rate.kernel->name) << ": "
                 << printable(rate.kernel->computes) << " ["
                 << rate.kernel->schedule << "]\n";
}

llvm::Error bench(const BenchOptions &options) {
  if (!(options.minTime >= 0) || options.minTime > 3600)
    return fail(ExitUsage, "--min-time: must be 0 to 3600 seconds");
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  auto &[tools, context, source] = *opened;
  tools.options.embedWeights = false;
  std::vector<Tensor> inputs(source.inputs().size());
  if (!options.data.empty()) {
    auto read = readInputs(options.data, source);
    if (!read)
      return read.takeError();
    inputs = std::move(*read);
  }
  llvm::Expected<Dims> dims = completeInputs(*opened, inputs, options.seed);
  if (!dims)
    return dims.takeError();
  llvm::Expected<Compiled> compiled =
      compileSource(*context, source, *dims, tools);
  if (!compiled)
    return compiled.takeError();
  const CompiledCode &code = compiled->code;
  auto model = load(code, tools);
  if (!model)
    return model.takeError();
  llvm::Expected<Call> call = (*model)->prepare(inputs, source.symbolicDims());
  if (!call)
    return call.takeError();

  llvm::Expected<Measured> measured = measure(**model, *call, options.minTime);
  if (!measured)
    return measured.takeError();

  uint64_t flops = 0;
  for (const KernelInfo &kernel : code.kernels)
    flops += kernel.flops;
  std::vector<KernelRate> rates;
  if (!measured->kernels.empty())
    rates = kernelRates(code.kernels, measured->kernels, measured->peaks);
  std::string line = summary(*compiled, *measured, flops);
  if (!options.html.empty()) {
    if (rates.empty())
      return fail(ExitUsage, "--html: the target cannot time kernels");
    RooflinePage page = {llvm::sys::path::filename(options.model).str(), line,
                         rates, measured->peaks};
    if (llvm::Error error =
            artifact::writeFile(options.html, [&](llvm::raw_ostream &os) {
              os << rooflineHtml(page);
            }))
      return withCode(ExitUsage, std::move(error));
  }
  if (options.json) {
    Json json = reportJson(*compiled, *measured, tools, **model, flops);
    reportTuning(tools, json);
    json["kernels"] = Json::array();
    for (const KernelRate &rate : rates)
      json["kernels"].push_back(kernelJson(rate));
    if (rates.empty())
      for (const KernelInfo &kernel : code.kernels)
        json["kernels"].push_back(kernelJson(kernel));
    printJson(json);
    return finishOutput();
  }
  llvm::outs() << line << "\n";
  if (!rates.empty())
    printTable(rates, measured->peaks);
  return finishOutput();
}

} // namespace nacre::driver
