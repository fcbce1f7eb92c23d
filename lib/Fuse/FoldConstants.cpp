//===- FoldConstants.cpp - what depends on weights only becomes a weight --===//
//
// Dequantised weights, batch-norm scales, shape arithmetic: all of it is
// evaluated once with the reference interpreter. Expansions stay views, since
// materialising a broadcast only costs memory. So does what unpacks a packed
// weight.
//
//===----------------------------------------------------------------------===//
#include "PackedWeights.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Reference/Interpreter.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// Operations left alone although constant: sources, and views that only
/// repeat data.
static bool staysSymbolic(Operation *op) {
  return isa<WeightOp, SplatOp, IotaOp, ExpandOp, WindowOp, PadOp, KernelOp>(
      op);
}

/// A splat attribute when every element is equal.
static TypedAttr splatOf(const Tensor &t, Type element) {
  int64_t size = dtypeBytes(t.dtype), count = t.count();
  if (count == 0)
    return {};
  for (int64_t i = 1; i < count; ++i)
    if (std::memcmp(t.bytes, t.bytes + i * size, size) != 0)
      return {};
  OpBuilder b(element.getContext());
  if (isNarrow(element))
    return narrowConstant(element, *t.bytes);
  if (auto floating = dyn_cast<FloatType>(element)) {
    if (floating.isF64())
      return b.getFloatAttr(element, t.numberAt(0));
    APFloat value(float(t.numberAt(0)));
    bool lost;
    value.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &lost);
    return b.getFloatAttr(element, value);
  }
  unsigned width = element.getIntOrFloatBitWidth();
  return b.getIntegerAttr(element,
                          APInt(width, uint64_t(t.integerAt(0)), false, true));
}

/// A captured weight, splat or iota is made inside the function instead.
static void sinkConstants(Operation *call, MutableOperandRange captured,
                          ArrayRef<unsigned> firstArgument) {
  SmallVector<func::FuncOp> callees = calleesOf(call);
  for (unsigned i = captured.size(); i-- > 0;) {
    Operation *source = captured[i].get().getDefiningOp();
    if (!isa_and_nonnull<WeightOp, SplatOp, IotaOp>(source))
      continue;
    for (auto [callee, first] : llvm::zip(callees, firstArgument)) {
      Block &body = callee.getBody().front();
      OpBuilder b = OpBuilder::atBlockBegin(&body);
      BlockArgument argument = body.getArgument(first + i);
      argument.replaceAllUsesWith(b.clone(*source)->getResult(0));
      (void)callee.eraseArgument(first + i);
    }
    captured.erase(i);
  }
}

static void sinkConstants(Operation *op) {
  if (auto loop = dyn_cast<LoopOp>(op))
    sinkConstants(
        op, loop.getCapturedMutable(),
        {unsigned(1 + loop.getCarried().size() + loop.getScanned().size())});
  else if (auto branch = dyn_cast<IfOp>(op))
    sinkConstants(op, branch.getCapturedMutable(), {0, 0});
}

static void foldConstants(Program &program, func::FuncOp function,
                          int64_t maxBytes) {
  DenseMap<Value, Tensor> memo;
  llvm::DenseSet<Value> packed = unpackedValues(function);
  // What is known not to be constant, so that nobody looks for the reason again
  // from each value that depends on it.
  llvm::DenseSet<Value> varying;
  auto varies = [&](Value v) {
    return isa<BlockArgument>(v) || varying.contains(v);
  };
  OpBuilder b(function.getContext());
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (isCall(&op)) {
      sinkConstants(&op);
      varying.insert_range(op.getResults());
      continue;
    }
    if (llvm::any_of(op.getOperands(), varies)) {
      varying.insert_range(op.getResults());
      continue;
    }
    if (op.getNumResults() != 1 || !isa<LazyDialect>(op.getDialect()) ||
        staysSymbolic(&op))
      continue;
    auto type = tensorType(op.getResult(0));
    if (!type.hasStaticShape())
      continue;
    auto bytes = byteSize(type.getShape(), dtypeOf(type.getElementType()));
    b.setInsertionPoint(&op);
    // A reshaped weight is the same bytes under another shape, of any size.
    if (auto reshape = dyn_cast<ReshapeOp>(op))
      if (auto weight = reshape.getX().getDefiningOp<WeightOp>())
        if (const Tensor *t = program.weights->findStored(weight.getName())) {
          Tensor view = *t;
          view.shape.assign(type.getShape().begin(), type.getShape().end());
          std::string name = program.weights->add(weight.getName(), view);
          Value w =
              WeightOp::create(b, op.getLoc(), type, name, weight.getPacked());
          op.getResult(0).replaceAllUsesWith(w);
          op.erase();
          continue;
        }
    if (!bytes || *bytes > maxBytes || packed.contains(op.getResult(0)))
      continue;
    auto value = reference::constantValue(op.getResult(0), *program.weights,
                                          memo, maxBytes);
    if (!value) {
      varying.insert(op.getResult(0));
      continue;
    }
    Value replacement;
    if (auto attr = splatOf(*value, type.getElementType())) {
      replacement = SplatOp::create(b, op.getLoc(), type, attr);
    } else {
      std::string base = "folded";
      if (auto name = dyn_cast<NameLoc>(op.getLoc()))
        base = name.getName().str();
      std::string name = program.weights->add(base, *value);
      replacement =
          WeightOp::create(b, op.getLoc(), type, name, /*packed=*/false);
    }
    memo[replacement] = *value;
    op.getResult(0).replaceAllUsesWith(replacement);
    memo.erase(op.getResult(0));
    op.erase();
  }
}

void foldConstants(Program &program, int64_t maxBytes) {
  // Callers come first: what they pass on may have become constant.
  SmallVector<func::FuncOp> functions = functionsOf(*program.module);
  for (func::FuncOp function : llvm::reverse(functions))
    foldConstants(program, function, maxBytes);
}

} // namespace nacre::fuse
