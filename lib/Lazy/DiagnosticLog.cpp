//===- DiagnosticLog.cpp - what MLIR reports, as lines --------------------===//
#include "nacre/Lazy/DiagnosticLog.h"

using namespace mlir;
namespace nacre {

static std::string textOf(Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream os(text);
  LocationAttr at = diagnostic.getLocation();
  if (auto place = at.findInstanceOf<FileLineColLoc>())
    os << place.getFilename().getValue() << ":" << place.getLine() << ":"
       << place.getColumn() << ": ";
  else if (auto node = at.findInstanceOf<NameLoc>())
    os << "node '" << node.getName().getValue() << "': ";
  os << diagnostic;
  return text;
}

DiagnosticLog::DiagnosticLog(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          texts.push_back(textOf(diagnostic));
        return success();
      }) {}

std::vector<std::string> DiagnosticLog::lines() const {
  return texts.empty() ? std::vector<std::string>{"no reason was given"}
                       : texts;
}

} // namespace nacre
