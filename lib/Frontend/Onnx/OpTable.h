//===- OpTable.h - which ONNX ops can be imported ---------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPTABLE_H
#define NACRE_LIB_FRONTEND_ONNX_OPTABLE_H

#include "llvm/ADT/StringMap.h"

namespace nacre::onnx_frontend {

class Node;

/// Imports one node: reads its inputs and attributes, sets its outputs, or
/// throws a Blocker.
using OpImporter = void (*)(Node &);

/// Ops of the default domain by name. Where forms differ between opsets, the
/// importer looks at the node's opset.
using OpTable = llvm::StringMap<OpImporter>;

// One function per file of Ops/.
void addActivationOps(OpTable &table);
void addBitsOps(OpTable &table);
void addConstantOps(OpTable &table);
void addControlFlowOps(OpTable &table);
void addConvOps(OpTable &table);
void addConvTransposeOps(OpTable &table);
void addCumulativeOps(OpTable &table);
void addElementwiseOps(OpTable &table);
void addIndexOps(OpTable &table);
void addLossOps(OpTable &table);
void addMatMulOps(OpTable &table);
void addMovementOps(OpTable &table);
void addNormalizationOps(OpTable &table);
void addPadOps(OpTable &table);
void addPoolOps(OpTable &table);
void addQuantizeOps(OpTable &table);
void addRecurrentOps(OpTable &table);
void addReduceOps(OpTable &table);
void addResizeOps(OpTable &table);
void addScatterOps(OpTable &table);
void addShapeOps(OpTable &table);
void addTrigonometryOps(OpTable &table);

/// The table of all ops.
const OpTable &opTable();

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPTABLE_H
