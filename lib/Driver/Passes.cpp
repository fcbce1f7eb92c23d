//===- Passes.cpp - the pipeline's steps by name --------------------------===//
//
// nacre-opt runs single steps for tests; the compiler itself calls the
// functions (Pipeline.cpp).
//
//===----------------------------------------------------------------------===//

#include "nacre/Driver/Passes.h"
#include "../Codegen/Decompose/Decompose.h"
#include "mlir/Pass/Pass.h"
#include "nacre/Autodiff/Differentiate.h"
#include "nacre/Autodiff/MixedPrecision.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Schedule/KernelGroup.h"
#include "nacre/Schedule/Schedule.h"

using mlir::LogicalResult;
using mlir::ModuleOp;

namespace nacre {

namespace {
/// A pass around one function on a module.
class StepPass
    : public mlir::PassWrapper<StepPass, mlir::OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(StepPass)
  using Step = LogicalResult (*)(ModuleOp);

  StepPass(const char *argument, const char *summary, Step step)
      : argument(argument), summary(summary), step(step) {}
  StepPass(const StepPass &) = default;

  llvm::StringRef getArgument() const override { return argument; }
  llvm::StringRef getDescription() const override { return summary; }
  llvm::StringRef getName() const override { return argument; }
  void runOnOperation() override {
    if (failed(step(getOperation())))
      signalPassFailure();
  }

private:
  const char *argument, *summary;
  Step step;
};

/// decompose, with what is lacking as options; nothing by default.
class DecomposePass
    : public mlir::PassWrapper<DecomposePass, mlir::OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DecomposePass)
  DecomposePass() = default;
  DecomposePass(const DecomposePass &other) : PassWrapper(other) {}

  llvm::StringRef getArgument() const override { return "decompose"; }
  llvm::StringRef getDescription() const override {
    return "kernels in terms of what a text target has";
  }
  void getDependentDialects(mlir::DialectRegistry &registry) const override {
    registerDialects(registry);
  }
  void runOnOperation() override {
    codegen::Lacks lacks;
    lacks.f64 = f64;
    lacks.i64 = i64;
    lacks.reliableNaN = !nan;
    lacks.ops.insert(ops.begin(), ops.end());
    if (failed(codegen::decompose(getOperation(), lacks)))
      signalPassFailure();
  }

private:
  Option<bool> f64{*this, "no-f64", llvm::cl::desc("f64 is computed in f32")};
  Option<bool> i64{*this, "no-i64", llvm::cl::desc("i64 is two i32")};
  Option<bool> nan{*this, "no-nan",
                   llvm::cl::desc("the target may assume that NaN is absent")};
  ListOption<std::string> ops{*this, "no-ops",
                              llvm::cl::desc("operations to expand")};
};

/// rematerialise, with its budget.
class RematerialisePass
    : public mlir::PassWrapper<RematerialisePass,
                               mlir::OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RematerialisePass)
  RematerialisePass() = default;
  RematerialisePass(const RematerialisePass &other) : PassWrapper(other) {}

  llvm::StringRef getArgument() const override { return "rematerialise"; }
  llvm::StringRef getDescription() const override {
    return "kernels run twice where memory is above a budget";
  }
  void runOnOperation() override {
    if (failed(schedule::rematerialise(getOperation(), budget)))
      signalPassFailure();
  }

private:
  Option<int64_t> budget{*this, "budget",
                         llvm::cl::desc("bytes of the arena at most")};
};
} // namespace

/// Without a weights file: what folds are splats and iotas.
static LogicalResult foldConstants(ModuleOp module) {
  Program program;
  program.module = mlir::OwningOpRef<ModuleOp>(module);
  fuse::foldConstants(program, int64_t(64) << 20);
  (void)program.module.release();
  return mlir::success();
}

static LogicalResult sumBytes(ModuleOp module) {
  Program program;
  program.module = mlir::OwningOpRef<ModuleOp>(module);
  fuse::sumBytes(program);
  (void)program.module.release();
  return mlir::success();
}

static LogicalResult winograd(ModuleOp module) {
  Program program;
  program.module = mlir::OwningOpRef<ModuleOp>(module);
  fuse::foldConstants(program, int64_t(64) << 20);
  fuse::winograd(program);
  (void)program.module.release();
  return mlir::success();
}

void registerPasses() {
  mlir::PassRegistration<DecomposePass>();
  mlir::PassRegistration<RematerialisePass>();
  struct Entry {
    const char *argument, *summary;
    StepPass::Step step;
  };
  static const Entry entries[] = {
      {"verify-program", "checks what every phase may rely on",
       [](ModuleOp module) { return lazy::verifyProgram(module); }},
      {"canonicalize-lazy", "folders, canonical forms, dead code",
       fuse::canonicalize},
      {"expand-writes", "writes become choices",
       [](ModuleOp module) {
         fuse::expandWrites(module);
         return mlir::success();
       }},
      {"expand-control-flow", "loops are unrolled, branches become choices",
       [](ModuleOp module) { return fuse::expandControlFlow(module); }},
      {"fold-constants", "operations of constants become weights",
       foldConstants},
      {"sum-bytes", "contractions of quantized numbers sum bytes", sumBytes},
      {"raise-contraction", "sums of products become lazy.contract",
       [](ModuleOp module) {
         fuse::raiseContraction(module);
         return mlir::success();
       }},
      {"raise-contraction-sum-rows", "the same, but for a matrix and one row",
       [](ModuleOp module) {
         fuse::raiseContraction(module, /*sumRows=*/true);
         return mlir::success();
       }},
      {"winograd", "constants fold, convolutions become products of tiles",
       winograd},
      {"split-reductions", "long reductions with few results get two steps",
       [](ModuleOp module) {
         fuse::splitReductions(module);
         return mlir::success();
       }},
      {"differentiate", "appends the gradients of result 0",
       autodiff::differentiateMain},
      {"mix-precision", "operands of contractions are rounded to bf16",
       [](ModuleOp module) {
         autodiff::mixPrecision(module);
         return mlir::success();
       }},
      {"sink-views", "reshape and permute move below elementwise operations",
       [](ModuleOp module) {
         fuse::sinkViews(module);
         return mlir::success();
       }},
      {"form-kernels", "operations are grouped into lazy.kernel",
       [](ModuleOp module) { return fuse::formKernels(module, {}); }},
      {"form-single-kernels", "one kernel an operation, as at -O0",
       [](ModuleOp module) { return fuse::formKernels(module, {false}); }},
      {"plan-memory", "every tensor gets a place", schedule::planMemory},
      {"choose-schedules", "kernels get schedules for a plain machine",
       [](ModuleOp module) {
         return schedule::chooseSchedules(module, MachineDescription());
       }},
      {"group-kernels", "neighbours run slice by slice",
       [](ModuleOp module) {
         return schedule::groupKernels(module, MachineDescription());
       }},
      {"verify-schedule", "checks places and schedules",
       schedule::verifySchedule}};
  for (const Entry &entry : entries)
    mlir::registerPass([&entry]() -> std::unique_ptr<mlir::Pass> {
      return std::make_unique<StepPass>(entry.argument, entry.summary,
                                        entry.step);
    });
}

} // namespace nacre
