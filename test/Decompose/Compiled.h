//===- Compiled.h - functions in upstream dialects, run here ----*- C++ -*-===//
#ifndef NACRE_TEST_DECOMPOSE_COMPILED_H
#define NACRE_TEST_DECOMPOSE_COMPILED_H

#include "Decompose/Decompose.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace nacre::test {

/// A module through the CPU pipeline, loaded into this process. The module is
/// used up.
class Compiled {
public:
  static llvm::Expected<std::unique_ptr<Compiled>> load(mlir::ModuleOp module);
  ~Compiled();
  /// Calls a function of pointers and indices, at most twelve.
  void call(llvm::StringRef name, llvm::ArrayRef<uint64_t> arguments) const;

private:
  void *handle = nullptr;
};

} // namespace nacre::test

#endif // NACRE_TEST_DECOMPOSE_COMPILED_H
