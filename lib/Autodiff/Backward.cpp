//===- Backward.cpp - a forward pass with its gradients -------------------===//
#include "Backward.h"
#include "Optimizers.h"
#include "nacre/Autodiff/Differentiate.h"
#include "nacre/Autodiff/MixedPrecision.h"
#include "nacre/Failure/Failure.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/DiagnosticLog.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nacre::autodiff {
using namespace nacre::lazy;

//===----------------------------------------------------------------------===//
// What the data must hold
//===----------------------------------------------------------------------===//

static bool dependsOnArguments(Value value) {
  llvm::SetVector<Value> reached;
  reached.insert(value);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (isa<BlockArgument>(reached[i]))
      return true;
    for (Value operand : reached[i].getDefiningOp()->getOperands())
      reached.insert(operand);
  }
  return false;
}

/// Whether every index of the operations of `block` along an axis lies within
/// it, and every condition that the block requires holds: an i1 scalar.
static Value dataIsValid(Build build, Block &block) {
  llvm::SetVector<std::pair<Value, int64_t>> indices;
  llvm::SetVector<Value> conditions;
  for (Operation &op : block) {
    if (auto require = dyn_cast<RequireOp>(op))
      conditions.insert(require.getOk());
    if (auto gather = dyn_cast<GatherOp>(op))
      indices.insert(
          {gather.getIndex(),
           boundedShape(tensorType(gather.getX()))[gather.getAxis()]});
    if (auto scatter = dyn_cast<ScatterOp>(op))
      indices.insert({scatter.getIndex(),
                      boundedShape(scatter.getType())[scatter.getAxis()]});
  }
  Type i64 = build.b.getI64Type();
  Value all = build.splat(build.b.getI1Type(), 1);
  for (auto [index, extent] : indices) {
    if (!dependsOnArguments(index))
      continue;
    // Of no index the least is the largest integer, and the other way round.
    Value least =
        build.cast(build.reduce(ReduceKind::min, index, allAxes(index)), i64);
    Value most =
        build.cast(build.reduce(ReduceKind::max, index, allAxes(index)), i64);
    for (Value holds :
         {build.cmp(CmpKind::ge, least, build.splat(i64, -double(extent))),
          build.cmp(CmpKind::lt, most, build.splat(i64, double(extent)))})
      all = build.binary<AndOp>(all, holds);
  }
  for (Value ok : conditions)
    all = build.binary<AndOp>(all,
                              build.reduce(ReduceKind::min, ok, allAxes(ok)));
  return all;
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

/// Whether a gather picks from it, perhaps through views and casts.
static bool isTable(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<GatherOp>(user))
      return use.getOperandNumber() == 0;
    return isa<CastOp, ViewOpInterface>(user) && isTable(user->getResult(0));
  });
}

static std::vector<Learned> parametersOf(MainFunction &main) {
  std::vector<Learned> parameters;
  for (const autodiff::State &state : statesOf(main.function))
    if (state.kind == StateKind::Parameter) {
      Value before = main.function.getArgument(state.argument);
      bool isMatrix = llvm::count_if(state.type.getShape(), [](int64_t extent) {
                        return extent > 1;
                      }) >= 2;
      parameters.push_back({state, before, {}, isMatrix && !isTable(before)});
    }
  return parameters;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

static ModuleOp moduleOf(MainFunction &main) {
  return main.function->getParentOfType<ModuleOp>();
}

/// Appends the gradients to the results of main.
static LogicalResult differentiateMain(MainFunction &main,
                                       const TrainingSpec &spec,
                                       std::vector<NamedResult> &results,
                                       ArrayRef<Learned> parameters) {
  SmallVector<Value> wrt;
  for (const Learned &parameter : parameters)
    wrt.push_back(parameter.before);
  Build build = main.build("gradient");
  Value loss = results[0].value;
  if (spec.lossScale != 1)
    loss = build.binary<MulOp>(loss, build.splatLike(loss, spec.lossScale));
  FailureOr<SmallVector<Value>> gradients = differentiate(build, loss, wrt);
  if (failed(gradients))
    return failure();
  for (auto [parameter, gradient] : llvm::zip_equal(parameters, *gradients)) {
    Value g =
        build.cast(gradient, updateType(parameter.state.type.getElementType()));
    if (spec.lossScale != 1)
      g = build.binary<MulOp>(g, build.splatLike(g, 1 / spec.lossScale));
    results.push_back({parameter.state.name, g, std::nullopt});
  }
  main.setResults(results);
  return success();
}

llvm::Expected<Backward> buildBackward(MainFunction &main,
                                       const TrainingSpec &spec) {
  DiagnosticLog log(*main.function.getContext());
  ModuleOp module = moduleOf(main);
  fuse::expandWrites(module);
  if (failed(fuse::expandControlFlow(module)))
    return fail(ExitModel, log.lines());
  if (failed(fuse::canonicalize(module)))
    return fail(ExitBug, log.lines());
  fuse::raiseContraction(module);

  Backward backward;
  backward.parameters = parametersOf(main);
  if (backward.parameters.empty())
    return fail(ExitModel, "the model has no parameter that learns");
  std::vector<NamedResult> results = main.results();
  size_t forward = results.size();
  results.push_back({"valid",
                     dataIsValid(main.build("indices"), main.function.front()),
                     std::nullopt});
  if (failed(differentiateMain(main, spec, results, backward.parameters)))
    return fail(ExitModel, log.lines());

  // The passes replace values; as results of main they are found again.
  fuse::raiseContraction(module);
  if (spec.bf16)
    mixPrecision(module);
  if (failed(fuse::canonicalize(module)))
    return fail(ExitBug, log.lines());
  results = main.results();
  backward.loss = results[0].value;
  for (size_t i = 1; i < forward; ++i)
    (results[i].kind ? backward.buffers : backward.metrics)
        .push_back(results[i]);
  backward.valid = results[forward].value;
  for (auto [i, parameter] : llvm::enumerate(backward.parameters))
    parameter.gradient = results[forward + 1 + i].value;
  return backward;
}

} // namespace nacre::autodiff
