//===- Tensor.cpp - a tensor in host memory -------------------------------===//
//
// Sizes are checked here and nowhere else; conversions of single elements
// follow lazy.cast.
//
//===----------------------------------------------------------------------===//

#include "nacre/Lazy/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace nacre {

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

namespace {
struct DTypeRow {
  DType dtype;
  const char *name;
  int64_t bytes, bits;
};
} // namespace

static constexpr DTypeRow dtypeTable[] = {
    {DType::Bool, "bool", 1, 8},
    {DType::I8, "i8", 1, 8},
    {DType::U8, "u8", 1, 8},
    {DType::I16, "i16", 2, 16},
    {DType::U16, "u16", 2, 16},
    {DType::I32, "i32", 4, 32},
    {DType::U32, "u32", 4, 32},
    {DType::I64, "i64", 8, 64},
    {DType::U64, "u64", 8, 64},
    {DType::I4, "i4", 1, 4},
    {DType::U4, "u4", 1, 4},
    {DType::I2, "i2", 1, 2},
    {DType::U2, "u2", 1, 2},
    {DType::F16, "f16", 2, 16},
    {DType::BF16, "bf16", 2, 16},
    {DType::F32, "f32", 4, 32},
    {DType::F64, "f64", 8, 64},
    {DType::F8E4M3FN, "f8e4m3fn", 1, 8},
    {DType::F8E4M3FNUZ, "f8e4m3fnuz", 1, 8},
    {DType::F8E5M2, "f8e5m2", 1, 8},
    {DType::F8E5M2FNUZ, "f8e5m2fnuz", 1, 8},
    {DType::F8E8M0, "f8e8m0", 1, 8},
    {DType::F4E2M1, "f4e2m1", 1, 4},
};
static_assert(std::size(dtypeTable) == dtypeCount,
              "one row a dtype, in the order of the enumeration");

int64_t dtypeBytes(DType dtype) {
  return dtypeTable[static_cast<size_t>(dtype)].bytes;
}

int64_t dtypeBits(DType dtype) {
  return dtypeTable[static_cast<size_t>(dtype)].bits;
}

bool isNarrow(DType dtype) {
  return (dtype >= DType::I4 && dtype <= DType::U2) || dtype >= DType::F8E4M3FN;
}

const char *dtypeName(DType dtype) {
  return dtypeTable[static_cast<size_t>(dtype)].name;
}

std::optional<DType> dtypeFromName(llvm::StringRef name) {
  for (const DTypeRow &row : dtypeTable)
    if (name == row.name)
      return row.dtype;
  return std::nullopt;
}

Type elementType(MLIRContext *context, DType dtype) {
  Builder b(context);
  switch (dtype) {
  case DType::Bool:
    return b.getI1Type();
  case DType::I8:
  case DType::I16:
  case DType::I32:
  case DType::I64:
  case DType::I4:
  case DType::I2:
    return b.getIntegerType(dtypeBits(dtype));
  case DType::U8:
  case DType::U16:
  case DType::U32:
  case DType::U64:
  case DType::U4:
  case DType::U2:
    return b.getIntegerType(dtypeBits(dtype), /*isSigned=*/false);
  case DType::F16:
    return b.getF16Type();
  case DType::BF16:
    return b.getBF16Type();
  case DType::F32:
    return b.getF32Type();
  case DType::F64:
    return b.getF64Type();
  case DType::F8E4M3FN:
    return Float8E4M3FNType::get(context);
  case DType::F8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case DType::F8E5M2:
    return Float8E5M2Type::get(context);
  case DType::F8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case DType::F8E8M0:
    return Float8E8M0FNUType::get(context);
  case DType::F4E2M1:
    return Float4E2M1FNType::get(context);
  }
  llvm_unreachable("every dtype is listed");
}

DType dtypeOf(Type element) {
  if (element.isF16())
    return DType::F16;
  if (element.isBF16())
    return DType::BF16;
  if (element.isF32())
    return DType::F32;
  if (element.isF64())
    return DType::F64;
  if (isa<Float8E4M3FNType>(element))
    return DType::F8E4M3FN;
  if (isa<Float8E4M3FNUZType>(element))
    return DType::F8E4M3FNUZ;
  if (isa<Float8E5M2Type>(element))
    return DType::F8E5M2;
  if (isa<Float8E5M2FNUZType>(element))
    return DType::F8E5M2FNUZ;
  if (isa<Float8E8M0FNUType>(element))
    return DType::F8E8M0;
  if (isa<Float4E2M1FNType>(element))
    return DType::F4E2M1;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.isSigned() ? 0 : integer.getWidth()) {
    case 1:
      if (!isUnsigned)
        return DType::Bool;
      break;
    case 2:
      return isUnsigned ? DType::U2 : DType::I2;
    case 4:
      return isUnsigned ? DType::U4 : DType::I4;
    case 8:
      return isUnsigned ? DType::U8 : DType::I8;
    case 16:
      return isUnsigned ? DType::U16 : DType::I16;
    case 32:
      return isUnsigned ? DType::U32 : DType::I32;
    case 64:
      return isUnsigned ? DType::U64 : DType::I64;
    }
  }
  llvm::report_fatal_error("an element type the lazy dialect does not admit");
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static constexpr int64_t largestSize = int64_t(1) << 62;

std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape) {
  // The extents beside a zero count too, so that strides never overflow.
  int64_t product = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (extent > largestSize / product)
      return std::nullopt;
    product *= extent;
  }
  return empty ? 0 : product;
}

std::optional<int64_t> byteSize(llvm::ArrayRef<int64_t> shape, DType dtype) {
  std::optional<int64_t> count = elementCount(shape);
  if (!count || *count > largestSize / dtypeBytes(dtype))
    return std::nullopt;
  return *count * dtypeBytes(dtype);
}

//===----------------------------------------------------------------------===//
// Sixteen-bit floats
//===----------------------------------------------------------------------===//

/// Rounds to a binary format of 16 bits with `mantissa` stored bits, to nearest
/// even, from f64: so f32 and f64 are both rounded once. Overflow is infinity;
/// a NaN stays quiet and keeps its sign and leading payload.
static uint16_t encode16(double value, int mantissa) {
  const int exponentBits = 15 - mantissa;
  const int bias = (1 << (exponentBits - 1)) - 1;
  const uint16_t infinity = ((1u << exponentBits) - 1) << mantissa;
  uint64_t bits = llvm::bit_cast<uint64_t>(value);
  uint16_t sign = static_cast<uint16_t>(bits >> 63) << 15;
  uint64_t fraction = bits & ((uint64_t(1) << 52) - 1);
  int exponent = static_cast<int>(bits >> 52) & 0x7ff;
  if (exponent == 0x7ff) {
    if (fraction == 0)
      return sign | infinity;
    uint16_t payload = static_cast<uint16_t>(fraction >> (52 - mantissa));
    return sign | infinity | payload | (1u << (mantissa - 1));
  }
  if (exponent == 0) // subnormal f64: far below half the smallest value here
    return sign;
  fraction |= uint64_t(1) << 52;
  exponent += bias - 1023;
  // Bits that fall off; more of them below the smallest normal.
  int drop = 52 - mantissa + (exponent < 1 ? 1 - exponent : 0);
  if (drop > 53)
    return sign;
  uint64_t kept = fraction >> drop;
  uint64_t lost = fraction & ((uint64_t(1) << drop) - 1);
  uint64_t half = uint64_t(1) << (drop - 1);
  if (lost > half || (lost == half && (kept & 1)))
    ++kept;
  // `kept` holds the implicit one of a normal number, which adds one to the
  // exponent field; a carry out of the mantissa does the same.
  if (exponent >= 1)
    kept += static_cast<uint64_t>(exponent - 1) << mantissa;
  return sign | static_cast<uint16_t>(kept < infinity ? kept : infinity);
}

float halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 0x1f;
  uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0) { // zero or subnormal: mantissa * 2^-24
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 0x1f)
    return llvm::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return llvm::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) |
                               (mantissa << 13));
}

uint16_t floatToHalf(float value) { return encode16(value, 10); }

float bfloatToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t floatToBfloat(float value) { return encode16(value, 7); }

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Tensor Tensor::zeros(DType dtype, llvm::ArrayRef<int64_t> shape) {
  std::optional<int64_t> size = byteSize(shape, dtype);
  if (!size)
    llvm::report_fatal_error("a tensor of an invalid size");
  // calloc leaves large tensors to the system's zero pages; one byte at least
  // so that an empty tensor has an address.
  void *memory = std::calloc(std::max<int64_t>(*size, 1), 1);
  if (!memory)
    llvm::report_bad_alloc_error("a tensor does not fit in memory");
  Tensor t;
  t.dtype = dtype;
  t.shape.assign(shape.begin(), shape.end());
  t.keepAlive = std::shared_ptr<void>(memory, std::free);
  t.bytes = static_cast<const uint8_t *>(memory);
  return t;
}

Tensor Tensor::view(DType dtype, llvm::ArrayRef<int64_t> shape,
                    const void *bytes, std::shared_ptr<void> owner) {
  Tensor t;
  t.dtype = dtype;
  t.shape.assign(shape.begin(), shape.end());
  t.bytes = static_cast<const uint8_t *>(bytes);
  t.keepAlive = std::move(owner);
  return t;
}

double Tensor::numberAt(int64_t i) const {
  switch (dtype) {
  case DType::Bool:
  case DType::U8:
    return data<uint8_t>()[i];
  case DType::I8:
    return data<int8_t>()[i];
  case DType::I16:
    return data<int16_t>()[i];
  case DType::U16:
    return data<uint16_t>()[i];
  case DType::I32:
    return data<int32_t>()[i];
  case DType::U32:
    return data<uint32_t>()[i];
  case DType::I64:
    return static_cast<double>(data<int64_t>()[i]);
  case DType::U64:
    return static_cast<double>(data<uint64_t>()[i]);
  case DType::F16:
    return halfToFloat(data<uint16_t>()[i]);
  case DType::BF16:
    return bfloatToFloat(data<uint16_t>()[i]);
  case DType::F32:
    return data<float>()[i];
  case DType::F64:
    return data<double>()[i];
  default:
    return narrowToNumber(dtype, data<uint8_t>()[i]);
  }
}

/// Truncates towards zero, saturates, and maps NaN to 0.
template <typename Int> static Int saturate(double v) {
  // The limits as doubles: `low` is exact, `high` is one past the largest.
  const double low = static_cast<double>(std::numeric_limits<Int>::min());
  const double high =
      2.0 * static_cast<double>(std::numeric_limits<Int>::max() / 2 + 1);
  if (std::isnan(v))
    return 0;
  if (v >= high)
    return std::numeric_limits<Int>::max();
  if (v <= low)
    return std::numeric_limits<Int>::min();
  return static_cast<Int>(v);
}

int64_t Tensor::integerAt(int64_t i) const {
  switch (dtype) {
  case DType::Bool:
  case DType::U8:
    return data<uint8_t>()[i];
  case DType::I8:
    return data<int8_t>()[i];
  case DType::I16:
    return data<int16_t>()[i];
  case DType::U16:
    return data<uint16_t>()[i];
  case DType::I32:
    return data<int32_t>()[i];
  case DType::U32:
    return data<uint32_t>()[i];
  case DType::I64:
    return data<int64_t>()[i];
  case DType::U64:
    return static_cast<int64_t>(data<uint64_t>()[i]);
  case DType::F16:
  case DType::BF16:
  case DType::F32:
  case DType::F64:
    return saturate<int64_t>(numberAt(i));
  default:
    return saturate<int64_t>(narrowToNumber(dtype, data<uint8_t>()[i]));
  }
}

void Tensor::setNumber(int64_t i, double v) {
  switch (dtype) {
  case DType::Bool:
    data<uint8_t>()[i] = v != 0; // NaN is not zero
    return;
  case DType::I8:
    data<int8_t>()[i] = saturate<int8_t>(v);
    return;
  case DType::U8:
    data<uint8_t>()[i] = saturate<uint8_t>(v);
    return;
  case DType::I16:
    data<int16_t>()[i] = saturate<int16_t>(v);
    return;
  case DType::U16:
    data<uint16_t>()[i] = saturate<uint16_t>(v);
    return;
  case DType::I32:
    data<int32_t>()[i] = saturate<int32_t>(v);
    return;
  case DType::U32:
    data<uint32_t>()[i] = saturate<uint32_t>(v);
    return;
  case DType::I64:
    data<int64_t>()[i] = saturate<int64_t>(v);
    return;
  case DType::U64:
    data<uint64_t>()[i] = saturate<uint64_t>(v);
    return;
  case DType::F16:
    data<uint16_t>()[i] = encode16(v, 10);
    return;
  case DType::BF16:
    data<uint16_t>()[i] = encode16(v, 7);
    return;
  case DType::F32:
    data<float>()[i] = static_cast<float>(v);
    return;
  case DType::F64:
    data<double>()[i] = v;
    return;
  default:
    data<uint8_t>()[i] = numberToNarrow(dtype, v);
  }
}

/// The double nearest v, except that a value with more than 53 significant
/// bits keeps a sticky last bit, so rounding it again to a 16-bit float rounds
/// as v itself would.
static double sticky(int64_t v) {
  uint64_t magnitude = v < 0 ? -static_cast<uint64_t>(v) : v;
  if (magnitude >> 53)
    magnitude = (magnitude & ~uint64_t(0x7ff)) |
                (uint64_t((magnitude & 0x7ff) != 0) << 11);
  return v < 0 ? -static_cast<double>(magnitude)
               : static_cast<double>(magnitude);
}

void Tensor::setInteger(int64_t i, int64_t v) {
  switch (dtype) {
  case DType::Bool:
    data<uint8_t>()[i] = v != 0;
    return;
  case DType::I8:
  case DType::U8:
    data<uint8_t>()[i] = static_cast<uint8_t>(v);
    return;
  case DType::I16:
  case DType::U16:
    data<uint16_t>()[i] = static_cast<uint16_t>(v);
    return;
  case DType::I32:
  case DType::U32:
    data<uint32_t>()[i] = static_cast<uint32_t>(v);
    return;
  case DType::I64:
  case DType::U64:
    data<int64_t>()[i] = v;
    return;
  case DType::F16:
    data<uint16_t>()[i] = encode16(sticky(v), 10);
    return;
  case DType::BF16:
    data<uint16_t>()[i] = encode16(sticky(v), 7);
    return;
  case DType::F32:
    data<float>()[i] = static_cast<float>(v);
    return;
  case DType::F64:
    data<double>()[i] = static_cast<double>(v);
    return;
  case DType::I4:
  case DType::U4:
    data<uint8_t>()[i] = v & 15;
    return;
  case DType::I2:
  case DType::U2:
    data<uint8_t>()[i] = v & 3;
    return;
  default: // a narrow float, by way of f32 as lazy.cast
    data<uint8_t>()[i] = numberToNarrow(dtype, static_cast<float>(v));
  }
}

} // namespace nacre
