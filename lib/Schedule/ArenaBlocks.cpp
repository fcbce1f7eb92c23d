//===- ArenaBlocks.cpp - the arena of a planned function ------------------===//
#include "ArenaBlocks.h"
#include "Planner.h"
#include "nacre/Schedule/KernelGroup.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

/// The last operation that needs `v` or what lies where it does.
int64_t ArenaBlocks::lastUse(Value v) {
  auto known = lastUses.find(v);
  if (known != lastUses.end())
    return known->second;
  int64_t last = v.getDefiningOp() ? position[v.getDefiningOp()] : 0;
  for (Operation *user : v.getUsers()) {
    last = std::max(last, position[user]);
    if (isa<ViewOpInterface, ConcatOp>(user))
      last = std::max(last, lastUse(user->getResult(0)));
  }
  return lastUses[v] = last;
}

static int64_t spanOf(PlaceAttr place, RankedTensorType type) {
  int64_t last = 0;
  for (auto [stride, extent] :
       llvm::zip(place.getStrides().asArrayRef(), boundedShape(type)))
    last += stride * std::max<int64_t>(extent - 1, 0);
  return last + 1;
}

static bool isInArena(Attribute place) {
  return cast<PlaceAttr>(place).getSpace() == "arena";
}

/// Calls `visit` for every tensor of every kernel and its place.
static void forEachPlace(func::FuncOp function,
                         llvm::function_ref<void(Value, Attribute &)> visit) {
  for (auto kernel : function.getBody().front().getOps<KernelOp>()) {
    SmallVector<Attribute> operands(kernel.getOperandPlaces()->getValue()),
        results(kernel.getResultPlaces()->getValue());
    for (auto [v, place] : llvm::zip(kernel.getOperands(), operands))
      visit(v, place);
    for (auto [v, place] : llvm::zip(kernel.getResults(), results))
      visit(v, place);
    Builder b(kernel);
    kernel.setOperandPlacesAttr(b.getArrayAttr(operands));
    kernel.setResultPlacesAttr(b.getArrayAttr(results));
  }
}

ArenaBlocks::ArenaBlocks(func::FuncOp function) : function(function) {
  int64_t n = 0;
  for (Operation &op : function.getBody().front())
    position[&op] = n++;
  forEachPlace(function, [&](Value v, Attribute &attr) {
    if (!isInArena(attr) || numberOf.count(v))
      return;
    auto place = cast<PlaceAttr>(attr);
    auto type = tensorType(v);
    int64_t bytes = elementBytes(type.getElementType());
    numberOf[v] = windows.size();
    windows.push_back({place.getOffset() * bytes,
                       (place.getOffset() + spanOf(place, type)) * bytes,
                       position[v.getDefiningOp()], lastUse(v)});
  });
  blocks.grow(windows.size());
  std::vector<unsigned> order(windows.size()), live;
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    return windows[a].first < windows[b].first;
  });
  for (unsigned i : order) {
    const Window &x = windows[i];
    llvm::erase_if(live, [&](unsigned j) { return windows[j].last < x.first; });
    for (unsigned j : live)
      if (windows[j].from < x.to && x.from < windows[j].to)
        blocks.join(i, j);
    live.push_back(i);
  }
  blocks.compress();
  moves.assign(blocks.getNumClasses(), 0);
}

bool ArenaBlocks::share(Value a, Value b) const {
  auto i = numberOf.find(a), j = numberOf.find(b);
  return i != numberOf.end() && j != numberOf.end() &&
         blocks[i->second] == blocks[j->second];
}

int64_t ArenaBlocks::layOut(MutableArrayRef<ArenaSpan> spans,
                            const llvm::DenseSet<Value> &gone) {
  struct Block {
    Window window;
    int64_t offset;
    ArenaSpan *span;
    int64_t bytes() const { return window.to - window.from; }
  };
  std::vector<Block> all(blocks.getNumClasses(),
                         {{INT64_MAX, -1, INT64_MAX, -1}, 0, nullptr});
  auto add = [&](Window &to, const Window &x) {
    to = {std::min(to.from, x.from), std::max(to.to, x.to),
          std::min(to.first, x.first), std::max(to.last, x.last)};
  };
  for (auto [v, i] : numberOf)
    if (!gone.contains(v))
      add(all[blocks[i]].window, windows[i]);
  for (Block &block : all) // what is aligned stays so
    if (block.window.last >= 0)
      block.window.from = llvm::alignDown(block.window.from, alignment);
  for (ArenaSpan &span : spans) {
    int64_t first = position[span.first], last = position[span.last];
    for (Block &block : all)
      if (block.window.first <= last && first <= block.window.last) {
        block.window.first = std::min(block.window.first, first);
        block.window.last = std::max(block.window.last, last);
      }
    all.push_back({{0, span.bytes, first, last}, 0, &span});
  }
  std::vector<Block *> order;
  for (Block &block : all)
    if (block.window.last >= 0)
      order.push_back(&block);
  // As Planner::assignOffsets does.
  llvm::stable_sort(order, [](Block *a, Block *b) {
    return a->bytes() != b->bytes() ? a->bytes() > b->bytes()
                                    : a->window.first < b->window.first;
  });
  int64_t arena = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    Block &block = *order[i];
    SmallVector<std::pair<int64_t, int64_t>> busy;
    for (Block *other : ArrayRef(order).take_front(i))
      if (other->window.first <= block.window.last &&
          block.window.first <= other->window.last)
        busy.push_back({other->offset, other->offset + other->bytes()});
    llvm::sort(busy);
    for (auto [begin, end] : busy) {
      if (begin - block.offset >= block.bytes())
        break;
      block.offset =
          std::max(block.offset, int64_t(llvm::alignTo(end, alignment)));
    }
    arena = std::max(arena, block.offset + block.bytes());
    if (block.span)
      block.span->offset = block.offset;
  }
  for (size_t i = 0; i < moves.size(); ++i)
    moves[i] = all[i].window.last < 0 ? 0 : all[i].offset - all[i].window.from;
  return llvm::alignTo(arena, alignment);
}

void ArenaBlocks::write(const llvm::DenseSet<Value> &gone) const {
  forEachPlace(function, [&](Value v, Attribute &attr) {
    auto found = numberOf.find(v);
    if (found == numberOf.end() || gone.contains(v) || !isInArena(attr))
      return;
    auto place = cast<PlaceAttr>(attr);
    int64_t bytes = elementBytes(tensorType(v).getElementType());
    attr =
        PlaceAttr::get(place.getContext(), place.getSpace(), place.getSlot(),
                       place.getOffset() + moves[blocks[found->second]] / bytes,
                       place.getStrides());
  });
}

} // namespace nacre::schedule
