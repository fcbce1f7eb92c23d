//===- Cpu.h - steps of native code generation ------------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_CPU_H
#define NACRE_CODEGEN_CPU_CPU_H

#include "../Lower/LowerProgram.h"
#include "nacre/Codegen/Native.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace nacre::codegen {

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const NativeOptions &options);

/// Kernel functions in upstream dialects to an LLVM module.
llvm::Expected<std::unique_ptr<llvm::Module>>
lowerToLlvm(mlir::ModuleOp module, llvm::LLVMContext &context,
            const llvm::TargetMachine &machine);

/// Runs LLVM's optimiser and emits an object file.
llvm::Expected<std::string> emitObject(llvm::Module &module,
                                       llvm::TargetMachine &machine,
                                       unsigned optLevel);

/// Adds SYMBOL_run_generic, which calls the kernels in order through the
/// executor when there is one.
void addEntryPoint(llvm::Module &module, llvm::ArrayRef<KernelCall> calls,
                   const NativeCode &code, const NativeOptions &options);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_CPU_CPU_H
