//===- Bench.cpp - nacre bench --------------------------------------------===//
//
// Two phases: whole runs, undisturbed, for the median; then runs with the time
// of each kernel, which costs a little, where the target can tell.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "OpenModel.h"
#include "Tune.h"
#include "llvm/Support/Format.h"
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

  Progress progress;
  progress.say("warm up");
  auto warm = (*model)->measure(*call, std::min(options.minTime / 4, 0.5), 1);
  if (!warm)
    return warm.takeError();
  progress.say("measure");
  auto runs = (*model)->measure(*call, options.minTime, 3);
  if (!runs)
    return runs.takeError();
  progress.say("measure kernels");
  auto kernelTimes =
      (*model)->measureKernels(*call, std::min(options.minTime / 2, 2.0));
  if (!kernelTimes)
    return kernelTimes.takeError();
  progress.say("measure peak");
  llvm::Expected<double> peak = (*model)->measurePeak();
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
  Json kernels = Json::array();
  for (auto [i, kernel] : llvm::enumerate(code.kernels)) {
    Json entry = {{"name", kernel.name},
                  {"computes", kernel.computes},
                  {"flops", kernel.flops}};
    if (!kernelTimes->empty()) {
      double time = quantile((*kernelTimes)[i], 0.5);
      entry["median_us"] = time;
      entry["gflops"] = gflops(kernel.flops, time);
      entry["gbytes_per_s"] = gflops(kernel.bytes, time);
    }
    kernels.push_back(std::move(entry));
  }
  if (options.json) {
    Json json = {{"median_ms", median / 1e3},
                 {"p90_ms", p90 / 1e3},
                 {"min_ms", quantile(*runs, 0) / 1e3},
                 {"runs", runs->size()},
                 {"target", tools.target->name()}};
    if (tools.machine.groupItems == 0)
      json["threads"] = tools.threads;
    if (!(*model)->device().empty())
      json["device"] = (*model)->device();
    tools.target->report(code, json);
    json["flops"] = flops;
    json["gflops"] = gflops(flops, median);
    if (*peak > 0) {
      json["peak_gflops"] = *peak;
      json["share_of_peak"] = gflops(flops, median) / *peak;
    }
    json["compile_ms"] = compiled->times.total();
    json["arena_bytes"] = code.arenaBytes;
    json["weights_bytes"] = code.weightsBytes;
    reportTuning(tools, json);
    json["kernels"] = kernels;
    printJson(json);
    return finishOutput();
  }
  llvm::outs() << llvm::format(
      "median %.3f ms, p90 %.3f ms, %zu runs, %.2f GFLOP/s", median / 1e3,
      p90 / 1e3, runs->size(), gflops(flops, median));
  if (*peak > 0)
    llvm::outs() << llvm::format(" (%.0f%% of %.0f)",
                                 100 * gflops(flops, median) / *peak, *peak);
  llvm::outs() << llvm::format(", compiled in %.0f ms\n",
                               compiled->times.total());
  if (kernelTimes->empty())
    return finishOutput();
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
