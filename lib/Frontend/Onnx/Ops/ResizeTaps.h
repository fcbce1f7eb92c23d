//===- ResizeTaps.h - where resampled elements come from --------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_RESIZETAPS_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_RESIZETAPS_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// The attributes of Resize that say how to interpolate.
struct Method {
  std::string mode, coordinates, nearest;
  double cubic, extrapolation;
  bool excludeOutside, antialias;
};

/// What one axis becomes.
struct AxisPlan {
  int64_t in, out;
  double scale, roiStart, roiEnd;
};

/// `width` taps for each output place: source places (not yet clamped to the
/// axis) and weights.
struct Taps {
  int64_t width;
  std::vector<int64_t> place;
  std::vector<double> weight;
  std::vector<bool> outside; ///< takes the extrapolation value instead
  int64_t out() const { return int64_t(place.size()) / width; }
};

/// The taps of one axis. Blocks on unknown modes and on too many taps.
Taps makeTaps(Node &n, const Method &m, const AxisPlan &a);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_RESIZETAPS_H
