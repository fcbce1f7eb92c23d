//===- PlanMemory.cpp - a place for every tensor --------------------------===//
//
// Every tensor is a strided window of a storage: an input, an output, a weight
// or a block of the arena. Joining and viewing is then a matter of places:
//  - what a concat joins is stored inside the concat's storage;
//  - the source of a pad is stored inside the padded storage, and the pad's
//    kernel writes the border only;
//  - a view of a stored tensor shares its storage when strides can say it.
// Storages of the arena get offsets by lifetime. An elementwise result takes
// over the storage of an operand that dies there.
//
// A state's new value is an output whose buffer may be the buffer of the old
// value, an input (lazy.state). It is stored there directly when nothing reads
// the old value from then on, else it is copied there at the end.
//
// Users come after definitions, so storages are handed from users to
// definitions in a backward walk, and views left over follow their source in a
// forward walk.
//
//===----------------------------------------------------------------------===//
#include "Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/State.h"
#include "nacre/Schedule/Schedule.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;
namespace {

constexpr int64_t alignment = 64; // bytes, a cache line

struct Storage {
  StringRef space;
  int64_t slot = 0;
  int64_t elements = 0;
  int64_t elementBytes = 1;
  int64_t first = INT64_MAX, last = -1; // positions, inclusive
  int64_t offset = 0;                   // bytes, arena only
  int takenOver = -1;                   // the storage that replaces this one
  int64_t bytes() const { return elements * elementBytes; }
};

struct Placement {
  int storage;
  int64_t offset;
  SmallVector<int64_t> strides;
};

class Planner {
public:
  Planner(ModuleOp module, func::FuncOp main)
      : module(module), main(main), block(main.getBody().front()) {}
  LogicalResult run();

private:
  int64_t elementsOf(Value v) {
    int64_t n = 1;
    for (int64_t extent : boundedShape(tensorType(v)))
      n *= extent;
    return n;
  }
  int newStorage(StringRef space, int64_t slot, Value v);
  void placeDense(Value v, StringRef space, int64_t slot, const Order &order);
  void placeInArena(Value v);
  Order rowMajor(Value v);
  void separateResults();
  bool replacesInPlace(Value v, BlockArgument old);
  bool claim(Value x, int storage, int64_t offset, ArrayRef<int64_t> strides);
  void handOut();
  void followViews();
  void computeLifetimes();
  int root(int s) {
    while (storages[s].takenOver >= 0)
      s = storages[s].takenOver;
    return s;
  }
  void takeOverDying();
  void assignOffsets();
  void write();

  ModuleOp module;
  func::FuncOp main;
  Block &block;
  DenseMap<Value, Order> orders;
  DenseMap<Value, Placement> placed;
  std::vector<Storage> storages;
  llvm::SmallVector<KernelOp> following; // sole views without storage yet
  llvm::SmallVector<KernelOp> aliases;   // kernels that need not run
  DenseMap<Operation *, int64_t> position;
};

Order Planner::rowMajor(Value v) {
  Order order(tensorType(v).getRank());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

int Planner::newStorage(StringRef space, int64_t slot, Value v) {
  Storage s;
  s.space = space;
  s.slot = slot;
  s.elements = elementsOf(v);
  s.elementBytes = elementBytes(tensorType(v).getElementType());
  storages.push_back(s);
  return storages.size() - 1;
}

void Planner::placeDense(Value v, StringRef space, int64_t slot,
                         const Order &order) {
  placed[v] = {newStorage(space, slot, v), 0,
               stridesIn(order, boundedShape(tensorType(v)))};
}

/// Whether a contraction reads `v`, directly or padded or joined.
static bool feedsContraction(Value v, int depth = 0) {
  return llvm::any_of(v.getUsers(), [&](Operation *user) {
    if (auto kernel = dyn_cast<KernelOp>(user))
      return bool(contractionOf(kernel)) ||
             (depth < 4 && soleView(kernel) &&
              feedsContraction(kernel.getResult(0), depth + 1));
    return isa<ConcatOp>(user) && depth < 4 &&
           feedsContraction(user->getResult(0), depth + 1);
  });
}

/// A tile of a contraction reads some dozen rows at once. Rows whose distance
/// is a multiple of 512 bytes compete for a few cache sets, so one cache line
/// is left free after each.
void Planner::placeInArena(Value v) {
  Order order = orders.count(v) ? orders[v] : rowMajor(v);
  auto shape = boundedShape(tensorType(v));
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  int64_t inner = order.empty() ? -1 : order.back();
  if (inner < 0 || shape[inner] == 0 || shape[inner] * bytes % 512 != 0 ||
      elementsOf(v) == shape[inner] || !feedsContraction(v)) {
    placeDense(v, "arena", 0, order);
    return;
  }
  shape[inner] += alignment / bytes;
  int storage = newStorage("arena", 0, v);
  storages[storage].elements = 1;
  for (int64_t extent : shape)
    storages[storage].elements *= extent;
  placed[v] = {storage, 0, stridesIn(order, shape)};
}

/// Whether a producer of `x` may be made to store in `strides`: a contraction
/// writes whole vectors and wants its innermost axis contiguous.
bool producerAccepts(Value x, const Order &order, ArrayRef<int64_t> strides) {
  auto kernel = x.getDefiningOp<KernelOp>();
  if (!kernel || !contractionOf(kernel))
    return true;
  for (int64_t axis : llvm::reverse(order))
    if (tensorType(x).getDimSize(axis) != 1)
      return strides[axis] == 1;
  return true;
}

/// Whether the kernel reads `argument` only where it then writes, element by
/// element.
static bool readsWhereItWrites(KernelOp kernel, BlockArgument argument) {
  bool same = true;
  for (Value v : yieldedAll(kernel)) {
    auto type = tensorType(v);
    auto extents = boundedShape(type);
    AffineMap identity = loopIdentity(kernel.getContext(), type.getRank());
    SmallVector<int64_t> bounds(extents);
    walkAccesses(v, identity, bounds, [&](const Access &access) {
      if (access.leaf == argument)
        same &= (access.map == simplify(identity, extents) ||
                 access.map == identity) &&
                !access.guarded && !access.indirect;
    });
  }
  return same;
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
            !readsWhereItWrites(
                kernel, kernel.getBody().getArgument(use.getOperandNumber())))
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

/// Results of the function must be distinct kernel results that may be stored
/// row-major; anything else is copied.
void Planner::separateResults() {
  Operation *ret = block.getTerminator();
  // What leaves the function as a new state's value and is itself an old one,
  // or a view of it, is saved before any state is written.
  for (OpOperand &operand : ret->getOpOperands()) {
    Value source = operand.get();
    while (auto kernel = source.getDefiningOp<KernelOp>()) {
      if (!soleView(kernel))
        break;
      source = kernel.getOperand(0);
    }
    auto old = stateBefore(main, operand.getOperandNumber());
    auto argument = dyn_cast<BlockArgument>(source);
    if (!old || !argument || operand.get() == *old ||
        !main.getArgAttr(argument.getArgNumber(), "lazy.state"))
      continue;
    Value saved = insertCopy(operand.get(), ret, "state");
    orders[saved] = rowMajor(saved);
    operand.set(saved);
  }
  llvm::DenseSet<Value> seen;
  for (OpOperand &operand : ret->getOpOperands()) {
    Value v = operand.get();
    auto kernel = v.getDefiningOp<KernelOp>();
    Order order = orders.count(v) ? orders[v] : rowMajor(v);
    bool direct =
        kernel && seen.insert(v).second &&
        producerAccepts(v, order,
                        stridesIn(rowMajor(v), boundedShape(tensorType(v))));
    if (v.getDefiningOp<ConcatOp>() && seen.insert(v).second)
      direct = true;
    if (auto old = stateBefore(main, operand.getOperandNumber()))
      direct = direct && replacesInPlace(v, *old);
    if (!direct) {
      Value copy = insertCopy(v, ret, "result");
      orders[copy] = rowMajor(copy);
      operand.set(copy);
    }
  }
}

bool Planner::claim(Value x, int storage, int64_t offset,
                    ArrayRef<int64_t> strides) {
  Operation *op = x.getDefiningOp();
  if (!op || !isa<KernelOp, ConcatOp>(op) || placed.count(x))
    return false;
  Order order = orders.count(x) ? orders[x] : rowMajor(x);
  if (!producerAccepts(x, order, strides))
    return false;
  placed[x] = {storage, offset, SmallVector<int64_t>(strides)};
  return true;
}

void Planner::handOut() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (auto concat = dyn_cast<ConcatOp>(op)) {
      Value v = concat.getResult();
      if (!placed.count(v))
        placeInArena(v);
      Placement place = placed[v];
      int64_t axis = concat.getAxis(), offset = place.offset;
      for (OpOperand &operand : concat.getXsMutable()) {
        Value x = operand.get();
        if (!claim(x, place.storage, offset, place.strides)) {
          Value copy = insertCopy(x, concat, "join");
          orders[copy] = orders.count(x) ? orders[x] : rowMajor(x);
          operand.set(copy);
          placed[copy] = {place.storage, offset, place.strides};
        }
        offset += tensorType(x).getDimSize(axis) * place.strides[axis];
      }
      continue;
    }
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel)
      continue;
    Value v = kernel.getResult(0);
    ViewOpInterface view = soleView(kernel);
    // A pure view without a storage of its own shares its source's.
    if (!placed.count(v) && view && !view.fillValue()) {
      following.push_back(kernel);
      continue;
    }
    for (Value result : kernel.getResults())
      if (!placed.count(result))
        placeInArena(result);
    if (!view)
      continue;
    const Placement place = placed[v];
    Value x =
        kernel.getOperands()[cast<BlockArgument>(view.source()).getArgNumber()];
    if (elementBytes(tensorType(x).getElementType()) !=
        elementBytes(tensorType(v).getElementType()))
      continue;
    if (auto inner = sourceStrides(view, place.strides))
      if (claim(x, place.storage, place.offset + inner->offset,
                inner->strides)) {
        if (view.fillValue() && tensorType(v).hasStaticShape())
          kernel->setAttr("lazy.border", UnitAttr::get(kernel.getContext()));
        else if (!view.fillValue())
          aliases.push_back(kernel);
      }
  }
}

void Planner::followViews() {
  for (KernelOp kernel : llvm::reverse(following)) {
    ViewOpInterface view = soleView(kernel);
    Value v = kernel.getResult(0);
    Value x =
        kernel.getOperands()[cast<BlockArgument>(view.source()).getArgNumber()];
    Placement source = placed[x];
    if (auto strides = viewStrides(view, source.strides)) {
      placed[v] = {source.storage, source.offset + strides->offset,
                   strides->strides};
      aliases.push_back(kernel);
      continue;
    }
    placeInArena(v);
  }
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
}

/// A kernel without contraction or reduction that reads an operand exactly
/// where it writes may write over it when nobody reads it later.
void Planner::takeOverDying() {
  DenseMap<int, int> tenants;
  for (auto &[v, place] : placed)
    tenants[place.storage]++;
  for (auto kernel : block.getOps<KernelOp>()) {
    if (llvm::is_contained(aliases, kernel) || kernel.getNumResults() != 1 ||
        kernel->hasAttr("lazy.border"))
      continue;
    Value v = kernel.getResult(0);
    Placement &mine = placed[v];
    int own = mine.storage;
    if (storages[own].space != "arena" || tenants[own] != 1)
      continue;
    if (llvm::any_of(kernel.getBody().front(), [](Operation &op) {
          return isa<ContractOp, ReduceOp, ArgReduceOp, GatherOp, ScatterOp>(
              op);
        }))
      continue;
    auto type = tensorType(v);
    SmallVector<int64_t> extents = boundedShape(type);
    AffineMap identity = loopIdentity(kernel.getContext(), type.getRank());
    DenseMap<unsigned, bool> onlyHere;
    walkAccesses(yielded(kernel), identity, extents, [&](const Access &access) {
      bool same = access.map == simplify(identity, boundedShape(type)) ||
                  access.map == identity;
      auto [it, fresh] = onlyHere.try_emplace(access.leaf.getArgNumber(), true);
      it->second &= same && !access.guarded && !access.indirect;
    });
    for (auto [number, same] : onlyHere) {
      Value x = kernel.getOperands()[number];
      const Placement &theirs = placed[x];
      int other = root(theirs.storage);
      Storage &s = storages[other];
      if (!same || other == own || s.space != "arena" ||
          s.last != position[kernel] || theirs.strides != mine.strides ||
          s.elementBytes != storages[own].elementBytes ||
          elementBytes(tensorType(x).getElementType()) != s.elementBytes)
        continue;
      // Another tensor of that storage read by this kernel at another index
      // would be overwritten early.
      bool shared = false;
      for (auto [otherNumber, flag] : onlyHere)
        if (otherNumber != number &&
            root(placed[kernel.getOperands()[otherNumber]].storage) == other)
          shared = true;
      if (shared)
        continue;
      s.last = std::max(s.last, storages[own].last);
      storages[own].takenOver = other;
      mine.storage = other;
      mine.offset = theirs.offset;
      break;
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
  module->setAttr("lazy.arena_bytes",
                  IntegerAttr::get(IntegerType::get(module.getContext(), 64),
                                   llvm::alignTo(arena, alignment)));
}

void Planner::write() {
  MLIRContext *context = module.getContext();
  auto attr = [&](Value v) -> Attribute {
    const Placement &p = placed[v];
    const Storage &s = storages[root(p.storage)];
    return PlaceAttr::get(context, StringAttr::get(context, s.space), s.slot,
                          s.offset / s.elementBytes + p.offset,
                          DenseI64ArrayAttr::get(context, p.strides));
  };
  for (auto kernel : block.getOps<KernelOp>()) {
    SmallVector<Attribute> operands, results;
    for (Value v : kernel.getOperands())
      operands.push_back(attr(v));
    for (Value v : kernel.getResults())
      results.push_back(attr(v));
    kernel.setOperandPlacesAttr(ArrayAttr::get(context, operands));
    kernel.setResultPlacesAttr(ArrayAttr::get(context, results));
  }
  // A view that is an alias stands as the bare view again: nothing runs.
  for (KernelOp kernel : aliases) {
    IRMapping mapping;
    mapping.map(kernel.getBody().front().getArguments(), kernel.getOperands());
    OpBuilder b(kernel);
    Operation *view = b.clone(*yielded(kernel).getDefiningOp(), mapping);
    kernel.getResult(0).replaceAllUsesWith(view->getResult(0));
    kernel.erase();
  }
}

LogicalResult Planner::run() {
  orders = assignLayout(block);
  // All results of a kernel are stored in one order.
  for (auto kernel : block.getOps<KernelOp>())
    for (Value result : llvm::drop_begin(kernel.getResults()))
      if (orders.count(kernel.getResult(0)))
        orders[result] = orders.lookup(kernel.getResult(0));
  separateResults();
  int64_t weight = 0;
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    placeDense(argument, "input", i, rowMajor(argument));
  for (auto op : block.getOps<WeightOp>()) {
    op->setAttr(
        "lazy.slot",
        IntegerAttr::get(IntegerType::get(op.getContext(), 64), weight));
    placeDense(op.getResult(), "weights", weight++, rowMajor(op.getResult()));
  }
  for (auto [i, v] : llvm::enumerate(block.getTerminator()->getOperands()))
    placeDense(v, "output", i, rowMajor(v));
  handOut();
  followViews();
  computeLifetimes();
  takeOverDying();
  assignOffsets();
  write();
  return success();
}

} // namespace

LogicalResult planMemory(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  return Planner(module, main).run();
}

} // namespace nacre::schedule
