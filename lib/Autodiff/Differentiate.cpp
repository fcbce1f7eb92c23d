//===- Differentiate.cpp - gradients over the lazy IR ---------------------===//
//
// Reverse mode: one walk over the block from the loss backwards. Each operation
// that lies between the loss and a tensor in question is given the gradient of
// its result, complete by then since every reader stands below, and its rule
// (DifferentiableOpInterface) says what each operand's gradient gets of it.
//
// What lies between is found first, by a walk forwards: a value is on a path
// when it is a float and some operand of its operation is. Integers and
// booleans end a path; so nothing is asked about a comparison or an index, and
// no gradient of a constant is ever built.
//
// The forward values that rules use are read where they are. What of them is
// kept in memory until then is decided by fusion and the memory plan, or by
// Rematerialise.cpp.
//
//===----------------------------------------------------------------------===//
#include "nacre/Autodiff/Differentiate.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
namespace nacre::autodiff {
using lazy::Build;

static bool isFloat(Value v) {
  auto type = dyn_cast<RankedTensorType>(v.getType());
  return type && lazy::isFloatElement(type.getElementType());
}

namespace {
class ReverseWalk {
public:
  ReverseWalk(Build build, Value loss, ArrayRef<Value> wrt)
      : build(build), loss(loss), onPath(wrt.begin(), wrt.end()) {
    assert(llvm::all_of(wrt, isFloat) && isFloat(loss));
    for (Operation &op : *loss.getParentBlock()) {
      if (llvm::none_of(op.getOperands(),
                        [&](Value v) { return onPath.contains(v); }))
        continue;
      for (Value result : op.getResults())
        if (isFloat(result))
          onPath.insert(result);
    }
  }

  LogicalResult run() {
    if (!onPath.contains(loss))
      return success();
    gradients[loss] = build.splatLike(loss, 1);
    // Rules build behind the last operation, or in another place that the loss
    // dominates: not among these.
    for (Operation *op = loss.getDefiningOp(); op; op = op->getPrevNode())
      if (failed(visit(op)))
        return failure();
    return success();
  }

  /// Null where the loss does not depend on v.
  Value gradientOf(Value v) const { return gradients.lookup(v); }

private:
  LogicalResult visit(Operation *op) {
    auto isWanted = [&](Value v) { return onPath.contains(v); };
    if (llvm::none_of(op->getOperands(), isWanted) ||
        llvm::none_of(op->getResults(),
                      [&](Value v) { return gradients.contains(v); }))
      return success();
    auto rule = dyn_cast<lazy::DifferentiableOpInterface>(op);
    if (!rule || !rule.hasGradient())
      return op->emitOpError("has no gradient");
    Value g = gradientOf(op->getResult(0));
    build.loc = op->getLoc();
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isWanted(operand.get()))
        continue;
      Value part = rule.gradient(build, g, operand.getOperandNumber());
      if (!part)
        continue;
      assert(part.getType() == operand.get().getType() &&
             "a gradient has the type of its tensor");
      Value &sum = gradients[operand.get()];
      sum = sum ? build.binary<lazy::AddOp>(sum, part) : part;
    }
    return success();
  }

  Build build;
  Value loss;
  llvm::DenseSet<Value> onPath;
  llvm::DenseMap<Value, Value> gradients;
};
} // namespace

FailureOr<SmallVector<Value>> differentiate(Build build, Value loss,
                                            ArrayRef<Value> wrt) {
  ReverseWalk walk(build, loss, wrt);
  if (failed(walk.run()))
    return failure();
  SmallVector<Value> result;
  for (Value v : wrt) {
    Value g = walk.gradientOf(v);
    result.push_back(g ? g : build.splatLike(v, 0));
  }
  return result;
}

LogicalResult differentiateMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return module.emitError("has no function main to differentiate");
  auto ret = cast<func::ReturnOp>(main.getBody().front().getTerminator());
  auto type = ret.getNumOperands()
                  ? dyn_cast<RankedTensorType>(ret.getOperand(0).getType())
                  : RankedTensorType();
  if (!type || type.getRank() != 0 || !isFloat(ret.getOperand(0)))
    return ret.emitOpError("operand 0 must be a scalar float, of which "
                           "gradients can be taken");
  SmallVector<Value> wrt;
  SmallVector<std::string> names;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (!main.getArgAttr(i, "lazy.gradient"))
      continue;
    auto name = main.getArgAttrOfType<StringAttr>(i, "lazy.name");
    names.push_back("d_" + (name ? name.str() : "arg" + std::to_string(i)));
    wrt.push_back(main.getArgument(i));
    if (!isFloat(wrt.back()))
      return main.emitOpError("argument ")
             << i << " has a gradient only when it is a float tensor, it is "
             << wrt.back().getType();
    main.removeArgAttr(i, "lazy.gradient");
  }
  OpBuilder b(ret);
  auto gradients =
      differentiate(Build{b, ret.getLoc()}, ret.getOperand(0), wrt);
  if (failed(gradients))
    return failure();
  for (auto [gradient, name] : llvm::zip(*gradients, names)) {
    auto attributes =
        b.getDictionaryAttr(b.getNamedAttr("lazy.name", b.getStringAttr(name)));
    if (failed(main.insertResult(main.getNumResults(), gradient.getType(),
                                 attributes)))
      return failure();
    ret.getOperandsMutable().append(gradient);
  }
  return success();
}

} // namespace nacre::autodiff
