/*===- onnx_tensor.c - ONNX TensorProto without protobuf --------------------===
 *
 * The protobuf wire format is a list of (field number, wire type, value). Two
 * walks over the message: the first notes the shape, the type, the raw bytes
 * and how many numbers each typed field has, and checks all of it; only then is
 * memory taken, and the second walk stores the numbers.
 *
 * Where a repeated number may be packed or not, both are taken, also mixed, as
 * protobuf asks of readers. Sources: onnx.proto, protobuf.dev "Encoding".
 *===-----------------------------------------------------------------------===*/
#include "file.h"
#include "string_files.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "raw_data is little-endian and copied as it is");

/* Field numbers of TensorProto. */
enum {
  field_dims = 1,
  field_data_type = 2,
  field_segment = 3,
  field_float_data = 4,
  field_int32_data = 5,
  field_string_data = 6,
  field_int64_data = 7,
  field_raw_data = 9,
  field_double_data = 10,
  field_uint64_data = 11,
  field_external_data = 13,
  field_data_location = 14,
  field_count
};

/* TensorProto.DataType: our name, the typed field that holds it, and for
 * int32_data the values it may have (bit patterns for the floats; bytes where
 * elements are narrower). */
static const struct {
  uint8_t number, field;
  char dtype[11];
  int32_t low, high;
} types[] = {
    {1, field_float_data, "f32", 0, 0},
    {2, field_int32_data, "u8", 0, UINT8_MAX},
    {3, field_int32_data, "i8", INT8_MIN, INT8_MAX},
    {4, field_int32_data, "u16", 0, UINT16_MAX},
    {5, field_int32_data, "i16", INT16_MIN, INT16_MAX},
    {6, field_int32_data, "i32", INT32_MIN, INT32_MAX},
    {7, field_int64_data, "i64", 0, 0},
    {9, field_int32_data, "bool", 0, 1},
    {10, field_int32_data, "f16", 0, UINT16_MAX},
    {11, field_double_data, "f64", 0, 0},
    {12, field_uint64_data, "u32", 0, 0},
    {13, field_uint64_data, "u64", 0, 0},
    {16, field_int32_data, "bf16", 0, UINT16_MAX},
    {17, field_int32_data, "f8e4m3fn", 0, UINT8_MAX},
    {18, field_int32_data, "f8e4m3fnuz", 0, UINT8_MAX},
    {19, field_int32_data, "f8e5m2", 0, UINT8_MAX},
    {20, field_int32_data, "f8e5m2fnuz", 0, UINT8_MAX},
    {21, field_int32_data, "u4", 0, UINT8_MAX},
    {22, field_int32_data, "i4", 0, UINT8_MAX},
    {23, field_int32_data, "f4e2m1", 0, UINT8_MAX},
    {24, field_int32_data, "f8e8m0", 0, UINT8_MAX},
    {25, field_int32_data, "u2", 0, UINT8_MAX},
    {26, field_int32_data, "i2", 0, UINT8_MAX},
};

typedef struct reader {
  const unsigned char *begin, *at, *end;
  nacre_error *error;
} reader;

/* One (number, wire type, value); bytes for wire type 2, bits for the rest. */
typedef struct field {
  uint32_t number, wire;
  uint64_t bits;
  const unsigned char *bytes;
  size_t size;
} field;

static nacre_status truncated(reader *r) {
  return nacre_failure(r->error, NACRE_E_FORMAT, "truncated at byte %lld",
                       (long long)(r->end - r->begin));
}

static nacre_status malformed(reader *r, const char *what) {
  return nacre_failure(r->error, NACRE_E_FORMAT, "%s at byte %lld", what,
                       (long long)(r->at - r->begin));
}

static nacre_status read_varint(reader *r, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (r->at == r->end)
      return truncated(r);
    unsigned char byte = *r->at++;
    *value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128)
      return shift == 63 && byte > 1 ? malformed(r, "varint over 64 bits")
                                     : NACRE_OK;
  }
  return malformed(r, "varint over 64 bits");
}

static nacre_status read_fixed(reader *r, size_t size, uint64_t *value) {
  if ((size_t)(r->end - r->at) < size)
    return truncated(r);
  *value = 0;
  memcpy(value, r->at, size);
  r->at += size;
  return NACRE_OK;
}

static nacre_status read_field(reader *r, field *f) {
  uint64_t key;
  nacre_status status = read_varint(r, &key);
  if (status)
    return status;
  if (key >> 3 == 0 || key >> 32)
    return malformed(r, "field number out of range");
  *f = (field){.number = (uint32_t)(key >> 3), .wire = key & 7};
  switch (f->wire) {
  case 0:
    return read_varint(r, &f->bits);
  case 1:
    return read_fixed(r, 8, &f->bits);
  case 5:
    return read_fixed(r, 4, &f->bits);
  case 2: {
    uint64_t size;
    status = read_varint(r, &size);
    if (status)
      return status;
    if (size > (uint64_t)(r->end - r->at))
      return nacre_failure(
          r->error, NACRE_E_FORMAT, "field %u has %llu bytes, %lld are left",
          f->number, (unsigned long long)size, (long long)(r->end - r->at));
    f->bytes = r->at;
    f->size = (size_t)size;
    r->at += size;
    return NACRE_OK;
  }
  default:
    return malformed(r, "unknown wire type");
  }
}

/* The wire type of one number of a repeated field. */
static uint32_t element_wire(uint32_t number) {
  return number == field_float_data ? 5 : number == field_double_data ? 1 : 0;
}

static int is_repeated_number(uint32_t number) {
  return number == field_dims || number == field_float_data ||
         number == field_int32_data || number == field_int64_data ||
         number == field_double_data || number == field_uint64_data;
}

/* Reads the next number out of a field; `r` walks the packed bytes. */
static nacre_status next_number(reader *r, uint32_t number, uint64_t *bits) {
  uint32_t wire = element_wire(number);
  return wire == 0 ? read_varint(r, bits)
                   : read_fixed(r, wire == 1 ? 8 : 4, bits);
}

/* What the first walk learns. */
typedef struct summary {
  uint64_t data_type;
  const unsigned char *raw; /* NULL: no raw_data */
  size_t raw_size;
  uint64_t counts[field_count]; /* numbers in each typed field */
} summary;

static nacre_status note_number(reader *r, uint32_t number, uint64_t bits,
                                summary *s, nacre_array *array) {
  if (number == field_dims) {
    if (array->rank == NACRE_MAX_RANK)
      return nacre_failure(r->error, NACRE_E_LIMIT, "rank is more than %d",
                           NACRE_MAX_RANK);
    array->shape[array->rank++] = (int64_t)bits;
  }
  ++s->counts[number];
  return NACRE_OK;
}

static nacre_status summarize(reader r, summary *s, nacre_array *array) {
  while (r.at < r.end) {
    field f;
    nacre_status status = read_field(&r, &f);
    if (status)
      return status;
    if (is_repeated_number(f.number)) {
      if (f.wire == 2) {
        reader packed = {r.begin, f.bytes, f.bytes + f.size, r.error};
        while (!status && packed.at < packed.end) {
          uint64_t bits;
          status = next_number(&packed, f.number, &bits);
          if (!status)
            status = note_number(&r, f.number, bits, s, array);
        }
      } else if (f.wire == element_wire(f.number)) {
        status = note_number(&r, f.number, f.bits, s, array);
      } else {
        status = malformed(&r, "wrong wire type");
      }
      if (status)
        return status;
      continue;
    }
    switch (f.number) {
    case field_string_data:
      if (f.wire != 2)
        return malformed(&r, "wrong wire type");
      ++s->counts[f.number];
      break;
    case field_data_type:
      if (f.wire != 0)
        return malformed(&r, "wrong wire type");
      s->data_type = f.bits;
      break;
    case field_raw_data:
      if (f.wire != 2)
        return malformed(&r, "wrong wire type");
      s->raw = f.bytes;
      s->raw_size = f.size;
      break;
    case field_segment:
      return nacre_failure(r.error, NACRE_E_FORMAT,
                           "segmented tensors are not supported");
    case field_data_location:
      if (f.wire != 0)
        return malformed(&r, "wrong wire type");
      if (!f.bits)
        break;
      return nacre_failure(r.error, NACRE_E_FORMAT,
                           "external data is not supported in a tensor file");
    case field_external_data:
      return nacre_failure(r.error, NACRE_E_FORMAT,
                           "external data is not supported in a tensor file");
    default: /* name, doc_string, metadata, fields to come */
      break;
    }
  }
  return NACRE_OK;
}

/* Stores element `index`; out of its type's range is an error. */
static nacre_status store(const reader *r, nacre_array *array, size_t width,
                          uint64_t index, uint32_t number, uint64_t bits,
                          int32_t low, int32_t high) {
  if (number == field_int32_data) {
    /* A negative int32 is sent as a 64-bit varint. */
    int64_t value = (int64_t)bits;
    if (value < low || value > high)
      return nacre_failure(
          r->error, NACRE_E_FORMAT, "element %llu is %lld, out of range for %s",
          (unsigned long long)index, (long long)value, array->dtype);
  } else if (number == field_uint64_data && width == 4 && bits >> 32) {
    return nacre_failure(
        r->error, NACRE_E_FORMAT, "element %llu is %llu, out of range for %s",
        (unsigned long long)index, (unsigned long long)bits, array->dtype);
  }
  memcpy((char *)array->data + index * width, &bits, width);
  return NACRE_OK;
}

/* The second walk. The counts agree with the shape, so it writes exactly
 * that many numbers. */
static nacre_status fill(reader r, nacre_array *array, uint32_t number,
                         int32_t low, int32_t high) {
  size_t width = nacre_dtype_bytes(array->dtype);
  uint64_t index = 0;
  nacre_status status = NACRE_OK;
  while (!status && r.at < r.end) {
    field f;
    status = read_field(&r, &f);
    if (status || f.number != number)
      continue;
    if (f.wire != 2) {
      status = store(&r, array, width, index++, number, f.bits, low, high);
      continue;
    }
    reader packed = {r.begin, f.bytes, f.bytes + f.size, r.error};
    while (!status && packed.at < packed.end) {
      uint64_t bits;
      status = next_number(&packed, number, &bits);
      if (!status)
        status = store(&r, array, width, index++, number, bits, low, high);
    }
  }
  return status;
}

/* Spreads bytes that hold two or four elements, the first in the lowest bits,
 * to one byte an element, from the last on. */
static void unpack(nacre_array *array, int bits) {
  unsigned char *data = array->data;
  unsigned each = 8 / (unsigned)bits;
  for (uint64_t i = array->elements; i-- > 0;)
    data[i] = (unsigned char)(data[i / each] >> (i % each * (unsigned)bits)) &
              (unsigned char)((1 << bits) - 1);
}

/* The codes of a tensor of strings. */
static nacre_status fill_codes(reader r, const summary *s,
                               nacre_strings *strings, nacre_array *array) {
  nacre_status status = nacre_codes_alloc(array, r.error);
  if (status)
    return status;
  if (s->raw || s->counts[field_string_data] != array->elements)
    return nacre_failure(r.error, NACRE_E_FORMAT,
                         "there are %llu values, shape %s needs %llu",
                         (unsigned long long)s->counts[field_string_data],
                         nacre_shape_print(array->rank, array->shape).text,
                         (unsigned long long)array->elements);
  int32_t *code = array->data;
  while (!status && r.at < r.end) {
    field f;
    status = read_field(&r, &f);
    if (!status && f.number == field_string_data)
      status = nacre_strings_code(strings, (const char *)f.bytes, f.size,
                                  code++, r.error);
  }
  return status;
}

enum { type_string = 8 };

/* `strings` is NULL where numbers are wanted. */
static nacre_status parse(const void *bytes, size_t size,
                          nacre_strings *strings, nacre_array *array,
                          nacre_error *error) {
  const unsigned char *begin = bytes;
  reader r = {begin, begin, begin + size, error};
  summary s = {0};
  nacre_status status = summarize(r, &s, array);
  if (status)
    return status;
  if (strings)
    return s.data_type == type_string
               ? fill_codes(r, &s, strings, array)
               : nacre_failure(error, NACRE_E_DTYPE,
                               "data_type %lld is not that of strings",
                               (long long)s.data_type);
  size_t type = 0, type_count = sizeof types / sizeof *types;
  while (type < type_count && types[type].number != s.data_type)
    ++type;
  if (type == type_count)
    return nacre_failure(error, NACRE_E_DTYPE,
                         "data_type %lld is not supported",
                         (long long)s.data_type);
  array->dtype = types[type].dtype;
  status = nacre_shape_bytes(array->dtype, array->rank, array->shape,
                             &array->elements, &array->bytes, error);
  if (status)
    return status;

  /* What the file holds: bytes, where they have several elements. */
  int bits = nacre_dtype_bits(array->dtype);
  uint64_t each = bits ? 8 / (uint64_t)bits : 1;
  uint64_t held = array->elements / each + (array->elements % each != 0);
  uint64_t held_bytes = each == 1 ? array->bytes : held;

  uint32_t number = types[type].field;
  for (uint32_t other = field_float_data; other < field_count; ++other)
    if (s.counts[other] && (other != number || s.raw))
      return nacre_failure(error, NACRE_E_FORMAT,
                           s.raw ? "both raw_data and a typed field hold values"
                                 : "the values are in a field of another type "
                                   "than data_type %lld",
                           (long long)s.data_type);
  nacre_shape_text shape = nacre_shape_print(array->rank, array->shape);
  if (s.raw && s.raw_size != held_bytes)
    return nacre_failure(
        error, NACRE_E_FORMAT, "raw_data has %zu bytes, shape %s %s needs %llu",
        s.raw_size, shape.text, array->dtype, (unsigned long long)held_bytes);
  if (!s.raw && s.counts[number] != held)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "there are %llu values, shape %s needs %llu",
                         (unsigned long long)s.counts[number], shape.text,
                         (unsigned long long)held);

  array->data = nacre_alloc(array->bytes);
  if (!array->data)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %llu bytes",
                         (unsigned long long)array->bytes);
  if (!s.raw)
    status = fill(r, array, number, types[type].low, types[type].high);
  else
    memcpy(array->data, s.raw, s.raw_size);
  if (status)
    return status;
  if (each > 1)
    unpack(array, bits);
  if (!strcmp(array->dtype, "bool"))
    for (uint64_t i = 0; i < array->bytes; ++i)
      ((unsigned char *)array->data)[i] =
          ((unsigned char *)array->data)[i] != 0;
  return NACRE_OK;
}

nacre_status nacre_onnx_tensor_parse_strings(const void *bytes, size_t size,
                                             nacre_strings *strings,
                                             nacre_array *array,
                                             nacre_error *error) {
  memset(array, 0, sizeof *array);
  nacre_status status = parse(bytes, size, strings, array, error);
  if (status)
    nacre_array_free(array);
  return status;
}

nacre_status nacre_onnx_tensor_parse(const void *bytes, size_t size,
                                     nacre_array *array, nacre_error *error) {
  return nacre_onnx_tensor_parse_strings(bytes, size, NULL, array, error);
}

nacre_status nacre_onnx_tensor_read_strings(const char *path,
                                            nacre_strings *strings,
                                            nacre_array *array,
                                            nacre_error *error) {
  return nacre_file_parse(path, nacre_onnx_tensor_parse_strings, strings, array,
                          error);
}

nacre_status nacre_onnx_tensor_read(const char *path, nacre_array *array,
                                    nacre_error *error) {
  return nacre_onnx_tensor_read_strings(path, NULL, array, error);
}
