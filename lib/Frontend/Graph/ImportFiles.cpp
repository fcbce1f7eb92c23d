//===- ImportFiles.cpp - the files that a file imports --------------------===//
#include "ImportFiles.h"
#include "FileBeneath.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
namespace path = llvm::sys::path;

namespace nacre::graph_frontend {

/// A network of so many files would be larger than any that is known.
static constexpr size_t mostFiles = 64;

void checkImport(const Import &import) {
  StringRef text = import.path;
  bool leaves = path::is_absolute(text) || text.contains('\0');
  for (auto part = path::begin(text), end = path::end(text); part != end;
       ++part)
    leaves |= *part == "..";
  if (leaves)
    reject(import.at, "the import must lie in the folder of this file, got " +
                          quote(text));
}

/// "parts" and "./block.ngl": "parts/block.ngl"
static std::string joined(StringRef folder, StringRef file) {
  llvm::SmallString<128> full(folder);
  path::append(full, file);
  path::remove_dots(full);
  return full.str().str();
}

namespace {

class Importer {
public:
  Importer(Loaded &loaded, Diagnostics &diagnostics)
      : loaded(loaded), diagnostics(diagnostics), open{loaded.source.name} {}

  void importAll(LoadedText &into);

private:
  const Library *import(const Import &import, const LoadedText &from);
  std::string read(const Import &import, const std::string &name);

  Loaded &loaded;
  Diagnostics &diagnostics;
  llvm::StringMap<const Library *> done;
  std::vector<std::string> open; ///< each imports the next
};

} // namespace

void Importer::importAll(LoadedText &into) {
  for (const Import &import : into.file.imports) {
    if (path::extension(import.path) != ".ngl")
      continue;
    try {
      into.library.files[import.name] = this->import(import, into);
    } catch (const Problem &problem) {
      diagnostics.report(problem);
    }
  }
}

const Library *Importer::import(const Import &import, const LoadedText &from) {
  checkImport(import);
  std::string name = joined(path::parent_path(from.source.name), import.path);
  if (auto at = llvm::find(open, name); at != open.end()) {
    std::string cycle;
    for (; at != open.end(); ++at)
      cycle += quote(*at) + " imports ";
    reject(import.at, "imports go round in a circle: " + cycle + quote(name));
  }
  if (auto at = done.find(name); at != done.end())
    return at->second;
  if (loaded.imported.size() + open.size() > mostFiles)
    reject(import.at, "more than " + Twine(mostFiles) + " files are imported");
  auto text = std::make_unique<LoadedText>();
  text->source = {name, read(import, name)};
  text->file = parseFile(text->source, diagnostics);
  text->library = libraryOf(
      text->file, joined(loaded.library.folder, path::parent_path(name)),
      diagnostics);
  open.push_back(name);
  importAll(*text);
  open.pop_back();
  const Library *library = done[name] = &text->library;
  loaded.library.imported.push_back(library);
  loaded.imported.push_back(std::move(text));
  return library;
}

/// The text of a file; a problem when it cannot or must not be read.
std::string Importer::read(const Import &import, const std::string &name) {
  const std::string &folder = loaded.library.folder;
  auto refuse = [&](const Twine &text) {
    reject(import.at, "cannot read " + quote(name) + ": " + text);
  };
  int directory = ::open(folder.empty() ? "." : folder.c_str(),
                         O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    refuse(std::strerror(errno));
  llvm::scope_exit closeDirectory([&] { ::close(directory); });
  int file = openBeneath(directory, name);
  if (file < 0 && errno == ELOOP)
    refuse(findSymlink(directory, name));
  if (file < 0)
    refuse(std::strerror(errno));
  llvm::scope_exit closeFile([&] { ::close(file); });
  struct stat status;
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
    refuse("it is no regular file");
  if (size_t(status.st_size) > largestText)
    refuse("it is longer than " + Twine(largestText) + " bytes");
  auto buffer = llvm::MemoryBuffer::getOpenFile(file, name, status.st_size);
  if (!buffer)
    refuse(buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

void loadImports(Loaded &loaded, Diagnostics &diagnostics) {
  Importer(loaded, diagnostics).importAll(loaded);
}

std::vector<std::string> importedPaths(const Loaded &loaded) {
  std::vector<std::string> paths;
  auto add = [&](const LoadedText &text) {
    for (const Import &import : text.file.imports) {
      std::string name =
          joined(path::parent_path(text.source.name), import.path);
      if (!llvm::is_contained(paths, name))
        paths.push_back(name);
    }
  };
  add(loaded);
  for (const auto &text : loaded.imported)
    add(*text);
  return paths;
}

} // namespace nacre::graph_frontend
