//===- GridSchedules.cpp - tiles and groups for a grid --------------------===//
//
// The cost model for targets that run work-groups: fill the machine first, then
// use each operand as often as possible once it is on chip.
//
//===----------------------------------------------------------------------===//
#include "GridSchedules.h"
#include "Scheduler.h"

using namespace mlir;
static int64_t divideCeil(int64_t a, int64_t b) {
  return llvm::divideCeil(a, b);
}
namespace nacre::schedule {
namespace {

int64_t product(ArrayRef<int64_t> dims, ArrayRef<int64_t> extents) {
  int64_t n = 1;
  for (int64_t d : dims)
    n *= extents[d];
  return n;
}

/// Items of a group where nothing is shared between them.
int64_t plainGroup(const MachineDescription &machine) {
  return std::min<int64_t>(machine.groupItems, 128);
}

/// Sums a work-group keeps, and how many steps go through local memory at once.
struct Block {
  int64_t m, n, k, tileM, tileN;
  double speed; ///< of a filled machine, relative
  int64_t items() const { return m / tileM * (n / tileN); }
  int64_t bytes() const { return 4 * k * (m + n + 8); }
};

// Speeds measured on one large GPU (docs/performance.md); their order is what
// matters.
const Block blocks[] = {{128, 128, 8, 8, 8, 1.0},
                        {64, 64, 16, 8, 4, 0.93},
                        {64, 32, 16, 4, 4, 0.6},
                        {32, 32, 32, 4, 4, 0.5}};

/// The block that is done first, if the machine runs `computeUnits` groups at
/// once.
const Block *chooseBlock(int64_t m, int64_t n, int64_t batch,
                         const MachineDescription &machine) {
  const Block *best = nullptr;
  double bestTime = 0;
  for (const Block &block : blocks) {
    if (block.items() > machine.groupItems ||
        block.bytes() > machine.localBytes)
      continue;
    double groups = double(llvm::divideCeil(m, block.m)) *
                    llvm::divideCeil(n, block.n) * batch;
    double rounds = std::max(1.0, groups / machine.computeUnits);
    double time = rounds * block.m * block.n / block.speed;
    if (!best || time < bestTime) {
      best = &block;
      bestTime = time;
    }
  }
  return best;
}

} // namespace

DictionaryAttr gridMap(Builder &b, const MapLoopNest &nest,
                       const MachineDescription &machine) {
  int64_t prefix = nest.rows ? nest.rows : int64_t(nest.loops.size());
  int64_t tasks = 1;
  for (int64_t i = 0; i < prefix; ++i)
    tasks *= nest.extents[nest.loops[i]];
  // Long reductions of few results are shared by the items of a group.
  bool few = tasks < int64_t(machine.computeUnits) * 512;
  bool cooperative =
      nest.reduced >= machine.minSharedSteps && few && !nest.symbolic;
  int64_t group = plainGroup(machine);
  if (cooperative)
    while (group > 32 && group / 2 >= nest.reduced)
      group /= 2;
  // Rows that are not shared run as a loop of their item.
  return b.getDictionaryAttr(
      {b.getNamedAttr("kind", b.getStringAttr("map")),
       named(b, "loops", nest.loops), named(b, "extents", nest.extents),
       named(b, "lane", -1), named(b, "lanes", 1), named(b, "prefix", prefix),
       named(b, "cooperative", cooperative), named(b, "group", group)});
}

DictionaryAttr gridBorder(Builder &b, const MachineDescription &machine) {
  return b.getDictionaryAttr(
      {b.getNamedAttr("kind", b.getStringAttr("border")), named(b, "lanes", 1),
       named(b, "group", plainGroup(machine)), named(b, "joined", 0)});
}

DictionaryAttr gridContraction(Builder &b, const GridContractNest &nest,
                               const MachineDescription &machine) {
  int64_t m = product(nest.rows, nest.extents);
  int64_t n = nest.lane >= 0 ? nest.extents[nest.lane] : 1;
  int64_t k = product(nest.kLoops, nest.extents);
  int64_t batch = product(nest.batch, nest.extents);
  int64_t group = plainGroup(machine), tileM = 1, tileN = 1, kSplit = 1;
  int64_t blockM = 0, blockN = 0, blockK = 0;

  double flops = 2.0 * m * n * k * batch;
  bool large = m >= 16 && n >= 16 && k >= 16;
  const Block *block = nullptr;
  if (large && nest.isF32 && !nest.rowsVary && flops >= machine.minStagedFlops)
    block = chooseBlock(m, n, batch, machine);
  if (block) {
    blockM = block->m;
    blockN = block->n;
    blockK = block->k;
    tileM = block->tileM;
    tileN = block->tileN;
    group = block->items();
  } else {
    // As large a tile as leaves enough items to fill the machine.
    int64_t wanted = int64_t(machine.computeUnits) * 64;
    auto items = [&] {
      return divideCeil(m, tileM) * divideCeil(n, tileN) * batch;
    };
    if (nest.isF32 && n >= 4)
      tileN = 4;
    // Rows of a tile share what they read of the columns' operand. They stay
    // on one line of the innermost row dimension where a divisor allows it.
    int64_t most = std::clamp<int64_t>(m, 1, nest.rowsVary ? 4 : 8);
    while (most > 1 &&
           divideCeil(m, most) * divideCeil(n, tileN) * batch < wanted)
      --most;
    tileM = most;
    if (!nest.rows.empty())
      for (int64_t t = most; 2 * t > most; --t)
        if (nest.extents[nest.rows.back()] % t == 0) {
          tileM = t;
          break;
        }
    // Few results of long sums: several items share one.
    while (kSplit < 16 && int64_t(items()) * kSplit < wanted &&
           k >= int64_t(machine.minSharedSteps) / 2 * kSplit &&
           4 * group * tileM * tileN <= int64_t(machine.localBytes))
      kSplit *= 2;
  }
  int64_t packBlock = n == 1 ? 1 : llvm::alignTo(n, 4);
  return b.getDictionaryAttr(
      {b.getNamedAttr("kind", b.getStringAttr("contract")),
       named(b, "lanes_operand", nest.lanesOperand),
       named(b, "loops", nest.batch), named(b, "rows", nest.rows),
       named(b, "k_loops", nest.kLoops), named(b, "k_order", nest.kOrder),
       named(b, "extents", nest.extents), named(b, "lane", nest.lane),
       named(b, "tile_m", tileM), named(b, "tile_n", tileN),
       named(b, "block_m", blockM), named(b, "block_n", blockN),
       named(b, "block_k", blockK), named(b, "k_split", kSplit),
       named(b, "packed", nest.packed), named(b, "pack_block", packBlock),
       named(b, "group", group)});
}

void joinBorder(lazy::KernelOp border, lazy::KernelOp before) {
  auto of = [](lazy::KernelOp kernel, StringRef key) -> IntegerAttr {
    return kernel.getSchedule()->getAs<IntegerAttr>(key);
  };
  IntegerAttr group = of(before, "group");
  if (before->hasAttr("lazy.border") || !group ||
      border.getOperand(0).getDefiningOp() != before.getOperation() ||
      !lazy::tensorType(before.getResult(0)).hasStaticShape() ||
      llvm::is_contained(lazy::tensorType(before.getResult(0)).getShape(), 0))
    return;
  NamedAttrList schedule(*border.getSchedule());
  Builder b(border.getContext());
  schedule.set("group", group);
  schedule.set("joined", b.getI64IntegerAttr(1));
  border.setScheduleAttr(schedule.getDictionary(border.getContext()));
}

} // namespace nacre::schedule
