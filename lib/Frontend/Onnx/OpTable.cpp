//===- OpTable.cpp - which ONNX ops can be imported -----------------------===//
#include "OpTable.h"
#include "llvm/ADT/StringSet.h"

using namespace nacre::onnx_frontend;

static const llvm::StringMap<OpTable> &opTables() {
  static const llvm::StringMap<OpTable> domains = [] {
    llvm::StringMap<OpTable> domains;
    OpTable &t = domains[""];
    addActivationOps(t);
    addAttentionOps(t);
    addBitsOps(t);
    addCastOps(t);
    addConstantOps(t);
    addConvOps(t);
    addConvTransposeOps(t);
    addCumulativeOps(t);
    addDeterminantOps(t);
    addEinsumOps(t);
    addElementwiseOps(t);
    addFoldOps(t);
    addFourierOps(t);
    addGridSampleOps(t);
    addIfOps(t);
    addIndexOps(t);
    addLinearAttentionOps(t);
    addLoopOps(t);
    addLossOps(t);
    addMatMulOps(t);
    addMovementOps(t);
    addNormalizationOps(t);
    addPadOps(t);
    addPoolOps(t);
    addQuantizeOps(t);
    addRandomOps(t);
    addRecurrentOps(t);
    addReduceOps(t);
    addRegionOps(t);
    addResizeOps(t);
    addRotaryEmbeddingOps(t);
    addScatterOps(t);
    addSelectionOps(t);
    addSequenceOps(t);
    addShapeOps(t);
    addSignalOps(t);
    addSortOps(t);
    addStringOps(t);
    addTfIdfOps(t);
    addTrigonometryOps(t);
    OpTable &preview = domains["ai.onnx.preview"];
    addFlexAttentionOps(preview);
    OpTable &microsoft = domains["com.microsoft"];
    addMicrosoftAttentionOps(microsoft);
    addMicrosoftFusedOps(microsoft);
    addMicrosoftGroupQueryOps(microsoft);
    addMicrosoftMultiHeadOps(microsoft);
    addMicrosoftNormalizationOps(microsoft);
    addMicrosoftPackedWeightOps(microsoft);
    addMicrosoftQLinearOps(microsoft);
    addMicrosoftQuantizedMatMulOps(microsoft);
    addMicrosoftTensorOps(microsoft);
    OpTable &ml = domains["ai.onnx.ml"];
    addMlFeatureOps(ml);
    addMlLabelOps(ml);
    addMlLinearOps(ml);
    addMlTreeOps(ml);
    OpTable &training = domains["ai.onnx.preview.training"];
    addGradientOps(training);
    addTrainingOps(training);
    return domains;
  }();
  return domains;
}

std::vector<llvm::StringRef> nacre::onnx_frontend::opDomains() {
  std::vector<llvm::StringRef> domains;
  for (const auto &entry : opTables())
    domains.push_back(entry.getKey());
  return domains;
}

const OpTable &nacre::onnx_frontend::opTable(llvm::StringRef domain) {
  static const OpTable none;
  auto found = opTables().find(domain);
  return found == opTables().end() ? none : found->second;
}

bool nacre::onnx_frontend::takesNarrow(llvm::StringRef domain,
                                       llvm::StringRef op) {
  static const llvm::StringSet<> ops = {
      "BitCast",   "Cast",           "CastLike",
      "Concat",    "DepthToSpace",   "DequantizeLinear",
      "Dropout",   "Expand",         "Flatten",
      "Gather",    "Identity",       "If",
      "IsInf",     "IsNaN",          "Loop",
      "Pad",       "QuantizeLinear", "Reshape",
      "Scan",      "Shape",          "Size",
      "Slice",     "SpaceToDepth",   "Split",
      "Squeeze",   "Tile",           "Transpose",
      "Unsqueeze", "Where"};
  static const llvm::StringSet<> microsoft = {
      "DequantizeLinear", "GatherBlockQuantized", "QuantizeLinear"};
  return (domain.empty() && ops.contains(op)) ||
         (domain == "com.microsoft" && microsoft.contains(op));
}
