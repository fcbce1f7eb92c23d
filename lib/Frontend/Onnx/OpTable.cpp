//===- OpTable.cpp - which ONNX ops can be imported -----------------------===//
#include "OpTable.h"

using namespace nacre::onnx_frontend;

const OpTable &nacre::onnx_frontend::opTable() {
  static const OpTable table = [] {
    OpTable t;
    addActivationOps(t);
    addConstantOps(t);
    addControlFlowOps(t);
    addConvOps(t);
    addConvTransposeOps(t);
    addElementwiseOps(t);
    addIndexOps(t);
    addMatMulOps(t);
    addMovementOps(t);
    addNormalizationOps(t);
    addPadOps(t);
    addPoolOps(t);
    addQuantizeOps(t);
    addRecurrentOps(t);
    addReduceOps(t);
    addResizeOps(t);
    addShapeOps(t);
    return t;
  }();
  return table;
}
