//===- InPlace.cpp - storages over time: takeovers and offsets ------------===//
#include "Planner.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/State.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

/// The operands the kernel reads, and of each whether it is read only where the
/// kernel then writes, element by element.
static llvm::MapVector<unsigned, bool> readsWhereItWrites(KernelOp kernel) {
  llvm::MapVector<unsigned, bool> onlyThere;
  for (Value v : yieldedAll(kernel)) {
    auto type = tensorType(v);
    SmallVector<int64_t> extents = boundedShape(type), opened(extents);
    AffineMap identity = loopIdentity(kernel.getContext(), type.getRank());
    walkAccesses(v, identity, opened, [&](const Access &access) {
      bool same =
          access.map == simplify(identity, extents) || access.map == identity;
      auto [it, fresh] = onlyThere.insert({access.leaf.getArgNumber(), true});
      it->second &= same && !access.guarded && !access.indirect;
    });
  }
  return onlyThere;
}

/// Whether an operand is read nowhere else.
static bool readsOnlyThere(KernelOp kernel, unsigned operand) {
  auto onlyThere = readsWhereItWrites(kernel);
  auto found = onlyThere.find(operand);
  return found == onlyThere.end() || found->second;
}

/// Whether the kernel of `v` may write it over `old`: every other reader of
/// `old`, directly or through views that share its storage, has run before, and
/// the kernel itself reads it only where it writes.
bool Planner::replacesInPlace(Value v, BlockArgument old) {
  auto writer = v.getDefiningOp<KernelOp>();
  if (!writer || soleView(writer))
    return false;
  SmallVector<Value> work{old};
  while (!work.empty()) {
    Value x = work.pop_back_val();
    for (OpOperand &use : x.getUses()) {
      auto kernel = dyn_cast<KernelOp>(use.getOwner());
      if (!kernel) // joined, or handed out as it is
        return false;
      if (kernel == writer) {
        bool loops = llvm::any_of(kernel.getBody().front(), [](Operation &op) {
          return !isa<ElementwiseOpInterface, ViewOpInterface, SplatOp, IotaOp,
                      YieldOp>(op);
        });
        if (loops || x != old ||
            !readsOnlyThere(kernel, use.getOperandNumber()))
          return false;
        continue;
      }
      if (!kernel->isBeforeInBlock(writer))
        return false;
      if (soleView(kernel))
        work.push_back(kernel.getResult(0));
    }
  }
  return true;
}

/// A kernel without contraction or reduction that reads an operand exactly
/// where it writes may write over it when nobody reads it later. All results of
/// an element are computed before the first is stored.
SmallVector<InPlace> Planner::inPlace(KernelOp kernel) {
  if (llvm::is_contained(aliases, kernel) || kernel->hasAttr("lazy.border") ||
      llvm::any_of(kernel.getBody().front(), [](Operation &op) {
        return isa<ContractOp, ReduceOp, ArgReduceOp, GatherOp, ScatterOp,
                   WriteOp>(op);
      }))
    return {};
  llvm::MapVector<unsigned, bool> onlyThere = readsWhereItWrites(kernel);
  SmallVector<InPlace> pairs;
  for (OpResult result : kernel.getResults()) {
    const Placement &mine = placed[result];
    const Storage &own = storages[mine.storage];
    if (own.space != "arena" || tenants[mine.storage] != 1)
      continue;
    for (auto [number, same] : onlyThere) {
      const Placement &theirs = placed[kernel.getOperand(number)];
      const Storage &other = storages[theirs.storage];
      // Another tensor of that storage read by this kernel at another index
      // would be overwritten early.
      bool shared = llvm::any_of(onlyThere, [&](auto &entry) {
        return entry.first != number &&
               placed[kernel.getOperand(entry.first)].storage == theirs.storage;
      });
      if (same && !shared && theirs.storage != mine.storage &&
          other.space == "arena" && theirs.strides == mine.strides &&
          other.elementBytes == own.elementBytes &&
          elementBytes(
              tensorType(kernel.getOperand(number)).getElementType()) ==
              own.elementBytes)
        pairs.push_back({result.getResultNumber(), number});
    }
  }
  return pairs;
}

void Planner::computeLifetimes() {
  int64_t n = 0;
  for (Operation &op : block)
    position[&op] = n++;
  for (auto &[v, place] : placed) {
    Storage &s = storages[place.storage];
    int64_t first = v.getDefiningOp() ? position[v.getDefiningOp()] : 0;
    s.first = std::min(s.first, first);
    s.last = std::max(s.last, first);
    for (Operation *user : v.getUsers())
      s.last = std::max(s.last, position[user]);
  }
  for (auto &[call, needed] : scratch)
    for (int s : needed)
      storages[s].first = storages[s].last = position[call];
}

void Planner::takeOverDying() {
  for (auto kernel : block.getOps<KernelOp>()) {
    llvm::SmallDenseSet<int> done; // storages and results
    for (auto [result, operand] : inPlace(kernel)) {
      Placement &mine = placed[kernel.getResult(result)];
      const Placement &theirs = placed[kernel.getOperand(operand)];
      int own = mine.storage, other = root(theirs.storage);
      Storage &s = storages[other];
      bool shared =
          llvm::any_of(llvm::enumerate(kernel.getOperands()), [&](auto entry) {
            return entry.index() != operand && placed.count(entry.value()) &&
                   root(placed[entry.value()].storage) == other;
          });
      if (shared || s.last != position[kernel] || done.contains(other) ||
          done.contains(own))
        continue;
      done.insert(other);
      done.insert(own);
      s.last = std::max(s.last, storages[own].last);
      storages[own].takenOver = other;
      mine.storage = other;
      mine.offset = theirs.offset;
    }
  }
}

void Planner::assignOffsets() {
  SmallVector<Storage *> blocks;
  for (Storage &s : storages)
    if (s.space == "arena" && s.takenOver < 0 && s.last >= 0)
      blocks.push_back(&s);
  llvm::stable_sort(blocks, [](Storage *a, Storage *b) {
    return a->bytes() != b->bytes() ? a->bytes() > b->bytes()
                                    : a->first < b->first;
  });
  SmallVector<Storage *> done;
  int64_t arena = 0;
  for (Storage *s : blocks) {
    SmallVector<std::pair<int64_t, int64_t>> busy;
    for (Storage *d : done)
      if (d->first <= s->last && s->first <= d->last)
        busy.push_back({d->offset, d->offset + d->bytes()});
    llvm::sort(busy);
    int64_t at = 0;
    for (auto [begin, end] : busy) {
      if (begin - at >= s->bytes())
        break;
      at = std::max(at, int64_t(llvm::alignTo(end, alignment)));
    }
    s->offset = at;
    arena = std::max(arena, at + s->bytes());
    done.push_back(s);
  }
  Operation *owner = function;
  if (function.getSymName() == "main")
    owner = owner->getParentOp();
  owner->setAttr("lazy.arena_bytes", Builder(owner).getI64IntegerAttr(
                                         llvm::alignTo(arena, alignment)));
}

} // namespace nacre::schedule
