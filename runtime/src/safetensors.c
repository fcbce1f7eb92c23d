/*===- safetensors.c - mapped side files of weights -------------------------===
 *
 * Eight bytes of header length, a JSON header, then the data:
 *
 *   {"__metadata__": {"key": "text"},
 *    "weights": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *
 * The parser knows this shape of JSON and no other: objects at fixed depths,
 * text, lists of natural numbers. Format: github.com/huggingface/safetensors.
 *===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "file.h"
#include "json.h"

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
  char name[13];
  const char *dtype;
} types[] = {{"F32", "f32"},
             {"F64", "f64"},
             {"F16", "f16"},
             {"BF16", "bf16"},
             {"I8", "i8"},
             {"U8", "u8"},
             {"I16", "i16"},
             {"U16", "u16"},
             {"I32", "i32"},
             {"U32", "u32"},
             {"I64", "i64"},
             {"U64", "u64"},
             {"BOOL", "bool"},
             {"F8_E4M3", "f8e4m3fn"},
             {"F8_E4M3FNUZ", "f8e4m3fnuz"},
             {"F8_E5M2", "f8e5m2"},
             {"F8_E5M2FNUZ", "f8e5m2fnuz"},
             {"F8_E8M0", "f8e8m0"},
             /* Not of the format, which packs its F4: one byte an element. */
             {"F4_E2M1_BYTE", "f4e2m1"},
             {"I4_BYTE", "i4"},
             {"U4_BYTE", "u4"},
             {"I2_BYTE", "i2"},
             {"U2_BYTE", "u2"}};

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
};

typedef struct cursor {
  nacre_json json;
  nacre_safetensors *file;
} cursor;

/* Makes room for one more element of an array that doubles. */
static nacre_status grow(cursor *c, void **array, int64_t count, int64_t *room,
                         size_t size) {
  if (count < *room)
    return NACRE_OK;
  int64_t wanted = *room ? *room * 2 : 16;
  void *larger = realloc(*array, (size_t)wanted * size);
  if (!larger)
    return nacre_failure(c->json.error, NACRE_E_NOMEM,
                         "no memory for the header");
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
  if (!nacre_json_accept(&c->json, '['))
    return nacre_json_expected(&c->json, "'['");
  if (nacre_json_accept(&c->json, ']'))
    return NACRE_OK;
  do {
    int64_t extent;
    if (e->rank == NACRE_MAX_RANK)
      return nacre_failure(c->json.error, NACRE_E_LIMIT,
                           "tensor '%.64s': rank is more than %d", e->name,
                           NACRE_MAX_RANK);
    nacre_status status = nacre_json_natural(&c->json, &extent);
    if (!status)
      status = add_extent(c, extent);
    if (status)
      return status;
    ++e->rank;
  } while (nacre_json_accept(&c->json, ','));
  return nacre_json_accept(&c->json, ']')
             ? NACRE_OK
             : nacre_json_expected(&c->json, "',' or ']'");
}

static nacre_status parse_offsets(cursor *c, entry *e) {
  int64_t begin, end;
  if (!nacre_json_accept(&c->json, '['))
    return nacre_json_expected(&c->json, "'['");
  nacre_status status = nacre_json_natural(&c->json, &begin);
  if (status)
    return status;
  if (!nacre_json_accept(&c->json, ','))
    return nacre_json_expected(&c->json, "','");
  status = nacre_json_natural(&c->json, &end);
  if (status)
    return status;
  if (!nacre_json_accept(&c->json, ']'))
    return nacre_json_expected(&c->json, "']'");
  e->begin = (uint64_t)begin;
  e->end = (uint64_t)end;
  return NACRE_OK;
}

static nacre_status parse_dtype(cursor *c, entry *e) {
  const char *text;
  nacre_status status = nacre_json_string(&c->json, &text);
  if (status)
    return status;
  size_t type = 0, type_count = sizeof types / sizeof *types;
  while (type < type_count && strcmp(types[type].name, text))
    ++type;
  if (type == type_count)
    return nacre_failure(
        c->json.error, NACRE_E_DTYPE,
        "tensor '%.64s': element type '%.32s' is not supported", e->name, text);
  e->dtype = types[type].dtype;
  nacre_json_forget(&c->json, text);
  return NACRE_OK;
}

/* The object of one tensor; its name has been read. */
static nacre_status parse_tensor(cursor *c, entry *e) {
  enum { dtype = 1, shape = 2, offsets = 4, all = 7 };
  int have = 0;
  if (!nacre_json_accept(&c->json, '{'))
    return nacre_json_expected(&c->json, "'{'");
  do {
    const char *key;
    nacre_status status = nacre_json_string(&c->json, &key);
    if (status)
      return status;
    int which = !strcmp(key, "dtype")          ? dtype
                : !strcmp(key, "shape")        ? shape
                : !strcmp(key, "data_offsets") ? offsets
                                               : 0;
    if (!which || have & which)
      return nacre_failure(c->json.error, NACRE_E_FORMAT,
                           "tensor '%.64s': key '%.32s' is unknown or occurs "
                           "twice",
                           e->name, key);
    nacre_json_forget(&c->json, key);
    have |= which;
    if (!nacre_json_accept(&c->json, ':'))
      return nacre_json_expected(&c->json, "':'");
    status = which == dtype   ? parse_dtype(c, e)
             : which == shape ? parse_shape(c, e)
                              : parse_offsets(c, e);
    if (status)
      return status;
  } while (nacre_json_accept(&c->json, ','));
  if (!nacre_json_accept(&c->json, '}'))
    return nacre_json_expected(&c->json, "',' or '}'");
  if (have != all)
    return nacre_failure(c->json.error, NACRE_E_FORMAT,
                         "tensor '%.64s': dtype, shape or data_offsets is "
                         "missing",
                         e->name);
  return NACRE_OK;
}

static nacre_status check_range(cursor *c, const entry *e) {
  uint64_t elements, bytes;
  nacre_error why;
  const int64_t *shape = c->file->shapes + (e->rank ? e->shape : 0);
  nacre_status status =
      nacre_shape_bytes(e->dtype, e->rank, shape, &elements, &bytes, &why);
  if (status)
    return nacre_failure(c->json.error, status, "tensor '%.64s': %.200s",
                         e->name, why.text);
  if (e->begin > e->end || e->end > c->file->data_size)
    return nacre_failure(c->json.error, NACRE_E_FORMAT,
                         "tensor '%.64s': bytes %llu to %llu are outside the "
                         "%llu bytes of data",
                         e->name, (unsigned long long)e->begin,
                         (unsigned long long)e->end,
                         (unsigned long long)c->file->data_size);
  if (e->end - e->begin != bytes)
    return nacre_failure(c->json.error, NACRE_E_FORMAT,
                         "tensor '%.64s': has %llu bytes, its shape needs %llu",
                         e->name, (unsigned long long)(e->end - e->begin),
                         (unsigned long long)bytes);
  return NACRE_OK;
}

static nacre_status parse_metadata(cursor *c) {
  if (!nacre_json_accept(&c->json, '{'))
    return nacre_json_expected(&c->json, "'{'");
  if (nacre_json_accept(&c->json, '}'))
    return NACRE_OK;
  do {
    const char *key, *value;
    nacre_status status = nacre_json_string(&c->json, &key);
    if (status)
      return status;
    if (!nacre_json_accept(&c->json, ':'))
      return nacre_json_expected(&c->json, "':'");
    status = nacre_json_string(&c->json, &value);
    if (status)
      return status;
    nacre_json_forget(&c->json, key);
  } while (nacre_json_accept(&c->json, ','));
  return nacre_json_accept(&c->json, '}')
             ? NACRE_OK
             : nacre_json_expected(&c->json, "',' or '}'");
}

static nacre_status parse_entry(cursor *c) {
  nacre_safetensors *file = c->file;
  entry e = {0};
  nacre_status status = nacre_json_string(&c->json, &e.name);
  if (status)
    return status;
  if (!nacre_json_accept(&c->json, ':'))
    return nacre_json_expected(&c->json, "':'");
  if (!strcmp(e.name, "__metadata__")) {
    nacre_json_forget(&c->json, e.name);
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
  if (!nacre_json_accept(&c->json, '{'))
    return nacre_json_expected(&c->json, "'{'");
  if (!nacre_json_accept(&c->json, '}')) {
    do {
      nacre_status status = parse_entry(c);
      if (status)
        return status;
    } while (nacre_json_accept(&c->json, ','));
    if (!nacre_json_accept(&c->json, '}'))
      return nacre_json_expected(&c->json, "',' or '}'");
  }
  nacre_status status = nacre_json_end(&c->json);
  if (status)
    return status;

  uint64_t covered = 0;
  if (file->count)
    qsort(file->entries, (size_t)file->count, sizeof(entry), by_range);
  for (int64_t i = 0; i < file->count; ++i) {
    if (file->entries[i].begin != covered)
      return nacre_failure(c->json.error, NACRE_E_FORMAT,
                           "tensor '%.64s': begins at byte %llu of the data, "
                           "the tensors before it end at %llu",
                           file->entries[i].name,
                           (unsigned long long)file->entries[i].begin,
                           (unsigned long long)covered);
    covered = file->entries[i].end;
  }
  if (covered != file->data_size)
    return nacre_failure(
        c->json.error, NACRE_E_FORMAT, "data has %llu bytes, the tensors %llu",
        (unsigned long long)file->data_size, (unsigned long long)covered);
  if (file->count)
    qsort(file->entries, (size_t)file->count, sizeof(entry), by_name);
  for (int64_t i = 1; i < file->count; ++i)
    if (!strcmp(file->entries[i - 1].name, file->entries[i].name))
      return nacre_failure(c->json.error, NACRE_E_FORMAT,
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
  cursor c = {{"header", text, text, text + header, file->names, 0, error},
              file};
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
