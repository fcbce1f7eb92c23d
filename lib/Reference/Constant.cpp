//===- Constant.cpp - the values a program does not wait for --------------===//

#include "Evaluators.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace nacre::reference {

using Memo = llvm::DenseMap<Value, Tensor>;

/// Collects the operations `root` still needs, operands before users. False
/// when one of them is no constant: an argument, another dialect's operation,
/// a kernel, a loop or an if, a symbolic extent, a missing weight, or more than
/// `maxBytes`.
/// One such answer settles the root, so every value is visited once at most.
/// The stack is explicit: chains of 100,000 operations are real.
static bool collect(Value root, const WeightStore &weights, const Memo &memo,
                    int64_t maxBytes, std::vector<Operation *> &order) {
  struct Visit {
    Operation *op;
    unsigned next = 0;
  };
  llvm::DenseSet<Operation *> seen;
  std::vector<Visit> stack;
  auto enter = [&](Value value) {
    if (memo.contains(value))
      return true;
    Operation *op = value.getDefiningOp();
    if (!op || op->getName().getDialectNamespace() != "lazy" ||
        op->getNumRegions() != 0 || op->getNumResults() != 1 ||
        lazy::isCall(op))
      return false;
    RankedTensorType type = lazy::tensorType(value);
    if (!type.hasStaticShape())
      return false;
    std::optional<int64_t> bytes =
        byteSize(type.getShape(), dtypeOf(type.getElementType()));
    if (!bytes || *bytes > maxBytes)
      return false;
    if (auto weight = dyn_cast<lazy::WeightOp>(op))
      if (!weights.findStored(weight.getName()))
        return false;
    if (seen.insert(op).second)
      stack.push_back({op});
    return true;
  };
  if (!enter(root))
    return false;
  while (!stack.empty()) {
    Visit &top = stack.back();
    if (top.next == top.op->getNumOperands()) {
      order.push_back(top.op);
      stack.pop_back();
    } else if (!enter(top.op->getOperand(top.next++))) { // `top` dangles now
      return false;
    }
  }
  return true;
}

std::optional<Tensor> constantValue(Value value, const WeightStore &weights,
                                    Memo &memo, int64_t maxBytes) {
  std::vector<Operation *> order;
  if (!collect(value, weights, memo, maxBytes, order))
    return std::nullopt;
  // Values made here and used nowhere else are freed after their last use, so
  // a long chain of large constants needs room for few of them.
  llvm::DenseMap<Value, int64_t> usesLeft;
  for (Operation *op : order) {
    SmallVector<Tensor> operands;
    for (Value operand : op->getOperands())
      operands.push_back(memo.find(operand)->second);
    llvm::Expected<SmallVector<Tensor>> results =
        evaluate(op, operands, weights);
    if (!results) {
      llvm::consumeError(results.takeError());
      return std::nullopt;
    }
    Value result = op->getResult(0);
    memo[result] = std::move(results->front());
    if (result != value)
      usesLeft[result] = std::distance(result.use_begin(), result.use_end());
    for (Value operand : op->getOperands()) {
      auto left = usesLeft.find(operand);
      if (left != usesLeft.end() && --left->second == 0)
        memo.erase(operand);
    }
  }
  return memo.find(value)->second;
}

} // namespace nacre::reference
