//===- DiagnosticLog.h - what MLIR reports, as lines ------------*- C++ -*-===//
#ifndef NACRE_LAZY_DIAGNOSTICLOG_H
#define NACRE_LAZY_DIAGNOSTICLOG_H

#include "mlir/IR/Diagnostics.h"

namespace nacre {

/// Collects the errors a context reports while it lives.
class DiagnosticLog {
public:
  explicit DiagnosticLog(mlir::MLIRContext &context);
  /// `FILE:LINE:COLUMN: TEXT` or `node 'NAME': TEXT` each; never empty.
  std::vector<std::string> lines() const;
  bool said() const { return !texts.empty(); }

private:
  std::vector<std::string> texts;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace nacre

#endif // NACRE_LAZY_DIAGNOSTICLOG_H
