//===- RealisedValues.cpp - what is written to memory ---------------------===//
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
#include "RealisedValues.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

bool isSource(Value v) {
  return isa<BlockArgument>(v) || isa<WeightOp>(v.getDefiningOp()) ||
         isCall(v.getDefiningOp());
}

bool isJoin(Operation *op) { return isa<ConcatOp>(op); }

namespace {

/// Cheap to make anywhere.
bool isInline(Operation *op) { return isa<SplatOp, IotaOp>(op); }
bool isView(Operation *op) { return isa<ViewOpInterface>(op); }

/// What `realisedValues` has decided so far.
class Realisation {
public:
  Realisation(Block &block, const FuseOptions &options)
      : block(block), options(options) {}
  llvm::SetVector<Value> run() &&;

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

  Block &block;
  FuseOptions options;
  llvm::SetVector<Value> realised;
  /// Inside a grown region: not realised although it looks like it should be.
  llvm::DenseSet<Operation *> inRegion;
};

void Realisation::realiseViewed(Value v) {
  while (!isSource(v) && isView(v.getDefiningOp()))
    v = v.getDefiningOp()->getOperand(0);
  realise(v);
}

void Realisation::realiseViews(Value v) {
  for (; !isSource(v); v = v.getDefiningOp()->getOperand(0)) {
    realised.insert(v);
    if (!isView(v.getDefiningOp()))
      break;
  }
}

int64_t Realisation::costOf(Value v, int depth) {
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
bool Realisation::isCheapAgain(Value v) {
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

/// What costs more is read again rather than computed again.
constexpr int64_t worthReading = 10;

/// Whether the reduced axes are the last ones, so that a row is one piece.
bool reducesTrailing(ReduceOp reduce) {
  int64_t rank = tensorType(reduce.getX()).getRank();
  int64_t first = rank - int64_t(reduce.getAxes().size());
  return llvm::all_of(reduce.getAxes(),
                      [&](int64_t axis) { return axis >= first; });
}

/// Whether elementwise operations of another shape go on with `v`, which they
/// see through views, so that they may as well compute it.
bool goesOnElsewhere(Value v) {
  for (Operation *user : v.getUsers()) {
    if (!isView(user))
      continue;
    llvm::SmallPtrSet<Operation *, 8> users;
    effectiveUsers(user->getResult(0), users);
    if (llvm::any_of(users, llvm::IsaPred<ElementwiseOpInterface>))
      return true;
  }
  return false;
}

/// Grows the region of a contraction or reduction over the elementwise
/// operations that follow, and over further reductions of the same rows. The
/// largest region with one value leaving it is taken; that value is realised.
/// Rows that another shape goes on with are left to it if they are cheap to
/// compute of the sums.
void Realisation::grow(Operation *root) {
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

  // The reduced shape with an extent of 1 in place of each reduced axis.
  SmallVector<int64_t> kept(row.getShape());
  if (reduce)
    for (int64_t axis : reduce.getAxes())
      kept[axis] = 1;
  auto fits = [&](RankedTensorType type) {
    return type.getShape() == tail.getShape() ||
           type.getShape() == row.getShape() ||
           (row != tail && type.getShape() == ArrayRef<int64_t>(kept));
  };

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
      return fits(type);
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
  auto ofRow = [&](Operation *op) {
    return tensorType(op->getResult(0)).getShape() == row.getShape();
  };
  auto isCostly = [&](Operation *op) {
    auto elementwise = dyn_cast<ElementwiseOpInterface>(op);
    return elementwise && ofRow(op) && elementwise.scalarCost() > worthReading;
  };
  auto leaving = [&](SmallVectorImpl<Value> &values) {
    values.clear();
    for (Operation *op : region)
      if (llvm::any_of(op->getResult(0).getUsers(),
                       [&](Operation *u) { return !region.contains(u); }))
        values.push_back(op->getResult(0));
  };
  size_t best = 1, sums = 1; ///< of operations; those that end in no row
  bool left = false;
  SmallVector<Value> out;
  while (region.size() < 48) {
    // The next eligible user in program order.
    Operation *next = nullptr;
    for (Operation *op : region)
      for (Operation *user : op->getResult(0).getUsers())
        if (!region.contains(user) && eligible(user) &&
            (!next || user->isBeforeInBlock(next)))
          next = user;
    if (!next)
      break;
    region.insert(next);
    leaving(out);
    if (out.size() != 1)
      continue;
    bool closes = isa<ElementwiseOpInterface>(out[0].getDefiningOp()) ||
                  isa<ReduceOp>(out[0].getDefiningOp());
    if (!closes || !fits(tensorType(out[0])))
      continue;
    best = region.size();
    if (row != tail && ofRow(out[0].getDefiningOp()))
      // What is cheap to compute of a row and its sums is left to those who go
      // on with it in another shape.
      left =
          reduce && goesOnElsewhere(out[0]) && llvm::none_of(region, isCostly);
    else
      sums = best;
  }
  if (left)
    best = sums;
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

bool Realisation::looksAtPlaces(Value index) {
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

void Realisation::decide() {
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

void Realisation::cutChains() {
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

llvm::SetVector<Value> Realisation::run() && {
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
  return std::move(realised);
}

} // namespace

llvm::SetVector<Value> realisedValues(Block &block,
                                      const FuseOptions &options) {
  return Realisation(block, options).run();
}

} // namespace nacre::fuse
