//===- RegisterTile.h - the accumulators of a contraction -------*- C++ -*-===//
#ifndef NACRE_LIB_SCHEDULE_REGISTERTILE_H
#define NACRE_LIB_SCHEDULE_REGISTERTILE_H

#include "mlir/Support/LLVM.h"

namespace nacre::schedule {

/// Points times vectors that are summed at once.
struct Tile {
  int64_t m = 1, n = 1;
};

/// What a tile is chosen for.
struct TileSpace {
  int64_t points;    ///< of the tile loop
  int64_t vectors;   ///< along the lane
  int64_t lanes;     ///< elements of a vector
  int64_t registers; ///< vectors that the machine holds
  bool scalarVaries; ///< the scalar operand is read as vectors too
};

/// Registers that a tile needs: accumulators, a row of the lanes operand and
/// one broadcast.
inline int64_t registersOf(Tile tile) { return tile.m * tile.n + tile.n + 1; }

/// Cycles that one step of the reduction takes over the whole space.
double tileCost(const TileSpace &space, Tile tile);

/// The tile of least cost; of equals the largest.
Tile chooseTile(const TileSpace &space);

/// Tiles that fit the registers, the cheapest of each width, `count` of them in
/// order of cost.
llvm::SmallVector<Tile> cheapestTiles(const TileSpace &space, size_t count);

} // namespace nacre::schedule

#endif // NACRE_LIB_SCHEDULE_REGISTERTILE_H
