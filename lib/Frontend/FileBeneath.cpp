//===- FileBeneath.cpp - files that an untrusted text names ---------------===//
#include "FileBeneath.h"
#include "Onnx/Blocker.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using llvm::StringRef;
using nacre::onnx_frontend::quoted;

/// openat2 beneath `directory`; without that system call (old kernels, strict
/// sandboxes) component by component with O_NOFOLLOW.
int nacre::openBeneath(int directory, const std::string &location) {
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  struct open_how how = {};
  how.flags = flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = -1;
  for (int attempt = 0; attempt < 8; ++attempt) { // EAGAIN: a rename raced
    fd = int(
        syscall(SYS_openat2, directory, location.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
      break;
  }
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
    return fd;
  llvm::SmallVector<StringRef> parts;
  StringRef(location).split(parts, '/', -1, /*KeepEmpty=*/false);
  int parent = dup(directory);
  for (size_t i = 0; parent >= 0 && i < parts.size(); ++i) {
    bool last = i + 1 == parts.size();
    fd = openat(parent, parts[i].str().c_str(),
                flags | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
    int error = errno;
    close(parent);
    // A symlink in the middle answers ENOTDIR here.
    errno = error == ENOTDIR && !last ? ELOOP : error;
    parent = fd;
  }
  return parent;
}

std::string nacre::findSymlink(int directory, StringRef location) {
  std::string path;
  llvm::SmallVector<StringRef> parts;
  location.split(parts, '/');
  for (auto [i, part] : llvm::enumerate(parts)) {
    path += (i ? "/" : "") + part.str();
    struct stat status;
    if (fstatat(directory, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode))
      return i + 1 == parts.size() ? quoted(path) + " is a symlink"
                                   : "symlink in parent " + quoted(path);
  }
  return "symlink in " + quoted(location);
}
