//===- ChooseSchedules.cpp - loop order, tiles, lanes ---------------------===//
//
// A small deterministic cost model over the machine's description. The result
// is data: an attribute on each kernel that the lowering obeys and that can be
// printed, edited and read back (docs/schedule.md).
//
//   border kernels    lanes
//   map kernels       loops, extents, lane, lanes, prefix, grain, held,
//                     reciprocals
//   contract kernels  lanes_operand, loops, k_loops, k_order, extents, lane,
//                     tile, row, lanes, tile_m, tile_n, chunk_t, chunk_r,
//                     packed, staged, ahead, dot
//   scatter kernels   ScatterSchedule.cpp
//
// Machines that run work-groups are scheduled in GridSchedules.cpp.
//
//===----------------------------------------------------------------------===//
#include "GridSchedules.h"
#include "ScatterSchedule.h"
#include "Scheduler.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;
namespace {

ArrayRef<int64_t> stridesOf(KernelOp kernel, BlockArgument leaf) {
  return cast<PlaceAttr>((*kernel.getOperandPlaces())[leaf.getArgNumber()])
      .getStrides()
      .asArrayRef();
}
ArrayRef<int64_t> resultStrides(KernelOp kernel, unsigned i = 0) {
  return cast<PlaceAttr>((*kernel.getResultPlaces())[i])
      .getStrides()
      .asArrayRef();
}

/// One memory access as an address over loop dimensions.
struct Address {
  AffineExpr address;
  bool guarded = false, indirect = false, index = false, result = false;
  SmallVector<int64_t> extents = {}; ///< of the loops around it
  std::optional<int64_t> coefficient(unsigned dim) const {
    auto split = splitLinear(address, dim);
    if (!split)
      return std::nullopt;
    return split->first;
  }
};

struct Loops {
  SmallVector<int64_t>
      extents; // all dimensions incl. those opened by reductions
  SmallVector<Address> accesses;
};

/// Whether loops p and q (q inside p) may run as one of extent Ep*Eq.
bool fusable(const Loops &nest, int64_t p, int64_t q,
             ArrayRef<int64_t> extents) {
  for (const Address &a : nest.accesses) {
    auto cp = a.coefficient(p), cq = a.coefficient(q);
    if (!cp || !cq || *cp != extents[q] * *cq)
      return false;
    // A guard may read a loop that the address does not (an extent of 1).
    if (a.guarded)
      return false;
  }
  return true;
}

/// Whether an index of a gather is made of an iota, so that it may vary with
/// any loop though no access shows that.
bool countsIndex(KernelOp kernel) {
  llvm::SmallPtrSet<Operation *, 8> seen;
  SmallVector<Value> open;
  for (Operation &op : kernel.getBody().front())
    if (auto gather = dyn_cast<GatherOp>(op))
      open.push_back(gather.getIndex());
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (!op || !seen.insert(op).second)
      continue;
    if (isa<IotaOp>(op))
      return true;
    llvm::append_range(open, op->getOperands());
  }
  return false;
}

/// Per loop dimension of a map kernel whether the run may end it early.
SmallVector<bool> endsEarly(KernelOp kernel) {
  SmallVector<bool> early;
  for (StringAttr name : openExtents(kernel))
    early.push_back(bool(name));
  if (WriteOp write = writeOf(kernel))
    early[write.getAxis()] = true;
  return early;
}

int64_t widestElement(KernelOp kernel) {
  int64_t widest = 4;
  for (Operation &op : kernel.getBody().front())
    for (Value v : op.getOperands())
      widest = std::max(widest, elementBytes(tensorType(v).getElementType()));
  return widest;
}

/// Whether a contraction sums products of bytes.
bool sumsBytes(ContractOp contract) {
  return tensorType(contract.getA()).getElementType().isInteger(8) &&
         contract.getType().getElementType().isInteger(32);
}

/// What is read most, if it is contiguous along what is summed and far apart
/// along the lane: vectors then run along the sum. Else null.
const Address *readInRows(const Loops &nest, unsigned rank, int64_t lane) {
  int64_t most = 0;
  const Address *found = nullptr;
  for (const Address &a : nest.accesses) {
    int64_t read = 1;
    bool inRows = false;
    for (auto [d, extent] : llvm::enumerate(a.extents)) {
      auto c = a.coefficient(d);
      if (!c || *c == 0)
        continue;
      read *= extent;
      inRows |= d >= rank && *c == 1 && extent >= 8;
    }
    if (read <= most)
      continue;
    most = read;
    auto apart = a.coefficient(lane);
    found = inRows && apart && std::abs(*apart) > 1 ? &a : nullptr;
  }
  return found;
}

/// Dimensions (below `rank`) that each reduction under `v` depends on.
void reductionDims(Value v, AffineMap map, SmallVectorImpl<int64_t> &extents,
                   unsigned rank, SmallVectorImpl<llvm::SmallBitVector> &found,
                   llvm::DenseSet<std::pair<Value, const void *>> &seen) {
  Operation *op = v.getDefiningOp();
  if (!op || !seen.insert({v, map.getAsOpaquePointer()}).second)
    return;
  if (auto view = dyn_cast<ViewOpInterface>(op)) {
    reductionDims(view.source(), composeView(view, map, extents), extents, rank,
                  found, seen);
  } else if (isa<ReduceOp, ArgReduceOp>(op)) {
    llvm::SmallBitVector dims(rank);
    for (unsigned d = 0; d < rank; ++d)
      if (map.isFunctionOfDim(d))
        dims.set(d);
    found.push_back(dims);
  } else if (isa<ElementwiseOpInterface>(op)) {
    for (Value operand : op->getOperands())
      reductionDims(operand, map, extents, rank, found, seen);
  }
}

/// The length of chunks, a multiple of `unit`, of which each but the last has
/// it, about `most` at most. All are about the same: a short last one would
/// read all of the lanes operand for a few points, on a thread of its own.
int64_t evenChunk(int64_t extent, int64_t most, int64_t unit) {
  int64_t chunks =
      llvm::divideCeil(extent, std::clamp<int64_t>(most, 1, extent));
  return llvm::alignTo(llvm::divideCeil(extent, chunks), unit);
}

class Scheduler {
public:
  Scheduler(KernelOp kernel, const MachineDescription &machine,
            const Wanted &wanted)
      : kernel(kernel), machine(machine), wanted(wanted),
        b(kernel.getContext()) {}
  DictionaryAttr schedule() {
    if (kernel->hasAttr("lazy.border"))
      return border();
    if (auto contract = contractionOf(kernel))
      if (auto attr = contraction(contract))
        return attr;
    if (auto scatter = yielded(kernel).getDefiningOp<ScatterOp>())
      return scheduleScatter(kernel, scatter, machine);
    return map();
  }

private:
  DictionaryAttr border() {
    if (machine.groupItems)
      return gridBorder(b, machine);
    int64_t bytes =
        elementBytes(tensorType(kernel.getResult(0)).getElementType());
    return b.getDictionaryAttr(
        {b.getNamedAttr("kind", b.getStringAttr("border")),
         named(b, "lanes", std::max<int64_t>(machine.vectorBytes / bytes, 1))});
  }
  DictionaryAttr map();
  DictionaryAttr contraction(ContractOp contract);

  KernelOp kernel;
  const MachineDescription &machine;
  const Wanted &wanted;
  Builder b;
};

DictionaryAttr Scheduler::map() {
  Value v = yielded(kernel);
  auto type = tensorType(v);
  unsigned rank = type.getRank();
  Loops nest;
  nest.extents = boundedShape(type);
  AffineMap identity = loopIdentity(b.getContext(), rank);
  for (Value result : yieldedAll(kernel))
    walkAccesses(result, identity, nest.extents, [&](const Access &a) {
      nest.accesses.push_back(
          {linearAddress(a.map, stridesOf(kernel, a.leaf), nest.extents),
           a.guarded, a.indirect, a.index, false, nest.extents});
    });
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    nest.accesses.push_back(
        {linearAddress(identity, resultStrides(kernel, i), nest.extents), false,
         false, false, true});
  // An iota and a pad look at each index on its own, whatever is read.
  bool indexed = llvm::any_of(kernel.getBody().front(), [](Operation &op) {
    auto view = dyn_cast<ViewOpInterface>(op);
    return isa<IotaOp>(op) || (view && view.fillValue());
  });

  SmallVector<llvm::SmallBitVector> reductions;
  llvm::DenseSet<std::pair<Value, const void *>> seen;
  SmallVector<int64_t> open(nest.extents);
  for (Value result : yieldedAll(kernel))
    reductionDims(result, identity, open, rank, reductions, seen);
  llvm::SmallBitVector wide(rank), rows(rank);
  for (unsigned d = 0; d < rank; ++d)
    if (nest.extents[d] != 1)
      wide.set(d);
  for (llvm::SmallBitVector dims : reductions) {
    dims &= wide;
    if (dims != wide)
      rows |= dims;
  }

  // Loops from outermost to innermost: rows first, then by stride.
  SmallVector<int64_t> loops;
  for (unsigned d = 0; d < rank; ++d)
    if (wide.test(d))
      loops.push_back(d);
  auto strides = resultStrides(kernel);
  llvm::stable_sort(loops, [&](int64_t p, int64_t q) {
    if (type.isDynamicDim(p) != type.isDynamicDim(q))
      return type.isDynamicDim(p);
    if (rows.test(p) != rows.test(q))
      return rows.test(p);
    return strides[p] > strides[q];
  });
  SmallVector<int64_t> extents(nest.extents.begin(),
                               nest.extents.begin() + rank);
  WriteOp write = writeOf(kernel);
  SmallVector<bool> limited = endsEarly(kernel);
  for (size_t i = loops.size(); !indexed && i-- > 1;) {
    int64_t p = loops[i - 1], q = loops[i];
    // A loop that may end early stays the outermost of those that are one, and
    // that over the slices of a write, which must, a loop of its own.
    if (limited[q] || (write && p == int64_t(write.getAxis())))
      continue;
    if (rows.test(p) != rows.test(q) || type.isDynamicDim(p) ||
        type.isDynamicDim(q) || !fusable(nest, p, q, extents))
      continue;
    extents[q] *= extents[p];
    extents[p] = 1;
    limited[q] = limited[p];
    loops.erase(loops.begin() + (i - 1));
  }

  if (machine.groupItems) {
    MapLoopNest grid{loops, extents};
    grid.rows = llvm::count_if(loops, [&](int64_t d) { return rows.test(d); });
    grid.symbolic = !type.hasStaticShape();
    for (Operation &op : kernel.getBody().front())
      if (auto reduce = dyn_cast<ReduceOp>(op)) {
        int64_t points = 1;
        auto input = boundedShape(tensorType(reduce.getX()));
        for (int64_t axis : reduce.getAxes())
          points *= input[axis];
        grid.reduced = std::max(grid.reduced, points);
      }
    return gridMap(b, grid, machine);
  }

  // The lane is the loop the result is contiguous along; every access must
  // advance by a constant along it.
  int64_t lanes = machine.vectorBytes / widestElement(kernel), lane = -1;
  for (int64_t d : loops)
    if (strides[d] == 1)
      lane = d;
  if (lane >= 0 && (extents[lane] < 4 || type.isDynamicDim(lane)))
    lane = -1;
  if (lane >= 0)
    for (const Address &a : nest.accesses) {
      auto c = a.coefficient(lane);
      if (!c || (a.index && *c != 0))
        lane = -1;
      if (lane < 0)
        break;
    }
  for (Operation &op : kernel.getBody().front())
    if (isa<ArgReduceOp>(op))
      lane = -1;
  if (countsIndex(kernel))
    lane = -1;
  // How many slices are written is known to loops that are no tasks.
  if (write && lane >= 0 && (lane == int64_t(write.getAxis()) || rows.any()))
    lane = -1;
  int64_t grain = 4096;
  const Address *inRows =
      lane >= 0 && rows.none() ? readInRows(nest, rank, lane) : nullptr;
  if (inRows) {
    lane = -1;
    grain = 64;
    // A row stays in cache for all that is made of it.
    llvm::stable_sort(loops, [&](int64_t p, int64_t q) {
      if (type.isDynamicDim(p) != type.isDynamicDim(q))
        return type.isDynamicDim(p);
      return std::abs(inRows->coefficient(p).value_or(0)) >
             std::abs(inRows->coefficient(q).value_or(0));
    });
  }
  // Without a lane vectors still run along what a reduction sums.
  if (lane < 0 && llvm::none_of(
                      kernel.getBody().front(),
                      [](Operation &op) { return isa<ReduceOp>(op); }))
    lanes = 1;
  while (lanes > 1 && lane >= 0 && lanes >= 2 * extents[lane])
    lanes /= 2;

  // Tasks run over the loops of the prefix.
  int64_t prefix = loops.size();
  if (rows.any()) {
    prefix = llvm::count_if(loops, [&](int64_t d) { return rows.test(d); });
  } else if (loops.size() > 1) {
    prefix = inRows ? loops.size() : loops.size() - 1;
    // Many tiny tasks cost more than they spread.
    if (lane >= 0 && loops.back() != lane) {
      loops.erase(llvm::find(loops, lane));
      loops.push_back(lane);
    }
  } else
    prefix = !loops.empty() && type.isDynamicDim(loops[0]) ? 1 : 0;
  SmallVector<NamedAttribute> keys{
      b.getNamedAttr("kind", b.getStringAttr("map")),
      named(b, "loops", loops),
      named(b, "extents", extents),
      named(b, "lane", lane),
      named(b, "lanes", lanes),
      named(b, "prefix", prefix),
      named(b, "grain", grain)};
  if (rows.any() && !write) {
    llvm::SmallBitVector rowAxes = wide;
    rowAxes.reset(rows);
    if (int64_t held = heldValue(kernel, rowAxes); held >= 0)
      keys.push_back(named(b, "held", held));
    if (dividesRows(kernel, rowAxes))
      keys.push_back(named(b, "reciprocals", machine.reciprocals));
  }
  return b.getDictionaryAttr(keys);
}

DictionaryAttr Scheduler::contraction(ContractOp contract) {
  ContractNest c = analyseContraction(kernel, contract);
  auto scalar = contractLeaf(c, 1 - c.lanesOperand);
  auto lanesLeaf = contractLeaf(c, c.lanesOperand);
  if (!scalar || !lanesLeaf || scalar->guarded || lanesLeaf->guarded)
    return {};
  // Truth values are stored as bytes and computed as bits: plain loops.
  if (contract.getType().getElementType().isInteger(1))
    return {};
  // Nothing to tile.
  if (llvm::is_contained(c.extents, 0))
    return {};
  unsigned dims = c.extents.size();
  bool packed = isWeight(kernel, lanesLeaf->leaf);
  auto dynamic = [&](unsigned d) {
    return c.resultAxis[d] >= 0 &&
           contract.getType().isDynamicDim(c.resultAxis[d]);
  };

  SmallVector<bool> limited(dims);
  for (auto [d, name] : llvm::enumerate(openNames(contract, openDims, dims)))
    limited[d] = bool(name);

  Loops all;
  all.extents = c.extents;
  auto addressOf = [&](const Access &a) {
    return linearAddress(a.map, stridesOf(kernel, a.leaf), all.extents);
  };
  Address scalarAddress{addressOf(*scalar)},
      lanesAddress{addressOf(*lanesLeaf)};
  SmallVector<AffineExpr> resultDims;
  for (AffineExpr e : contract.map(2).getResults())
    resultDims.push_back(e);
  AffineMap resultMap =
      AffineMap::get(maxLoopDims, 0, resultDims, b.getContext());
  Address result{linearAddress(resultMap, resultStrides(kernel), all.extents)};
  SmallVector<Address> epilogue;
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    epilogue.push_back(
        {linearAddress(resultMap, resultStrides(kernel, i), all.extents)});
  for (Value yield : yieldedAll(kernel))
    walkAccesses(
        yield, resultMap, all.extents,
        [&](const Access &a) {
          epilogue.push_back(
              {addressOf(a), a.guarded, a.indirect, a.index, false});
        },
        contract);
  for (const Address *a : {&scalarAddress, &lanesAddress, &result})
    for (unsigned d = 0; d < dims; ++d)
      if (!a->coefficient(d))
        return {};

  // The lane dimension: the result is contiguous along it.
  int64_t lane = -1;
  for (unsigned d = 0; d < dims; ++d)
    if (!c.reduced[d] && c.extents[d] > 1 && !dynamic(d) &&
        result.coefficient(d) == 1)
      lane = d;
  if (lane >= 0)
    for (const Address &a : epilogue)
      if (!a.coefficient(lane) || a.index)
        lane = -1;
  if (countsIndex(kernel))
    lane = -1;

  // Fuse loops that every operand walks as one.
  SmallVector<int64_t> extents(c.extents), loops, kLoops;
  for (unsigned d = 0; d < dims; ++d)
    if (c.extents[d] != 1 && int64_t(d) != lane)
      (c.reduced[d] ? kLoops : loops).push_back(d);
  auto byStride = [&](const Address &a) {
    return [&](int64_t p, int64_t q) {
      return *a.coefficient(p) > *a.coefficient(q);
    };
  };
  llvm::stable_sort(kLoops, byStride(scalarAddress));
  llvm::stable_sort(loops, [&](int64_t p, int64_t q) {
    if (dynamic(p) != dynamic(q))
      return dynamic(p);
    return *result.coefficient(p) > *result.coefficient(q);
  });
  // The packed operand keeps all reduction loops in this order.
  SmallVector<int64_t> kOrder(kLoops);
  Loops kNest{extents, {scalarAddress}}, outNest{extents, epilogue};
  if (!packed)
    kNest.accesses.push_back(lanesAddress);
  outNest.accesses.push_back(scalarAddress);
  outNest.accesses.push_back(lanesAddress);
  // So do the lanes: of the gradient of a convolution's weights, channels alone
  // may fill no vector, but lie beside those of the next position.
  if (lane >= 0 && !packed && !machine.groupItems)
    for (size_t i = loops.size(); i-- > 0;)
      if (int64_t p = loops[i];
          !dynamic(p) && fusable(outNest, p, lane, extents)) {
        extents[lane] *= extents[p];
        extents[p] = 1;
        loops.erase(loops.begin() + i);
        i = loops.size();
      }
  for (auto [list, nest] :
       {std::pair(&kLoops, &kNest), std::pair(&loops, &outNest)})
    for (size_t i = list->size(); i-- > 1;) {
      int64_t p = (*list)[i - 1], q = (*list)[i];
      // A loop that may end early stays the outermost of those that are one; of
      // a sum, which must not look beyond (withoutMask), a loop of its own.
      if (dynamic(p) || dynamic(q) || limited[q] ||
          (limited[p] && c.reduced[p]) || !fusable(*nest, p, q, extents))
        continue;
      extents[q] *= extents[p];
      extents[p] = 1;
      limited[q] = limited[p];
      list->erase(list->begin() + (i - 1));
    }

  if (machine.groupItems) {
    GridContractNest grid;
    grid.lanesOperand = c.lanesOperand;
    for (int64_t d : loops)
      (dynamic(d) || c.inLanes[d] ? grid.batch : grid.rows).push_back(d);
    grid.kLoops = kLoops;
    grid.kOrder = kOrder;
    grid.extents = extents;
    grid.lane = lane;
    grid.packed = packed;
    grid.rowsVary = lane >= 0 && scalarAddress.coefficient(lane) != 0;
    Type element = contract.getType().getElementType();
    grid.isF32 = isa<FloatType>(element) && !element.isF64();
    return gridContraction(b, grid, machine);
  }

  // The tile dimension: read from the scalar operand only, innermost.
  int64_t tile = -1, row = -1;
  for (int64_t d : loops)
    if (!dynamic(d) && !c.inLanes[d])
      tile = d;
  if (tile < 0) // depthwise: positions share the kernel's weights
    for (int64_t d : loops)
      if (!dynamic(d) && lanesAddress.coefficient(d) == 0)
        tile = d;
  for (int64_t d : loops)
    if (d != tile && !dynamic(d) && lanesAddress.coefficient(d) == 0)
      row = d;

  // Sums of bytes: each lane takes the steps of the innermost reduction loop
  // four at a time.
  int64_t dot = 1;
  if (sumsBytes(contract) && packed && lane >= 0 && !kLoops.empty() &&
      c.inLanes[lane] && scalarAddress.coefficient(lane) == 0 &&
      scalarAddress.coefficient(kLoops.back()) == 1 &&
      !contract->hasAttr(openDims))
    dot = 4;
  int64_t lanes = lane >= 0 ? machine.vectorBytes / widestElement(kernel) : 1;
  while (lane >= 0 && lanes > dot && lanes >= 2 * extents[lane])
    lanes /= 2;
  if (wanted.lanes && lane >= 0)
    lanes = *wanted.lanes;
  int64_t laneExtent = lane >= 0 ? extents[lane] : 1;
  int64_t vectors = llvm::divideCeil(laneExtent, lanes);
  int64_t tileExtent = tile >= 0 ? extents[tile] : 1;
  bool scalarVaries = lane >= 0 && scalarAddress.coefficient(lane) != 0;

  auto [tileM, tileN] =
      wanted.tile ? *wanted.tile
                  : chooseTile({tileExtent, vectors, lanes,
                                machine.vectorRegisters, scalarVaries});

  // Chunks of the scalar operand that stay in a part of L2 while the lanes
  // operand streams past, once for each: a large part where that comes from
  // beyond the cache.
  int64_t points = 1;
  for (int64_t d : loops)
    if (*scalarAddress.coefficient(d))
      points *= extents[d];
  auto bytesOf = [&](Value v) {
    int64_t bytes = elementBytes(tensorType(v).getElementType());
    for (int64_t extent : boundedShape(tensorType(v)))
      bytes *= extent;
    return bytes;
  };
  auto operandBytes = [&](const Access &a) {
    return double(bytesOf(kernel.getOperands()[a.leaf.getArgNumber()]));
  };
  // What streams past: of a batch of matrices one.
  double lanesBytes = operandBytes(*lanesLeaf);
  for (int64_t d : loops)
    if (*lanesAddress.coefficient(d))
      lanesBytes /= extents[d];
  constexpr double small = 256 << 10;
  double l2 = machine.l2Bytes, scalarBytes = operandBytes(*scalar),
         bytesPerPoint =
             std::max(scalarBytes / std::max<int64_t>(points, 1), 1.0),
         room = lanesBytes > l2 ? l2 / 2 : std::min(l2 / 4, small);
  int64_t target = std::max<int64_t>(64, int64_t(room / bytesPerPoint));
  int64_t chunkT = tileExtent, chunkR = row >= 0 ? extents[row] : 1;
  if (tileExtent > target)
    chunkT = evenChunk(tileExtent, target, tileM);
  chunkR = evenChunk(chunkR, target / std::max<int64_t>(chunkT, 1), 1);
  // Enough tasks for a few threads.
  int64_t laneBlocks = llvm::divideCeil(vectors, tileN);
  auto tasks = [&] {
    int64_t n = laneBlocks * llvm::divideCeil(tileExtent, chunkT) *
                (row >= 0 ? llvm::divideCeil(extents[row], chunkR) : 1);
    for (int64_t d : loops)
      if (d != tile && d != row)
        n *= extents[d];
    return n;
  };
  while (tasks() < 8 && chunkR > 1)
    chunkR = llvm::divideCeil(chunkR, 2);
  while (tasks() < 8 && chunkT > 4 * tileM)
    chunkT = llvm::alignTo(llvm::divideCeil(chunkT, 2), tileM);

  // A long epilogue is not unrolled over the tile but run from a buffer.
  int64_t epilogueCost = 0;
  for (Operation &op : kernel.getBody().front())
    if (auto elementwise = dyn_cast<ElementwiseOpInterface>(op))
      epilogueCost += elementwise.scalarCost();
  bool staged = tileM * tileN > 4 && epilogueCost * tileM * tileN > 120;

  // What the tail reads and the kernel writes is asked for ahead if it comes
  // from beyond the cache, and the reduction is long enough to wait meanwhile.
  int64_t steps = 1, tailBytes = 0;
  for (int64_t d : kLoops)
    steps *= extents[d];
  for (auto [number, v] : llvm::enumerate(kernel.getOperands()))
    if (number != scalar->leaf.getArgNumber() &&
        number != lanesLeaf->leaf.getArgNumber())
      tailBytes += bytesOf(v);
  for (Value v : kernel.getResults())
    tailBytes += bytesOf(v);
  bool ahead = tile >= 0 && tileM > 1 && steps >= 32 &&
               tailBytes > int64_t(machine.l2Bytes);

  loops.erase(
      llvm::remove_if(loops, [&](int64_t d) { return d == tile || d == row; }),
      loops.end());
  SmallVector<NamedAttribute> keys{
      b.getNamedAttr("kind", b.getStringAttr("contract")),
      named(b, "lanes_operand", c.lanesOperand),
      named(b, "loops", loops),
      named(b, "k_loops", kLoops),
      named(b, "k_order", kOrder),
      named(b, "extents", extents),
      named(b, "lane", lane),
      named(b, "tile", tile),
      named(b, "row", row),
      named(b, "lanes", lanes),
      named(b, "tile_m", tileM),
      named(b, "tile_n", tileN),
      named(b, "chunk_t", chunkT),
      named(b, "chunk_r", chunkR),
      named(b, "packed", packed),
      named(b, "staged", staged),
      named(b, "ahead", ahead)};
  if (sumsBytes(contract))
    keys.push_back(named(b, "dot", dot));
  return b.getDictionaryAttr(keys);
}

} // namespace

DictionaryAttr scheduleFor(KernelOp kernel, const MachineDescription &machine,
                           const Wanted &wanted) {
  return Scheduler(kernel, machine, wanted).schedule();
}

LogicalResult chooseSchedules(ModuleOp module,
                              const MachineDescription &machine) {
  for (func::FuncOp function : functionsOf(module)) {
    KernelOp before;
    for (auto kernel : function.getBody().front().getOps<KernelOp>()) {
      if (!kernel.getSchedule()) {
        kernel.setScheduleAttr(scheduleFor(kernel, machine));
        if (machine.groupItems && before && kernel->hasAttr("lazy.border"))
          joinBorder(kernel, before);
      }
      before = kernel;
    }
  }
  return success();
}

} // namespace nacre::schedule
