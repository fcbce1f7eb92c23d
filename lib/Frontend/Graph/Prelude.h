//===- Prelude.h - the language's own library -------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_PRELUDE_H
#define NACRE_LIB_FRONTEND_GRAPH_PRELUDE_H

#include "Evaluator.h"

namespace nacre::graph_frontend {

/// The texts of Prelude/*.ngl: name and text.
llvm::ArrayRef<std::pair<const char *, const char *>> preludeTexts();

/// The prelude's declarations and those of `file`, which come before them.
/// Names declared twice are reported.
Library libraryOf(const File &file, llvm::StringRef folder,
                  Diagnostics &diagnostics);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_PRELUDE_H
