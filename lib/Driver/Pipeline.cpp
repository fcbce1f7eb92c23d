//===- Pipeline.cpp - the compiler from top to bottom ---------------------===//
//
// Read this first. One line a pass; what holds from a line on is said there.
//
//===----------------------------------------------------------------------===//

#include "nacre/Driver/Pipeline.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Driver/Passes.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Schedule/KernelGroup.h"
#include "nacre/Schedule/Schedule.h"

using mlir::failure;
using mlir::LogicalResult;
using mlir::ModuleOp;
using mlir::success;

namespace nacre {

/// Results of folding above this stay operations: they would only make the
/// object larger than the model.
static constexpr int64_t maxFoldBytes = int64_t(64) << 20;

void registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<lazy::LazyDialect, mlir::affine::AffineDialect,
                  mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect,
                  mlir::func::FuncDialect, mlir::gpu::GPUDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect,
                  mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::vector::VectorDialect>();
}

std::unique_ptr<mlir::MLIRContext> makeContext() {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<mlir::MLIRContext>(
      registry, mlir::MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

/// The border between phases.
static LogicalResult verifyBorder(ModuleOp module) {
  if (failed(mlir::verify(module)))
    return failure();
  return lazy::verifyProgram(module);
}

/// Primitives to kernels.
static LogicalResult fusePhase(Program &program, const CodegenOptions &options,
                               const MachineDescription &machine) {
  ModuleOp module = *program.module;
  fuse::FuseOptions fusion;
  fusion.enabled = options.optLevel > 0;

  // From here on there are loops and branches only where a run can have them.
  if (!machine.branches && failed(fuse::expandControlFlow(module)))
    return failure();
  // From here on tensors are written to in place only where a run can do so.
  if (machine.groupItems)
    fuse::expandWrites(module);
  // Folders, common subexpressions, dead code.
  if (failed(fuse::canonicalize(module)))
    return failure();
  // From here on contractions of quantized numbers sum bytes.
  if (machine.dotProducts)
    fuse::sumBytes(program);
  // From here on an operation of constants is a weight, if it is not huge.
  fuse::foldConstants(program, maxFoldBytes);
  // From here on sums of products are lazy.contract, whatever they were.
  fuse::raiseContraction(module, /*sumRows=*/!machine.groupItems);
  // From here on some convolutions are products of transformed tiles.
  if (machine.winograd && !options.strictFp)
    fuse::winograd(program);
  // Long reductions with few results have two steps.
  fuse::splitReductions(module);
  // Views stand behind the elementwise operations that can go before them.
  fuse::sinkViews(module);
  // Views that met their inverse on the way are gone.
  if (failed(fuse::canonicalize(module)))
    return failure();
  // From here on `main` holds kernels, sources and views only.
  return fuse::formKernels(module, fusion);
}

/// Kernels to kernels with a schedule, and a place for every tensor.
static LogicalResult schedulePhase(Program &program,
                                   const CodegenOptions &options,
                                   const MachineDescription &machine) {
  ModuleOp module = *program.module;
  // From here on kernels run twice where memory was above the budget, or as
  // far as that goes; `lazy.recomputed` says so.
  if (options.memoryBudget &&
      failed(schedule::rematerialise(module, options.memoryBudget)))
    return failure();
  // From here on every tensor has a place and the arena its size.
  if (failed(schedule::planMemory(module)))
    return failure();
  // From here on nothing else decides how a kernel runs.
  MachineDescription described = machine;
  described.reciprocals &= !options.strictFp;
  if (failed(schedule::chooseSchedules(module, described)))
    return failure();
  // Some neighbours run slice by slice.
  if (options.groups && options.optLevel > 0 &&
      failed(schedule::groupKernels(module, machine)))
    return failure();
  return schedule::verifySchedule(module);
}

LogicalResult runPhases(Program &program, Phase from, Phase to,
                        const CodegenOptions &options,
                        const MachineDescription &machine) {
  auto includes = [&](Phase phase) { return from < phase && phase <= to; };
  if (failed(verifyBorder(*program.module)))
    return failure();
  if (includes(Phase::Fuse) && (failed(fusePhase(program, options, machine)) ||
                                failed(verifyBorder(*program.module))))
    return failure();
  if (includes(Phase::Schedule) &&
      (failed(schedulePhase(program, options, machine)) ||
       failed(verifyBorder(*program.module))))
    return failure();
  return success();
}

} // namespace nacre
