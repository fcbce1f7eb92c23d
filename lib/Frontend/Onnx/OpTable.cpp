//===- OpTable.cpp - which ONNX ops can be imported -----------------------===//
#include "OpTable.h"

using namespace nacre::onnx_frontend;

const OpTable &nacre::onnx_frontend::opTable(llvm::StringRef domain) {
  static const llvm::StringMap<OpTable> domains = [] {
    llvm::StringMap<OpTable> domains;
    OpTable &t = domains[""];
    addActivationOps(t);
    addAttentionOps(t);
    addConstantOps(t);
    addControlFlowOps(t);
    addConvOps(t);
    addConvTransposeOps(t);
    addEinsumOps(t);
    addElementwiseOps(t);
    addIndexOps(t);
    addLinearAttentionOps(t);
    addMatMulOps(t);
    addMovementOps(t);
    addNormalizationOps(t);
    addPadOps(t);
    addPoolOps(t);
    addQuantizeOps(t);
    addReduceOps(t);
    addResizeOps(t);
    addRotaryEmbeddingOps(t);
    addShapeOps(t);
    addSortOps(t);
    OpTable &preview = domains["ai.onnx.preview"];
    addFlexAttentionOps(preview);
    return domains;
  }();
  static const OpTable none;
  auto found = domains.find(domain);
  return found == domains.end() ? none : found->second;
}
