//===- Lists.cpp - inputs and outputs of more than one tensor -------------===//
//
// A program takes and gives tensors only. So a sequence is as many inputs as
// it is long, and its length is a dim that is known at compile time.
//
//===----------------------------------------------------------------------===//
#include "Lists.h"
#include "Blocker.h"
#include "TensorData.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace nacre::onnx_frontend;
using llvm::Twine;
using mlir::Value;

const onnx::TypeProto_Tensor *
nacre::onnx_frontend::tensorInside(const onnx::TypeProto &type,
                                   llvm::SmallVectorImpl<Wrapping> &wrapping) {
  // Nesting is bounded by the check of the wire format.
  if (type.has_sequence_type()) {
    wrapping.push_back(Wrapping::Sequence);
    return tensorInside(type.sequence_type().elem_type(), wrapping);
  }
  if (type.has_optional_type()) {
    wrapping.push_back(Wrapping::Optional);
    return tensorInside(type.optional_type().elem_type(), wrapping);
  }
  return type.has_tensor_type() ? &type.tensor_type() : nullptr;
}

static std::string elementName(llvm::StringRef list, int64_t i) {
  return (list + "." + Twine(i)).str();
}

Signature nacre::onnx_frontend::listElement(const Signature &list, int64_t i) {
  Signature inner = list;
  inner.name = elementName(list.name, i);
  inner.wrapping.erase(inner.wrapping.begin());
  for (auto [axis, dim] : llvm::enumerate(inner.dims))
    if (dim < 0)
      inner.dimNames[axis] = elementName(inner.name, axis);
  return inner;
}

static std::optional<int64_t> lengthOf(const Signature &list,
                                       const llvm::StringMap<int64_t> &dims) {
  auto found = dims.find(list.name);
  int64_t most =
      list.wrapping.front() == Wrapping::Optional ? 1 : kMaxListLength;
  if (found == dims.end() || found->second < 0 || found->second > most)
    return std::nullopt;
  return found->second;
}

bool nacre::onnx_frontend::listTensors(const Signature &signature,
                                       const llvm::StringMap<int64_t> &dims,
                                       std::vector<Signature> &tensors,
                                       std::string &reason) {
  if (signature.wrapping.empty()) {
    tensors.push_back(signature);
    Signature &tensor = tensors.back();
    for (int64_t axis = 0; !tensor.ranked; ++axis) {
      std::string name = elementName(tensor.name, axis);
      if (!dims.contains(name))
        break;
      tensor.dims.push_back(-1);
      tensor.dimNames.push_back(name);
    }
    return true;
  }
  std::optional<int64_t> length = lengthOf(signature, dims);
  if (!length) {
    llvm::StringRef name = llvm::StringRef(signature.name).take_front(120);
    reason = "input " + quoted(signature.name);
    if (signature.wrapping.front() == Wrapping::Optional)
      reason += (" is an optional; say whether it is there with --dim " + name +
                 "=1 or --dim " + name + "=0")
                    .str();
    else
      reason += (" is a sequence; give its length, at most " +
                 Twine(kMaxListLength) + ", with --dim " + name + "=N")
                    .str();
    return false;
  }
  for (int64_t i = 0; i < *length; ++i)
    if (!listTensors(listElement(signature, i), dims, tensors, reason))
      return false;
  return true;
}

static Datum asDatum(const Signature &declared,
                     const llvm::StringMap<int64_t> &dims,
                     llvm::ArrayRef<Value> &left) {
  if (declared.wrapping.empty()) {
    Value tensor = left.front();
    left = left.drop_front();
    return declared.strings ? Datum::coded(tensor) : Datum(tensor);
  }
  std::vector<Datum> elements;
  for (int64_t i = 0, n = *lengthOf(declared, dims); i < n; ++i)
    elements.push_back(asDatum(listElement(declared, i), dims, left));
  if (declared.wrapping.front() == Wrapping::Sequence)
    return Datum::list(std::move(elements));
  return elements.empty() ? Datum::absent() : elements.front();
}

Datum nacre::onnx_frontend::argumentsAsDatum(
    const Signature &declared, const llvm::StringMap<int64_t> &dims,
    llvm::ArrayRef<Value> tensors) {
  return asDatum(declared, dims, tensors);
}

static void nameInside(llvm::StringRef what, llvm::ArrayRef<Wrapping> wrapping,
                       const std::string &name, const Datum &datum,
                       std::vector<NamedTensor> &named) {
  bool optional = !wrapping.empty() && wrapping.front() == Wrapping::Optional;
  bool sequence = !wrapping.empty() && !optional;
  if (optional) {
    if (!datum.isAbsent())
      nameInside(what, wrapping.drop_front(), elementName(name, 0), datum,
                 named);
  } else if (sequence && datum.isList()) {
    for (auto [i, part] : llvm::enumerate(datum.elements()))
      nameInside(what, wrapping.drop_front(), elementName(name, i), part,
                 named);
  } else if (!sequence && !datum.isList() && !datum.isAbsent()) {
    named.push_back({name, datum});
  } else {
    block("output " + quoted(what) + " is declared as " +
          (sequence ? "a sequence" : "a tensor") + " and is " + datum.what());
  }
}

void nacre::onnx_frontend::nameTensors(const onnx::ValueInfoProto &output,
                                       const Datum &datum,
                                       std::vector<NamedTensor> &named) {
  llvm::SmallVector<Wrapping> wrapping;
  tensorInside(output.type(), wrapping);
  nameInside(output.name(), wrapping, output.name(), datum, named);
}

mlir::FailureOr<StringTensor>
nacre::onnx_frontend::readStringFile(llvm::StringRef path, std::string &error) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file) {
    error = (path + ": cannot read: " + file.getError().message()).str();
    return mlir::failure();
  }
  onnx::TensorProto proto;
  if (!proto.ParseFromArray((*file)->getBufferStart(),
                            int((*file)->getBufferSize())) ||
      proto.data_type() != onnx::TensorProto::STRING) {
    error = (path + ": is not a tensor of strings").str();
    return mlir::failure();
  }
  try {
    return readStrings(proto);
  } catch (const Blocker &blocker) {
    error = (path + ": " + blocker.text).str();
    return mlir::failure();
  }
}
