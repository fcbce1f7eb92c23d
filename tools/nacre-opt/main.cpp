//===- main.cpp - passes on textual IR ------------------------------------===//

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "nacre/Driver/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  nacre::registerDialects(registry);
  nacre::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "lazy IR passes\n", registry));
}
