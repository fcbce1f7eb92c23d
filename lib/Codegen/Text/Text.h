//===- Text.h - what a printed kernel needs to run --------------*- C++ -*-===//
//
// A module of kernels in scalar code of upstream dialects is printed as text
// that one can read; Printer.h says how, and each language has its Render.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_TEXT_TEXT_H
#define NACRE_CODEGEN_TEXT_TEXT_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace nacre::codegen {

/// What a kernel asks of a device and of who launches it.
struct KernelUse {
  /// A storage binding of WGSL; the first has number 1.
  struct Binding {
    enum Space { Memory, Weights, Status } space;
    /// Weights: position among the kernel's buffers (its memref arguments with
    /// a space), and which of the chunks that the buffer lies in.
    unsigned buffer = 0, chunk = 0;
  };
  bool status = false;         ///< reports errors
  unsigned storageBuffers = 0; ///< of WGSL: bindings.size()
  uint64_t workgroupBytes = 0;
  int64_t invocations = 0; ///< work-items of a group
  unsigned params = 0;     ///< u32 values of WGSL's uniform block
  std::vector<Binding> bindings;
};
KernelUse kernelUse(mlir::func::FuncOp kernel);

/// Whether `name` means something in either language, so that no kernel and no
/// helper function may be called so.
bool isReservedName(llvm::StringRef name);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_TEXT_TEXT_H
