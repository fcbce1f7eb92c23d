//===- FormKernels.cpp - groups of operations that run as one loop nest ---===//
//
// Fusion decides one thing: which values are realised, that is written to
// memory. Everything else is recomputed where it is used, inside the kernel of
// the realised value that needs it. A kernel is then the backward slice of a
// realised value up to other realised values, weights and inputs.
//
// Realised are:
//  - results of the function, operands of loops and branches, and what a concat
//    joins;
//  - the end of the elementwise tail of each contraction and reduction (its
//    epilogue), found by growing a region until one value leaves it;
//  - operands of a contraction, which reads each element many times;
//  - sums of a scatter, and its index;
//  - what a write gives, and what it writes into;
//  - the index of a gather that looks at its own place, by an iota or a pad;
//  - every so many operations a value of a long elementwise chain;
//  - elementwise values with several users, unless they are a few operations on
//    one tensor that is realised anyway, and those expanded or windowed.
// Views are never realised for their own sake: they become index maps.
//
//===----------------------------------------------------------------------===//
#include "WidenScatters.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

/// Lives in memory already, outside any kernel.
bool isSource(Value v) {
  return isa<BlockArgument>(v) || isa<WeightOp>(v.getDefiningOp()) ||
         isCall(v.getDefiningOp());
}
/// Cheap to make anywhere.
bool isInline(Operation *op) { return isa<SplatOp, IotaOp>(op); }
bool isView(Operation *op) { return isa<ViewOpInterface>(op); }
/// Joined in memory, never inside a kernel.
bool isJoin(Operation *op) { return isa<ConcatOp>(op); }

void mergeKernels(Block &block);

/// Code generation takes more than twice the time for a kernel of twice the
/// length. Behind so many operations in a row a value is stored: what is
/// written and read again between kernels that long costs nothing.
constexpr int64_t longestChain = 256;

class KernelFormer {
public:
  KernelFormer(Block &block, const FuseOptions &options)
      : block(block), options(options) {
    int64_t n = 0;
    for (Operation &op : block)
      position[&op] = n++;
  }
  LogicalResult run();

private:
  void realise(Value v) {
    if (!isSource(v) && !isInline(v.getDefiningOp()))
      realised.insert(v);
  }
  /// Whether an index depends on the place where it stands, not only on what is
  /// read for it: then it may vary along vectors where all that is read does
  /// not.
  bool looksAtPlaces(Value index);
  /// Realises what `v` views: the first value that is no view, unless that is
  /// cheap to read through the view.
  void realiseViewed(Value v);
  /// Realises `v` and, where it is a view, what it views: each alone, so that
  /// it can be a window of what is in memory.
  void realiseViews(Value v);
  void grow(Operation *root);
  void decide();
  void cutChains();
  int64_t costOf(Value v, int depth = 0);
  bool isCheapAgain(Value v);
  void build(Value v);

  Block &block;
  FuseOptions options;
  DenseMap<Operation *, int64_t> position;
  llvm::SetVector<Value> realised;
  /// Inside a grown region: not realised although it looks like it should be.
  llvm::DenseSet<Operation *> inRegion;
  llvm::StringMap<int> names;
};

void KernelFormer::realiseViewed(Value v) {
  while (!isSource(v) && isView(v.getDefiningOp()))
    v = v.getDefiningOp()->getOperand(0);
  realise(v);
}

void KernelFormer::realiseViews(Value v) {
  for (; !isSource(v); v = v.getDefiningOp()->getOperand(0)) {
    realised.insert(v);
    if (!isView(v.getDefiningOp()))
      break;
  }
}

int64_t KernelFormer::costOf(Value v, int depth) {
  if (isSource(v) || realised.contains(v) || depth > 24)
    return 0;
  Operation *op = v.getDefiningOp();
  if (isInline(op) || isJoin(op))
    return 0;
  int64_t cost = 0;
  if (auto elementwise = dyn_cast<ElementwiseOpInterface>(op))
    cost = elementwise.scalarCost();
  else if (!isView(op))
    return 1000;
  for (Value operand : op->getOperands())
    cost += costOf(operand, depth + 1);
  return cost;
}

/// Whether all who need `v` had better compute it again than read it: a few
/// operations on one tensor that is in memory anyway and is no larger, so that
/// a reader reads no more. Truth values hardware packs and unpacks; to compare
/// again is cheaper than to store them.
bool KernelFormer::isCheapAgain(Value v) {
  constexpr int64_t few = 4, smaller = 16;
  auto bytesOf = [](Value w) {
    int64_t bytes = elementBytes(tensorType(w).getElementType());
    for (int64_t extent : boundedShape(tensorType(w)))
      bytes *= extent;
    return bytes;
  };
  if (tensorType(v).getElementType().isInteger(1))
    return costOf(v) <= 2;
  if (costOf(v) > few)
    return false;
  llvm::SmallPtrSet<Value, 8> seen{v}, large;
  SmallVector<Value> work{v};
  while (!work.empty()) {
    Value w = work.pop_back_val();
    if (w != v && (isSource(w) || realised.contains(w))) {
      if (bytesOf(w) > bytesOf(v))
        return false;
      if (bytesOf(w) > bytesOf(v) / smaller)
        large.insert(w);
      continue;
    }
    if (!isa<ElementwiseOpInterface>(w.getDefiningOp()) &&
        !isView(w.getDefiningOp()) && !isInline(w.getDefiningOp()))
      return false;
    for (Value operand : w.getDefiningOp()->getOperands())
      if (seen.insert(operand).second)
        work.push_back(operand);
  }
  return large.size() <= 1;
}

/// The users of `v`, looking through views.
void effectiveUsers(Value v, llvm::SmallPtrSetImpl<Operation *> &users) {
  for (Operation *user : v.getUsers())
    if (isView(user))
      effectiveUsers(user->getResult(0), users);
    else
      users.insert(user);
}

/// Elements of a row beyond which it is not kept for several passes, when it
/// does not lie in one piece.
constexpr int64_t longRow = 4096;

/// Whether the reduced axes are the last ones, so that a row is one piece.
bool reducesTrailing(ReduceOp reduce) {
  int64_t rank = tensorType(reduce.getX()).getRank();
  int64_t first = rank - int64_t(reduce.getAxes().size());
  return llvm::all_of(reduce.getAxes(),
                      [&](int64_t axis) { return axis >= first; });
}

/// Grows the region of a contraction or reduction over the elementwise
/// operations that follow, and over further reductions of the same rows. The
/// largest region with one value leaving it is taken; that value is realised.
void KernelFormer::grow(Operation *root) {
  Value first = root->getResult(0);
  auto reduce = dyn_cast<ReduceOp>(root);
  RankedTensorType tail = tensorType(first);
  RankedTensorType row = reduce ? tensorType(reduce.getX()) : tail;

  // Rows that lie apart in memory and are long, as the channels of a batch:
  // walked row by row by everything that follows, each pass would read memory
  // in small pieces. The reduction is then a kernel of its own.
  if (reduce && !reducesTrailing(reduce)) {
    int64_t points = 1;
    for (int64_t axis : reduce.getAxes())
      points *= boundedShape(row)[axis];
    if (points >= longRow)
      row = tail;
  }

  llvm::SetVector<Operation *> region;
  region.insert(root);
  auto eligible = [&](Operation *op) {
    if (op->getNumResults() != 1 || inRegion.contains(op) ||
        op->getBlock() != &block)
      return false;
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type)
      return false;
    if (isa<ElementwiseOpInterface>(op))
      return type.getShape() == tail.getShape() ||
             type.getShape() == row.getShape();
    if (!reduce)
      return false;
    if (auto other = dyn_cast<ReduceOp>(op))
      return tensorType(other.getX()).getShape() == row.getShape() &&
             other.getAxes() == reduce.getAxes();
    // Views between the reduced and the row shape: keepdims and broadcast.
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      return type.getNumElements() == tail.getNumElements() ||
             !type.hasStaticShape();
    if (isa<ExpandOp>(op))
      return type.getShape() == row.getShape();
    return false;
  };
  auto leaving = [&](SmallVectorImpl<Value> &values) {
    values.clear();
    for (Operation *op : region)
      if (llvm::any_of(op->getResult(0).getUsers(),
                       [&](Operation *u) { return !region.contains(u); }))
        values.push_back(op->getResult(0));
  };
  size_t best = 1;
  SmallVector<Value> out;
  while (region.size() < 48) {
    // The next eligible user in program order.
    Operation *next = nullptr;
    for (Operation *op : region)
      for (Operation *user : op->getResult(0).getUsers())
        if (!region.contains(user) && eligible(user) &&
            (!next || position[user] < position[next]))
          next = user;
    if (!next)
      break;
    region.insert(next);
    leaving(out);
    if (out.size() != 1)
      continue;
    auto shape = tensorType(out[0]).getShape();
    bool closes = isa<ElementwiseOpInterface>(out[0].getDefiningOp()) ||
                  isa<ReduceOp>(out[0].getDefiningOp());
    if (closes && (shape == row.getShape() || shape == tail.getShape()))
      best = region.size();
  }
  while (region.size() > best)
    region.pop_back();
  leaving(out);
  for (Operation *op : region)
    inRegion.insert(op);
  for (Value v : out)
    realise(v);
  if (out.empty())
    realise(first);
}

bool KernelFormer::looksAtPlaces(Value index) {
  llvm::SetVector<Value> reached;
  reached.insert(index);
  for (size_t i = 0; i < reached.size(); ++i) {
    Value v = reached[i];
    if (isSource(v) || realised.contains(v))
      continue;
    Operation *op = v.getDefiningOp();
    auto view = dyn_cast<ViewOpInterface>(op);
    if (isa<IotaOp>(op) || (view && view.fillValue()))
      return true;
    reached.insert(op->operand_begin(), op->operand_end());
  }
  return false;
}

void KernelFormer::decide() {
  for (Operation &op : block) {
    if (isa<func::ReturnOp>(op) || isCall(&op)) {
      for (Value v : op.getOperands()) {
        // A view of memory stays between kernels; a computed value is
        // realised as the result itself.
        if (!isSource(v))
          realised.insert(v);
      }
      continue;
    }
    if (op.getNumResults() != 1)
      continue;
    if (!options.enabled) {
      for (Value v : op.getResults())
        if (!isView(&op))
          realise(v);
    }
    if (isJoin(&op)) {
      realise(op.getResult(0));
      for (Value v : op.getOperands())
        if (!isSource(v))
          realised.insert(v);
    } else if (isa<ContractOp>(op)) {
      // Its operands are leaves: a pad stays a graph-level operation so that
      // the planner can store the producer inside the padded buffer.
      // What a mask replaces is not looked at, so it need not be made.
      for (unsigned k = 0; k < 2; ++k) {
        Value v = op.getOperand(k);
        if (Value bare = withoutMask(cast<ContractOp>(op), k);
            bare && options.enabled && !realised.contains(v) && v.hasOneUse())
          realiseViews(bare);
        else if (!isSource(v))
          realised.insert(v);
      }
      if (!options.enabled)
        realise(op.getResult(0));
      else if (!inRegion.contains(&op))
        grow(&op);
    } else if (isa<ReduceOp>(op)) {
      if (!inRegion.contains(&op)) {
        if (options.enabled)
          grow(&op);
        else
          realise(op.getResult(0));
      }
    } else if (isa<ArgReduceOp>(op)) {
      realise(op.getResult(0));
    } else if (auto gather = dyn_cast<GatherOp>(op)) {
      realiseViewed(gather.getX());
      if (looksAtPlaces(gather.getIndex()))
        realised.insert(gather.getIndex());
    } else if (auto scatter = dyn_cast<ScatterOp>(op)) {
      // Every task of the kernel reads the whole index.
      realise(scatter.getResult());
      if (!isSource(scatter.getIndex()))
        realised.insert(scatter.getIndex());
    } else if (auto write = dyn_cast<WriteOp>(op)) {
      realise(write.getResult());
      realiseViews(write.getX());
    }
  }
  // Elementwise values used by several, or repeated by a view.
  for (Operation &op : block) {
    if (!isa<ElementwiseOpInterface, GatherOp>(op) || inRegion.contains(&op) ||
        realised.contains(op.getResult(0)))
      continue;
    Value v = op.getResult(0);
    llvm::SmallPtrSet<Operation *, 8> users;
    effectiveUsers(v, users);
    bool repeated = llvm::any_of(
        v.getUsers(), [](Operation *u) { return isa<ExpandOp, WindowOp>(u); });
    // Inside a window or an expand further down the view chain.
    if (!repeated)
      for (Operation *u : v.getUsers())
        for (Operation *w = u; isView(w) && !repeated;) {
          repeated = isa<ExpandOp, WindowOp>(w);
          if (w->use_empty())
            break;
          w = *w->getResult(0).getUsers().begin();
        }
    bool several = users.size() > 1;
    if ((several && costOf(v) > 0 && !isCheapAgain(v)) ||
        (repeated && costOf(v) > 1))
      realise(v);
  }
  cutChains();
}

void KernelFormer::cutChains() {
  DenseMap<Value, int64_t> length; ///< of the longest chain that ends in it
  for (Operation &op : block) {
    bool passesOn = isa<ElementwiseOpInterface>(op) || isView(&op);
    if (!passesOn || inRegion.contains(&op))
      continue;
    Value v = op.getResult(0);
    if (realised.contains(v))
      continue;
    int64_t before = 0;
    for (Value operand : op.getOperands())
      before = std::max(before, length.lookup(operand));
    length[v] = before + 1;
    if (before < longestChain || !isa<ElementwiseOpInterface>(op))
      continue;
    realise(v);
    length[v] = 0;
  }
}

std::string kernelName(Operation *op) {
  std::string name;
  if (auto loc = dyn_cast<NameLoc>(op->getLoc()))
    for (char c : loc.getName().getValue().take_back(48))
      name += llvm::isAlnum(c) ? c : '_';
  if (name.empty())
    name = op->getName().stripDialect().str();
  return name;
}

void KernelFormer::build(Value v) {
  Operation *root = v.getDefiningOp();
  if (isJoin(root))
    return;
  // The backward slice up to what is in memory.
  llvm::SetVector<Value> leaves;
  llvm::SetVector<Operation *> body;
  SmallVector<Value> work{v};
  llvm::DenseSet<Value> seen{v};
  SmallVector<Operation *> ops;
  while (!work.empty()) {
    Value w = work.pop_back_val();
    if (w != v && (isSource(w) || realised.contains(w))) {
      leaves.insert(w);
      continue;
    }
    Operation *op = w.getDefiningOp();
    body.insert(op);
    for (Value operand : op->getOperands())
      if (seen.insert(operand).second)
        work.push_back(operand);
  }
  ops.assign(body.begin(), body.end());
  llvm::sort(ops, [&](Operation *a, Operation *b) {
    return position[a] < position[b];
  });

  // The heaviest operation names the kernel.
  Operation *namer = root;
  for (Operation *op : ops)
    if (isa<ContractOp>(op) ||
        (isa<ReduceOp, ArgReduceOp>(op) && !isa<ContractOp>(namer)))
      namer = op;
  std::string name = kernelName(namer);
  if (int n = names[name]++)
    name += "_" + std::to_string(n);

  OpBuilder b(root);
  auto kernel = KernelOp::create(b, namer->getLoc(), TypeRange{v.getType()},
                                 leaves.getArrayRef(), b.getStringAttr(name),
                                 DictionaryAttr(), ArrayAttr(), ArrayAttr());
  Block *inner = b.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value leaf : leaves)
    mapping.map(leaf, inner->addArgument(leaf.getType(), leaf.getLoc()));
  b.setInsertionPointToStart(inner);
  for (Operation *op : ops)
    b.clone(*op, mapping);
  YieldOp::create(b, root->getLoc(), mapping.lookup(v));
  v.replaceAllUsesExcept(kernel.getResult(0), kernel);
  // Later slices see the kernel's result as a leaf.
  realised.insert(kernel.getResult(0));
  position[kernel] = position[root];
}

LogicalResult KernelFormer::run() {
  decide();
  // The source of a realised pad is realised too, so that it can be stored
  // inside the padded buffer. So is the source of a realised reshape: the
  // kernel then loops over the unmerged axes, and the reshape costs nothing
  // where strides express it.
  for (size_t i = 0; i < realised.size(); ++i) {
    Operation *op = realised[i].getDefiningOp();
    if (isa<PadOp, ReshapeOp>(op))
      realise(op->getOperand(0));
  }
  SmallVector<Value> order(realised.begin(), realised.end());
  llvm::stable_sort(order, [&](Value a, Value b) {
    return position[a.getDefiningOp()] < position[b.getDefiningOp()];
  });
  for (Value v : order)
    build(v);
  // What no kernel reads any more is dead.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (op.use_empty() && isMemoryEffectFree(&op) &&
        !op.hasTrait<OpTrait::IsTerminator>())
      op.erase();
  if (options.enabled)
    mergeKernels(block);
  return success();
}

/// Whether the kernel only maps elements: no loops of its own.
bool isMap(KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front(), [](Operation &op) {
    return isa<ElementwiseOpInterface, ViewOpInterface, SplatOp, YieldOp>(op);
  });
}

/// Whether the body reads `argument` only at the index it writes.
bool readsInPlace(BlockArgument argument) {
  return llvm::all_of(argument.getUsers(), [&](Operation *user) {
    return isa<ElementwiseOpInterface>(user) &&
           tensorType(user->getResult(0)).getShape() ==
               tensorType(argument).getShape();
  });
}

/// A map kernel that reads a kernel's result element by element joins it: the
/// value is still written for its other readers, if there are any, but not read
/// again.
void mergeKernels(Block &block) {
  for (auto second : llvm::make_early_inc_range(block.getOps<KernelOp>())) {
    if (!isMap(second) || second.getNumResults() != 1)
      continue;
    auto shape = tensorType(second.getResult(0)).getShape();
    auto returned = [](Value v) {
      return llvm::any_of(v.getUsers(),
                          [](Operation *u) { return isa<func::ReturnOp>(u); });
    };
    KernelOp first;
    for (auto [i, operand] : llvm::enumerate(second.getOperands())) {
      auto candidate = operand.getDefiningOp<KernelOp>();
      if (!candidate || candidate.getNumResults() > 2 || candidate == second ||
          tensorType(operand).getShape() != shape)
        continue;
      // Results of the function are stored row-major; others are stored as
      // their readers like it, and all results of a kernel alike.
      bool given = returned(operand);
      if (given != returned(second.getResult(0)) ||
          (given && !isMap(candidate)))
        continue;
      Value yielded =
          candidate.getBody().front().getTerminator()->getOperand(0);
      if (!isa<ElementwiseOpInterface, ContractOp>(yielded.getDefiningOp()))
        continue;
      // Everything the second reads must be there before the first.
      bool ready = llvm::all_of(second.getOperands(), [&](Value v) {
        Operation *def = v.getDefiningOp();
        return !def || def == candidate || def->isBeforeInBlock(candidate);
      });
      bool inPlace = true;
      for (auto [k, v] : llvm::enumerate(second.getOperands()))
        if (v.getDefiningOp() == candidate)
          inPlace &= readsInPlace(second.getBody().getArgument(k));
      // A reduction inside would be computed for each of both results.
      bool cheap =
          llvm::none_of(candidate.getBody().front(), [](Operation &op) {
            return isa<ReduceOp, ArgReduceOp, GatherOp>(op);
          });
      bool isShort = candidate.getBody().front().getOperations().size() +
                         second.getBody().front().getOperations().size() <=
                     longestChain;
      if (ready && inPlace && cheap && isShort) {
        first = candidate;
        break;
      }
    }
    if (!first)
      continue;
    // The users of the second come after it, so it can move up to the first.
    OpBuilder b(first);
    SmallVector<Value> operands(first.getOperands());
    SmallVector<unsigned> written;
    SmallVector<Type> types;
    for (OpResult result : first.getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return user != second; })) {
        written.push_back(result.getResultNumber());
        types.push_back(result.getType());
      }
    types.push_back(second.getResult(0).getType());
    for (Value v : second.getOperands())
      if (v.getDefiningOp() != first && !llvm::is_contained(operands, v))
        operands.push_back(v);
    auto merged = KernelOp::create(b, first.getLoc(), types, operands,
                                   first.getNameAttr(), DictionaryAttr(),
                                   ArrayAttr(), ArrayAttr());
    Block *body = b.createBlock(&merged.getBody());
    IRMapping mapping;
    for (auto [i, v] : llvm::enumerate(operands))
      body->addArgument(v.getType(), v.getLoc());
    for (auto [i, v] : llvm::enumerate(first.getOperands()))
      mapping.map(first.getBody().getArgument(i), body->getArgument(i));
    b.setInsertionPointToStart(body);
    for (Operation &op : first.getBody().front().without_terminator())
      b.clone(op, mapping);
    SmallVector<Value> results;
    for (Value v : first.getBody().front().getTerminator()->getOperands())
      results.push_back(mapping.lookup(v));
    for (auto [i, v] : llvm::enumerate(second.getOperands())) {
      Value inner;
      if (v.getDefiningOp() == first)
        inner = results[cast<OpResult>(v).getResultNumber()];
      else
        inner = body->getArgument(llvm::find(operands, v) - operands.begin());
      mapping.map(second.getBody().getArgument(i), inner);
    }
    for (Operation &op : second.getBody().front().without_terminator())
      b.clone(op, mapping);
    SmallVector<Value> yields;
    for (auto [i, number] : llvm::enumerate(written)) {
      yields.push_back(results[number]);
      first.getResult(number).replaceAllUsesExcept(merged.getResult(i), second);
    }
    yields.push_back(mapping.lookup(
        second.getBody().front().getTerminator()->getOperand(0)));
    YieldOp::create(b, first.getLoc(), yields);
    second.getResult(0).replaceAllUsesWith(merged.getResults().back());
    second.erase();
    first.erase();
  }
}

} // namespace

LogicalResult formKernels(ModuleOp module, const FuseOptions &options) {
  for (func::FuncOp function : functionsOf(module)) {
    Block &block = function.getBody().front();
    widenScatters(block);
    if (failed(KernelFormer(block, options).run()))
      return failure();
  }
  return success();
}

} // namespace nacre::fuse
