/*===- string_files.c - tensors of strings in files -------------------------===
 *
 * The readers and writers of npy.c and onnx_tensor.c hand over where a file's
 * texts lie; here they become codes, and codes texts. NumPy keeps strings as
 * "<U7", seven code points of four bytes, or as "|S7", seven bytes, both filled
 * up with zeros.
 *===-----------------------------------------------------------------------===*/
#include "string_files.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>

nacre_status nacre_codes_alloc(nacre_array *array, nacre_error *error) {
  array->dtype = "string";
  nacre_status status =
      nacre_shape_bytes(array->dtype, array->rank, array->shape,
                        &array->elements, &array->bytes, error);
  if (status)
    return status;
  array->data = nacre_alloc(array->bytes);
  if (!array->data)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %llu bytes",
                         (unsigned long long)array->bytes);
  return NACRE_OK;
}

/* Writes a code point as UTF-8; its length, 0 when it is none. */
static size_t encode(uint32_t point, char *to) {
  if (point < 0x80) {
    to[0] = (char)point;
    return 1;
  }
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
    return 0;
  size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = length; i-- > 1; point >>= 6)
    to[i] = (char)(0x80 | (point & 63));
  to[0] = (char)((0xf00 >> length) | point);
  return length;
}

/* Reads a code point of a text that ends in a zero byte; the bytes it takes, 0
 * when it is no UTF-8. */
static size_t decode(const char *from, uint32_t *point) {
  unsigned char first = (unsigned char)*from;
  size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
    return 0;
  *point = length == 1 ? first : first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((from[i] & 0xc0) != 0x80)
      return 0;
    *point = *point << 6 | (from[i] & 63);
  }
  char again[4];
  return encode(*point, again) == length ? length : 0;
}

/* One element of `width` characters as text; its length, or -1. */
static int64_t element_text(const unsigned char *from, uint64_t width, int wide,
                            char *text) {
  while (width && !(wide ? from[4 * width - 4] | from[4 * width - 3] |
                               from[4 * width - 2] | from[4 * width - 1]
                         : from[width - 1]))
    --width;
  if (!wide) {
    memcpy(text, from, width);
    return (int64_t)width;
  }
  int64_t used = 0;
  for (uint64_t i = 0; i < width; ++i) {
    uint32_t point;
    memcpy(&point, from + 4 * i, 4);
    size_t length = encode(point, text + used);
    if (!length)
      return -1;
    used += (int64_t)length;
  }
  return used;
}

nacre_status nacre_codes_of_characters(const unsigned char *data,
                                       uint64_t width, int wide,
                                       nacre_strings *strings,
                                       nacre_array *array, nacre_error *error) {
  nacre_status status = nacre_codes_alloc(array, error);
  if (status)
    return status;
  uint64_t each = width * (wide ? 4 : 1);
  char *text = malloc(each + 1);
  if (!text)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %llu bytes",
                         (unsigned long long)each);
  for (uint64_t i = 0; i < array->elements && !status; ++i) {
    int64_t length = element_text(data + i * each, width, wide, text);
    status = length < 0
                 ? nacre_failure(error, NACRE_E_FORMAT,
                                 "element %llu has no Unicode text",
                                 (unsigned long long)i)
                 : nacre_strings_code(strings, text, (size_t)length,
                                      &((int32_t *)array->data)[i], error);
  }
  free(text);
  return status;
}

nacre_status nacre_npy_write_strings(const char *path, const nacre_array *array,
                                     const nacre_strings *strings,
                                     nacre_error *error) {
  const int32_t *codes = array->data;
  uint64_t width = 1;
  for (uint64_t i = 0; i < array->elements; ++i) {
    size_t size;
    const char *text = nacre_strings_text(strings, codes[i], &size);
    if (!text)
      return nacre_failure(error, NACRE_E_INDEX,
                           "element %llu is the string %d, which is none",
                           (unsigned long long)i, codes[i]);
    if (strlen(text) != size)
      return nacre_failure(error, NACRE_E_FORMAT,
                           "element %llu has a zero byte",
                           (unsigned long long)i);
    uint64_t points = 0;
    uint32_t point;
    for (size_t length; *text; text += length, ++points)
      if (!(length = decode(text, &point)))
        return nacre_failure(error, NACRE_E_FORMAT, "element %llu is not UTF-8",
                             (unsigned long long)i);
    width = points > width ? points : width;
  }
  uint64_t bytes;
  if (__builtin_mul_overflow(array->elements, 4 * width, &bytes))
    return nacre_failure(error, NACRE_E_LIMIT, "too many characters");
  unsigned char *data = nacre_alloc(bytes);
  if (!data)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %llu bytes",
                         (unsigned long long)bytes);
  memset(data, 0, bytes);
  for (uint64_t i = 0; i < array->elements; ++i) {
    const char *text = nacre_strings_text(strings, codes[i], NULL);
    unsigned char *to = data + i * 4 * width;
    uint32_t point;
    for (; *text; to += 4) {
      text += decode(text, &point);
      memcpy(to, &point, 4);
    }
  }
  char descr[32];
  snprintf(descr, sizeof descr, "<U%llu", (unsigned long long)width);
  nacre_status status = nacre_npy_write_data(path, array->rank, array->shape,
                                             descr, data, bytes, error);
  nacre_free(data);
  return status;
}
