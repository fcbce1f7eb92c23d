//===- Prelude.cpp - the language's own library ---------------------------===//
#include "Prelude.h"
#include "llvm/Support/ErrorHandling.h"

namespace nacre::graph_frontend {

/// Parsed once; texts and trees live as long as the process.
static const std::vector<File> &preludeFiles() {
  static const std::vector<File> files = [] {
    static std::vector<std::unique_ptr<Source>> sources;
    std::vector<std::string> errors;
    Diagnostics diagnostics(errors);
    std::vector<File> parsed;
    for (auto [name, text] : preludeTexts()) {
      sources.push_back(std::make_unique<Source>(
          Source{std::string("prelude/") + name, text, /*prelude=*/true}));
      parsed.push_back(parseFile(*sources.back(), diagnostics));
    }
    for (const std::string &error : errors)
      llvm::errs() << error << "\n";
    if (!errors.empty())
      llvm::report_fatal_error("the prelude does not parse");
    return parsed;
  }();
  return files;
}

Library libraryOf(const File &file, llvm::StringRef folder,
                  Diagnostics &diagnostics) {
  Library library;
  library.file = &file;
  library.folder = folder.str();
  for (const File &prelude : preludeFiles())
    for (const auto &declaration : prelude.declarations) {
      library.declarations["prelude." + declaration->name] = declaration.get();
      library.declarations[declaration->name] = declaration.get();
    }
  llvm::StringSet<> own;
  auto declare = [&](Position at, llvm::StringRef name) {
    if (!own.insert(name).second)
      diagnostics.report(Problem{at, quote(name) + " is declared twice"});
  };
  for (const Import &import : file.imports) {
    declare(import.at, import.name);
    library.imports[import.name] = &import;
  }
  for (const auto &declaration : file.declarations) {
    declare(declaration->at, declaration->name);
    library.declarations[declaration->name] = declaration.get();
  }
  return library;
}

} // namespace nacre::graph_frontend
