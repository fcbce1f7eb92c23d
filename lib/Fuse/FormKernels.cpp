//===- FormKernels.cpp - groups of operations that run as one loop nest ---===//
//
// Fusion decides one thing: which values are realised, that is written to
// memory. Everything else is recomputed where it is used, inside the kernel of
// the realised value that needs it. A kernel is then the backward slice of a
// realised value up to other realised values, weights and inputs.
// RealisedValues.cpp decides, and MergeKernels.cpp joins kernels afterwards.
//
//===----------------------------------------------------------------------===//
#include "MergeKernels.h"
#include "RealisedValues.h"
#include "WidenScatters.h"
#include "mlir/IR/IRMapping.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

/// Makes kernels of a block whose realised values are known.
class KernelFormer {
public:
  KernelFormer(Block &block, llvm::SetVector<Value> realised)
      : block(block), realised(std::move(realised)) {
    int64_t n = 0;
    for (Operation &op : block)
      position[&op] = n++;
  }
  void run();

private:
  void build(Value v);

  Block &block;
  llvm::SetVector<Value> realised;
  DenseMap<Operation *, int64_t> position;
  llvm::StringMap<int> names;
};

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

void KernelFormer::run() {
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
}

} // namespace

LogicalResult formKernels(ModuleOp module, const FuseOptions &options) {
  for (func::FuncOp function : functionsOf(module)) {
    Block &block = function.getBody().front();
    widenScatters(block);
    KernelFormer(block, realisedValues(block, options)).run();
    if (options.enabled)
      mergeKernels(block);
  }
  return success();
}

} // namespace nacre::fuse
