//===- LowerToLlvm.cpp - upstream dialects to LLVM IR to an object --------===//
#include "Cpu.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "nacre/Schedule/KernelGroup.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

/// exp, log, tanh and erf in f32 as polynomials in registers: no libm calls.
struct ExpandMath : PassWrapper<ExpandMath, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandMath)
  StringRef getArgument() const final { return "nacre-expand-math"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, math::MathDialect,
                    vector::VectorDialect>();
  }
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    auto wanted = [](StringRef name) {
      return llvm::is_contained(
          {"math.log", "math.tanh", "math.erf", "log", "tanh", "erf"}, name);
    };
    populateExpandExp(patterns);
    populateMathF32ExpansionPatterns(patterns, wanted);
    populateMathPolynomialApproximationPatterns(patterns, wanted);
    (void)applyPatternsGreedily(getOperation(), std::move(patterns));
  }
};

} // namespace

llvm::Expected<std::unique_ptr<llvm::Module>>
lowerToLlvm(ModuleOp module, llvm::LLVMContext &context,
            const llvm::TargetMachine &machine) {
  MLIRContext *mlirContext = module.getContext();
  registerBuiltinDialectTranslation(*mlirContext);
  registerLLVMDialectTranslation(*mlirContext);
  module->setAttr(
      LLVM::LLVMDialect::getDataLayoutAttrName(),
      StringAttr::get(mlirContext,
                      machine.createDataLayout().getStringRepresentation()));

  PassManager passes(mlirContext);
  passes.enableVerifier(false); // each kernel was verified when it was made
  passes.addPass(lowerDotProducts(machine));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(std::make_unique<ExpandMath>());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true; // the conversion instructions flush denormals
  passes.addPass(arith::createArithExpandOpsPass(expand));
  passes.addPass(createSCFToControlFlowPass());
  // What has an LLVM intrinsic first; libm takes the rest lane by lane, which
  // leaves vector operations behind.
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createConvertMathToLibmPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  passes.addPass(createArithToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(functions));
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createUBToLLVMConversionPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(module)))
    return llvm::createStringError("kernels could not be lowered to LLVM");
  // Of a slice's tensor no more than the slice lies in memory, and where it
  // would begin need not be an address (GroupKernel.cpp).
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(schedule::sliceAttr))
      function.walk([](LLVM::GEPOp address) {
        address.setNoWrapFlags(LLVM::GEPNoWrapFlags::none);
      });
  auto result = translateModuleToLLVMIR(module, context, "nacre");
  if (!result)
    return llvm::createStringError(
        "kernels could not be translated to LLVM IR");
  result->setDataLayout(machine.createDataLayout());
  result->setTargetTriple(machine.getTargetTriple());
  return result;
}

llvm::Expected<std::string> emitObject(llvm::Module &module,
                                       llvm::TargetMachine &machine,
                                       unsigned optLevel) {
  for (llvm::Function &f : module) {
    if (f.isDeclaration())
      continue;
    f.addFnAttr("target-cpu", machine.getTargetCPU());
    f.addFnAttr("target-features", machine.getTargetFeatureString());
    f.addFnAttr("prefer-vector-width", "512");
    f.addFnAttr(llvm::Attribute::NoUnwind);
    // Loops stay loops: no calls of memcpy or memset appear out of nowhere.
    f.addFnAttr("no-builtins");
  }
  llvm::PipelineTuningOptions tuning;
  tuning.SLPVectorization = false; // kernels are vectorised already
  tuning.LoopVectorization = optLevel >= 2;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager cgscc;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(cgscc);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, cgscc, modules);
  llvm::OptimizationLevel level = optLevel == 1   ? llvm::OptimizationLevel::O1
                                  : optLevel == 2 ? llvm::OptimizationLevel::O2
                                                  : llvm::OptimizationLevel::O3;
  llvm::ModulePassManager passes =
      optLevel == 0
          ? builder.buildO0DefaultPipeline(llvm::OptimizationLevel::O0)
          : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);

  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager emission;
  if (machine.addPassesToEmitFile(emission, stream, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("this target cannot emit object files");
  emission.run(module);
  return std::string(bytes.str());
}

} // namespace nacre::codegen
