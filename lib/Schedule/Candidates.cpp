//===- Candidates.cpp - schedules worth measuring -------------------------===//
//
// Neighbours of a schedule, in groups: what is tried together changes keys
// that depend on each other. No candidate sums in another order, so all compute
// the same bits: a contraction's reduction loops stay as they are, and so do
// the lanes of a map kernel that reduces, which may lie along the sum.
//
//===----------------------------------------------------------------------===//
#include "Scheduler.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;
namespace {

/// Tiles of one vector length that are tried at first.
constexpr size_t tilesOfLanes = 10, tilesOfHalfLanes = 3;

class Neighbours {
public:
  Neighbours(KernelOp kernel, DictionaryAttr from,
             const MachineDescription &machine)
      : kernel(kernel), from(from), machine(machine), b(kernel.getContext()) {}
  SmallVector<DictionaryAttr> of(unsigned step);

private:
  int64_t number(StringRef key) const {
    auto attr = from.getAs<IntegerAttr>(key);
    return attr ? attr.getInt() : -1;
  }
  /// The schedule with another value of `key`.
  void vary(StringRef key, Attribute value) {
    NamedAttrList keys(from);
    keys.set(key, value);
    add(keys.getDictionary(b.getContext()));
  }
  void vary(StringRef key, int64_t value) {
    vary(key, b.getI64IntegerAttr(value));
  }
  void add(DictionaryAttr schedule) {
    if (schedule != from)
      found.insert(schedule);
  }
  void scaled(StringRef key, int64_t least, int64_t most, int64_t unit);
  void tiles();
  void blocks();
  void nearTiles();
  void tile(Tile tile, int64_t lanes);
  TileSpace space(int64_t lanes) const;
  int64_t extentOf(int64_t dim) const {
    return dim < 0 ? 1
                   : from.getAs<DenseI64ArrayAttr>("extents").asArrayRef()[dim];
  }

  KernelOp kernel;
  DictionaryAttr from;
  const MachineDescription &machine;
  Builder b;
  llvm::SetVector<DictionaryAttr> found;
};

/// Twice and half, and four times and a quarter of what `key` is.
void Neighbours::scaled(StringRef key, int64_t least, int64_t most,
                        int64_t unit) {
  int64_t now = number(key);
  for (int64_t value : {now * 2, now / 2, now * 4, now / 4})
    if (value = std::max<int64_t>(value / unit, 1) * unit;
        value >= least && value <= most && value != now)
      vary(key, value);
}

TileSpace Neighbours::space(int64_t lanes) const {
  ContractNest nest = analyseContraction(kernel, contractionOf(kernel));
  int64_t lane = number("lane");
  return {extentOf(number("tile")),
          int64_t(llvm::divideCeil(extentOf(lane), lanes)), lanes,
          machine.vectorRegisters, lane >= 0 && nest.inScalar[lane]};
}

/// What goes with the tile follows from the cost model.
void Neighbours::tile(Tile tile, int64_t lanes) {
  Wanted wanted;
  wanted.tile = tile;
  wanted.lanes = lanes;
  add(scheduleFor(kernel, machine, wanted));
}

void Neighbours::tiles() {
  int64_t lanes = number("lanes"), lane = number("lane");
  for (Tile t : cheapestTiles(space(lanes), tilesOfLanes))
    tile(t, lanes);
  // Shorter vectors waste less where the lane's extent is no multiple.
  int64_t least = number("dot") == 4 ? 4 : 2;
  if (lane >= 0 && lanes / 2 >= least && extentOf(lane) % lanes != 0)
    for (Tile t : cheapestTiles(space(lanes / 2), tilesOfHalfLanes))
      tile(t, lanes / 2);
}

void Neighbours::nearTiles() {
  TileSpace limits = space(number("lanes"));
  Tile now{number("tile_m"), number("tile_n")};
  for (auto [m, n] : {std::pair(-1, 0),
                      {1, 0},
                      {-2, 0},
                      {2, 0},
                      {0, -1},
                      {0, 1},
                      {-1, 1},
                      {1, -1}})
    if (Tile t{now.m + m, now.n + n};
        t.m >= 1 && t.n >= 1 && t.m <= std::min<int64_t>(limits.points, 32) &&
        t.n <= std::min<int64_t>(limits.vectors, 16) &&
        registersOf(t) <= limits.registers) {
      NamedAttrList keys(from);
      keys.set("tile_m", b.getI64IntegerAttr(t.m));
      keys.set("tile_n", b.getI64IntegerAttr(t.n));
      add(keys.getDictionary(b.getContext()));
    }
}

/// How the work is cut into tasks, and in which order they come.
void Neighbours::blocks() {
  int64_t points = extentOf(number("tile")), rows = extentOf(number("row"));
  scaled("chunk_t", 1, points, number("tile_m"));
  if (number("chunk_t") < points)
    vary("chunk_t", points);
  scaled("chunk_r", 1, rows, 1);
  if (number("chunk_r") < rows)
    vary("chunk_r", rows);
  vary("staged", 1 - number("staged"));
  if (number("tile") >= 0)
    vary("ahead", 1 - number("ahead"));
  auto loops = from.getAs<DenseI64ArrayAttr>("loops").asArrayRef();
  SmallVector<int64_t> order(loops);
  for (size_t i = 1; i < loops.size(); ++i) {
    std::rotate(order.begin(), order.begin() + 1, order.end());
    vary("loops", b.getDenseI64ArrayAttr(order));
  }
}

SmallVector<DictionaryAttr> Neighbours::of(unsigned step) {
  StringRef kind = from.getAs<StringAttr>("kind").getValue();
  if (kind == "contract") {
    if (step == 0)
      tiles();
    else if (step == 1)
      blocks();
    else
      nearTiles();
  } else if (step == 0 && kind == "map") {
    bool reduces = llvm::any_of(kernel.getBody().front(), [](Operation &op) {
      return isa<ReduceOp, ArgReduceOp, ContractOp>(op);
    });
    int64_t lane = number("lane"), lanes = number("lanes");
    if (!reduces && lane >= 0 && lanes > 1)
      for (int64_t other : {lanes * 2, lanes / 2, lanes * 4})
        if (other > 1 && other <= 64 && other <= extentOf(lane))
          vary("lanes", other);
    if (number("prefix") == 0)
      scaled("grain", 1024, 1 << 20, 64);
  } else if (step == 0 && kind == "scatter") {
    auto extents = from.getAs<DenseI64ArrayAttr>("extents").asArrayRef();
    int64_t all = 1;
    for (int64_t extent : extents)
      all *= extent;
    scaled("block_rows", 1, all, 1);
    scaled("block_columns", 1, all, std::max<int64_t>(number("lanes"), 1));
  }
  return found.takeVector();
}

} // namespace

SmallVector<DictionaryAttr> candidates(KernelOp kernel, DictionaryAttr best,
                                       unsigned step,
                                       const MachineDescription &machine) {
  return Neighbours(kernel, best, machine).of(step);
}

} // namespace nacre::schedule
