//===- OpTable.h - which ONNX ops can be imported ---------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPTABLE_H
#define NACRE_LIB_FRONTEND_ONNX_OPTABLE_H

#include "llvm/ADT/StringMap.h"

namespace nacre::onnx_frontend {

class Node;

/// Imports one node: reads its inputs and attributes, sets its outputs, or
/// throws a Blocker.
using OpImporter = void (*)(Node &);

struct OpEntry {
  OpEntry() = default;
  OpEntry(OpImporter import) : import(import) {}
  OpImporter import = nullptr;
  /// Whether the importer heeds extents that the run decides. Others are not
  /// called with such inputs.
  bool bounded = false;
};

/// An importer that uses an extent as a number only where it is static, and
/// else leaves extents to the operations it makes.
inline OpEntry bounded(OpImporter import) {
  OpEntry entry(import);
  entry.bounded = true;
  return entry;
}

/// Ops of one domain by name. Where forms differ between opsets, the importer
/// looks at the node's opset, which is that of the op's domain.
using OpTable = llvm::StringMap<OpEntry>;

// One function per file of Ops/: the default domain.
void addActivationOps(OpTable &table);
void addAttentionOps(OpTable &table);
void addBitsOps(OpTable &table);
void addCastOps(OpTable &table);
void addConstantOps(OpTable &table);
void addConvOps(OpTable &table);
void addConvTransposeOps(OpTable &table);
void addCumulativeOps(OpTable &table);
void addDeterminantOps(OpTable &table);
void addEinsumOps(OpTable &table);
void addElementwiseOps(OpTable &table);
void addFoldOps(OpTable &table);
void addFourierOps(OpTable &table);
void addGridSampleOps(OpTable &table);
void addIfOps(OpTable &table);
void addIndexOps(OpTable &table);
void addLinearAttentionOps(OpTable &table);
void addLoopOps(OpTable &table);
void addLossOps(OpTable &table);
void addMatMulOps(OpTable &table);
void addMovementOps(OpTable &table);
void addNormalizationOps(OpTable &table);
void addPadOps(OpTable &table);
void addPoolOps(OpTable &table);
void addQuantizeOps(OpTable &table);
void addRandomOps(OpTable &table);
void addRecurrentOps(OpTable &table);
void addReduceOps(OpTable &table);
void addRegionOps(OpTable &table);
void addResizeOps(OpTable &table);
void addRotaryEmbeddingOps(OpTable &table);
void addScatterOps(OpTable &table);
void addSelectionOps(OpTable &table);
void addSequenceOps(OpTable &table);
void addShapeOps(OpTable &table);
void addSignalOps(OpTable &table);
void addSortOps(OpTable &table);
void addStringOps(OpTable &table);
void addTfIdfOps(OpTable &table);
void addTrigonometryOps(OpTable &table);

// One function per file of Ops/<folder>/: the domain of that folder.
void addFlexAttentionOps(OpTable &table);
void addMicrosoftAttentionOps(OpTable &table);
void addMicrosoftFusedOps(OpTable &table);
void addMicrosoftGroupQueryOps(OpTable &table);
void addMicrosoftMultiHeadOps(OpTable &table);
void addMicrosoftNormalizationOps(OpTable &table);
void addMicrosoftPackedWeightOps(OpTable &table);
void addMicrosoftQLinearOps(OpTable &table);
void addMicrosoftQuantizedMatMulOps(OpTable &table);
void addMicrosoftTensorOps(OpTable &table);
void addMlFeatureOps(OpTable &table);
void addMlLabelOps(OpTable &table);
void addMlLinearOps(OpTable &table);
void addMlTreeOps(OpTable &table);
void addGradientOps(OpTable &table);
void addTrainingOps(OpTable &table);

/// The domains of which ops are read.
std::vector<llvm::StringRef> opDomains();

/// The ops of a domain, "" being the default one; empty for an unknown domain.
const OpTable &opTable(llvm::StringRef domain);

/// Whether an op takes elements of narrow types, moving or converting them.
/// Nothing computes with them.
bool takesNarrow(llvm::StringRef domain, llvm::StringRef op);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPTABLE_H
