//===- GroupKernels.cpp - which kernels run slice by slice ----------------===//
//
// A chain of kernels becomes a group when what passes between them would
// otherwise leave the cache, or be a large part of the arena: the scores of an
// attention are its rows times its keys, while what goes in and out is much
// less. Cut into slices they stay in cache, and memory holds one slice for each
// part of the launch.
//
// A slice has as many rows as keep all that is stored by slices within a part
// of the second cache, fewer if there would not be enough slices for threads.
// The price is that what every slice needs - the keys and values of a head - is
// read again for each; a group whose slices read more again than they save is
// left apart. So is one of matrices of weights, which are larger than the
// cache.
//
// The kernels compute what they computed before, in the same order of sums.
//
//===----------------------------------------------------------------------===//
#include "ArenaBlocks.h"
#include "Planner.h"
#include "Scheduler.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Schedule/KernelGroup.h"
#include <numeric>

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

namespace {

/// Parts of a launch at most: more threads than that get nothing to do, and
/// each part has a slot in the arena.
constexpr int64_t maxSlots = 32;
/// Slices of a group, for threads to have equal shares.
constexpr int64_t enoughSlices = 16;
constexpr size_t maxMembers = 8;
/// What is read again and again, and fits the cache, is read faster than what
/// comes from memory.
constexpr int64_t cheaperInCache = 4;

int64_t bytesOf(Value v) {
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  for (int64_t extent : boundedShape(tensorType(v)))
    bytes *= extent;
  return bytes;
}

/// A group in the making, with what it would gain.
struct Plan {
  KernelGroup group;
  SmallVector<OpResult> sliced; ///< what is stored by slices
  SmallVector<int64_t> offsets; ///< of these in a slot, bytes
  int64_t saved = 0;            ///< bytes that no longer leave the cache
};

class GroupFormer {
public:
  GroupFormer(func::FuncOp function, const MachineDescription &machine)
      : function(function), machine(machine), blocks(function) {}
  void run();

private:
  std::optional<Plan> bestFrom(KernelOp leader);
  bool extend(KernelGroup &group, KernelOp next);
  std::optional<Plan> cut(KernelGroup group);
  bool orderAxes(KernelGroup &group, int64_t &unit);
  int64_t layOutSlot(Plan &plan);
  int64_t readAgain(const KernelGroup &group);
  bool keepsApart(const Plan &plan);
  void choose(std::vector<Plan> plans);
  void apply(const Plan &plan);

  func::FuncOp function;
  const MachineDescription &machine;
  ArenaBlocks blocks;
};

/// The first kernel from `op` on.
KernelOp kernelFrom(Operation *op) {
  while (op && !isa<KernelOp>(op))
    op = op->getNextNode();
  return dyn_cast_or_null<KernelOp>(op);
}

/// Forgets the cut axes of a group for which `keep` is false.
void keepAxes(KernelGroup &group, llvm::function_ref<bool(size_t)> keep) {
  auto filter = [&](SmallVector<int64_t> &list) {
    SmallVector<int64_t> kept;
    for (auto [k, value] : llvm::enumerate(list))
      if (keep(k))
        kept.push_back(value);
    list = std::move(kept);
  };
  filter(group.extents);
  for (auto &axes : group.axes)
    filter(axes);
}

const TaskDigit *digitOf(ArrayRef<TaskDigit> digits, int64_t axis) {
  auto found = llvm::find_if(
      digits, [&](const TaskDigit &digit) { return digit.axis == axis; });
  return found == digits.end() ? nullptr : found;
}

/// Adds the next kernel, with the axes that it has in common with the others.
bool GroupFormer::extend(KernelGroup &group, KernelOp next) {
  auto along = correspondingAxes(group, next);
  auto digits = taskDigits(next);
  if (!along || !digits)
    return false;
  auto common = [&](size_t k) {
    return (*along)[k] >= 0 && digitOf(*digits, (*along)[k]) &&
           llvm::count(*along, (*along)[k]) == 1;
  };
  group.members.push_back(next);
  group.axes.push_back(*along);
  keepAxes(group, common);
  return !group.extents.empty();
}

/// Puts the axis last of which slices have several indices: the one that
/// contractions go through in tiles. `unit` is what its number must be a
/// multiple of.
bool GroupFormer::orderAxes(KernelGroup &group, int64_t &unit) {
  size_t last = group.extents.size();
  llvm::SmallDenseSet<size_t> tiled;
  SmallVector<SmallVector<TaskDigit>> digits;
  for (auto [kernel, axes] : llvm::zip(group.members, group.axes)) {
    digits.push_back(*taskDigits(kernel));
    for (auto [k, axis] : llvm::enumerate(axes))
      if (digitOf(digits.back(), axis)->chunkKey == "chunk_t")
        tiled.insert(k);
  }
  for (size_t k = 0; k < group.extents.size(); ++k)
    if (tiled.contains(k) && (last == group.extents.size() ||
                              group.extents[k] > group.extents[last]))
      last = k;
  if (last == group.extents.size())
    last = group.extents.size() - 1;
  auto moveLast = [&](SmallVector<int64_t> &list) {
    int64_t value = list[last];
    list.erase(list.begin() + last);
    list.push_back(value);
  };
  keepAxes(group, [&](size_t k) { return k == last || !tiled.contains(k); });
  last -= llvm::count_if(tiled, [&](size_t k) { return k < last; });
  moveLast(group.extents);
  llvm::for_each(group.axes, moveLast);
  unit = 1;
  for (auto [kernel, axes, own] : llvm::zip(group.members, group.axes, digits))
    if (digitOf(own, axes.back())->chunkKey == "chunk_t")
      unit = std::lcm(
          unit, kernel.getSchedule()->getAs<IntegerAttr>("tile_m").getInt());
  return unit <= 64;
}

/// Gives what is stored by slices places in a slot: what is needed at once
/// lies apart. Returns the slot's bytes.
int64_t GroupFormer::layOutSlot(Plan &plan) {
  struct Piece {
    int64_t from, to;
    size_t last; ///< the member that reads it last
  };
  SmallVector<Piece> pieces;
  int64_t slot = 0;
  plan.offsets.clear();
  for (OpResult v : plan.sliced) {
    size_t maker = plan.group.memberOf(v), last = maker;
    for (size_t i = maker + 1; i < plan.group.members.size(); ++i)
      for (Value operand : plan.group.members[i].getOperands())
        if (sourceOf(operand) == v)
          last = i;
    auto place = cast<PlaceAttr>(
        (*plan.group.members[maker].getResultPlaces())[v.getResultNumber()]);
    int64_t bytes = sliceSpan(plan.group, plan.group.axes[maker],
                              place.getStrides().asArrayRef(),
                              boundedShape(tensorType(v))) *
                    elementBytes(tensorType(v).getElementType());
    llvm::erase_if(pieces, [&](const Piece &p) { return p.last < maker; });
    llvm::sort(pieces,
               [](const Piece &a, const Piece &b) { return a.from < b.from; });
    int64_t at = 0;
    for (const Piece &p : pieces) {
      if (p.from - at >= bytes)
        break;
      at = std::max(at, int64_t(llvm::alignTo(p.to, alignment)));
    }
    pieces.push_back({at, at + bytes, last});
    plan.offsets.push_back(at);
    slot = std::max(slot, int64_t(llvm::alignTo(at + bytes, alignment)));
  }
  return slot;
}

/// Bytes that all slices together read of what the group does not make, beyond
/// reading it once, in terms of bytes from memory.
int64_t GroupFormer::readAgain(const KernelGroup &group) {
  int64_t total = 0;
  for (auto [member, axes] : llvm::zip(group.members, group.axes)) {
    KernelOp kernel = member;
    llvm::MapVector<Value, int64_t> perSlice;
    SmallVector<int64_t> extents = boundedShape(tensorType(yielded(kernel)));
    AffineMap identity = loopIdentity(kernel.getContext(), extents.size());
    for (int64_t axis : axes)
      extents[axis] = axis == axes.back() ? group.points : 1;
    auto visit = [&](const Access &access) {
      Value v = kernel.getOperands()[access.leaf.getArgNumber()];
      if (group.memberOf(v) >= 0)
        return;
      int64_t bytes = elementBytes(tensorType(v).getElementType());
      for (auto [e, extent] :
           llvm::zip(access.map.getResults(), boundedShape(tensorType(v)))) {
        auto range = rangeOf(e, extents);
        bytes *= range ? std::min(range->max - range->min + 1, extent) : extent;
      }
      perSlice[v] = std::max(perSlice[v], bytes);
    };
    for (Value v : yieldedAll(kernel))
      walkAccesses(v, identity, extents, visit);
    for (auto [v, bytes] : perSlice) {
      int64_t again = std::max<int64_t>(bytes * group.slices() - bytesOf(v), 0);
      total += bytes <= machine.l2Bytes ? again / cheaperInCache : again;
    }
  }
  return total;
}

/// Whether no member writes over what another one still reads: slices run
/// through all members before the next slice runs through the first.
bool GroupFormer::keepsApart(const Plan &plan) {
  const KernelGroup &group = plan.group;
  for (KernelOp writer : group.members)
    for (OpResult result : writer->getResults()) {
      if (llvm::is_contained(plan.sliced, result))
        continue;
      for (KernelOp reader : group.members)
        for (Value operand : reader.getOperands())
          if (group.memberOf(operand) < 0 && blocks.share(result, operand))
            return false;
      for (KernelOp other : group.members)
        for (OpResult second : other->getResults())
          if (second != result && blocks.share(result, second) &&
              !llvm::is_contained(plan.sliced, second))
            return false;
    }
  return true;
}

/// How a group is cut, if that pays.
std::optional<Plan> GroupFormer::cut(KernelGroup group) {
  int64_t unit;
  if (!orderAxes(group, unit))
    return std::nullopt;
  Plan plan{std::move(group), {}, {}};
  KernelGroup &g = plan.group;
  int64_t whole = 0;
  for (KernelOp kernel : g.members)
    for (OpResult v : kernel->getResults()) {
      auto place =
          cast<PlaceAttr>((*kernel.getResultPlaces())[v.getResultNumber()]);
      if (place.getSpace() != "arena" || v.use_empty() || !readOnlyBy(g, v))
        continue;
      plan.sliced.push_back(v);
      whole += bytesOf(v);
    }
  const int64_t room = machine.l2Bytes / 2, extent = g.extents.back();
  if (whole < machine.l2Bytes)
    return std::nullopt;
  auto slotOf = [&](int64_t points) {
    g.points = points;
    return layOutSlot(plan);
  };
  auto pointsOf = [&](int64_t chunks) {
    int64_t even = llvm::divideCeil(extent, chunks);
    return std::min<int64_t>(llvm::alignTo(even, unit), extent);
  };
  int64_t chunks = 1, most = llvm::divideCeil(extent, unit);
  while (chunks < most && slotOf(pointsOf(chunks)) > room)
    ++chunks;
  g.slotBytes = slotOf(pointsOf(chunks));
  while (chunks < most && g.slices() < enoughSlices)
    g.slotBytes = slotOf(pointsOf(++chunks));
  if (g.slotBytes > room || g.slices() < enoughSlices)
    return std::nullopt;
  g.slots = std::min(
      {maxSlots, g.slices(), std::max<int64_t>(whole / 2 / g.slotBytes, 8)});
  plan.saved = 2 * whole - readAgain(g);
  if (plan.saved <= 0 || g.slots * g.slotBytes >= whole || !keepsApart(plan))
    return std::nullopt;
  return plan;
}

/// The chain from `leader` on that saves most.
std::optional<Plan> GroupFormer::bestFrom(KernelOp leader) {
  if (!canJoinGroup(leader))
    return std::nullopt;
  KernelGroup group;
  auto digits = taskDigits(leader);
  if (!digits)
    return std::nullopt;
  auto shape = boundedShape(tensorType(yielded(leader)));
  group.members.push_back(leader);
  group.axes.emplace_back();
  for (const TaskDigit &digit : *digits)
    if (digit.axis >= 0 && shape[digit.axis] > 1) {
      group.axes[0].push_back(digit.axis);
      group.extents.push_back(shape[digit.axis]);
    }
  if (group.extents.empty())
    return std::nullopt;
  std::optional<Plan> best;
  for (KernelOp next = nextInLine(leader);
       next && group.members.size() < maxMembers && canJoinGroup(next) &&
       extend(group, next);
       next = nextInLine(next))
    if (auto plan = cut(group); plan && (!best || plan->saved >= best->saved))
      best = std::move(plan);
  return best;
}

void GroupFormer::run() {
  std::vector<Plan> plans;
  for (KernelOp kernel = kernelFrom(&function.getBody().front().front());
       kernel;) {
    auto plan = bestFrom(kernel);
    KernelOp next = kernelFrom(kernel->getNextNode());
    if (plan && next)
      if (auto other = bestFrom(next); other && other->saved > plan->saved)
        plan.reset();
    if (plan) {
      next = kernelFrom(plan->group.members.back()->getNextNode());
      plans.push_back(std::move(*plan));
    }
    kernel = next;
  }
  if (!plans.empty())
    choose(std::move(plans));
}

/// Writes a group into the attributes of its kernels.
void GroupFormer::apply(const Plan &plan) {
  const KernelGroup &group = plan.group;
  Builder b(function.getContext());
  auto moved = [&](Value v, Attribute attr) -> Attribute {
    auto source = dyn_cast<OpResult>(sourceOf(v));
    auto found = llvm::find(plan.sliced, source);
    if (!source || found == plan.sliced.end())
      return attr;
    size_t number = found - plan.sliced.begin();
    KernelOp maker = cast<KernelOp>(source.getOwner());
    auto whole = cast<PlaceAttr>(
             (*maker.getResultPlaces())[source.getResultNumber()]),
         place = cast<PlaceAttr>(attr);
    int64_t bytes = elementBytes(tensorType(v).getElementType());
    return PlaceAttr::get(b.getContext(), b.getStringAttr(sliceSpace), number,
                          place.getOffset() - whole.getOffset() +
                              plan.offsets[number] / bytes,
                          place.getStrides());
  };
  // Backwards: a reader's place is found from its maker's.
  for (size_t i = group.members.size(); i-- > 0;) {
    KernelOp kernel = group.members[i];
    ArrayRef<int64_t> axes = group.axes[i];
    SmallVector<Attribute> operands, results;
    for (auto [v, place] :
         llvm::zip(kernel.getOperands(), *kernel.getOperandPlaces()))
      operands.push_back(moved(v, place));
    for (auto [v, place] :
         llvm::zip(kernel.getResults(), *kernel.getResultPlaces()))
      results.push_back(moved(v, place));
    NamedAttrList schedule(*kernel.getSchedule());
    auto digits = taskDigits(kernel);
    for (const TaskDigit &digit : *digits)
      if (!digit.chunkKey.empty() && llvm::is_contained(axes, digit.axis))
        schedule.set(
            digit.chunkKey,
            b.getI64IntegerAttr(digit.axis == axes.back() ? group.points : 1));
    // What a slice holds is in the cache.
    if (schedule.get("ahead") && llvm::all_of(results, isSliced))
      schedule.set("ahead", b.getI64IntegerAttr(0));
    kernel.setScheduleAttr(schedule.getDictionary(b.getContext()));
    kernel.setOperandPlacesAttr(b.getArrayAttr(operands));
    kernel.setResultPlacesAttr(b.getArrayAttr(results));
    kernel->setAttr(sliceAttr, b.getDenseI64ArrayAttr(axes));
  }
  KernelOp leader = group.members.front();
  leader->setAttr(
      groupAttr,
      b.getDictionaryAttr({named(b, "members", int64_t(group.members.size())),
                           named(b, "points", group.points),
                           named(b, "slots", group.slots),
                           named(b, "slot_bytes", group.slotBytes),
                           named(b, "offset", group.offset)}));
  assert(groupOf(leader) && !problemOf(*groupOf(leader)) &&
         "a group that the verifier refuses");
}

/// All tensors that a plan stores by slices, views too.
void addSliced(Value v, llvm::DenseSet<Value> &gone) {
  gone.insert(v);
  for (Operation *user : v.getUsers())
    if (isa<ViewOpInterface>(user))
      addSliced(user->getResult(0), gone);
}

/// Applies the plans, or those that save most, so that the arena does not grow.
void GroupFormer::choose(std::vector<Plan> plans) {
  auto bytes =
      function->getParentOfType<ModuleOp>()->getAttrOfType<IntegerAttr>(
          "lazy.arena_bytes");
  while (!plans.empty()) {
    SmallVector<ArenaSpan> spans;
    llvm::DenseSet<Value> gone;
    for (const Plan &plan : plans) {
      const KernelGroup &g = plan.group;
      spans.push_back(
          {g.members.front(), g.members.back(), g.slots * g.slotBytes});
      for (Value v : plan.sliced)
        addSliced(v, gone);
    }
    int64_t arena = blocks.layOut(spans, gone);
    if (arena > bytes.getInt()) {
      plans.erase(llvm::min_element(plans, [](const Plan &a, const Plan &b) {
        return a.saved < b.saved;
      }));
      continue;
    }
    blocks.write(gone);
    for (auto [plan, span] : llvm::zip_equal(plans, spans)) {
      plan.group.offset = span.offset;
      apply(plan);
    }
    function->getParentOp()->setAttr(
        "lazy.arena_bytes", Builder(function).getI64IntegerAttr(arena));
    return;
  }
}

} // namespace

LogicalResult groupKernels(ModuleOp module, const MachineDescription &machine) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  Block &block = main.getBody().front();
  if (machine.groupItems ||
      llvm::any_of(block, [](Operation &op) { return isCall(&op); }))
    return success();
  GroupFormer(main, machine).run();
  return success();
}

} // namespace nacre::schedule
