//===- DataFile.cpp - arrays of examples from a file ----------------------===//
//
// A data file is from outside: sizes are compared with what the file can hold
// before memory is asked for.
//
//===----------------------------------------------------------------------===//

#include "DataFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <nacre/runtime.h>
#include <zip.h>

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

/// The most that deflate shrinks: a match of 258 bytes takes two bits.
static constexpr uint64_t largestDeflation = 1032;

namespace {

/// A file of arrays by name.
class DataFile {
public:
  virtual ~DataFile() = default;
  virtual std::vector<std::string> names() const = 0;
  /// The array of a name of names(); the error does not name file or array.
  virtual llvm::Expected<Tensor> read(StringRef name) = 0;
};

class NpzFile : public DataFile {
public:
  ~NpzFile() override {
    if (archive)
      zip_discard(archive);
  }

  llvm::Error open(StringRef path) {
    int code = 0;
    archive = zip_open(path.str().c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (!archive) {
      zip_error_t error;
      zip_error_init_with_code(&error, code);
      std::string text =
          code == ZIP_ER_NOZIP ? "not a .npz file" : zip_error_strerror(&error);
      zip_error_fini(&error);
      return fail(ExitModel, path + ": " + text);
    }
    for (zip_int64_t i = 0, n = zip_get_num_entries(archive, 0); i < n; ++i)
      if (const char *name = zip_get_name(archive, i, ZIP_FL_ENC_RAW)) {
        StringRef member(name);
        if (!member.consume_back(".npy"))
          continue;
        if (!members.try_emplace(member, i).second)
          return fail(ExitModel,
                      path + ": array '" + member + "' is there twice");
      }
    return llvm::Error::success();
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> list;
    for (const auto &member : members)
      list.push_back(member.getKey().str());
    llvm::sort(list);
    return list;
  }

  llvm::Expected<Tensor> read(StringRef name) override {
    auto wrong = [](const Twine &text) { return fail(ExitModel, text); };
    zip_int64_t index = members.lookup(name);
    zip_stat_t stat;
    if (zip_stat_index(archive, index, 0, &stat))
      return wrong(zip_error_strerror(zip_get_error(archive)));
    constexpr uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                ZIP_STAT_COMP_METHOD |
                                ZIP_STAT_ENCRYPTION_METHOD;
    if ((stat.valid & needed) != needed)
      return wrong("its size is not stated");
    if (stat.encryption_method != ZIP_EM_NONE)
      return wrong("it is encrypted");
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
      return wrong("compression method " + Twine(stat.comp_method) +
                   " is not supported, only stored and deflated");
    if (stat.size / largestDeflation > stat.comp_size)
      return wrong("it states " + Twine(stat.size) + " bytes, " +
                   Twine(stat.comp_size) + " compressed ones cannot hold them");
    std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(
        zip_fopen_index(archive, index, 0), zip_fclose);
    if (!file)
      return wrong(zip_error_strerror(zip_get_error(archive)));
    std::unique_ptr<char, decltype(&std::free)> bytes(
        static_cast<char *>(std::malloc(std::max<uint64_t>(stat.size, 1))),
        std::free);
    if (!bytes)
      return fail(ExitLimit, "no memory for " + Twine(stat.size) + " bytes");
    for (uint64_t done = 0; done < stat.size;) {
      zip_int64_t got =
          zip_fread(file.get(), bytes.get() + done, stat.size - done);
      if (got < 0)
        return wrong(zip_error_strerror(zip_file_get_error(file.get())));
      if (got == 0)
        return wrong("it ends after " + Twine(done) + " of " +
                     Twine(stat.size) + " bytes");
      done += got;
    }
    // The checksum is compared at the end of the data only.
    char more;
    if (zip_fread(file.get(), &more, 1) != 0)
      return wrong(zip_error_strerror(zip_file_get_error(file.get())));
    nacre_array array;
    nacre_error error;
    if (nacre_npy_parse(bytes.get(), stat.size, &array, &error))
      return wrong(error.text);
    return Tensor::view(*dtypeFromName(array.dtype),
                        llvm::ArrayRef(array.shape, array.rank), array.data,
                        std::shared_ptr<void>(array.data, nacre_free));
  }

private:
  zip_t *archive = nullptr;
  llvm::StringMap<zip_int64_t> members;
};

class SafetensorsFile : public DataFile {
public:
  llvm::Error open(StringRef path) {
    std::string error;
    if (failed(store.load(path, error)))
      return fail(ExitModel, error);
    return llvm::Error::success();
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> list;
    for (const auto &entry : store.entries())
      list.push_back(entry.first);
    llvm::sort(list);
    return list;
  }
  llvm::Expected<Tensor> read(StringRef name) override {
    return *store.find(name);
  }

private:
  WeightStore store;
};

} // namespace

template <typename File>
static llvm::Expected<std::unique_ptr<DataFile>> openAs(StringRef path) {
  auto file = std::make_unique<File>();
  if (llvm::Error error = file->open(path))
    return error;
  return std::unique_ptr<DataFile>(std::move(file));
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

/// `tensor` as `wanted`, or why that cannot be.
static llvm::Expected<Tensor> convert(const Tensor &tensor, DType wanted) {
  if (tensor.dtype == wanted)
    return tensor;
  std::string types = std::string("has ") + dtypeName(tensor.dtype) +
                      ", the model needs " + dtypeName(wanted);
  if (isFloatDType(tensor.dtype) != isFloatDType(wanted)) {
    std::string hint = isFloatDType(wanted)
                           ? "; scale it when the file is made, as with "
                             ".astype('float32') / 255"
                           : "";
    return fail(ExitModel, types + hint);
  }
  Tensor result = Tensor::zeros(wanted, tensor.shape);
  for (int64_t i = 0, count = tensor.count(); i < count; ++i) {
    if (isFloatDType(wanted)) {
      result.setNumber(i, tensor.numberAt(i));
      continue;
    }
    int64_t value = tensor.integerAt(i);
    result.setInteger(i, value);
    bool wide = tensor.dtype == DType::U64 || wanted == DType::U64;
    if (result.integerAt(i) != value || (wide && value < 0))
      return fail(ExitModel,
                  types + ", which cannot hold its element " + Twine(i));
  }
  return result;
}

llvm::Expected<Examples> readExamples(StringRef path,
                                      llvm::ArrayRef<TensorInfo> inputs) {
  StringRef extension = llvm::sys::path::extension(path);
  if (extension != ".npz" && extension != ".safetensors")
    return fail(ExitUsage, "'" + path + "' is neither .npz nor .safetensors");
  llvm::Expected<std::unique_ptr<DataFile>> file =
      extension == ".npz" ? openAs<NpzFile>(path)
                          : openAs<SafetensorsFile>(path);
  if (!file)
    return file.takeError();
  const std::vector<std::string> names = (*file)->names();
  Examples examples;
  std::vector<std::string> errors;
  for (const TensorInfo &input : inputs) {
    auto complain = [&](const Twine &text) {
      errors.push_back((path + ": array '" + input.name + "': " + text).str());
    };
    if (!llvm::is_contained(names, input.name)) {
      errors.push_back((path + ": there is no array '" + input.name +
                        "', the file has " +
                        (names.empty() ? "none" : llvm::join(names, ", ")))
                           .str());
      continue;
    }
    llvm::Expected<Tensor> tensor = (*file)->read(input.name);
    if (tensor) {
      bool fits = tensor->shape.size() == input.shape.size() &&
                  !input.shape.empty() &&
                  llvm::ArrayRef(tensor->shape).drop_front() ==
                      llvm::ArrayRef(input.shape).drop_front();
      if (!fits) {
        std::string needed = "[examples";
        for (int64_t extent : llvm::ArrayRef(input.shape).drop_front())
          needed += ", " + std::to_string(extent);
        complain("has shape " + shapeText(tensor->shape) +
                 ", the model needs " + needed + "]");
        continue;
      }
      tensor = convert(*tensor, input.dtype);
    }
    if (!tensor) {
      llvm::handleAllErrors(
          tensor.takeError(),
          [&](const llvm::ErrorInfoBase &error) { complain(error.message()); });
      continue;
    }
    int64_t count = tensor->shape[0];
    if (!examples.arrays.empty() && count != examples.count)
      complain("has " + Twine(count) + " examples, '" + inputs[0].name +
               "' has " + Twine(examples.count));
    else
      examples.count = count;
    examples.arrays.push_back(std::move(*tensor));
  }
  if (!errors.empty())
    return fail(ExitModel, errors);
  return examples;
}

} // namespace nacre::driver
