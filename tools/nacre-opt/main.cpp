//===- main.cpp - passes on textual IR ------------------------------------===//
//
//   nacre-opt FILE --PASS ..
//   nacre-opt --render=TARGET FILE          kernels as text
//   nacre-opt --render=use FILE             what each kernel uses
//
//===----------------------------------------------------------------------===//

#include "../../lib/Codegen/Text/Text.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "nacre/Codegen/Target.h"
#include "nacre/Driver/Passes.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

static void printUse(mlir::func::FuncOp kernel) {
  using Binding = nacre::codegen::KernelUse::Binding;
  nacre::codegen::KernelUse use = nacre::codegen::kernelUse(kernel);
  llvm::outs() << kernel.getName() << ": " << use.invocations
               << " invocations, " << use.workgroupBytes
               << " bytes of workgroup memory, " << use.params << " params, "
               << use.storageBuffers << " storage buffers:";
  for (const Binding &binding : use.bindings)
    if (binding.space == Binding::Weights)
      llvm::outs() << " weights(buffer " << binding.buffer << ", chunk "
                   << binding.chunk << ")";
    else
      llvm::outs() << (binding.space == Binding::Memory ? " memory"
                                                        : " status");
  llvm::outs() << "\n";
}

static int render(mlir::DialectRegistry &registry, llvm::StringRef language,
                  llvm::StringRef file) {
  mlir::MLIRContext context(registry);
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(file, sources, &context);
  if (!module)
    return 1;
  if (language == "use") {
    for (auto function : module->getOps<mlir::func::FuncOp>())
      if (function->hasAttr("nacre.kernel"))
        printUse(function);
    return 0;
  }
  auto target = nacre::findTarget(language);
  if (!target)
    return nacre::report(target.takeError());
  auto text = (*target)->render(*module);
  if (!text)
    return nacre::report(text.takeError());
  llvm::outs() << *text;
  return 0;
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  nacre::registerDialects(registry);
  llvm::StringRef option = argc == 3 ? argv[1] : "";
  if (option.consume_front("--render="))
    return render(registry, option, argv[2]);
  nacre::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "lazy IR passes\n", registry));
}
