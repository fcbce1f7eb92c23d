//===- Roofline.h - what bounds each kernel ---------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_ROOFLINE_H
#define NACRE_LIB_DRIVER_ROOFLINE_H

#include "nacre/Codegen/LoadedModel.h"

namespace nacre::driver {

/// A kernel as measured. Rates are in 1e9 a second.
struct KernelRate {
  const KernelInfo *kernel = nullptr;
  double microseconds = 0;
  double share = 0; ///< of the time of all kernels
  double gflops = 0, gbytes = 0;
  /// The part of the machine that takes longest for the kernel's work at its
  /// best: "fma", "cache" or "memory"; empty when nothing is known of it.
  llvm::StringRef bound;
  double roofShare = 0; ///< the time that part needs, of the kernel's
};

/// `microseconds` are by kernel.
std::vector<KernelRate> kernelRates(llvm::ArrayRef<KernelInfo> kernels,
                                    llvm::ArrayRef<double> microseconds,
                                    const Peaks &peaks);

/// 1e9 a second of `count` things in so many microseconds.
inline double billionsPerSecond(uint64_t count, double microseconds) {
  return microseconds > 0 ? double(count) / microseconds / 1e3 : 0;
}

/// What a page says of a run.
struct RooflinePage {
  std::string title, subtitle;
  std::vector<KernelRate> kernels;
  Peaks peaks;
};

/// A page of its own, as XML too: the roofline with a dot for each kernel, a
/// bar for each in their order, and a table. All text is escaped.
std::string rooflineHtml(const RooflinePage &page);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_ROOFLINE_H
