//===- OnnxCoverage.h - which ops are read ----------------------*- C++ -*-===//
//
// What the compiler reads of ONNX, and of one model.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_FRONTEND_ONNXCOVERAGE_H
#define NACRE_FRONTEND_ONNXCOVERAGE_H

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace nacre::onnx_frontend {

/// An op that the compiler reads.
struct ReadOp {
  std::string domain; ///< "" is the default one
  std::string op;
  /// The opsets that are read; 0 in domains other than the default one, whose
  /// newest version is read and older ones as far as they mean the same.
  int64_t oldest = 0, newest = 0;
  bool openDims = false; ///< takes extents that the run decides
  std::string limits;    ///< what of it is not read; empty: nothing
};

/// All of them, by domain and name.
std::vector<ReadOp> readOps();

/// "ai.onnx" for the default domain.
inline std::string domainText(const std::string &domain) {
  return domain.empty() ? "ai.onnx" : domain;
}

/// The nodes of one op in a model, those of subgraphs and of the model's own
/// functions among them, each once.
struct OpCoverage {
  std::string domain, op;
  int64_t opset = 0;     ///< that the nodes are of; 0: none is imported
  bool function = false; ///< the model defines it
  /// Nodes that are neither read nor blocked were not reached: they need what a
  /// blocked one gives, or lie in a branch that is never taken.
  int64_t nodes = 0, read = 0, blocked = 0;
  std::set<std::string> dtypes; ///< of inputs and outputs of nodes read
  struct Blocker {
    std::string node, reason;
  };
  std::vector<Blocker> blockers;
};

struct Coverage {
  std::vector<OpCoverage> ops; ///< by domain, name and opset
  /// What blocks the model besides its nodes: inputs, initializers, outputs.
  std::vector<std::string> others;
};

} // namespace nacre::onnx_frontend

#endif // NACRE_FRONTEND_ONNXCOVERAGE_H
