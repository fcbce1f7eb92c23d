//===- SinkViews.cpp - reshape and permute move below elementwise ---------===//
//
// f(view(x), y) = view(f(x, inverse view(y))) for a bijective view. Moved below
// the elementwise tail of a contraction or reduction, the tail has the
// producer's own shape and fuses as its epilogue.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;

/// Whether `v` ends a chain of elementwise operations on a contraction or
/// reduction.
static bool hasHeavyRoot(Value v) {
  for (int depth = 0; depth < 16; ++depth) {
    Operation *op = v.getDefiningOp();
    if (!op)
      return false;
    if (isa<ContractOp>(op))
      return true;
    if (!isa<ElementwiseOpInterface>(op) || op->getNumOperands() == 0)
      return false;
    v = op->getOperand(0);
  }
  return false;
}

static bool isBijective(Operation *op) {
  return isa_and_nonnull<ReshapeOp, PermuteOp>(op);
}

static Value applyInverse(Build &build, Operation *view, Value v) {
  if (auto splat = v.getDefiningOp<SplatOp>())
    return SplatOp::create(build.b, build.loc,
                           withElement(tensorType(view->getOperand(0)),
                                       tensorType(v).getElementType()),
                           splat.getValue());
  if (auto permute = dyn_cast<PermuteOp>(view)) {
    SmallVector<int64_t> inverse(permute.getPerm().size());
    for (auto [i, axis] : llvm::enumerate(permute.getPerm()))
      inverse[axis] = i;
    return build.permute(v, inverse);
  }
  return build.reshape(v, tensorType(view->getOperand(0)).getShape());
}

/// The names of extents of a view's result as those of its source, or null
/// where an axis that has one does not stay as it is.
static ArrayAttr namesBefore(Operation *view, ArrayAttr names) {
  auto from = tensorType(view->getOperand(0)),
       to = tensorType(view->getResult(0));
  Builder b(view->getContext());
  SmallVector<Attribute> before(from.getRank(), b.getStringAttr(""));
  if (int64_t(names.size()) != to.getRank() || !from.hasStaticShape())
    return {};
  if (auto permute = dyn_cast<PermuteOp>(view)) {
    for (auto [i, axis] : llvm::enumerate(permute.getPerm()))
      before[axis] = names[i];
    return b.getArrayAttr(before);
  }
  int64_t passed = 1;
  for (auto [name, extent] : llvm::zip_equal(names, to.getShape())) {
    if (name != b.getStringAttr("")) {
      int64_t axis = 0, skipped = 1;
      while (axis < from.getRank() &&
             (skipped != passed || from.getDimSize(axis) != extent))
        skipped *= from.getDimSize(axis++);
      if (axis == from.getRank())
        return {};
      before[axis] = name;
    }
    passed *= extent;
  }
  return b.getArrayAttr(before);
}

static bool sinkOne(Operation *op) {
  if (!isa<ElementwiseOpInterface>(op))
    return false;
  Operation *view = nullptr;
  for (Value operand : op->getOperands()) {
    Operation *def = operand.getDefiningOp();
    if (isBijective(def) && operand.hasOneUse() &&
        hasHeavyRoot(def->getOperand(0))) {
      view = def;
      break;
    }
  }
  if (!view)
    return false;
  OpBuilder b(op);
  Build build{b, op->getLoc()};
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(operand.getDefiningOp() == view
                           ? view->getOperand(0)
                           : applyInverse(build, view, operand));
  auto source = tensorType(view->getOperand(0));
  auto result =
      withElement(source, tensorType(op->getResult(0)).getElementType());
  OperationState state(op->getLoc(), op->getName(), operands, {result},
                       op->getAttrs());
  // Where the run ends axes early is said of the view's shape.
  state.attributes.erase(openBeyond);
  if (Attribute names = state.attributes.erase(openExtents))
    if (ArrayAttr before = namesBefore(view, cast<ArrayAttr>(names)))
      state.attributes.set(openExtents, before);
  Value inner = b.create(state)->getResult(0);
  IRMapping mapping;
  mapping.map(view->getOperand(0), inner);
  Operation *moved = b.clone(*view, mapping);
  moved->getResult(0).setType(
      cast<RankedTensorType>(op->getResult(0).getType()));
  op->getResult(0).replaceAllUsesWith(moved->getResult(0));
  op->erase();
  // A dead view would count as a second reader and end the fused tail here.
  if (view->use_empty())
    view->erase();
  return true;
}

void sinkViews(ModuleOp module) {
  for (func::FuncOp function : functionsOf(module))
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
      sinkOne(&op);
}

} // namespace nacre::fuse
