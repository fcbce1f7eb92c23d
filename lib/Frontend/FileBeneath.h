//===- FileBeneath.h - files that an untrusted text names -------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_FILEBENEATH_H
#define NACRE_LIB_FRONTEND_FILEBENEATH_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace nacre {

/// Opens a file for reading by a relative path from a text that nobody
/// vouches for. It stays below the open folder `directory`, passes no symbolic
/// link and does not wait for a pipe. -1 with errno: ELOOP for a symbolic link,
/// EXDEV for a path that leaves the folder. What kind of file was opened is for
/// the caller to check, on the descriptor.
int openBeneath(int directory, const std::string &location);

/// Names the first symbolic link on the way, as `'a/b' is a symlink`; for
/// messages only.
std::string findSymlink(int directory, llvm::StringRef location);

} // namespace nacre

#endif // NACRE_LIB_FRONTEND_FILEBENEATH_H
