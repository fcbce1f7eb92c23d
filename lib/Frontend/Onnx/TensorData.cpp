//===- TensorData.cpp - TensorProto to Tensor -----------------------------===//
#include "TensorData.h"
#include "ModelFile.h"
#include <cstring>

using namespace nacre;
using namespace nacre::onnx_frontend;
using llvm::StringRef;
using llvm::Twine;

DType onnx_frontend::dtypeOfOnnx(int32_t type, StringRef what) {
  switch (type) {
  case onnx::TensorProto::FLOAT:
    return DType::F32;
  case onnx::TensorProto::UINT8:
    return DType::U8;
  case onnx::TensorProto::INT8:
    return DType::I8;
  case onnx::TensorProto::UINT16:
    return DType::U16;
  case onnx::TensorProto::INT16:
    return DType::I16;
  case onnx::TensorProto::INT32:
    return DType::I32;
  case onnx::TensorProto::INT64:
    return DType::I64;
  case onnx::TensorProto::BOOL:
    return DType::Bool;
  case onnx::TensorProto::FLOAT16:
    return DType::F16;
  case onnx::TensorProto::DOUBLE:
    return DType::F64;
  case onnx::TensorProto::UINT32:
    return DType::U32;
  case onnx::TensorProto::UINT64:
    return DType::U64;
  case onnx::TensorProto::BFLOAT16:
    return DType::BF16;
  case onnx::TensorProto::STRING:
    block("E_DTYPE: " + what + ": string tensors are not supported");
  case onnx::TensorProto::COMPLEX64:
  case onnx::TensorProto::COMPLEX128:
    block("E_DTYPE: " + what + ": complex tensors are not supported");
  case onnx::TensorProto::UNDEFINED:
    block("E_DTYPE: " + what + ": no data type");
  default:
    // Newer than the proto classes: from FLOAT8E4M3FN to INT2.
    static constexpr DType narrow[] = {
        DType::F8E4M3FN, DType::F8E4M3FNUZ, DType::F8E5M2, DType::F8E5M2FNUZ,
        DType::U4,       DType::I4,         DType::F4E2M1, DType::F8E8M0,
        DType::U2,       DType::I2};
    if (type >= 17 && type < 17 + int32_t(std::size(narrow)))
      return narrow[type - 17];
    block("E_DTYPE: " + what + ": unknown data type " + Twine(type));
  }
}

/// Which typed field of a TensorProto holds values of `dtype`, and all sizes.
namespace {
struct TypedField {
  const char *name;
  int64_t size;
};
} // namespace

static const char *typedFieldName(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return "float_data";
  case DType::F64:
    return "double_data";
  case DType::I64:
    return "int64_data";
  case DType::U32:
  case DType::U64:
    return "uint64_data";
  default:
    return "int32_data";
  }
}

/// Converts the typed field. Values wider than the dtype wrap.
static void copyTyped(const onnx::TensorProto &proto, Tensor &t) {
  int64_t n = t.count();
  switch (t.dtype) {
  case DType::F32:
    std::copy_n(proto.float_data().data(), n, t.data<float>());
    break;
  case DType::F64:
    std::copy_n(proto.double_data().data(), n, t.data<double>());
    break;
  case DType::I64:
    std::copy_n(proto.int64_data().data(), n, t.data<int64_t>());
    break;
  case DType::U32:
    std::copy_n(proto.uint64_data().data(), n, t.data<uint32_t>());
    break;
  case DType::U64:
    std::copy_n(proto.uint64_data().data(), n, t.data<uint64_t>());
    break;
  case DType::I32:
    std::copy_n(proto.int32_data().data(), n, t.data<int32_t>());
    break;
  case DType::Bool:
    for (int64_t i = 0; i < n; ++i)
      t.data<uint8_t>()[i] = proto.int32_data(i) != 0;
    break;
  case DType::I8:
  case DType::U8:
    std::copy_n(proto.int32_data().data(), n, t.data<uint8_t>());
    break;
  case DType::I16:
  case DType::U16:
  case DType::F16:
  case DType::BF16:
    std::copy_n(proto.int32_data().data(), n, t.data<uint16_t>());
    break;
  default: // a byte, of several elements where they are narrower
    std::copy_n(proto.int32_data().data(), n, t.data<uint8_t>());
  }
}

/// Elements of four or two bits of bytes that hold two or four of them, the
/// first in the lowest bits.
static Tensor unpack(const Tensor &packed, DType dtype,
                     const std::vector<int64_t> &shape) {
  int64_t bits = dtypeBits(dtype), each = 8 / bits;
  Tensor t = Tensor::zeros(dtype, shape);
  for (int64_t i = 0, n = t.count(); i < n; ++i)
    t.data<uint8_t>()[i] =
        packed.bytes[i / each] >> (i % each * bits) & ((1 << bits) - 1);
  return t;
}

/// Bools are 0 or 1 in memory whatever a file holds.
static Tensor normalizeBools(Tensor t) {
  if (t.dtype != DType::Bool)
    return t;
  int64_t n = t.count();
  const uint8_t *from = t.data<uint8_t>();
  if (std::all_of(from, from + n, [](uint8_t b) { return b <= 1; }))
    return t;
  Tensor clean = Tensor::zeros(DType::Bool, t.shape);
  for (int64_t i = 0; i < n; ++i)
    clean.data<uint8_t>()[i] = from[i] != 0;
  return clean;
}

StringTensor onnx_frontend::readStrings(const onnx::TensorProto &proto) {
  std::string what = "tensor " + quoted(proto.name());
  if (proto.dims_size() > kMaxRank)
    block("E_RANK: " + what + ": rank " + Twine(proto.dims_size()) +
          " is above " + Twine(kMaxRank));
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  std::optional<int64_t> count = elementCount(shape);
  if (!count)
    block("E_OVERFLOW: " + what + ": shape " + shapeText(shape) +
          " is negative or has too many elements");
  if (proto.string_data_size() != *count)
    block("E_DATA_SIZE: " + what + ": string_data has " +
          Twine(proto.string_data_size()) + " values, shape " +
          shapeText(shape) + " needs " + Twine(*count));
  return {shape, {proto.string_data().begin(), proto.string_data().end()}};
}

/// The value of a tensor whose elements take whole bytes: of `shape` elements
/// of `dtype`. `given` is what the file says it is, for messages.
static Tensor readBytes(const onnx::TensorProto &proto,
                        const TensorSource &source, StringRef raw, DType dtype,
                        const std::vector<int64_t> &shape,
                        const std::string &given) {
  std::string what = "tensor " + quoted(proto.name());
  int64_t count = *elementCount(shape), bytes = *byteSize(shape, dtype);
  std::string needs = ", " + given + " needs ";
  bool isBeside = raw.data();
  if (!isBeside)
    raw = proto.raw_data();
  TypedField fields[] = {{"raw_data", int64_t(raw.size())},
                         {"float_data", proto.float_data_size()},
                         {"int32_data", proto.int32_data_size()},
                         {"int64_data", proto.int64_data_size()},
                         {"double_data", proto.double_data_size()},
                         {"uint64_data", proto.uint64_data_size()},
                         {"string_data", proto.string_data_size()}};
  const TypedField *used = nullptr;
  for (const TypedField &field : fields) {
    if (field.size == 0)
      continue;
    if (used)
      block("E_DATA_SIZE: " + what + ": two value fields, " + used->name +
            " and " + field.name);
    used = &field;
  }
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    if (used)
      block("E_DATA_SIZE: " + what + ": both external data and " + used->name);
    return normalizeBools(readExternal(proto, source, dtype, shape));
  }
  if ((isBeside || proto.has_raw_data()) && (!used || used == &fields[0])) {
    if (fields[0].size != bytes)
      block("E_DATA_SIZE: " + what + ": raw_data has " + Twine(fields[0].size) +
            " bytes" + needs + Twine(bytes));
    const void *data = raw.data();
    if (isBeside ||
        (source.owner && reinterpret_cast<uintptr_t>(data) % 8 == 0)) {
      Tensor t = Tensor::view(dtype, shape, data, source.owner);
      t.ofFile = isBeside && source.mapped;
      return normalizeBools(std::move(t));
    }
    Tensor t = Tensor::zeros(dtype, shape);
    if (bytes)
      std::memcpy(t.data<uint8_t>(), data, bytes);
    return normalizeBools(t);
  }
  const char *field = typedFieldName(dtype);
  int64_t size = used && used->name == StringRef(field) ? used->size : 0;
  if (used && used->name != StringRef(field))
    block("E_DATA_SIZE: " + what + ": " + dtypeName(dtype) +
          " values belong in " + field + ", not in " + used->name);
  if (size != count)
    block("E_DATA_SIZE: " + what + ": " + field + " has " + Twine(size) +
          " values" + needs + Twine(count));
  Tensor t = Tensor::zeros(dtype, shape);
  copyTyped(proto, t);
  return t;
}

Tensor onnx_frontend::readTensor(const onnx::TensorProto &proto,
                                 const TensorSource &source, StringRef raw) {
  std::string what = "tensor " + quoted(proto.name());
  DType dtype = dtypeOfOnnx(proto.data_type(), what);
  if (proto.dims_size() > kMaxRank)
    block("E_RANK: " + what + ": rank " + Twine(proto.dims_size()) +
          " is above " + Twine(kMaxRank));
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  for (int64_t extent : shape)
    if (extent < 0)
      block("E_DIM: " + what + ": negative dimension " + Twine(extent));
  if (!byteSize(shape, dtype))
    block("E_OVERFLOW: " + what + ": shape " + shapeText(shape) +
          " has too many elements");
  if (proto.has_segment())
    block("E_DATA_SIZE: " + what + ": segmented tensors are not supported");
  std::string given = "shape " + shapeText(shape) + " " + dtypeName(dtype);
  int64_t each = isNarrow(dtype) ? 8 / dtypeBits(dtype) : 1;
  if (each == 1)
    return readBytes(proto, source, raw, dtype, shape, given);
  int64_t count = *elementCount(shape);
  return unpack(readBytes(proto, source, raw, DType::U8,
                          {count / each + (count % each != 0)}, given),
                dtype, shape);
}

Tensor onnx_frontend::readSparse(const onnx::SparseTensorProto &proto,
                                 const TensorSource &source) {
  Tensor values = readTensor(proto.values(), source);
  Tensor indices = readTensor(proto.indices(), source);
  std::string what = "sparse tensor " + quoted(proto.values().name());
  if (proto.dims_size() > kMaxRank)
    block("E_RANK: " + what + ": rank " + Twine(proto.dims_size()) +
          " is above " + Twine(kMaxRank));
  std::vector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  std::optional<int64_t> bytes = byteSize(shape, values.dtype);
  if (!bytes)
    block("E_OVERFLOW: " + what + ": shape " + shapeText(shape) +
          " is negative or has too many elements");
  if (*bytes > source.maxDenseBytes)
    block("E_LIMIT: " + what + ": making it dense takes " + Twine(*bytes) +
          " bytes (--max-fold-bytes " + Twine(source.maxDenseBytes) + ")");
  int64_t nonZeros = values.count(), rank = shape.size();
  bool flat = indices.shape == std::vector<int64_t>{nonZeros};
  if (values.shape.size() != 1 || indices.dtype != DType::I64 ||
      (!flat && indices.shape != std::vector<int64_t>{nonZeros, rank}))
    block("E_DATA_SIZE: " + what + ": indices of shape " +
          shapeText(indices.shape) + " do not fit " + Twine(nonZeros) +
          " values of rank " + Twine(rank));
  Tensor dense = Tensor::zeros(values.dtype, shape);
  int64_t width = dtypeBytes(values.dtype), total = dense.count();
  for (int64_t i = 0; i < nonZeros; ++i) {
    int64_t at = 0;
    if (flat)
      at = indices.integerAt(i);
    else
      for (int64_t k = 0; k < rank; ++k) {
        int64_t index = indices.integerAt(i * rank + k);
        if (index < 0 || index >= shape[k])
          block("E_INDEX: " + what + ": index " + Twine(index) + " on axis " +
                Twine(k) + " of size " + Twine(shape[k]));
        at = at * shape[k] + index;
      }
    if (at < 0 || at >= total)
      block("E_INDEX: " + what + ": index " + Twine(at) + " of " +
            Twine(total) + " elements");
    std::memcpy(dense.data<uint8_t>() + at * width, values.bytes + i * width,
                width);
  }
  return dense;
}
