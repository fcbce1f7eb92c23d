//===- main.cpp - passes on textual IR ------------------------------------===//
//
//   nacre-opt FILE --PASS ..
//   nacre-opt --render=opencl|wgsl FILE     kernels as text
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "../../lib/Codegen/OpenCL/OpenCl.h"
#include "../../lib/Codegen/Wgsl/Wgsl.h"
#include "nacre/Driver/Passes.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

static int render(mlir::DialectRegistry &registry, llvm::StringRef language,
                  llvm::StringRef file) {
  mlir::MLIRContext context(registry);
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(file, sources, &context);
  if (!module)
    return 1;
  llvm::FailureOr<std::string> text =
      language == "opencl" ? nacre::codegen::renderOpenCl(*module)
                           : nacre::codegen::renderWgsl(*module, uint64_t(128) << 20);
  if (failed(text))
    return 1;
  llvm::outs() << *text;
  return 0;
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  nacre::registerDialects(registry);
  registry.insert<mlir::gpu::GPUDialect>();
  llvm::StringRef option = argc == 3 ? argv[1] : "";
  if (option == "--render=opencl" || option == "--render=wgsl")
    return render(registry, option.substr(9), argv[2]);
  nacre::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "lazy IR passes\n", registry));
}
