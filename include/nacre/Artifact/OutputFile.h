//===- OutputFile.h - files that appear whole or not at all -----*- C++ -*-===//
#ifndef NACRE_ARTIFACT_OUTPUTFILE_H
#define NACRE_ARTIFACT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace nacre::artifact {

/// Results survive a crash of the machine, intermediate files need not.
enum class Durability { Synced, Scratch };

/// Writes a file through a temporary beside it, fsync and rename. The error is
/// `PATH: cannot write: REASON`.
llvm::Error writeFile(llvm::StringRef path,
                      llvm::function_ref<void(llvm::raw_ostream &)> write,
                      Durability durability = Durability::Synced);

/// The same for `size` bytes that `write` fills in memory: the temporary is
/// mapped, its blocks allocated before (a full disk is an error, no signal).
llvm::Error writeMappedFile(llvm::StringRef path, uint64_t size,
                            llvm::function_ref<void(uint8_t *)> write,
                            Durability durability = Durability::Synced);

/// Moves a finished file into place; syncs it before and its folder after.
llvm::Error moveIntoPlace(llvm::StringRef temporary, llvm::StringRef path,
                          bool executable = false,
                          Durability durability = Durability::Synced);

/// A folder for intermediate files, removed with its files at the end, also
/// when a signal ends the process.
class ScratchFolder {
public:
  ScratchFolder() = default;
  ScratchFolder(const ScratchFolder &) = delete;
  ~ScratchFolder();
  /// Makes the folder inside `parent` (so that files can be renamed out of
  /// it), or among the system's temporary files when `parent` is empty.
  llvm::Error create(llvm::StringRef parent = "");
  /// The path of a file in it.
  std::string file(llvm::StringRef name);

private:
  std::string path;
  std::vector<std::string> files;
};

/// Takes away at its end the folders on the way to `path` that were not there
/// at its start, where nothing is in them: what fails leaves none behind.
class NewFolders {
public:
  explicit NewFolders(llvm::StringRef path);
  NewFolders(const NewFolders &) = delete;
  ~NewFolders();

private:
  std::vector<std::string> missing; ///< innermost first
};

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_OUTPUTFILE_H
