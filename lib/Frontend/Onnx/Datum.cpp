//===- Datum.cpp - what a name of a graph stands for ----------------------===//
#include "Datum.h"

using namespace nacre::onnx_frontend;
using mlir::Value;

Datum Datum::list(std::vector<Datum> elements) {
  Datum d;
  d.kind = Kind::List;
  d.parts = std::make_shared<const std::vector<Datum>>(std::move(elements));
  return d;
}

Datum Datum::strings(StringTensor tensor) {
  Datum d;
  d.kind = Kind::Strings;
  d.texts = std::make_shared<const StringTensor>(std::move(tensor));
  return d;
}

Datum Datum::coded(Value codes) {
  Datum d(codes);
  d.kind = Kind::Coded;
  return d;
}

Datum Datum::absent() {
  Datum d;
  d.kind = Kind::Absent;
  return d;
}

Datum::operator bool() const {
  if (isList())
    return llvm::all_of(elements(), [](const Datum &d) { return bool(d); });
  return !(isTensor() || isCoded()) || tensor;
}

void Datum::collect(llvm::SmallVectorImpl<Value> &tensors) const {
  if (isTensor() || isCoded())
    tensors.push_back(tensor);
  else if (isList())
    for (const Datum &part : elements())
      part.collect(tensors);
}

Datum Datum::map(llvm::function_ref<Value(Value)> change) const {
  if (isTensor())
    return tensor ? change(tensor) : tensor;
  if (isCoded())
    return coded(change(tensor));
  if (!isList())
    return *this;
  std::vector<Datum> changed;
  for (const Datum &part : elements())
    changed.push_back(part.map(change));
  return list(std::move(changed));
}

std::string Datum::what() const {
  switch (kind) {
  case Kind::Tensor:
    return "a tensor";
  case Kind::List:
    return "a sequence of " + std::to_string(elements().size());
  case Kind::Strings:
    return "a tensor of strings";
  case Kind::Coded:
    return "a tensor of strings of the run";
  case Kind::Absent:
    return "an absent optional";
  }
  return {};
}

bool Datum::sameForm(const Datum &other) const {
  if (kind != other.kind)
    return false;
  if (isStrings())
    return text().shape == other.text().shape &&
           text().values == other.text().values;
  return !isList() || llvm::equal(elements(), other.elements(),
                                  [](const Datum &a, const Datum &b) {
                                    return a.sameForm(b);
                                  });
}

llvm::SmallVector<Value>
nacre::onnx_frontend::tensorsOf(llvm::ArrayRef<Datum> data) {
  llvm::SmallVector<Value> tensors;
  for (const Datum &datum : data)
    datum.collect(tensors);
  return tensors;
}
