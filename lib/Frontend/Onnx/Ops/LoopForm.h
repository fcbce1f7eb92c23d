//===- LoopForm.h - what Loop and Scan have in common -----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_LOOPFORM_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_LOOPFORM_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// A loop as both Loop and Scan are.
struct LoopForm {
  const onnx::GraphProto &graph;
  bool countsAndTests = false;  ///< the body takes (i, condition), gives one
  std::optional<int64_t> times; ///< when known
  std::optional<int64_t> most;  ///< a bound, when known
  Value trips;                  ///< else, or null for no limit
  llvm::SmallVector<Datum> carried;
  llvm::SmallVector<Value> scanned;
  llvm::SmallVector<bool> backward; ///< per scanned, then per collected
};

/// Carried results, then collected ones, with the collected axis in front.
/// nullopt when something inside was blocked, which is said in the importer's
/// messages.
std::optional<llvm::SmallVector<Datum>> runLoop(Node &n, LoopForm &form);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_LOOPFORM_H
