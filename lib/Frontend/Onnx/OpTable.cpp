//===- OpTable.cpp - which ONNX ops can be imported -----------------------===//
#include "OpTable.h"

using namespace nacre::onnx_frontend;

const OpTable &nacre::onnx_frontend::opTable() {
  static const OpTable table = [] {
    OpTable t;
    addActivationOps(t);
    addBitsOps(t);
    addConstantOps(t);
    addControlFlowOps(t);
    addConvOps(t);
    addConvTransposeOps(t);
    addCumulativeOps(t);
    addElementwiseOps(t);
    addIndexOps(t);
    addLossOps(t);
    addMatMulOps(t);
    addMovementOps(t);
    addNormalizationOps(t);
    addPadOps(t);
    addPoolOps(t);
    addQuantizeOps(t);
    addRecurrentOps(t);
    addReduceOps(t);
    addResizeOps(t);
    addScatterOps(t);
    addShapeOps(t);
    addTrigonometryOps(t);
    return t;
  }();
  return table;
}
