//===- DataFolder.cpp - inputs and outputs of a run in a folder -----------===//
//
// DIR/input_0.pb or .npy and so on, as the onnx package keeps test data. A
// sequence or an optional is one file, a SequenceProto or OptionalProto. Its
// length is known here first, and so how many inputs the program has.
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <nacre/runtime.h>
#include <onnx/onnx-data_pb.h>

using llvm::StringRef;
using llvm::Twine;
using nacre::onnx_frontend::Wrapping;

namespace nacre::driver {

namespace {
/// A tensor, or the elements of a sequence or optional.
struct Item {
  Tensor tensor;
  std::vector<Item> elements;
};

/// Reads a file of lists as its signature says what is in it.
class ListReader {
public:
  /// `strings` is null where elements are numbers.
  ListReader(StringRef path, Strings *strings) : path(path), strings(strings) {}

  llvm::Expected<Item> read(llvm::ArrayRef<Wrapping> wrapping) {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    if (!file)
      return fail(ExitModel,
                  path + ": cannot read: " + file.getError().message());
    auto parse = [&](auto proto) -> llvm::Expected<Item> {
      if ((*file)->getBufferSize() > INT_MAX ||
          !proto.ParseFromArray((*file)->getBufferStart(),
                                int((*file)->getBufferSize())))
        return fail(ExitModel, path + ": cannot parse");
      // A tensor parses too, with nothing in it but fields that are unknown.
      if (!proto.GetReflection()->GetUnknownFields(proto).empty())
        return mismatch();
      return list(proto, wrapping);
    };
    return wrapping.front() == Wrapping::Optional
               ? parse(onnx::OptionalProto())
               : parse(onnx::SequenceProto());
  }

private:
  llvm::Error mismatch() {
    return fail(ExitModel,
                path + ": does not hold what the model declares there");
  }

  llvm::Expected<Item> tensor(const onnx::TensorProto &proto) {
    std::string bytes = proto.SerializeAsString();
    nacre_array array;
    nacre_error error;
    if (strings
            ? nacre_onnx_tensor_parse_strings(bytes.data(), bytes.size(),
                                              strings->table(), &array, &error)
            : nacre_onnx_tensor_parse(bytes.data(), bytes.size(), &array,
                                      &error))
      return fail(ExitModel, path + ": " + StringRef(error.text));
    return Item{owned(array), {}};
  }

  llvm::Error add(Item &item, llvm::Expected<Item> element) {
    if (!element)
      return element.takeError();
    item.elements.push_back(std::move(*element));
    return llvm::Error::success();
  }

  llvm::Expected<Item> list(const onnx::SequenceProto &proto,
                            llvm::ArrayRef<Wrapping> wrapping) {
    llvm::ArrayRef<Wrapping> inner = wrapping.drop_front();
    bool optionals = !inner.empty() && inner.front() == Wrapping::Optional;
    bool lists = !inner.empty() && !optionals;
    if (wrapping.front() != Wrapping::Sequence ||
        (proto.tensor_values_size() && !inner.empty()) ||
        (proto.sequence_values_size() && !lists) ||
        (proto.optional_values_size() && !optionals) ||
        proto.sparse_tensor_values_size() || proto.map_values_size())
      return mismatch();
    Item item;
    for (const onnx::TensorProto &value : proto.tensor_values())
      if (llvm::Error error = add(item, tensor(value)))
        return error;
    for (const onnx::SequenceProto &value : proto.sequence_values())
      if (llvm::Error error = add(item, list(value, inner)))
        return error;
    for (const onnx::OptionalProto &value : proto.optional_values())
      if (llvm::Error error = add(item, list(value, inner)))
        return error;
    return item;
  }

  llvm::Expected<Item> list(const onnx::OptionalProto &proto,
                            llvm::ArrayRef<Wrapping> wrapping) {
    llvm::ArrayRef<Wrapping> inner = wrapping.drop_front();
    if (wrapping.front() != Wrapping::Optional ||
        (proto.has_tensor_value() && !inner.empty()) ||
        (proto.has_sequence_value() && inner.empty()) ||
        proto.has_sparse_tensor_value() || proto.has_map_value() ||
        proto.has_optional_value())
      return mismatch();
    Item item;
    if (proto.has_tensor_value())
      if (llvm::Error error = add(item, tensor(proto.tensor_value())))
        return error;
    if (proto.has_sequence_value())
      if (llvm::Error error = add(item, list(proto.sequence_value(), inner)))
        return error;
    return item;
  }

  StringRef path;
  Strings *strings;
};
} // namespace

/// The file of number i, empty when there is none.
static std::string fileOf(StringRef folder, StringRef prefix, size_t i) {
  for (StringRef extension : {"npy", "pb"}) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, prefix + "_" + Twine(i) + "." + extension);
    if (llvm::sys::fs::exists(path))
      return path.str().str();
  }
  return {};
}

static llvm::Expected<std::vector<std::string>> filesOf(StringRef folder,
                                                        StringRef prefix) {
  if (!llvm::sys::fs::is_directory(folder))
    return fail(ExitUsage, "--data: '" + folder + "' is not a folder");
  std::vector<std::string> files;
  for (std::string file;
       !(file = fileOf(folder, prefix, files.size())).empty();)
    files.push_back(file);
  return files;
}

/// One item for each file, as the signatures say.
static llvm::Expected<std::vector<Item>>
readItems(llvm::ArrayRef<std::string> files,
          llvm::ArrayRef<Signature> signatures, Strings &texts) {
  std::vector<Item> items;
  std::vector<std::string> errors;
  auto keep = [&](llvm::Expected<Item> item) {
    if (item)
      items.push_back(std::move(*item));
    else
      errors.push_back(llvm::toString(item.takeError()));
  };
  for (auto [file, signature] : llvm::zip_equal(files, signatures)) {
    Strings *strings = signature.strings ? &texts : nullptr;
    if (signature.wrapping.empty()) {
      llvm::Expected<Tensor> tensor = readTensor(file, strings);
      keep(tensor ? llvm::Expected<Item>(
                        Item{asElements(*tensor, signature.dtype), {}})
                  : llvm::Expected<Item>(tensor.takeError()));
    } else {
      keep(ListReader(file, strings).read(signature.wrapping));
    }
  }
  if (!errors.empty())
    return fail(ExitModel, errors);
  return items;
}

/// Appends the tensors of an item with the names that listTensors gives them,
/// and notes its lengths, and the extents of what has no declared shape.
static void flatten(const Item &item, const Signature &signature, Dims &lengths,
                    NamedTensors &tensors) {
  if (signature.wrapping.empty()) {
    if (!signature.ranked)
      for (auto [axis, extent] : llvm::enumerate(item.tensor.shape))
        lengths[(signature.name + "." + Twine(axis)).str()] = extent;
    tensors.emplace_back(signature.name, item.tensor);
    return;
  }
  lengths[signature.name] = item.elements.size();
  for (auto [i, element] : llvm::enumerate(item.elements))
    flatten(element, onnx_frontend::listElement(signature, i), lengths,
            tensors);
}

/// The tensors of files with their names, and what flatten() notes.
static llvm::Expected<NamedTensors>
readNamed(llvm::ArrayRef<std::string> files,
          llvm::ArrayRef<Signature> signatures, Strings &strings,
          Dims &lengths) {
  llvm::Expected<std::vector<Item>> items =
      readItems(files, signatures, strings);
  if (!items)
    return items.takeError();
  NamedTensors named;
  for (auto [item, signature] : llvm::zip_equal(*items, signatures))
    flatten(item, signature, lengths, named);
  return named;
}

/// Whether the folder has the value that an input was fixed to. Strings are
/// not compared.
static llvm::Error checkFixed(StringRef folder, StringRef file,
                              const ModelSource::FixedInput &input) {
  if (input.signature.strings)
    return llvm::Error::success();
  llvm::Expected<Tensor> given = readTensor(file);
  if (!given)
    return given.takeError();
  *given = asElements(*given, input.value.dtype);
  if (given->dtype != input.value.dtype || given->shape != input.value.shape ||
      std::memcmp(given->bytes, input.value.bytes, given->byteCount()) != 0)
    return fail(ExitModel, folder + ": input '" + input.signature.name +
                               "' has another value than --fix gives it");
  return llvm::Error::success();
}

llvm::Expected<std::vector<Tensor>> readInputs(StringRef folder,
                                               ModelSource &source) {
  if (!source.states().empty())
    return fail(ExitUsage, "--state: goes with --input, not with --data");
  llvm::ArrayRef<Signature> declared = source.declaredInputs();
  llvm::Expected<std::vector<std::string>> files = filesOf(folder, "input");
  if (!files)
    return files.takeError();
  auto fixed = source.fixedInputs();
  if (!fixed.empty() && files->size() == declared.size() + fixed.size())
    for (const ModelSource::FixedInput &input : llvm::reverse(fixed)) {
      auto file = files->begin() + input.place;
      if (llvm::Error error = checkFixed(folder, *file, input))
        return error;
      files->erase(file);
    }
  if (files->size() != declared.size())
    return fail(ExitModel, folder + ": has " + Twine(files->size()) +
                               (files->size() == 1 ? " input" : " inputs") +
                               ", model needs " + Twine(declared.size()));
  Dims lengths;
  llvm::Expected<NamedTensors> named =
      readNamed(*files, declared, source.strings(), lengths);
  if (!named)
    return named.takeError();
  if (llvm::Error error = source.bindLengths(lengths))
    return error;
  if (llvm::Error error = source.checkInputs())
    return error;
  std::vector<Tensor> tensors;
  for (auto &[name, tensor] : *named)
    tensors.push_back(std::move(tensor));
  return tensors;
}

llvm::Expected<NamedTensors> readOutputs(StringRef folder,
                                         ModelSource &source) {
  llvm::ArrayRef<Signature> declared = source.modelInfo().outputs;
  llvm::Expected<std::vector<std::string>> files = filesOf(folder, "output");
  if (!files)
    return files.takeError();
  if (files->size() != declared.size())
    return fail(ExitModel, folder + ": has " + Twine(files->size()) +
                               (files->size() == 1 ? " output" : " outputs") +
                               ", model has " + Twine(declared.size()));
  Dims lengths;
  return readNamed(*files, declared, source.strings(), lengths);
}

} // namespace nacre::driver
