//===- Batches.cpp - which examples a step sees ---------------------------===//

#include "Batches.h"
#include "../Data.h"
#include <cstring>
#include <numeric>

namespace nacre::driver {

/// What SplitMix64 makes of a state.
static uint64_t mixed(uint64_t z) { return splitMix(z); }

std::vector<int64_t> shuffled(int64_t count, uint64_t seed, uint64_t epoch) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const uint64_t key = mixed(mixed(seed) ^ epoch);
  for (int64_t i = count - 1; i > 0; --i) {
    // A number in 0 .. i, from the high half of a product: the bias is below
    // count / 2^64.
    auto wide = static_cast<unsigned __int128>(mixed(key ^ uint64_t(i))) *
                static_cast<uint64_t>(i + 1);
    std::swap(order[i], order[static_cast<int64_t>(wide >> 64)]);
  }
  return order;
}

llvm::ArrayRef<int64_t> Batches::at(int64_t step) {
  int64_t wanted = step / stepsPerEpoch();
  if (wanted != epoch) {
    epoch = wanted;
    order = shuffled(count, seed, epoch);
  }
  return llvm::ArrayRef(order).slice(step % stepsPerEpoch() * perStep, perStep);
}

void gatherRows(const Tensor &from, llvm::ArrayRef<int64_t> rows, Tensor &to) {
  if (from.shape[0] == 0)
    return;
  const int64_t bytes = from.byteCount() / from.shape[0];
  uint8_t *at = to.data<uint8_t>();
  for (int64_t row : rows) {
    std::memcpy(at, from.bytes + row * bytes, bytes);
    at += bytes;
  }
}

} // namespace nacre::driver
