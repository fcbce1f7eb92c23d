/*===- safetensors.c - mapped side files of weights -------------------------===
 *
 * Eight bytes of header length, a JSON header, then the data:
 *
 *   {"__metadata__": {"key": "text"},
 *    "weights": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *
 * The parser knows this shape of JSON and no other: objects at fixed depths,
 * text, lists of natural numbers. It looks at each byte once and does not
 * recurse. Format: github.com/huggingface/safetensors.
 *===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "mapped data is little-endian and used as it is");

/* The format's own limit. */
enum { max_header = 100000000 };

static const struct {
  char name[8];
  const char *dtype; /* NULL: known to the format, not to us; one byte each */
} types[] = {{"F32", "f32"},   {"F64", "f64"},    {"F16", "f16"},
             {"BF16", "bf16"}, {"I8", "i8"},      {"U8", "u8"},
             {"I16", "i16"},   {"U16", "u16"},    {"I32", "i32"},
             {"U32", "u32"},   {"I64", "i64"},    {"U64", "u64"},
             {"BOOL", "bool"}, {"F8_E4M3", NULL}, {"F8_E5M2", NULL}};

typedef struct entry {
  const char *name, *dtype;
  int64_t rank, shape; /* where its extents begin in `shapes` */
  uint64_t begin, end;
} entry;

struct nacre_safetensors {
  void *map;
  size_t map_size;
  const unsigned char *data;
  uint64_t data_size;
  entry *entries; /* by name once the file is open */
  int64_t count, entry_room;
  int64_t *shapes;
  int64_t shape_count, shape_room;
  char *names; /* decoded text; never longer than the header */
  size_t names_used;
};

typedef struct cursor {
  const unsigned char *begin, *at, *end;
  nacre_safetensors *file;
  nacre_error *error;
} cursor;

static nacre_status expected(cursor *c, const char *what) {
  return nacre_failure(c->error, NACRE_E_FORMAT,
                       "header: expected %s at byte %lld", what,
                       (long long)(c->at - c->begin));
}

static void skip_space(cursor *c) {
  while (c->at < c->end &&
         (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
    ++c->at;
}

/* Steps over `byte` if it comes next. */
static int accept(cursor *c, char byte) {
  skip_space(c);
  if (c->at == c->end || *c->at != (unsigned char)byte)
    return 0;
  ++c->at;
  return 1;
}

static int read_hex4(cursor *c, uint32_t *value) {
  *value = 0;
  for (int i = 0; i < 4; ++i, ++c->at) {
    if (c->at == c->end)
      return 0;
    uint32_t byte = *c->at, lower = byte | 32;
    if (byte >= '0' && byte <= '9')
      *value = *value << 4 | (byte - '0');
    else if (lower >= 'a' && lower <= 'f')
      *value = *value << 4 | (lower - 'a' + 10);
    else
      return 0;
  }
  return 1;
}

/* What follows \u, as UTF-8. */
static nacre_status read_escaped_rune(cursor *c, char **out) {
  uint32_t rune, low;
  if (!read_hex4(c, &rune))
    return expected(c, "four hexadecimal digits");
  if (rune >= 0xD800 && rune < 0xDC00) {
    if (c->end - c->at < 2 || *c->at != '\\' || c->at[1] != 'u')
      return expected(c, "a low surrogate");
    c->at += 2;
    if (!read_hex4(c, &low) || low < 0xDC00 || low > 0xDFFF)
      return expected(c, "a low surrogate");
    rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
  } else if (rune == 0 || (rune >= 0xDC00 && rune < 0xE000)) {
    return expected(c, "a character other than zero");
  }
  if (rune < 0x80) {
    *(*out)++ = (char)rune;
  } else if (rune < 0x800) {
    *(*out)++ = (char)(0xC0 | rune >> 6);
    *(*out)++ = (char)(0x80 | (rune & 63));
  } else if (rune < 0x10000) {
    *(*out)++ = (char)(0xE0 | rune >> 12);
    *(*out)++ = (char)(0x80 | (rune >> 6 & 63));
    *(*out)++ = (char)(0x80 | (rune & 63));
  } else {
    *(*out)++ = (char)(0xF0 | rune >> 18);
    *(*out)++ = (char)(0x80 | (rune >> 12 & 63));
    *(*out)++ = (char)(0x80 | (rune >> 6 & 63));
    *(*out)++ = (char)(0x80 | (rune & 63));
  }
  return NACRE_OK;
}

/* Decodes a string to the end of `names`. An escape is longer than what it
 * stands for, and the quotes pay for the zero byte; so it always fits. */
static nacre_status parse_string(cursor *c, const char **text) {
  if (!accept(c, '"'))
    return expected(c, "a string");
  char *out = c->file->names + c->file->names_used;
  *text = out;
  for (;;) {
    if (c->at == c->end)
      return expected(c, "'\"'");
    unsigned char byte = *c->at;
    if (byte < ' ')
      return expected(c, "no control character");
    ++c->at;
    if (byte == '"')
      break;
    if (byte != '\\') {
      *out++ = (char)byte;
      continue;
    }
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned char escape = c->at < c->end ? *c->at : 0;
    const char *known = escape ? strchr(from, escape) : NULL;
    if (known) {
      ++c->at;
      *out++ = to[known - from];
    } else if (escape == 'u') {
      ++c->at;
      nacre_status status = read_escaped_rune(c, &out);
      if (status)
        return status;
    } else {
      return expected(c, "an escape");
    }
  }
  *out++ = 0;
  c->file->names_used = (size_t)(out - c->file->names);
  return NACRE_OK;
}

/* Gives back the text of a string that need not be kept. */
static void forget(cursor *c, const char *text) {
  c->file->names_used = (size_t)(text - c->file->names);
}

static nacre_status parse_number(cursor *c, int64_t *value) {
  skip_space(c);
  if (c->at == c->end || *c->at < '0' || *c->at > '9')
    return expected(c, "a natural number");
  *value = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; ++c->at)
    if (__builtin_mul_overflow(*value, 10, value) ||
        __builtin_add_overflow(*value, *c->at - '0', value))
      return nacre_failure(c->error, NACRE_E_FORMAT,
                           "header: a number does not fit in 63 bits at byte "
                           "%lld",
                           (long long)(c->at - c->begin));
  return NACRE_OK;
}

/* Makes room for one more element of an array that doubles. */
static nacre_status grow(cursor *c, void **array, int64_t count, int64_t *room,
                         size_t size) {
  if (count < *room)
    return NACRE_OK;
  int64_t wanted = *room ? *room * 2 : 16;
  void *larger = realloc(*array, (size_t)wanted * size);
  if (!larger)
    return nacre_failure(c->error, NACRE_E_NOMEM, "no memory for the header");
  *array = larger;
  *room = wanted;
  return NACRE_OK;
}

static nacre_status add_extent(cursor *c, int64_t extent) {
  nacre_safetensors *file = c->file;
  void *shapes = file->shapes;
  nacre_status status = grow(c, &shapes, file->shape_count, &file->shape_room,
                             sizeof *file->shapes);
  file->shapes = shapes;
  if (!status)
    file->shapes[file->shape_count++] = extent;
  return status;
}

static nacre_status parse_shape(cursor *c, entry *e) {
  e->shape = c->file->shape_count;
  if (!accept(c, '['))
    return expected(c, "'['");
  if (accept(c, ']'))
    return NACRE_OK;
  do {
    int64_t extent;
    if (e->rank == NACRE_MAX_RANK)
      return nacre_failure(c->error, NACRE_E_LIMIT,
                           "tensor '%.64s': rank is more than %d", e->name,
                           NACRE_MAX_RANK);
    nacre_status status = parse_number(c, &extent);
    if (!status)
      status = add_extent(c, extent);
    if (status)
      return status;
    ++e->rank;
  } while (accept(c, ','));
  return accept(c, ']') ? NACRE_OK : expected(c, "',' or ']'");
}

static nacre_status parse_offsets(cursor *c, entry *e) {
  int64_t begin, end;
  if (!accept(c, '['))
    return expected(c, "'['");
  nacre_status status = parse_number(c, &begin);
  if (status)
    return status;
  if (!accept(c, ','))
    return expected(c, "','");
  status = parse_number(c, &end);
  if (status)
    return status;
  if (!accept(c, ']'))
    return expected(c, "']'");
  e->begin = (uint64_t)begin;
  e->end = (uint64_t)end;
  return NACRE_OK;
}

static nacre_status parse_dtype(cursor *c, entry *e) {
  const char *text;
  nacre_status status = parse_string(c, &text);
  if (status)
    return status;
  size_t type = 0, type_count = sizeof types / sizeof *types;
  while (type < type_count && strcmp(types[type].name, text))
    ++type;
  if (type == type_count)
    return nacre_failure(
        c->error, NACRE_E_DTYPE,
        "tensor '%.64s': element type '%.32s' is not supported", e->name, text);
  e->dtype = types[type].dtype;
  forget(c, text);
  return NACRE_OK;
}

/* The object of one tensor; its name has been read. */
static nacre_status parse_tensor(cursor *c, entry *e) {
  enum { dtype = 1, shape = 2, offsets = 4, all = 7 };
  int have = 0;
  if (!accept(c, '{'))
    return expected(c, "'{'");
  do {
    const char *key;
    nacre_status status = parse_string(c, &key);
    if (status)
      return status;
    int which = !strcmp(key, "dtype")          ? dtype
                : !strcmp(key, "shape")        ? shape
                : !strcmp(key, "data_offsets") ? offsets
                                               : 0;
    if (!which || have & which)
      return nacre_failure(c->error, NACRE_E_FORMAT,
                           "tensor '%.64s': key '%.32s' is unknown or occurs "
                           "twice",
                           e->name, key);
    forget(c, key);
    have |= which;
    if (!accept(c, ':'))
      return expected(c, "':'");
    status = which == dtype   ? parse_dtype(c, e)
             : which == shape ? parse_shape(c, e)
                              : parse_offsets(c, e);
    if (status)
      return status;
  } while (accept(c, ','));
  if (!accept(c, '}'))
    return expected(c, "',' or '}'");
  if (have != all)
    return nacre_failure(c->error, NACRE_E_FORMAT,
                         "tensor '%.64s': dtype, shape or data_offsets is "
                         "missing",
                         e->name);
  return NACRE_OK;
}

static nacre_status check_range(cursor *c, const entry *e) {
  uint64_t elements, bytes;
  nacre_error why;
  const int64_t *shape = c->file->shapes + (e->rank ? e->shape : 0);
  nacre_status status = nacre_shape_bytes(e->dtype ? e->dtype : "u8", e->rank,
                                          shape, &elements, &bytes, &why);
  if (status)
    return nacre_failure(c->error, status, "tensor '%.64s': %.200s", e->name,
                         why.text);
  if (e->begin > e->end || e->end > c->file->data_size)
    return nacre_failure(c->error, NACRE_E_FORMAT,
                         "tensor '%.64s': bytes %llu to %llu are outside the "
                         "%llu bytes of data",
                         e->name, (unsigned long long)e->begin,
                         (unsigned long long)e->end,
                         (unsigned long long)c->file->data_size);
  if (e->end - e->begin != bytes)
    return nacre_failure(c->error, NACRE_E_FORMAT,
                         "tensor '%.64s': has %llu bytes, its shape needs %llu",
                         e->name, (unsigned long long)(e->end - e->begin),
                         (unsigned long long)bytes);
  return NACRE_OK;
}

static nacre_status parse_metadata(cursor *c) {
  if (!accept(c, '{'))
    return expected(c, "'{'");
  if (accept(c, '}'))
    return NACRE_OK;
  do {
    const char *key, *value;
    nacre_status status = parse_string(c, &key);
    if (status)
      return status;
    if (!accept(c, ':'))
      return expected(c, "':'");
    status = parse_string(c, &value);
    if (status)
      return status;
    forget(c, key);
  } while (accept(c, ','));
  return accept(c, '}') ? NACRE_OK : expected(c, "',' or '}'");
}

static nacre_status parse_entry(cursor *c) {
  nacre_safetensors *file = c->file;
  entry e = {0};
  nacre_status status = parse_string(c, &e.name);
  if (status)
    return status;
  if (!accept(c, ':'))
    return expected(c, "':'");
  if (!strcmp(e.name, "__metadata__")) {
    forget(c, e.name);
    return parse_metadata(c);
  }
  status = parse_tensor(c, &e);
  if (!status)
    status = check_range(c, &e);
  if (status)
    return status;
  void *entries = file->entries;
  status =
      grow(c, &entries, file->count, &file->entry_room, sizeof *file->entries);
  file->entries = entries;
  if (!status)
    file->entries[file->count++] = e;
  return status;
}

static int by_range(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static nacre_status parse_header(cursor *c) {
  nacre_safetensors *file = c->file;
  if (!accept(c, '{'))
    return expected(c, "'{'");
  if (!accept(c, '}')) {
    do {
      nacre_status status = parse_entry(c);
      if (status)
        return status;
    } while (accept(c, ','));
    if (!accept(c, '}'))
      return expected(c, "',' or '}'");
  }
  skip_space(c);
  if (c->at != c->end)
    return expected(c, "the end");

  uint64_t covered = 0;
  if (file->count)
    qsort(file->entries, (size_t)file->count, sizeof(entry), by_range);
  for (int64_t i = 0; i < file->count; ++i) {
    if (file->entries[i].begin != covered)
      return nacre_failure(c->error, NACRE_E_FORMAT,
                           "tensor '%.64s': begins at byte %llu of the data, "
                           "the tensors before it end at %llu",
                           file->entries[i].name,
                           (unsigned long long)file->entries[i].begin,
                           (unsigned long long)covered);
    covered = file->entries[i].end;
  }
  if (covered != file->data_size)
    return nacre_failure(
        c->error, NACRE_E_FORMAT, "data has %llu bytes, the tensors %llu",
        (unsigned long long)file->data_size, (unsigned long long)covered);
  if (file->count)
    qsort(file->entries, (size_t)file->count, sizeof(entry), by_name);
  for (int64_t i = 1; i < file->count; ++i)
    if (!strcmp(file->entries[i - 1].name, file->entries[i].name))
      return nacre_failure(c->error, NACRE_E_FORMAT,
                           "tensor '%.64s' occurs twice",
                           file->entries[i].name);
  return NACRE_OK;
}

static nacre_status map_file(const char *path, nacre_safetensors *file,
                             nacre_error *error) {
  int descriptor;
  uint64_t size;
  nacre_status status = nacre_file_open(path, &descriptor, &size, error);
  if (status)
    return status;
  if (size < 8) {
    close(descriptor);
    return nacre_failure(error, NACRE_E_FORMAT,
                         "%.200s: truncated at byte %llu", path,
                         (unsigned long long)size);
  }
  file->map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (file->map == MAP_FAILED) {
    file->map = NULL;
    status = nacre_failure(error, NACRE_E_IO, "cannot map '%.200s': %s", path,
                           strerror(errno));
  } else {
    file->map_size = size;
  }
  close(descriptor);
  return status;
}

static nacre_status read_header(nacre_safetensors *file, nacre_error *error) {
  uint64_t header;
  memcpy(&header, file->map, 8);
  uint64_t left = file->map_size - 8;
  if (header > left)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "truncated: header of %llu bytes, %llu are left",
                         (unsigned long long)header, (unsigned long long)left);
  if (header > max_header)
    return nacre_failure(error, NACRE_E_LIMIT,
                         "header has %llu bytes, at most %d",
                         (unsigned long long)header, max_header);
  const unsigned char *text = (const unsigned char *)file->map + 8;
  file->data = text + header;
  file->data_size = left - header;
  file->names = malloc(header + 1);
  /* One extent of room, so that a file of scalars has a table as well. */
  file->shapes = malloc(sizeof *file->shapes);
  file->shape_room = 1;
  if (!file->names || !file->shapes)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for the header");
  cursor c = {text, text, text + header, file, error};
  return parse_header(&c);
}

nacre_status nacre_safetensors_open(const char *path,
                                    nacre_safetensors **result,
                                    nacre_error *error) {
  *result = NULL;
  nacre_safetensors *file = calloc(1, sizeof *file);
  if (!file)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for '%.200s'", path);
  nacre_status status = map_file(path, file, error);
  if (!status) {
    nacre_error why;
    status = read_header(file, &why);
    if (status)
      nacre_failure(error, status, "%.200s: %.300s", path, why.text);
  }
  if (status) {
    nacre_safetensors_close(file);
    return status;
  }
  *result = file;
  return NACRE_OK;
}

void nacre_safetensors_close(nacre_safetensors *file) {
  if (!file)
    return;
  if (file->map)
    munmap(file->map, file->map_size);
  free(file->entries);
  free(file->shapes);
  free(file->names);
  free(file);
}

int64_t nacre_safetensors_count(const nacre_safetensors *file) {
  return file->count;
}

int nacre_safetensors_at(const nacre_safetensors *file, int64_t index,
                         nacre_view *view) {
  if (index < 0 || index >= file->count)
    return 0;
  const entry *e = &file->entries[index];
  *view = (nacre_view){.name = e->name,
                       .dtype = e->dtype,
                       .rank = e->rank,
                       .shape = file->shapes + e->shape,
                       .data = file->data + e->begin,
                       .bytes = e->end - e->begin};
  return 1;
}

int nacre_safetensors_find(const nacre_safetensors *file, const char *name,
                           nacre_view *view) {
  entry key = {.name = name};
  const entry *found = file->count
                           ? bsearch(&key, file->entries, (size_t)file->count,
                                     sizeof(entry), by_name)
                           : NULL;
  return found && nacre_safetensors_at(file, found - file->entries, view);
}

nacre_status nacre_safetensors_weights(const nacre_safetensors *file,
                                       const nacre_model *model,
                                       const void **weights,
                                       nacre_error *error) {
  nacre_view view = {.data = file->data, .bytes = file->data_size};
  nacre_safetensors_find(file, "weights", &view);
  if (view.bytes != model->weights_bytes)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "weights have %llu bytes, model '%.64s' needs %llu",
                         (unsigned long long)view.bytes, model->name,
                         (unsigned long long)model->weights_bytes);
  if ((uintptr_t)view.data % NACRE_ALIGNMENT)
    return nacre_failure(error, NACRE_E_FORMAT,
                         "weights do not begin at a multiple of %u in the file",
                         NACRE_ALIGNMENT);
  *weights = view.data;
  return NACRE_OK;
}
