//===- ImportFiles.h - the files that a file imports ------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_IMPORTFILES_H
#define NACRE_LIB_FRONTEND_GRAPH_IMPORTFILES_H

#include "LoadFile.h"

namespace nacre::graph_frontend {

/// A problem unless the path stays in the folder of its file: a text from
/// elsewhere must not read other ones.
void checkImport(const Import &import);

/// Loads the .ngl files that the main file and they import, each once. Paths
/// are from the folder of the importing file, below it, through no symbolic
/// link. What is wrong with them is reported at the import, and what is wrong
/// in them with their own name; a cycle is an error.
void loadImports(Loaded &loaded, Diagnostics &diagnostics);

/// All files that are imported, .onnx ones too, from the main file's folder.
std::vector<std::string> importedPaths(const Loaded &loaded);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_IMPORTFILES_H
