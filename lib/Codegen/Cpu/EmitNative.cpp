//===- EmitNative.cpp - a scheduled program to native code ----------------===//
#include "Cpu.h"
#include "nacre/Artifact/ModelTable.h"

using namespace mlir;
namespace nacre {
using namespace nacre::codegen;

llvm::Expected<CompiledCode> emitNative(Program &program,
                                        const CodegenOptions &options) {
  CompiledCode code;
  code.madeFor = options.triple + ", cpu " + options.cpu;
  code.triple = options.triple;
  code.cpu = options.cpu;
  code.features = options.features;
  auto machine = makeTargetMachine(options);
  if (!machine)
    return machine.takeError();
  auto lowered = lowerProgram(program, options.symbol, code);
  if (!lowered)
    return lowered.takeError();
  llvm::LLVMContext context;
  auto module = lowerToLlvm(*lowered->module, context, **machine);
  if (!module)
    return module.takeError();
  for (llvm::Function &f : **module)
    if (!f.isDeclaration())
      f.setLinkage(llvm::GlobalValue::InternalLinkage);
  addEntryPoint(**module, *lowered, code, options);
  artifact::addModelTable(**module, code, options);
  if (options.keepKernelText) {
    llvm::raw_string_ostream text(code.kernelText);
    (*module)->print(text, nullptr);
  }
  auto object = emitObject(**module, **machine, options.optLevel);
  if (!object)
    return object.takeError();
  code.object = std::move(*object);
  return std::move(code);
}

} // namespace nacre
