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
  return std::max({fma, loads, 4.0, stream}) + 0.25;
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
  llvm::SmallVector<Tile> tiles;
  for (int64_t n = 1; n <= std::min<int64_t>(space.vectors, 8); ++n)
    for (int64_t m = 1; m <= std::min<int64_t>(space.points, 30); ++m)
      if (registersOf({m, n}) <= space.registers)
        tiles.push_back({m, n});
  llvm::stable_sort(tiles, [&](Tile a, Tile b) {
    return tileCost(space, a) < tileCost(space, b);
  });
  if (tiles.size() > count)
    tiles.truncate(count);
  return tiles;
}

} // namespace nacre::schedule
