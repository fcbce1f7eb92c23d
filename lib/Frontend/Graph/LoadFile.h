//===- LoadFile.h - a file with what it declares ----------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_LOADFILE_H
#define NACRE_LIB_FRONTEND_GRAPH_LOADFILE_H

#include "Assemble.h"

namespace nacre::graph_frontend {

/// A text with what it declares.
struct LoadedText {
  Source source;
  File file;
  Library library;
};

/// A main file with all it imports.
struct Loaded : LoadedText {
  Source trainSource;
  /// Other files in the language. The name of a source is its path from the
  /// main file's folder.
  std::vector<std::unique_ptr<LoadedText>> imported;
};

/// Parses a text as if it were the file `path`.
std::unique_ptr<Loaded> loadText(llvm::StringRef path, std::string text,
                                 Diagnostics &diagnostics);
/// Null after a mistake.
std::unique_ptr<Loaded> load(llvm::StringRef path, Diagnostics &diagnostics);

/// The last model of the file, or null with a message.
const Declaration *mainModel(const Loaded &loaded, Diagnostics &diagnostics);

void loadDialects(mlir::MLIRContext &context);

/// A symbolic extent is -1 with its name.
onnx_frontend::Signature signatureOf(const std::string &name,
                                     mlir::RankedTensorType type);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_LOADFILE_H
