//===- Roofline.cpp - what bounds each kernel -----------------------------===//
//
// A kernel cannot be faster than its operations at the peak rate of multiply-
// adds, nor than its bytes at the rate of where they come from: the second
// cache, if all of them fit there, else memory. Source: Williams, Waterman,
// Patterson: Roofline, CACM 52(4), 2009.
//
//===----------------------------------------------------------------------===//

#include "Roofline.h"
#include <numeric>

namespace nacre::driver {

static KernelRate rateOf(const KernelInfo &kernel, double microseconds,
                         const Peaks &peaks) {
  KernelRate rate;
  rate.kernel = &kernel;
  rate.microseconds = microseconds;
  rate.gflops = billionsPerSecond(kernel.flops, microseconds);
  rate.gbytes = billionsPerSecond(kernel.bytes, microseconds);
  auto atLeast = [&](llvm::StringRef part, double got, double best) {
    double share = best > 0 ? got / best : 0;
    if (share <= rate.roofShare)
      return;
    rate.bound = part;
    rate.roofShare = share;
  };
  atLeast("fma", rate.gflops, peaks.gflops);
  if (kernel.bytes <= peaks.cacheBytes)
    atLeast("cache", rate.gbytes, peaks.cacheGBytes);
  else
    atLeast("memory", rate.gbytes, peaks.memoryGBytes);
  return rate;
}

std::vector<KernelRate> kernelRates(llvm::ArrayRef<KernelInfo> kernels,
                                    llvm::ArrayRef<double> microseconds,
                                    const Peaks &peaks) {
  double all = std::accumulate(microseconds.begin(), microseconds.end(), 0.0);
  std::vector<KernelRate> rates;
  for (auto [kernel, time] : llvm::zip_equal(kernels, microseconds)) {
    rates.push_back(rateOf(kernel, time, peaks));
    rates.back().share = all > 0 ? time / all : 0;
  }
  return rates;
}

} // namespace nacre::driver
