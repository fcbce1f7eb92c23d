//===- Cpu.h - steps of native code generation ------------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_CPU_H
#define NACRE_CODEGEN_CPU_CPU_H

#include "../Lower/LowerProgram.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace nacre::codegen {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const CodegenOptions &options);

/// Kernel functions in upstream dialects to an LLVM module.
llvm::Expected<std::unique_ptr<llvm::Module>>
lowerToLlvm(mlir::ModuleOp module, llvm::LLVMContext &context,
            const llvm::TargetMachine &machine);

/// Sums of four products of bytes as instructions, where the machine has them.
std::unique_ptr<mlir::Pass>
lowerDotProducts(const llvm::TargetMachine &machine);
bool hasDotProducts(const llvm::TargetMachine &machine);

/// Makes exponentials of f32 polynomials (ExpandExp.cpp).
void populateExpandExp(mlir::RewritePatternSet &patterns);

/// Runs LLVM's optimiser and emits an object file.
llvm::Expected<std::string> emitObject(llvm::Module &module,
                                       llvm::TargetMachine &machine,
                                       unsigned optLevel);

/// Adds SYMBOL_run_generic, which takes the program's steps and calls its
/// kernels through the executor when there is one.
void addEntryPoint(llvm::Module &module, const LoweredProgram &lowered,
                   const CompiledCode &code, const CodegenOptions &options);

} // namespace nacre::codegen

namespace nacre {

/// Emits machine code for a program after the schedule phase. The weights of
/// `program` must outlive the segments.
llvm::Expected<CompiledCode> emitNative(Program &program,
                                        const CodegenOptions &options);

namespace cpu {

/// The machine behind (triple, cpu, features), which are filled in: "host" is
/// resolved to a name.
llvm::Expected<MachineDescription> describeMachine(CodegenOptions &options);

} // namespace cpu
} // namespace nacre

#endif // NACRE_CODEGEN_CPU_CPU_H
