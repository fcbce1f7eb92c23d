//===- Walk.h - loops over a box of indices ---------------------*- C++ -*-===//
#ifndef NACRE_LIB_REFERENCE_WALK_H
#define NACRE_LIB_REFERENCE_WALK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <array>
#include <cstdint>

namespace nacre::reference {

using Extents = llvm::SmallVector<int64_t>;

/// Distance in elements between neighbours along each axis of a dense
/// row-major tensor.
inline Extents denseStrides(llvm::ArrayRef<int64_t> shape) {
  Extents strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

/// A nest of loops that moves N positions at once: `axis(extent, strides)` per
/// loop, outermost first, then `run(starts, body)` calls `body(positions)` at
/// every point in row-major order.
template <size_t N> class Nest {
public:
  using Positions = std::array<int64_t, N>;

  void axis(int64_t extent, Positions strides) {
    if (extent != 1)
      loops.push_back({extent, strides});
  }
  template <typename Body> void run(Positions at, Body &&body) const {
    for (const Loop &loop : loops)
      if (loop.extent <= 0)
        return;
    from(0, at, body);
  }

private:
  struct Loop {
    int64_t extent;
    Positions strides;
  };
  llvm::SmallVector<Loop> loops;

  // At most 62 deep: every loop at least doubles the number of points.
  template <typename Body>
  void from(size_t depth, Positions at, Body &body) const {
    if (depth == loops.size()) {
      body(at);
      return;
    }
    const Loop &loop = loops[depth];
    for (int64_t i = 0; i < loop.extent; ++i) {
      if (depth + 1 == loops.size())
        body(at);
      else
        from(depth + 1, at, body);
      for (size_t n = 0; n < N; ++n)
        at[n] += loop.strides[n];
    }
  }
};

} // namespace nacre::reference

#endif // NACRE_LIB_REFERENCE_WALK_H
