//===- MergeKernels.cpp - kernels with several results --------------------===//
#include "MergeKernels.h"
#include "RealisedValues.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

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

bool isReturned(Value v) {
  return llvm::any_of(v.getUsers(),
                      [](Operation *u) { return isa<func::ReturnOp>(u); });
}

/// Whether `second`, a map kernel, can join `first`, of whose results it reads
/// `read`.
bool canJoin(KernelOp first, KernelOp second, Value read) {
  Block &before = first.getBody().front(), &after = second.getBody().front();
  Value made = second.getResult(0);
  if (first.getNumResults() > 2 ||
      tensorType(read).getShape() != tensorType(made).getShape())
    return false;
  // Results of the function are stored row-major; others are stored as
  // their readers like it, and all results of a kernel alike.
  bool given = isReturned(read);
  if (given != isReturned(made) || (given && !isMap(first)))
    return false;
  Value yielded = before.getTerminator()->getOperand(0);
  if (!isa<ElementwiseOpInterface, ContractOp>(yielded.getDefiningOp()))
    return false;
  // Everything the second reads must be there before the first.
  for (auto [k, v] : llvm::enumerate(second.getOperands())) {
    Operation *def = v.getDefiningOp();
    if (def == first ? !readsInPlace(after.getArgument(k))
                     : def && !def->isBeforeInBlock(first))
      return false;
  }
  // A reduction inside would be computed for each of both results.
  if (llvm::any_of(before, [](Operation &op) {
        return isa<ReduceOp, ArgReduceOp, GatherOp>(op);
      }))
    return false;
  return before.getOperations().size() + after.getOperations().size() <=
         longestChain;
}

/// The kernel that `second`, a map kernel, can join, or null.
KernelOp kernelToJoin(KernelOp second) {
  for (Value operand : second.getOperands()) {
    auto first = operand.getDefiningOp<KernelOp>();
    if (first && canJoin(first, second, operand))
      return first;
  }
  return {};
}

/// Both kernels in the place of the first.
void join(KernelOp first, KernelOp second) {
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
  auto merged =
      KernelOp::create(b, first.getLoc(), types, operands, first.getNameAttr(),
                       DictionaryAttr(), ArrayAttr(), ArrayAttr());
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
  yields.push_back(
      mapping.lookup(second.getBody().front().getTerminator()->getOperand(0)));
  YieldOp::create(b, first.getLoc(), yields);
  second.getResult(0).replaceAllUsesWith(merged.getResults().back());
  second.erase();
  first.erase();
}

} // namespace

void mergeKernels(Block &block) {
  for (auto second : llvm::make_early_inc_range(block.getOps<KernelOp>())) {
    if (!isMap(second) || second.getNumResults() != 1)
      continue;
    if (KernelOp first = kernelToJoin(second))
      join(first, second);
  }
}

} // namespace nacre::fuse
