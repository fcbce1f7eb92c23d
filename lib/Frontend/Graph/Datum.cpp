//===- Datum.cpp - values as messages show them ---------------------------===//
#include "Datum.h"
#include "Builtins.h"

namespace nacre::graph_frontend {

std::string describe(mlir::RankedTensorType type) {
  std::string text = lazy::elementName(type.getElementType()).str();
  if (type.getRank() == 0)
    return text;
  text += "[";
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    text += axis ? ", " : "";
    mlir::StringAttr symbol = lazy::symbolOf(type, axis);
    text += symbol ? symbol.str() : std::to_string(type.getDimSize(axis));
  }
  return text + "]";
}

static std::string shortest(double number) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%g", number);
  return digits;
}

std::string describe(const Datum &datum) {
  if (datum.is<Nothing>())
    return "none";
  if (datum.is<bool>())
    return datum.as<bool>() ? "true" : "false";
  if (datum.is<int64_t>())
    return "the integer " + std::to_string(datum.as<int64_t>());
  if (datum.is<double>())
    return "the number " + shortest(datum.as<double>());
  if (datum.is<std::string>())
    return "the string " + quote(datum.as<std::string>());
  if (datum.is<DType>())
    return std::string("the type ") + dtypeName(datum.as<DType>());
  if (datum.isList())
    return "a list of " + std::to_string(datum.list().size());
  if (datum.isTensor())
    return describe(lazy::tensorType(datum.tensor()));
  if (datum.is<OpenExtent>())
    return "the open extent " + quote(datum.as<OpenExtent>().symbol);
  if (datum.is<Callee>()) {
    const Callee &callee = datum.as<Callee>();
    return "the function " + quote(callee.declaration ? callee.declaration->name
                                   : callee.builtin   ? callee.builtin->name
                                                      : callee.import->name);
  }
  if (datum.is<ImportedFile>())
    return "the file " + quote(datum.as<ImportedFile>().import->name);
  return "a state";
}

std::optional<DType> dtypeNamed(llvm::StringRef name) {
  std::optional<DType> dtype = dtypeFromName(name);
  return dtype && !isNarrow(*dtype) ? dtype : std::nullopt;
}

} // namespace nacre::graph_frontend
