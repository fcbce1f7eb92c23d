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
// The function of a loop or a branch is planned by itself, before whoever runs
// it; its arena is a block of the caller's. What goes in and out lies densely.
// A carried value is a state of the loop's body: the old value and the new one
// share the storage of the loop's result.
//
// Users come after definitions, so storages are handed from users to
// definitions in a backward walk, and views left over follow their source in a
// forward walk.
//
//===----------------------------------------------------------------------===//
#include "Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/State.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/MapVector.h"

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
  explicit Planner(func::FuncOp function)
      : function(function), block(function.getBody().front()) {}
  LogicalResult run();
  Storages share();

private:
  void place();
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
  void placeCall(Operation *call);
  Value denseOperand(Operation *call, Value x);
  void followViews();
  void computeLifetimes();
  int root(int s) {
    while (storages[s].takenOver >= 0)
      s = storages[s].takenOver;
    return s;
  }
  SmallVector<InPlace> inPlace(KernelOp kernel);
  void takeOverDying();
  void assignOffsets();
  void write();

  func::FuncOp function;
  Block &block;
  DenseMap<Value, Order> orders;
  DenseMap<Value, Placement> placed;
  std::vector<Storage> storages;
  llvm::SmallVector<KernelOp> following; // sole views without storage yet
  llvm::SmallVector<KernelOp> aliases;   // kernels that need not run
  DenseMap<Operation *, int64_t> position;
  /// Storages that a call needs while it runs.
  llvm::MapVector<Operation *, SmallVector<int>> scratch;
  DenseMap<int, int> tenants; ///< tensors of a storage before takeovers
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
    auto old = stateBefore(function, operand.getOperandNumber());
    auto argument = dyn_cast<BlockArgument>(source);
    if (!old || !argument || operand.get() == *old ||
        !function.getArgAttr(argument.getArgNumber(), "lazy.state"))
      continue;
    Value saved = insertCopy(operand.get(), ret, "state");
    orders[saved] = rowMajor(saved);
    operand.set(saved);
  }
  // What is no state comes first: it may read an old one, which states then
  // replace.
  SmallVector<OpOperand *> results, states;
  for (OpOperand &operand : ret->getOpOperands())
    (stateBefore(function, operand.getOperandNumber()) ? states : results)
        .push_back(&operand);
  results.append(states);
  llvm::DenseSet<Value> seen;
  for (OpOperand *result : results) {
    OpOperand &operand = *result;
    Value v = operand.get();
    auto kernel = v.getDefiningOp<KernelOp>();
    Order order = orders.count(v) ? orders[v] : rowMajor(v);
    bool direct =
        kernel && seen.insert(v).second &&
        producerAccepts(v, order,
                        stridesIn(rowMajor(v), boundedShape(tensorType(v))));
    if (v.getDefiningOp<ConcatOp>() && seen.insert(v).second)
      direct = true;
    if (auto old = stateBefore(function, operand.getOperandNumber()))
      direct = direct && replacesInPlace(v, *old);
    if (!direct) {
      bool early = isa<BlockArgument>(v) && !llvm::is_contained(states, result);
      Value copy = insertCopy(v, early ? &block.front() : ret, "result");
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

/// `x`, or a copy of it that lies densely and in row-major order.
Value Planner::denseOperand(Operation *call, Value x) {
  auto strides = stridesIn(rowMajor(x), boundedShape(tensorType(x)));
  if (!placed.count(x) &&
      isa_and_nonnull<KernelOp, ConcatOp>(x.getDefiningOp()) &&
      producerAccepts(x, orders.count(x) ? orders[x] : rowMajor(x), strides)) {
    placeDense(x, "arena", 0, rowMajor(x));
    return x;
  }
  // A call's result is dense, but a later operation than this one.
  if (isCall(x.getDefiningOp()))
    return x;
  auto found = placed.find(x);
  if (found != placed.end() && found->second.strides == strides &&
      found->second.offset == 0)
    return x;
  Value copy = insertCopy(x, call, "argument");
  orders[copy] = rowMajor(copy);
  placeDense(copy, "arena", 0, rowMajor(copy));
  return copy;
}

/// Storages of what a loop or a branch gives, takes and needs meanwhile.
void Planner::placeCall(Operation *call) {
  for (Value result : call->getResults())
    placeDense(result, "arena", 0, rowMajor(result));
  auto loop = dyn_cast<LoopOp>(call);
  OperandRange carried =
      loop ? loop.getCarried() : call->getOperands().take_front(0);
  unsigned firstCarried = loop && loop.getTrips() ? 1 : 0;
  for (OpOperand &operand : call->getOpOperands()) {
    Value x = operand.get();
    unsigned k = operand.getOperandNumber() - firstCarried;
    if (operand.getOperandNumber() < firstCarried || k >= carried.size()) {
      operand.set(denseOperand(call, x));
      continue;
    }
    // The first value is stored where the loop replaces it, by its kernel if
    // nobody else reads it.
    const Placement place = placed[loop.getResult(k)];
    auto kernel = x.getDefiningOp<KernelOp>();
    if (kernel && !soleView(kernel) && x.hasOneUse() &&
        claim(x, place.storage, 0, place.strides))
      continue;
    Value copy = insertCopy(x, call, "carry");
    orders[copy] = rowMajor(copy);
    placed[copy] = place;
    operand.set(copy);
  }
  int64_t arena = 0;
  for (func::FuncOp callee : calleesOf(call))
    arena = std::max(
        arena, callee->getAttrOfType<IntegerAttr>("lazy.arena_bytes").getInt());
  auto reserve = [&](int64_t bytes) {
    Storage s;
    s.space = "arena";
    s.elements = bytes;
    storages.push_back(s);
    scratch[call].push_back(storages.size() - 1);
  };
  reserve(arena);
  if (loop) {
    reserve(8); // the counter
    reserve(1); // whether to go on
  }
}

void Planner::handOut() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isCall(&op)) {
      placeCall(&op);
      continue;
    }
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
  for (auto &[call, needed] : scratch)
    for (int s : needed)
      storages[s].first = storages[s].last = position[call];
}

/// A kernel without contraction or reduction that reads an operand exactly
/// where it writes may write over it when nobody reads it later. All results of
/// an element are computed before the first is stored.
SmallVector<InPlace> Planner::inPlace(KernelOp kernel) {
  if (llvm::is_contained(aliases, kernel) || kernel->hasAttr("lazy.border") ||
      llvm::any_of(kernel.getBody().front(), [](Operation &op) {
        return isa<ContractOp, ReduceOp, ArgReduceOp, GatherOp, ScatterOp>(op);
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

void Planner::write() {
  MLIRContext *context = function.getContext();
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
  for (auto &[call, needed] : scratch) {
    auto list = [&](ValueRange values) {
      return ArrayAttr::get(context, llvm::map_to_vector(values, attr));
    };
    call->setAttr("operand_places", list(call->getOperands()));
    call->setAttr("result_places", list(call->getResults()));
    call->setAttr(
        "scratch",
        ArrayAttr::get(context, llvm::map_to_vector(needed, [&](int s) {
                         return Attribute(PlaceAttr::get(
                             context, StringAttr::get(context, "arena"), 0,
                             storages[s].offset,
                             DenseI64ArrayAttr::get(context, {})));
                       })));
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

void Planner::place() {
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
  for (auto &[v, place] : placed)
    tenants[place.storage]++;
}

Storages Planner::share() {
  place();
  Storages result;
  for (const Storage &s : storages)
    result.bytes.push_back(s.space == "arena" ? s.bytes() : 0);
  for (auto &[v, place] : placed)
    result.of[v] = place.storage;
  for (auto kernel : block.getOps<KernelOp>())
    if (auto pairs = inPlace(kernel); !pairs.empty())
      result.inPlace[kernel] = std::move(pairs);
  return result;
}

LogicalResult Planner::run() {
  place();
  computeLifetimes();
  takeOverDying();
  assignOffsets();
  write();
  return success();
}

} // namespace

/// Marks the carried values of a loop's body as states, and slices that do not
/// begin at a cache line.
static void describeBody(LoopOp loop) {
  func::FuncOp body = calleesOf(loop).front();
  Builder b(loop);
  unsigned carried = loop.getCarried().size(),
           conditional = loop.getConditional();
  for (unsigned i = 0; i < carried; ++i) {
    auto name = b.getStringAttr("carried" + Twine(i));
    body.setArgAttr(1 + i, "lazy.state", name);
    body.setResultAttr(conditional + i, "lazy.state", name);
  }
  auto align = [&](Type type, auto set) {
    auto tensor = cast<RankedTensorType>(type);
    int64_t bytes =
        tensor.getNumElements() * elementBytes(tensor.getElementType());
    if (bytes % alignment != 0)
      set(b.getI64IntegerAttr(bytes & -bytes));
  };
  for (unsigned i = 0; i < loop.getScanned().size(); ++i)
    align(body.getArgumentTypes()[1 + carried + i], [&](Attribute bytes) {
      body.setArgAttr(1 + carried + i, "lazy.align", bytes);
    });
  for (unsigned i = conditional + carried; i < body.getNumResults(); ++i)
    align(body.getResultTypes()[i],
          [&](Attribute bytes) { body.setResultAttr(i, "lazy.align", bytes); });
}

Storages shareStorages(ModuleOp module) {
  return Planner(module.lookupSymbol<func::FuncOp>("main")).share();
}

LogicalResult planMemory(ModuleOp module) {
  module.walk([](LoopOp loop) { describeBody(loop); });
  for (func::FuncOp function : functionsOf(module))
    if (failed(Planner(function).run()))
      return failure();
  return success();
}

} // namespace nacre::schedule
