//===- Trial.cpp - one kernel with several schedules ----------------------===//

#include "Trial.h"
#include "Data.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Schedule/KernelNest.h"

using namespace mlir;
namespace nacre::driver {
using namespace nacre::lazy;

llvm::Expected<Trial> Trial::load(Program &program, const Toolchain &tools) {
  Trial trial;
  CodegenOptions options = tools.options;
  options.embedWeights = false;
  llvm::Expected<CompiledCode> code = tools.target->emit(program, options);
  if (!code)
    return code.takeError();
  auto model = tools.target->load(*code, options, tools.threads);
  if (!model)
    return model.takeError();
  std::vector<Tensor> inputs;
  for (auto [i, input] : llvm::enumerate(code->inputs)) {
    if (!input.state.empty())
      break; // states are zeros
    inputs.push_back(randomTensor(input.dtype, input.shape, i));
  }
  llvm::StringMap<int64_t> dims;
  for (auto [name, range] : llvm::zip_equal(code->dimNames, code->dimRanges))
    dims[name] = range.most;
  llvm::Expected<Call> call = (*model)->prepare(inputs, dims);
  if (!call)
    return call.takeError();
  trial.infos = std::move(code->kernels);
  trial.samples.resize(trial.infos.size());
  trial.model = std::move(*model);
  trial.call = std::move(*call);
  auto warm = trial.model->measure(trial.call, 0, 1);
  if (!warm)
    return warm.takeError();
  return std::move(trial);
}

llvm::Error Trial::measure(double seconds) {
  auto more = model->measureKernels(call, seconds);
  if (!more)
    return more.takeError();
  if (more->size() != samples.size()) {
    samples.clear();
    return llvm::Error::success();
  }
  for (auto [all, some] : llvm::zip_equal(samples, *more))
    llvm::append_range(all, some);
  return llvm::Error::success();
}

std::vector<double> Trial::times() const {
  std::vector<double> medians;
  for (std::vector<double> sorted : samples) {
    size_t middle = sorted.size() / 2;
    std::nth_element(sorted.begin(), sorted.begin() + middle, sorted.end());
    medians.push_back(sorted.empty() ? 0 : sorted[middle]);
  }
  return medians;
}

bool runsAlone(KernelOp kernel) {
  auto isStatic = [](Value v) {
    RankedTensorType type = tensorType(v);
    return type.hasStaticShape() && type.getNumElements() > 0;
  };
  if (schedule::writeOf(kernel) ||
      !llvm::all_of(kernel.getOperands(), isStatic) ||
      !llvm::all_of(kernel.getResults(), isStatic))
    return false;
  return llvm::none_of(kernel.getBody().front(), [](Operation &op) {
    return op.hasAttr(lazy::openExtents) || op.hasAttr(openDims) ||
           op.hasAttr(openBeyond) || isa<RequireOp>(op);
  });
}

/// Elements from the first to the last that lie at these strides.
static int64_t spanOf(ArrayRef<int64_t> strides, ArrayRef<int64_t> shape) {
  int64_t last = 0, count = 1;
  for (auto [stride, extent] : llvm::zip_equal(strides, shape)) {
    last += stride * (extent - 1);
    count *= extent;
  }
  return std::max(last + 1, count);
}

namespace {
/// Builds the function of a trial.
class TrialBuilder {
public:
  TrialBuilder(KernelOp kernel, func::FuncOp function)
      : kernel(kernel), function(function),
        b(OpBuilder::atBlockEnd(function.addEntryBlock())) {}
  void run(ArrayRef<DictionaryAttr> schedules);
  int64_t arenaBytes = 0;

private:
  /// Elements: offsets keep their place within so many, and so what is aligned.
  static constexpr int64_t unit = 64;
  Value constant(Value v);
  Value input(Value v, PlaceAttr place);
  PlaceAttr moved(PlaceAttr place, StringRef space, int64_t slot,
                  int64_t offset) {
    return PlaceAttr::get(b.getContext(), b.getStringAttr(space), slot, offset,
                          place.getStrides());
  }

  KernelOp kernel;
  func::FuncOp function;
  OpBuilder b;
  IRMapping copies;
};
} // namespace

/// A copy of a weight and of the views of it, or null for what a run computes.
Value TrialBuilder::constant(Value v) {
  if (Value copy = copies.lookupOrNull(v))
    return copy;
  Operation *op = v.getDefiningOp();
  if (!op || (!isa<WeightOp>(op) && !isa<ViewOpInterface>(op)))
    return {};
  for (Value operand : op->getOperands())
    if (!constant(operand))
      return {};
  b.clone(*op, copies);
  return copies.lookup(v);
}

/// A new input that holds what `v` holds, as it lies there.
Value TrialBuilder::input(Value v, PlaceAttr place) {
  RankedTensorType type = tensorType(v);
  int64_t elements = place.getOffset() % unit +
                     spanOf(place.getStrides().asArrayRef(), type.getShape());
  unsigned slot = function.getNumArguments();
  (void)function.insertArgument(
      slot, RankedTensorType::get({elements}, type.getElementType()),
      b.getDictionaryAttr(b.getNamedAttr(
          "lazy.name", b.getStringAttr("operand" + llvm::Twine(slot)))),
      v.getLoc());
  Build build{b, v.getLoc()};
  Value part = build.slice(function.getArgument(slot), {0},
                           {type.getNumElements()}, {1});
  return build.reshape(part, type.getShape());
}

void TrialBuilder::run(ArrayRef<DictionaryAttr> schedules) {
  SmallVector<Value> operands;
  SmallVector<Attribute> from, to;
  for (auto [v, attr] :
       llvm::zip_equal(kernel.getOperands(), *kernel.getOperandPlaces())) {
    auto place = cast<PlaceAttr>(attr);
    if (Value weight = constant(v)) {
      operands.push_back(weight);
      from.push_back(place);
      continue;
    }
    operands.push_back(input(v, place));
    from.push_back(moved(place, "input", function.getNumArguments() - 1,
                         place.getOffset() % unit));
  }
  for (auto [v, attr] :
       llvm::zip_equal(kernel.getResults(), *kernel.getResultPlaces())) {
    auto place = cast<PlaceAttr>(attr);
    RankedTensorType type = tensorType(v);
    int64_t bytes = elementBytes(type.getElementType()),
            offset = place.getOffset() % unit;
    arenaBytes = llvm::alignTo(arenaBytes, unit * bytes);
    to.push_back(moved(place, "arena", 0, arenaBytes / bytes + offset));
    arenaBytes += bytes * (offset + spanOf(place.getStrides().asArrayRef(),
                                           type.getShape()));
  }
  for (DictionaryAttr schedule : schedules) {
    auto copy = cast<KernelOp>(b.clone(*kernel));
    copy->setOperands(operands);
    copy.setOperandPlacesAttr(b.getArrayAttr(from));
    copy.setResultPlacesAttr(b.getArrayAttr(to));
    copy.setScheduleAttr(schedule);
  }
  func::ReturnOp::create(b, kernel.getLoc());
}

Program trialProgram(const Program &program, KernelOp kernel,
                     ArrayRef<DictionaryAttr> schedules) {
  Program trial;
  trial.name = "trial";
  trial.weights = program.weights;
  OpBuilder b(kernel.getContext());
  trial.module = ModuleOp::create(b, kernel.getLoc());
  b.setInsertionPointToEnd(trial.module->getBody());
  auto function = func::FuncOp::create(b, kernel.getLoc(), "main",
                                       b.getFunctionType({}, {}));
  TrialBuilder builder(kernel, function);
  builder.run(schedules);
  (*trial.module)
      ->setAttr("lazy.arena_bytes", b.getI64IntegerAttr(builder.arenaBytes));
  return trial;
}

} // namespace nacre::driver
