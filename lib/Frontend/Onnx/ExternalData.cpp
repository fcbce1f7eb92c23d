//===- ExternalData.cpp - weights in files beside the model ---------------===//
//
// A model is untrusted and its external locations are paths of its choosing.
// One function resolves them all: the path stays below the model's directory,
// passes no symbolic link, and names a regular file with one hard link. What
// was opened is what is checked (fstat on the descriptor), so nothing changes
// between check and use.
//
//===----------------------------------------------------------------------===//
#include "FileBeneath.h"
#include "TensorData.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallVector.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace nacre;
using namespace nacre::onnx_frontend;
using llvm::StringRef;
using llvm::Twine;

/// Blocks on what a location may not be, whatever the file system holds.
static void checkLocation(StringRef location, const std::string &what) {
  if (location.empty())
    block("E_PATH: " + what + ": no location");
  if (location.contains('\0') || location.size() > 4096)
    block("E_PATH: " + what + ": location is not a path");
  if (location.starts_with("/"))
    block("E_PATH: " + what + ": absolute location " + quoted(location) +
          " is not allowed");
  llvm::SmallVector<StringRef> parts;
  location.split(parts, '/');
  for (auto [i, part] : llvm::enumerate(parts)) {
    if (part != "..")
      continue;
    if (i == 0)
      block("E_PATH: " + what + ": " + quoted(location) +
            " leaves the model directory");
    block("E_PATH: " + what + ": '..' component in " + quoted(location));
  }
}

static uint64_t unsignedNumber(StringRef text, StringRef key,
                               const std::string &what) {
  uint64_t value = 0;
  if (text.empty() || !llvm::all_of(text, llvm::isDigit) ||
      text.getAsInteger(10, value))
    block("E_RANGE: " + what + ": " + key + " " + quoted(text) +
          " is not an unsigned number");
  return value;
}

/// The bytes [offset, offset + size) of a file: mapped when aligned and large
/// enough to be worth it, read otherwise.
static Tensor load(int fd, DType dtype, llvm::ArrayRef<int64_t> shape,
                   uint64_t offset, const std::string &what) {
  int64_t size = *byteSize(shape, dtype);
  if (size >= (64 << 10) && offset % dtypeBytes(dtype) == 0) {
    uint64_t page = sysconf(_SC_PAGESIZE), base = offset / page * page;
    size_t length = size + (offset - base);
    void *map = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, fd, off_t(base));
    if (map != MAP_FAILED) {
      std::shared_ptr<void> owner(
          map, [length](void *address) { munmap(address, length); });
      Tensor t = Tensor::view(
          dtype, shape, static_cast<uint8_t *>(map) + (offset - base), owner);
      t.ofFile = true;
      return t;
    }
  }
  Tensor t = Tensor::zeros(dtype, shape);
  for (int64_t done = 0; done < size;) {
    ssize_t got =
        pread(fd, t.data<uint8_t>() + done, size - done, off_t(offset) + done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      block("E_IO: " + what + ": cannot be read");
    done += got;
  }
  return t;
}

Tensor onnx_frontend::readExternal(const onnx::TensorProto &proto,
                                   const TensorSource &source, DType dtype,
                                   llvm::ArrayRef<int64_t> shape) {
  std::string what = "external data of " + quoted(proto.name());
  std::string location;
  std::optional<uint64_t> offset, length;
  for (const onnx::StringStringEntryProto &entry : proto.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = unsignedNumber(entry.value(), "offset", what);
    else if (entry.key() == "length")
      length = unsignedNumber(entry.value(), "length", what);
  }
  checkLocation(location, what);
  uint64_t needed = *byteSize(shape, dtype);
  uint64_t start = offset.value_or(0);
  if (length && start + *length < start)
    block("E_RANGE: " + what + ": offset " + Twine(start) + " + length " +
          Twine(*length) + " overflows");

  int directory =
      open(source.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    block("E_PATH: " + what + ": the model directory cannot be opened");
  llvm::scope_exit closeDirectory([&] { close(directory); });
  int fd = openBeneath(directory, location);
  if (fd < 0) {
    int error = errno;
    if (error == ELOOP)
      block("E_PATH: " + what + ": " + findSymlink(directory, location));
    if (error == EXDEV)
      block("E_PATH: " + what + ": " + quoted(location) +
            " leaves the model directory");
    if (error == ENXIO)
      block("E_PATH: " + what + ": " + quoted(location) +
            " is not a regular file");
    block("E_PATH: " + what + ": " + quoted(location) +
          " cannot be opened: " + std::strerror(error));
  }
  llvm::scope_exit closeFile([&] { close(fd); });
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    block("E_PATH: " + what + ": " + quoted(location) +
          " is not a regular file");
  if (status.st_nlink != 1 && !source.allowHardlinks)
    block("E_PATH: " + what + ": " + quoted(location) + " has " +
          Twine(uint64_t(status.st_nlink)) +
          " hard links (override: --allow-hardlinks)");
  uint64_t fileSize = status.st_size;
  if (start > fileSize)
    block("E_SIZE: " + what + ": offset " + Twine(start) +
          " is past the end of " + quoted(location) + " (" + Twine(fileSize) +
          " bytes)");
  uint64_t available = length.value_or(fileSize - start);
  if (available > fileSize - start)
    block("E_SIZE: " + what + ": length " + Twine(available) + " at offset " +
          Twine(start) + " is past the end of " + quoted(location) + " (" +
          Twine(fileSize) + " bytes)");
  // Without a length the rest of the file may hold other tensors.
  if (length ? available != needed : available < needed)
    block("E_DATA_SIZE: " + what + ": " + Twine(available) + " bytes, shape " +
          shapeText(shape) + " " + dtypeName(dtype) + " needs " +
          Twine(needed));
  return load(fd, dtype, shape, start, what);
}
