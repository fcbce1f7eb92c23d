//===- GroupKernel.h - kernels that run slice by slice ----------*- C++ -*-===//
#ifndef NACRE_CODEGEN_LOWER_GROUPKERNEL_H
#define NACRE_CODEGEN_LOWER_GROUPKERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Schedule/KernelGroup.h"

namespace nacre::codegen {

/// A member of a group, lowered: fn(operands.., results.., status, begin, end).
struct GroupMember {
  std::string function;
  mlir::FunctionType type;
};

/// One launch of a group as a function in `module`:
///   fn(buffers.., slots, status, threads, begin, end)
/// The buffers are those of the members in turn that are not stored by slices.
/// It runs the parts [begin, end) of as many as there are threads, but not more
/// than slots, and uses the slot `begin`.
mlir::func::FuncOp lowerGroup(const schedule::KernelGroup &group,
                              llvm::ArrayRef<GroupMember> members,
                              mlir::ModuleOp module, llvm::StringRef name);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_LOWER_GROUPKERNEL_H
