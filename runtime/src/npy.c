/*===- npy.c - NumPy's .npy files -------------------------------------------===
 *
 * "\x93NUMPY", major, minor, header length (2 bytes in version 1, 4 in 2), then
 * a Python dictionary as text, then the data:
 *
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *
 * The parser takes exactly that dictionary, keys in any order, each once, and
 * no other Python. Format: numpy.lib.format.
 *===-----------------------------------------------------------------------===*/
#include "file.h"
#include "string_files.h"

#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the readers copy little-endian data as it is");

static const struct {
  const char *dtype, *descr;
} types[] = {{"f32", "<f4"},  {"f64", "<f8"}, {"f16", "<f2"}, {"bf16", "<V2"},
             {"i8", "|i1"},   {"u8", "|u1"},  {"i16", "<i2"}, {"u16", "<u2"},
             {"i32", "<i4"},  {"u32", "<u4"}, {"i64", "<i8"}, {"u64", "<u8"},
             {"bool", "|b1"}, {"u8", "|V1"},  {"u8", "|f1"}};

/* How the types are written that NumPy has no name for, and read as "u8". */
static const char opaque[] = "<V1";

/* Far beyond the header of a tensor of rank NACRE_MAX_RANK. */
enum { max_header = 1 << 16 };

typedef struct cursor {
  const char *at, *end;
  const char *begin;
  nacre_error *error;
  /* Of strings: their number of characters, and whether these are Unicode. */
  uint64_t width;
  int wide;
  int strings, characters; /* whether they are wanted, and are there */
} cursor;

static void skip_space(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
    ++c->at;
}

/* Steps over `text` if it comes next. */
static int accept(cursor *c, const char *text) {
  skip_space(c);
  size_t length = strlen(text);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, text, length))
    return 0;
  c->at += length;
  return 1;
}

static nacre_status expected(cursor *c, const char *what) {
  return nacre_failure(c->error, NACRE_E_FORMAT,
                       "header: expected %s at byte %lld", what,
                       (long long)(c->at - c->begin));
}

/* 'text' or "text" without escapes. */
static nacre_status parse_string(cursor *c, const char **text, size_t *length) {
  skip_space(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
    return expected(c, "a string");
  const char *close = memchr(c->at + 1, *c->at, (size_t)(c->end - c->at) - 1);
  if (!close || memchr(c->at, '\\', (size_t)(close - c->at)))
    return expected(c, "a plain string");
  *text = c->at + 1;
  *length = (size_t)(close - *text);
  c->at = close + 1;
  return NACRE_OK;
}

static nacre_status parse_extent(cursor *c, int64_t *extent) {
  skip_space(c);
  if (c->at == c->end || *c->at < '0' || *c->at > '9')
    return expected(c, "an extent");
  *extent = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; ++c->at)
    if (__builtin_mul_overflow(*extent, 10, extent) ||
        __builtin_add_overflow(*extent, *c->at - '0', extent))
      return nacre_failure(c->error, NACRE_E_SHAPE,
                           "header: an extent does not fit in 63 bits");
  return NACRE_OK;
}

static nacre_status parse_shape(cursor *c, nacre_array *array) {
  if (!accept(c, "("))
    return expected(c, "'('");
  while (!accept(c, ")")) {
    if (array->rank == NACRE_MAX_RANK)
      return nacre_failure(c->error, NACRE_E_LIMIT, "rank is more than %d",
                           NACRE_MAX_RANK);
    nacre_status status = parse_extent(c, &array->shape[array->rank]);
    if (status)
      return status;
    ++array->rank;
    /* One extent alone needs its comma: (3) is no tuple. */
    if (!accept(c, ",")) {
      if (array->rank == 1)
        return expected(c, "','");
      if (!accept(c, ")"))
        return expected(c, "',' or ')'");
      break;
    }
  }
  return NACRE_OK;
}

/* "<U7" or "|S7": strings. */
static int parse_characters(cursor *c, const char *text, size_t length) {
  if (length < 3 || length > 12 || (text[1] != 'U' && text[1] != 'S') ||
      (text[0] != '<' && text[0] != '|'))
    return 0;
  c->width = 0;
  for (size_t i = 2; i < length; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return 0;
    c->width = 10 * c->width + (uint64_t)(text[i] - '0');
  }
  c->wide = text[1] == 'U';
  return c->characters = 1;
}

static nacre_status parse_descr(cursor *c, nacre_array *array) {
  const char *text;
  size_t length;
  nacre_status status = parse_string(c, &text, &length);
  if (status)
    return status;
  if (c->strings && parse_characters(c, text, length)) {
    array->dtype = "string";
    return NACRE_OK;
  }
  for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
    const char *descr = types[i].descr;
    if (length != 3 || memcmp(text + 1, descr + 1, 2))
      continue;
    /* One byte has no order, and NumPy gives none to the V2 of bf16. */
    int one_byte = *descr == '|', unordered = descr[1] == 'V';
    if (*text == '<' || (*text == '|' && (one_byte || unordered)) ||
        (*text == '>' && one_byte)) {
      array->dtype = types[i].dtype;
      return NACRE_OK;
    }
    if (*text == '>')
      return nacre_failure(c->error, NACRE_E_DTYPE,
                           "element type '%.3s' is big-endian, only "
                           "little-endian is read",
                           text);
  }
  return nacre_failure(c->error, NACRE_E_DTYPE,
                       "element type '%.*s' is not supported",
                       (int)(length < 32 ? length : 32), text);
}

static nacre_status parse_header(cursor *c, nacre_array *array) {
  int have_descr = 0, have_order = 0, have_shape = 0;
  if (!accept(c, "{"))
    return expected(c, "'{'");
  while (!accept(c, "}")) {
    const char *key;
    size_t length;
    nacre_status status = parse_string(c, &key, &length);
    if (status)
      return status;
    if (!accept(c, ":"))
      return expected(c, "':'");
    if (length == 5 && !memcmp(key, "descr", 5) && !have_descr++) {
      status = parse_descr(c, array);
    } else if (length == 5 && !memcmp(key, "shape", 5) && !have_shape++) {
      status = parse_shape(c, array);
    } else if (length == 13 && !memcmp(key, "fortran_order", 13) &&
               !have_order++) {
      if (accept(c, "True"))
        return nacre_failure(c->error, NACRE_E_FORMAT,
                             "Fortran order is not supported, save a C-ordered "
                             "copy (numpy.ascontiguousarray)");
      if (!accept(c, "False"))
        return expected(c, "True or False");
    } else {
      return nacre_failure(c->error, NACRE_E_FORMAT,
                           "header: key '%.*s' is unknown or occurs twice",
                           (int)(length < 32 ? length : 32), key);
    }
    if (status)
      return status;
    if (!accept(c, ",")) {
      if (!accept(c, "}"))
        return expected(c, "',' or '}'");
      break;
    }
  }
  skip_space(c);
  if (c->at != c->end)
    return expected(c, "the end");
  if (!have_descr || !have_order || !have_shape)
    return nacre_failure(c->error, NACRE_E_FORMAT,
                         "header: descr, fortran_order or shape is missing");
  return NACRE_OK;
}

/* `strings` is NULL where numbers are wanted. */
static nacre_status parse(const unsigned char *bytes, size_t size,
                          nacre_strings *strings, nacre_array *array,
                          nacre_error *error) {
  if (size < 10 || memcmp(bytes, "\x93NUMPY", 6))
    return nacre_failure(error, NACRE_E_FORMAT, "not a .npy file");
  if ((bytes[6] != 1 && bytes[6] != 2) || bytes[7] != 0)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "version %d.%d is not supported, only 1.0 and 2.0",
                         bytes[6], bytes[7]);
  size_t start = bytes[6] == 1 ? 10 : 12;
  if (size < start)
    return nacre_failure(error, NACRE_E_FORMAT, "truncated at byte %zu", size);
  size_t header = bytes[8] | (size_t)bytes[9] << 8;
  if (start == 12)
    header |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (header > size - start)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "truncated: header of %zu bytes, %zu are left", header,
                         size - start);
  if (header > max_header)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "header has %zu bytes, at most %d", header,
                         max_header);
  const char *text = (const char *)bytes + start;
  cursor c = {.at = text,
              .end = text + header,
              .begin = text,
              .error = error,
              .strings = strings != NULL};
  nacre_status status = parse_header(&c, array);
  if (!status && strings && !c.characters)
    return nacre_failure(error, NACRE_E_DTYPE, "holds %s, not strings",
                         array->dtype);
  if (!status)
    status = nacre_shape_bytes(array->dtype, array->rank, array->shape,
                               &array->elements, &array->bytes, error);
  if (status)
    return status;
  if (strings) {
    uint64_t each = c.width * (c.wide ? 4 : 1), held;
    if (__builtin_mul_overflow(each, array->elements, &held) ||
        held != size - start - header)
      return nacre_failure(error, NACRE_E_FORMAT,
                           "data has %zu bytes, shape %s of %llu characters "
                           "needs another number",
                           size - start - header,
                           nacre_shape_print(array->rank, array->shape).text,
                           (unsigned long long)c.width);
    return nacre_codes_of_characters(bytes + start + header, c.width, c.wide,
                                     strings, array, error);
  }
  if (array->bytes != size - start - header)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "data has %zu bytes, shape %s %s needs %llu",
                         size - start - header,
                         nacre_shape_print(array->rank, array->shape).text,
                         array->dtype, (unsigned long long)array->bytes);
  unsigned char *data = nacre_alloc(array->bytes);
  if (!data)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %llu bytes",
                         (unsigned long long)array->bytes);
  memcpy(data, bytes + start + header, array->bytes);
  if (!strcmp(array->dtype, "bool"))
    for (uint64_t i = 0; i < array->bytes; ++i)
      data[i] = data[i] != 0;
  array->data = data;
  return NACRE_OK;
}

static nacre_status parse_whole(const void *bytes, size_t size,
                                nacre_strings *strings, nacre_array *array,
                                nacre_error *error) {
  memset(array, 0, sizeof *array);
  nacre_status status = parse(bytes, size, strings, array, error);
  if (status)
    nacre_array_free(array);
  return status;
}

nacre_status nacre_npy_parse(const void *bytes, size_t size, nacre_array *array,
                             nacre_error *error) {
  return parse_whole(bytes, size, NULL, array, error);
}

nacre_status nacre_npy_read(const char *path, nacre_array *array,
                            nacre_error *error) {
  return nacre_file_parse(path, parse_whole, NULL, array, error);
}

nacre_status nacre_npy_read_strings(const char *path, nacre_strings *strings,
                                    nacre_array *array, nacre_error *error) {
  return nacre_file_parse(path, parse_whole, strings, array, error);
}

nacre_status nacre_npy_write(const char *path, const nacre_array *array,
                             nacre_error *error) {
  uint64_t elements, bytes;
  nacre_status status = nacre_shape_bytes(
      array->dtype, array->rank, array->shape, &elements, &bytes, error);
  if (status)
    return status;
  if (!strcmp(array->dtype, "string"))
    return nacre_failure(error, NACRE_E_DTYPE,
                         "strings are written with their table");
  const char *descr = opaque;
  for (size_t i = sizeof types / sizeof *types; i-- > 0;)
    if (!strcmp(types[i].dtype, array->dtype))
      descr = types[i].descr;
  return nacre_npy_write_data(path, array->rank, array->shape, descr,
                              array->data, bytes, error);
}

nacre_status nacre_npy_write_data(const char *path, int64_t rank,
                                  const int64_t *shape, const char *descr,
                                  const void *data, uint64_t bytes,
                                  nacre_error *error) {
  /* 64 extents of at most 19 digits and a comma stay under 1,344 bytes. */
  char header[2048];
  size_t used = 10;
  used += (size_t)sprintf(header + used,
                          "{'descr': '%s', 'fortran_order': False, 'shape': (",
                          descr);
  for (int64_t i = 0; i < rank; ++i)
    used += (size_t)sprintf(header + used, i + 1 < rank ? "%lld, " : "%lld",
                            (long long)shape[i]);
  used += (size_t)sprintf(header + used, rank == 1 ? ",), }" : "), }");
  /* Data begins at a multiple of 64, after a newline. */
  size_t whole = (used + 1 + 63) / 64 * 64;
  memset(header + used, ' ', whole - used - 1);
  header[whole - 1] = '\n';
  memcpy(header, "\x93NUMPY\1\0", 8);
  header[8] = (char)((whole - 10) & 255);
  header[9] = (char)((whole - 10) >> 8);
  nacre_piece pieces[] = {{header, whole}, {data, bytes}};
  return nacre_file_write(path, pieces, 2, error);
}
