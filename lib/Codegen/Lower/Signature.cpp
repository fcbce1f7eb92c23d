//===- Signature.cpp - what callers must know of a program ----------------===//
#include "nacre/Codegen/Signature.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre {
using namespace nacre::lazy;

static TensorInfo infoOf(StringRef name, RankedTensorType type,
                         DictionaryAttr attributes) {
  TensorInfo info;
  info.name = name.str();
  info.dtype = dtypeOf(type.getElementType());
  CallerShape shape = callerShape(type, attributes);
  info.shape.assign(shape.bounds.begin(), shape.bounds.end());
  info.dimNames.assign(shape.dims.begin(), shape.dims.end());
  info.strings = attributes && attributes.contains(ofStrings);
  return info;
}

void readSignature(const Program &program, CompiledCode &code) {
  ModuleOp module = program.module.get();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto textOf = [](Attribute attr) {
    auto text = dyn_cast_or_null<StringAttr>(attr);
    return text ? text.str() : std::string();
  };
  auto nameOf = [&](Attribute attr, StringRef otherwise, unsigned i) {
    return isa_and_nonnull<StringAttr>(attr)
               ? textOf(attr)
               : (otherwise + llvm::Twine(i)).str();
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (auto dim = dimScalar(main.getArgAttrDict(i))) {
      code.dimNames.push_back(dim->name);
      code.dimRanges.push_back({dim->least, dim->most});
      code.dimsAreData = true;
      continue;
    }
    code.inputs.push_back(
        infoOf(nameOf(main.getArgAttr(i, "lazy.name"), "input", i),
               cast<RankedTensorType>(main.getArgumentTypes()[i]),
               main.getArgAttrDict(i)));
    code.inputs.back().state = textOf(main.getArgAttr(i, "lazy.state"));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto count = dimScalar(main.getResultAttrDict(i));
    code.outputs.push_back(
        infoOf(count ? count->name
                     : nameOf(main.getResultAttr(i, "lazy.name"), "output", i),
               cast<RankedTensorType>(main.getResultTypes()[i]),
               main.getResultAttrDict(i)));
    code.outputs.back().isCount = count.has_value();
    code.dimsAreData |= count.has_value();
    code.outputs.back().state = textOf(main.getResultAttr(i, "lazy.state"));
    code.outputs.back().kept = bool(main.getResultAttr(i, "lazy.kept"));
  }
  if (auto strings = main->getAttrOfType<ArrayAttr>(stringTable))
    for (auto string : strings.getAsRange<StringAttr>())
      code.strings.push_back(string.str());
}

} // namespace nacre
