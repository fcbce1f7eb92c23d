//===- LoadFile.cpp - a file with what it declares ------------------------===//
#include "LoadFile.h"
#include "ImportFiles.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

using onnx_frontend::Signature;

std::unique_ptr<Loaded> loadText(StringRef path, std::string text,
                                 Diagnostics &diagnostics) {
  auto loaded = std::make_unique<Loaded>();
  loaded->source = {llvm::sys::path::filename(path).str(), std::move(text)};
  loaded->file = parseFile(loaded->source, diagnostics);
  loaded->library =
      libraryOf(loaded->file, llvm::sys::path::parent_path(path), diagnostics);
  loadImports(*loaded, diagnostics);
  return loaded;
}

std::unique_ptr<Loaded> load(StringRef path, Diagnostics &diagnostics) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    diagnostics.report(path + ": cannot read: " + buffer.getError().message());
    return nullptr;
  }
  auto loaded = loadText(path, (*buffer)->getBuffer().str(), diagnostics);
  return diagnostics.any() ? nullptr : std::move(loaded);
}

/// The last model of the file.
const Declaration *mainModel(const Loaded &loaded, Diagnostics &diagnostics) {
  for (const auto &declaration : llvm::reverse(loaded.file.declarations))
    if (declaration->kind == Declaration::Model)
      return declaration.get();
  diagnostics.report(Twine(loaded.source.name) + ": there is no model");
  return nullptr;
}

void loadDialects(mlir::MLIRContext &context) {
  context.loadDialect<lazy::LazyDialect, mlir::func::FuncDialect>();
}

Signature signatureOf(const std::string &name, mlir::RankedTensorType type) {
  Signature signature{name, dtypeOf(type.getElementType()), {}, {}};
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    mlir::StringAttr symbol = lazy::symbolOf(type, axis);
    signature.dims.push_back(symbol ? -1 : type.getDimSize(axis));
    signature.dimNames.push_back(symbol ? symbol.str() : "");
  }
  return signature;
}

} // namespace nacre::graph_frontend
