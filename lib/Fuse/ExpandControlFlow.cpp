//===- ExpandControlFlow.cpp - loops and branches as straight code --------===//
//
// A loop that may end early runs to its bound, and its carried values stay as
// they are from then on. Of a branch both functions run. So a condition of the
// run (lazy.require, an index out of range) in what would not have been run can
// fail here.
//
//===----------------------------------------------------------------------===//
#include "mlir/IR/IRMapping.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// Copies the function's body before the insertion point; its results.
static SmallVector<Value> copyBody(Build &build, func::FuncOp function,
                                   ArrayRef<Value> arguments) {
  Block &body = function.getBody().front();
  IRMapping mapping;
  mapping.map(body.getArguments(), arguments);
  for (Operation &op : body.without_terminator())
    build.b.clone(op, mapping);
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value v) { return mapping.lookup(v); });
}

/// a where the scalar condition holds, else b.
static Value choose(Build &build, Value condition, Value a, Value b) {
  return a == b ? a : build.where(build.expandLike(condition, a), a, b);
}

/// Slice i along the leading axis.
static Value sliceAt(Build &build, Value whole, int64_t i) {
  auto shape = tensorType(whole).getShape();
  SmallVector<int64_t> starts(shape.size(), 0), sizes(shape);
  starts[0] = i;
  sizes[0] = 1;
  return build.reshape(build.slice(whole, starts, sizes), shape.drop_front());
}

static LogicalResult expand(LoopOp loop, int64_t maxTimes) {
  int64_t bound = loop.getBound();
  if (bound > maxTimes)
    return loop.emitOpError("is not known to end within ")
           << maxTimes << " times, as it has to where it is unrolled";
  OpBuilder b(loop);
  Build build{b, loop.getLoc()};
  Type i64 = b.getI64Type();
  func::FuncOp body = calleesOf(loop).front();
  SmallVector<Value> carried(loop.getCarried());
  SmallVector<SmallVector<Value>> collected(loop.collected());
  for (auto &slices : collected)
    slices.resize(bound);
  Value alive; // null: for certain
  auto stayAlive = [&](Value condition) {
    alive = alive ? build.binary<AndOp>(alive, condition) : condition;
  };
  for (int64_t i = 0; i < bound; ++i) {
    Value counter = build.splat(i64, double(i));
    if (loop.getTrips())
      stayAlive(build.cmp(CmpKind::lt, counter, loop.getTrips()));
    auto place = [&](size_t slice) {
      return loop.getBackward()[slice] ? bound - 1 - i : i;
    };
    SmallVector<Value> arguments{counter};
    llvm::append_range(arguments, carried);
    for (auto [k, whole] : llvm::enumerate(loop.getScanned()))
      arguments.push_back(sliceAt(build, whole, place(k)));
    llvm::append_range(arguments, loop.getCaptured());
    SmallVector<Value> results = copyBody(build, body, arguments);
    ArrayRef<Value> given = ArrayRef(results).drop_front(loop.getConditional());
    for (auto [old, value] : llvm::zip(carried, given))
      old = alive ? choose(build, alive, value, old) : value;
    for (auto [k, slice] : llvm::enumerate(given.drop_front(carried.size()))) {
      SmallVector<int64_t> shape(tensorType(slice).getShape());
      shape.insert(shape.begin(), 1);
      collected[k][place(loop.getScanned().size() + k)] =
          build.reshape(slice, shape);
    }
    if (loop.getConditional())
      stayAlive(results.front());
  }
  for (auto [k, slices] : llvm::enumerate(collected)) {
    Value whole = loop.getResult(carried.size() + k);
    auto type = tensorType(whole);
    carried.push_back(
        bound == 0 ? build.splat(type.getElementType(), 0, type.getShape())
                   : build.concat(slices, 0));
  }
  loop.replaceAllUsesWith(carried);
  loop.erase();
  body.erase();
  return success();
}

static void expand(IfOp branch) {
  OpBuilder b(branch);
  Build build{b, branch.getLoc()};
  SmallVector<func::FuncOp> callees = calleesOf(branch);
  SmallVector<Value> captured(branch.getCaptured()), results;
  auto then = copyBody(build, callees[0], captured);
  auto otherwise = copyBody(build, callees[1], captured);
  for (auto [a, c] : llvm::zip(then, otherwise))
    results.push_back(choose(build, branch.getCondition(), a, c));
  branch.replaceAllUsesWith(results);
  branch.erase();
  for (func::FuncOp callee : callees)
    callee.erase();
}

LogicalResult expandControlFlow(ModuleOp module, int64_t maxTimes) {
  // Callees first, so that what is copied has no calls itself.
  for (func::FuncOp function : functionsOf(module))
    for (Operation &op :
         llvm::make_early_inc_range(function.getBody().front())) {
      if (auto loop = dyn_cast<LoopOp>(op)) {
        if (failed(expand(loop, maxTimes)))
          return failure();
      } else if (auto branch = dyn_cast<IfOp>(op)) {
        expand(branch);
      }
    }
  return success();
}

} // namespace nacre::fuse
