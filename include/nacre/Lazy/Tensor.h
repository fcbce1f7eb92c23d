//===- Tensor.h - a tensor in host memory -----------------------*- C++ -*-===//
//
// Dense row-major values outside the IR: weights, folded constants, the
// interpreter's values, inputs and outputs of runs.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_TENSOR_H
#define NACRE_LAZY_TENSOR_H

#include "mlir/IR/BuiltinTypes.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nacre {

enum class DType : uint8_t {
  Bool,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
  I4,
  U4,
  I2,
  U2,
  F16, // from here on floats
  BF16,
  F32,
  F64,
  F8E4M3FN,
  F8E4M3FNUZ,
  F8E5M2,
  F8E5M2FNUZ,
  F8E8M0,
  F4E2M1
};
constexpr int dtypeCount = static_cast<int>(DType::F4E2M1) + 1;

/// Bytes of one element. A bool takes one byte, 0 or 1; so does each of the
/// narrow types, in its low bits, the others 0.
int64_t dtypeBytes(DType dtype);
/// Bits of one element in a file that packs what is narrower than a byte.
int64_t dtypeBits(DType dtype);
/// Whether elements are only moved and cast, never computed with: I4 to U2 and
/// F8E4M3FN to F4E2M1.
bool isNarrow(DType dtype);
inline bool isFloatDType(DType dtype) { return dtype >= DType::F16; }
/// "bool", "i8", "u8", ..., "f64", "i4", ..., "f8e4m3fn", "f4e2m1".
const char *dtypeName(DType dtype);
/// The inverse of dtypeName.
std::optional<DType> dtypeFromName(llvm::StringRef name);
/// The MLIR element type: i1, i8, ui8, ..., f64.
mlir::Type elementType(mlir::MLIRContext *context, DType dtype);
/// The inverse of elementType; aborts on a type lazy does not admit.
DType dtypeOf(mlir::Type element);

/// The one checked size computation of the code base: the number of elements
/// of a shape and its bytes, or nullopt when an extent is negative or the
/// product exceeds 2^62.
std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape);
std::optional<int64_t> byteSize(llvm::ArrayRef<int64_t> shape, DType dtype);

/// A dense row-major tensor. Copying shares the bytes; `writable` bytes are
/// owned. `keepAlive` holds whatever owns mapped bytes.
struct Tensor {
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  const uint8_t *bytes = nullptr;
  std::shared_ptr<void> keepAlive;
  /// The bytes are a file, mapped to be read: memory that they take can be let
  /// go at any time, and is read again when it is asked for.
  bool ofFile = false;

  /// Allocates zeroed bytes for `shape`, which must have a valid byteSize.
  static Tensor zeros(DType dtype, llvm::ArrayRef<int64_t> shape);
  /// A view of bytes that `owner` keeps alive.
  static Tensor view(DType dtype, llvm::ArrayRef<int64_t> shape,
                     const void *bytes, std::shared_ptr<void> owner);
  template <typename T>
  static Tensor of(DType dtype, llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<T> values) {
    Tensor t = zeros(dtype, shape);
    std::copy(values.begin(), values.end(), t.data<T>());
    return t;
  }

  int64_t count() const { return *elementCount(shape); }
  int64_t byteCount() const { return count() * dtypeBytes(dtype); }
  /// Typed access; T must have the dtype's size. Mutable only for tensors made
  /// by zeros() or of().
  template <typename T> const T *data() const {
    return reinterpret_cast<const T *>(bytes);
  }
  template <typename T> T *data() {
    return reinterpret_cast<T *>(const_cast<uint8_t *>(bytes));
  }
  /// Element i (row-major) as a double / as an int64, whatever the dtype
  /// (f16 and bf16 decoded; floats truncated by integerAt).
  double numberAt(int64_t i) const;
  int64_t integerAt(int64_t i) const;
  /// Stores v at element i, converted as lazy.cast does.
  void setNumber(int64_t i, double v);
  void setInteger(int64_t i, int64_t v);
};

/// f16 / bf16 bits to float and back (round to nearest even).
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

/// The bits of a narrow dtype as a number, and a number as lazy.cast makes it
/// one: floats to nearest even, integers truncated and saturated.
double narrowToNumber(DType dtype, uint8_t bits);
uint8_t numberToNarrow(DType dtype, double value);

} // namespace nacre

#endif // NACRE_LAZY_TENSOR_H
