//===- Program.h - what the phases hand to each other -----------*- C++ -*-===//
#ifndef NACRE_LAZY_PROGRAM_H
#define NACRE_LAZY_PROGRAM_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "nacre/Lazy/WeightStore.h"

namespace nacre {

/// A module with one function `main` over tensors, and the weights it names.
/// Arguments and results carry the attributes `lazy.name` (the model's own
/// name of the tensor, a string).
struct Program {
  std::string name;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<WeightStore> weights = std::make_shared<WeightStore>();
};

} // namespace nacre

#endif // NACRE_LAZY_PROGRAM_H
