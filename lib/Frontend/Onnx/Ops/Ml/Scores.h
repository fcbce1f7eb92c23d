//===- Scores.h - attributes and scores of ai.onnx.ml -----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_ML_SCORES_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_ML_SCORES_H

#include "../../Node.h"

namespace nacre::onnx_frontend {

/// Attribute `name` as numbers: a list of integers or of floats of any length,
/// or the tensor attribute `name` + "_as_tensor". Empty when absent.
std::vector<double> numbersAttr(Node &n, llvm::StringRef name);

/// The texts of attribute `name`, empty when absent.
std::vector<std::string> stringsAttr(Node &n, llvm::StringRef name);

/// Values as a constant of an element type.
Value constantNumbers(Node &n, mlir::Type element,
                      llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<double> values);

/// Input 0 as [rows, features] of floats: integers become f32.
Value readFeatures(Node &n);

/// Scores [rows, classes] after "NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"
/// or "PROBIT"; blocks on others.
Value postTransform(Node &n, Value scores, llvm::StringRef transform);

/// Sets output 0 to the label of the largest score of each row: the integers of
/// attribute `intsName`, else the strings of "classlabels_strings", else the
/// number of the class.
void setLabels(Node &n, Value scores, llvm::StringRef intsName);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_ML_SCORES_H
