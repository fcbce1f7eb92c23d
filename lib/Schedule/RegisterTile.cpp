//===- RegisterTile.cpp - the accumulators of a contraction ---------------===//
#include "RegisterTile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

namespace nacre::schedule {

/// For an m x n tile: two FMAs and two loads a cycle, four cycles of latency to
/// hide, the lanes operand streamed from L2.
static double cyclesOf(const TileSpace &space, int64_t m, int64_t n) {
  if (m == 0)
    return 0;
  double fma = m * n / 2.0,
         loads = (space.scalarVaries ? m * n + n : m + n) / 2.0;
  double stream = n * space.lanes * 4 / 40.0;
  // Of tiles that are bound alike those with fewer loads are a little faster,
  // most of all with fewer of what comes from L2.
  return std::max({fma, loads, 4.0, stream}) + 0.25 + 0.15 * loads + 0.15 * n;
}

double tileCost(const TileSpace &space, Tile tile) {
  return llvm::divideCeil(space.vectors, tile.n) *
         (double(space.points / tile.m) * cyclesOf(space, tile.m, tile.n) +
          cyclesOf(space, space.points % tile.m, tile.n));
}

Tile chooseTile(const TileSpace &space) {
  Tile chosen;
  double best = 1e300;
  for (int64_t n = 1; n <= std::min<int64_t>(space.vectors, 8); ++n)
    for (int64_t m = 1; m <= std::min<int64_t>(space.points, 14); ++m) {
      if (registersOf({m, n}) > space.registers)
        break;
      double total = tileCost(space, {m, n});
      if (total < best * 0.999 ||
          (total <= best * 1.001 && m * n > chosen.m * chosen.n)) {
        best = std::min(best, total);
        chosen = {m, n};
      }
    }
  return chosen;
}

llvm::SmallVector<Tile> cheapestTiles(const TileSpace &space, size_t count) {
  // Of many that cost about the same a few are enough.
  constexpr size_t ofOneWidth = 4;
  auto byCost = [&](Tile a, Tile b) {
    return tileCost(space, a) < tileCost(space, b);
  };
  auto shorten = [&](llvm::SmallVector<Tile> &tiles, size_t most) {
    llvm::stable_sort(tiles, byCost);
    tiles.truncate(std::min(tiles.size(), most));
  };
  llvm::SmallVector<Tile> tiles;
  for (int64_t n = 1; n <= std::min<int64_t>(space.vectors, 8); ++n) {
    llvm::SmallVector<Tile> some;
    for (int64_t m = 1; m <= std::min<int64_t>(space.points, 30); ++m)
      if (registersOf({m, n}) <= space.registers)
        some.push_back({m, n});
    shorten(some, ofOneWidth);
    llvm::append_range(tiles, some);
  }
  shorten(tiles, count);
  return tiles;
}

} // namespace nacre::schedule
