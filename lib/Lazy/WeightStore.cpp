//===- WeightStore.cpp - safetensors in and out ---------------------------===//
//
// The format: eight bytes of header length (little endian), a JSON object
// from name to {dtype, shape, data_offsets}, then the bytes. Offsets count
// from the end of the header; together the tensors cover the rest of the file
// exactly. https://github.com/huggingface/safetensors#format
//
// A file is data from outside: everything in its header is checked before a
// byte of a tensor is looked at.
//
//===----------------------------------------------------------------------===//

#include "nacre/Lazy/WeightStore.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
using mlir::failure;
using mlir::LogicalResult;
using mlir::success;
using Json = nlohmann::ordered_json;

namespace nacre {

/// The key under which safetensors keeps free-form text; never a tensor.
static constexpr const char *metadataKey = "__metadata__";
/// The limit of the format's own implementation.
static constexpr uint64_t largestHeader = 100'000'000;

static const char *fileDTypeName(DType dtype) {
  // The format packs its F4 and has no narrow integers. One byte an element
  // goes under a name that no other reader takes for something else.
  static constexpr const char *names[] = {
      "BOOL",        "I8",      "U8",          "I16",         "U16",
      "I32",         "U32",     "I64",         "U64",         "I4_BYTE",
      "U4_BYTE",     "I2_BYTE", "U2_BYTE",     "F16",         "BF16",
      "F32",         "F64",     "F8_E4M3",     "F8_E4M3FNUZ", "F8_E5M2",
      "F8_E5M2FNUZ", "F8_E8M0", "F4_E2M1_BYTE"};
  static_assert(std::size(names) == dtypeCount);
  return names[static_cast<size_t>(dtype)];
}

static std::optional<DType> dtypeFromFileName(StringRef name) {
  for (int i = 0; i < dtypeCount; ++i)
    if (name == fileDTypeName(static_cast<DType>(i)))
      return static_cast<DType>(i);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The store
//===----------------------------------------------------------------------===//

std::string WeightStore::add(StringRef name, Tensor tensor) {
  std::string unique = name.str();
  for (int64_t n = 1; index.contains(unique) || unique == metadataKey; ++n)
    unique = (name + "." + Twine(n)).str();
  index[unique] = order.size();
  order.emplace_back(unique, std::move(tensor));
  return unique;
}

/// Makes typed access to its elements possible.
static void align(Tensor &tensor) {
  if (reinterpret_cast<uintptr_t>(tensor.bytes) % dtypeBytes(tensor.dtype) == 0)
    return;
  Tensor copy = Tensor::zeros(tensor.dtype, tensor.shape);
  std::copy_n(tensor.bytes, copy.byteCount(), copy.data<uint8_t>());
  tensor = std::move(copy);
}

const Tensor *WeightStore::find(StringRef name) const {
  auto it = index.find(name);
  if (it == index.end())
    return nullptr;
  Tensor &tensor = order[it->second].second;
  align(tensor);
  return &tensor;
}

const Tensor *WeightStore::findStored(StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? nullptr : &order[it->second].second;
}

int64_t WeightStore::indexOf(StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? -1 : static_cast<int64_t>(it->second);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

LogicalResult WeightStore::save(StringRef path, std::string &error) const {
  // Widest elements first keeps every tensor aligned without holes, which the
  // format forbids; the header keeps the order of the store.
  std::vector<size_t> layout(order.size());
  for (size_t i = 0; i < layout.size(); ++i)
    layout[i] = i;
  llvm::sort(layout, [&](size_t a, size_t b) {
    int64_t widthA = dtypeBytes(order[a].second.dtype);
    int64_t widthB = dtypeBytes(order[b].second.dtype);
    return widthA != widthB ? widthA > widthB : a < b;
  });
  std::vector<int64_t> offsets(order.size());
  int64_t end = 0;
  for (size_t i : layout) {
    offsets[i] = end;
    end += order[i].second.byteCount();
  }
  Json header = Json::object();
  for (const auto &[key, text] : metadata) {
    if (!llvm::json::isUTF8(key) || !llvm::json::isUTF8(text)) {
      error = (Twine(path) + ": the metadata is not valid UTF-8").str();
      return failure();
    }
    header[metadataKey][key] = text;
  }
  for (auto [i, entry] : llvm::enumerate(order)) {
    auto &[name, tensor] = entry;
    if (!llvm::json::isUTF8(name)) {
      error = (Twine(path) + ": the name of weight " + Twine(i) +
               " is not valid UTF-8")
                  .str();
      return failure();
    }
    header[name] = {
        {"dtype", fileDTypeName(tensor.dtype)},
        {"shape", tensor.shape},
        {"data_offsets", {offsets[i], offsets[i] + tensor.byteCount()}}};
  }
  std::string text = header.dump();
  text.resize(llvm::alignTo(text.size() + 8, 64) - 8, ' ');

  int descriptor;
  llvm::SmallString<128> temporary;
  std::error_code code = llvm::sys::fs::createUniqueFile(
      Twine(path) + ".tmp-%%%%%%%%", descriptor, temporary);
  if (code) {
    error = (Twine(path) + ": cannot write: " + code.message()).str();
    return failure();
  }
  {
    llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/true);
    char length[8];
    llvm::support::endian::write64le(length, text.size());
    out.write(length, sizeof length);
    out << text;
    for (size_t i : layout)
      out.write(reinterpret_cast<const char *>(order[i].second.bytes),
                order[i].second.byteCount());
    out.flush();
    code = out.error();
    if (!code && ::fsync(descriptor) != 0)
      code = std::error_code(errno, std::generic_category());
    out.clear_error();
  }
  if (!code)
    code = llvm::sys::fs::rename(temporary, path);
  if (code) {
    llvm::sys::fs::remove(temporary);
    error = (Twine(path) + ": cannot write: " + code.message()).str();
    return failure();
  }
  // The rename itself must survive a crash too; a file system that cannot
  // sync a folder loses only that.
  StringRef folder = llvm::sys::path::parent_path(path);
  int folderDescriptor =
      ::open(folder.empty() ? "." : folder.str().c_str(), O_RDONLY);
  if (folderDescriptor >= 0) {
    (void)::fsync(folderDescriptor);
    ::close(folderDescriptor);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
struct FileTensor {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};
} // namespace

/// The integer of a JSON value, when it is one in [0, 2^62].
static std::optional<int64_t> sizeOf(const Json &value) {
  if (!value.is_number_unsigned())
    return std::nullopt;
  uint64_t number = value.get<uint64_t>();
  if (number > uint64_t(1) << 62)
    return std::nullopt;
  return static_cast<int64_t>(number);
}

/// Checks one entry of the header; `dataBytes` is the length of the data.
/// Returns an empty string or what is wrong with it.
static std::string readEntry(const Json &entry, uint64_t dataBytes,
                             FileTensor &tensor) {
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    return "expected an object with dtype, shape and data_offsets";
  const Json &dtype = entry["dtype"];
  if (!dtype.is_string())
    return "dtype is not a string";
  std::optional<DType> known = dtypeFromFileName(dtype.get<std::string>());
  if (!known)
    return "unsupported dtype '" + dtype.get<std::string>() + "'";
  tensor.dtype = *known;
  const Json &shape = entry["shape"];
  if (!shape.is_array())
    return "shape is not an array";
  for (const Json &extent : shape) {
    std::optional<int64_t> size = sizeOf(extent);
    if (!size)
      return "shape holds something that is not a size";
    tensor.shape.push_back(*size);
  }
  const Json &offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !sizeOf(offsets[0]) ||
      !sizeOf(offsets[1]))
    return "data_offsets is not a pair of offsets";
  tensor.begin = *sizeOf(offsets[0]);
  tensor.end = *sizeOf(offsets[1]);
  if (tensor.begin > tensor.end || tensor.end > dataBytes)
    return "data_offsets lie outside the file";
  std::optional<int64_t> bytes = byteSize(tensor.shape, tensor.dtype);
  if (!bytes)
    return "the shape is too large";
  if (static_cast<uint64_t>(*bytes) != tensor.end - tensor.begin)
    return "the shape needs " + std::to_string(*bytes) +
           " bytes but data_offsets span " +
           std::to_string(tensor.end - tensor.begin);
  return "";
}

/// Parses and checks the header of a file's bytes. On success `dataStart` is
/// where the tensors' bytes begin. Returns an empty string or what is wrong.
static std::string readHeader(StringRef file, std::vector<FileTensor> &tensors,
                              std::map<std::string, std::string> &metadata,
                              uint64_t &dataStart) {
  if (file.size() < 8)
    return "not a safetensors file: shorter than 8 bytes";
  uint64_t length = llvm::support::endian::read64le(file.data());
  if (length > largestHeader)
    return "not a safetensors file: a header of " + std::to_string(length) +
           " bytes exceeds the limit of " + std::to_string(largestHeader);
  if (length > file.size() - 8)
    return "truncated: the header needs " + std::to_string(length) +
           " bytes but the file holds " + std::to_string(file.size() - 8);
  StringRef text = file.substr(8, length);
  dataStart = 8 + length;
  uint64_t dataBytes = file.size() - dataStart;

  llvm::StringSet<> seen;
  std::string duplicate;
  bool hasDuplicate = false, tooDeep = false;
  auto watch = [&](int depth, Json::parse_event_t event, Json &value) {
    if (event == Json::parse_event_t::key && depth == 1 &&
        !seen.insert(value.get_ref<const std::string &>()).second) {
      hasDuplicate = true;
      duplicate = value.get<std::string>();
    }
    tooDeep |= depth > 3;
    return depth <= 3;
  };
  Json header = Json::parse(text.begin(), text.end(), watch,
                            /*allow_exceptions=*/false);
  if (tooDeep || header.is_discarded() || !header.is_object())
    return "not a safetensors file: the header is not the expected JSON object";
  if (hasDuplicate)
    return "tensor '" + duplicate + "' is listed twice";

  for (const auto &[name, entry] : header.items()) {
    if (name == metadataKey) {
      if (entry.is_object())
        for (const auto &[key, text] : entry.items())
          if (text.is_string())
            metadata[key] = text.get<std::string>();
      continue;
    }
    FileTensor tensor;
    tensor.name = name;
    std::string wrong = readEntry(entry, dataBytes, tensor);
    if (!wrong.empty())
      return "tensor '" + name + "': " + wrong;
    tensors.push_back(std::move(tensor));
  }

  // Each byte belongs to exactly one tensor.
  std::vector<const FileTensor *> byOffset;
  for (const FileTensor &tensor : tensors)
    byOffset.push_back(&tensor);
  llvm::sort(byOffset, [](const FileTensor *a, const FileTensor *b) {
    return std::tie(a->begin, a->end, a->name) <
           std::tie(b->begin, b->end, b->name);
  });
  uint64_t end = 0;
  for (const FileTensor *tensor : byOffset) {
    if (tensor->begin < end)
      return "tensor '" + tensor->name + "': its bytes overlap another's";
    if (tensor->begin > end)
      return "tensor '" + tensor->name +
             "': " + std::to_string(tensor->begin - end) +
             " bytes before it belong to no tensor";
    end = tensor->end;
  }
  if (end != dataBytes)
    return std::to_string(dataBytes - end) +
           " bytes at the end belong to no tensor";
  return "";
}

LogicalResult WeightStore::load(StringRef path, std::string &error) {
  // Large files are mapped, small ones read; both ways the tensors below are
  // views of this buffer.
  auto opened = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!opened) {
    error =
        (Twine(path) + ": cannot read: " + opened.getError().message()).str();
    return failure();
  }
  std::shared_ptr<llvm::MemoryBuffer> file = std::move(*opened);
  std::vector<FileTensor> tensors;
  uint64_t dataStart = 0;
  WeightStore loaded;
  std::string wrong =
      readHeader(file->getBuffer(), tensors, loaded.metadata, dataStart);
  if (!wrong.empty()) {
    error = (Twine(path) + ": " + wrong).str();
    return failure();
  }

  for (const FileTensor &entry : tensors) {
    const char *bytes = file->getBufferStart() + dataStart + entry.begin;
    Tensor tensor = Tensor::view(entry.dtype, entry.shape, bytes, file);
    if (entry.dtype == DType::Bool &&
        llvm::any_of(llvm::ArrayRef(tensor.bytes, tensor.count()),
                     [](uint8_t byte) { return byte > 1; })) {
      error = (Twine(path) + ": tensor '" + entry.name +
               "': a byte of a bool is neither 0 nor 1")
                  .str();
      return failure();
    }
    // Another writer's tensors may lie at any byte; typed access needs them
    // aligned.
    if (reinterpret_cast<uintptr_t>(bytes) % dtypeBytes(entry.dtype) != 0) {
      Tensor copy = Tensor::zeros(entry.dtype, entry.shape);
      std::copy_n(bytes, copy.byteCount(), copy.data<char>());
      tensor = std::move(copy);
    }
    loaded.add(entry.name, std::move(tensor));
  }
  *this = std::move(loaded);
  return success();
}

} // namespace nacre
