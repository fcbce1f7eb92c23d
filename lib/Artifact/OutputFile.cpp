//===- OutputFile.cpp - files that appear whole or not at all -------------===//

#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;

namespace nacre::artifact {

static llvm::Error cannotWrite(StringRef path, std::error_code code) {
  return llvm::createStringError(code, Twine(path) +
                                           ": cannot write: " + code.message());
}
static std::error_code lastError() {
  return std::error_code(errno, std::generic_category());
}

llvm::Error moveIntoPlace(StringRef temporary, StringRef path, bool executable,
                          Durability durability) {
  std::string from = temporary.str();
  // Temporaries are made for the owner alone; the result gets what the user's
  // umask allows.
  mode_t mask = ::umask(0);
  ::umask(mask);
  ::chmod(from.c_str(), (executable ? 0777 : 0666) & ~mask);
  bool sync = durability == Durability::Synced;
  int file = sync ? ::open(from.c_str(), O_RDONLY) : -1;
  if (file >= 0) {
    (void)::fsync(file);
    ::close(file);
  }
  if (std::error_code code = fs::rename(temporary, path)) {
    fs::remove(temporary);
    return cannotWrite(path, code);
  }
  StringRef folder = llvm::sys::path::parent_path(path);
  int handle =
      sync ? ::open(folder.empty() ? "." : folder.str().c_str(), O_RDONLY) : -1;
  if (handle >= 0) {
    (void)::fsync(handle); // a file system that cannot loses only this
    ::close(handle);
  }
  return llvm::Error::success();
}

/// Opens a temporary beside `path`, lets `fill` write it, moves it.
static llvm::Error
throughTemporary(StringRef path, Durability durability,
                 llvm::function_ref<std::error_code(int descriptor)> fill) {
  llvm::SmallString<128> temporary;
  int descriptor;
  if (std::error_code code = fs::createUniqueFile(
          Twine(path) + ".tmp-%%%%%%%%", descriptor, temporary, fs::OF_None,
          fs::owner_read | fs::owner_write))
    return cannotWrite(path, code);
  llvm::sys::RemoveFileOnSignal(temporary);
  std::error_code code = fill(descriptor);
  if (!code && durability == Durability::Synced && ::fsync(descriptor) != 0)
    code = lastError();
  ::close(descriptor);
  if (code)
    fs::remove(temporary);
  llvm::Error error = code ? cannotWrite(path, code)
                           : moveIntoPlace(temporary, path,
                                           /*executable=*/false, durability);
  llvm::sys::DontRemoveFileOnSignal(temporary);
  return error;
}

llvm::Error writeFile(StringRef path,
                      llvm::function_ref<void(llvm::raw_ostream &)> write,
                      Durability durability) {
  return throughTemporary(path, durability, [&](int descriptor) {
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/false);
    write(os);
    os.flush();
    std::error_code code = os.error();
    os.clear_error();
    return code;
  });
}

llvm::Error writeMappedFile(StringRef path, uint64_t size,
                            llvm::function_ref<void(uint8_t *)> write,
                            Durability durability) {
  return throughTemporary(
      path, durability, [&](int descriptor) -> std::error_code {
        if (size == 0)
          return {};
        if (int code = ::posix_fallocate(descriptor, 0, size))
          return std::error_code(code, std::generic_category());
        void *bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                             descriptor, 0);
        if (bytes == MAP_FAILED)
          return lastError();
        write(static_cast<uint8_t *>(bytes));
        ::munmap(bytes, size);
        return {};
      });
}

llvm::Error ScratchFolder::create(StringRef parent) {
  llvm::SmallString<128> made;
  std::error_code code;
  if (parent.empty()) {
    code = fs::createUniqueDirectory("nacre", made);
  } else {
    llvm::SmallString<128> pattern(parent);
    llvm::sys::path::append(pattern, ".nacre-%%%%%%%%");
    for (int attempt = 0; attempt < 16; ++attempt) {
      fs::createUniquePath(pattern, made, /*MakeAbsolute=*/false);
      code =
          fs::create_directory(made, /*IgnoreExisting=*/false, fs::owner_all);
      if (code != std::errc::file_exists)
        break;
    }
  }
  if (code)
    return cannotWrite(parent.empty() ? StringRef("temporary folder") : parent,
                       code);
  path = made.str().str();
  return llvm::Error::success();
}

std::string ScratchFolder::file(StringRef name) {
  llvm::SmallString<128> full(path);
  llvm::sys::path::append(full, name);
  files.push_back(full.str().str());
  llvm::sys::RemoveFileOnSignal(full);
  return files.back();
}

ScratchFolder::~ScratchFolder() {
  for (const std::string &file : files) {
    fs::remove(file);
    llvm::sys::DontRemoveFileOnSignal(file);
  }
  if (!path.empty())
    fs::remove(path);
}

NewFolders::NewFolders(StringRef path) {
  for (; !path.empty() && !fs::exists(path);
       path = llvm::sys::path::parent_path(path))
    missing.push_back(path.str());
}

NewFolders::~NewFolders() {
  for (const std::string &folder : missing)
    ::rmdir(folder.c_str()); // refuses files, and folders with files
}

} // namespace nacre::artifact
