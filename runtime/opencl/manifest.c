/*===- manifest.c - reads manifest.json into a plan -----------------------===
 *
 * Objects are read by tables of their keys, in any order; keys that are not in
 * a table are stepped over. Nothing is checked here but the JSON and that each
 * key occurs once; plan.c checks what the numbers mean.
 *===-----------------------------------------------------------------------===*/
#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list element or object being read, for messages: "kernels[3].buffers[1]" */
typedef struct place {
  const char *name;
  int64_t index; /* -1: not a list */
} place;

typedef struct reader {
  nacre_json json;
  nacre_plan *plan;
  place places[4];
  int depth;
} reader;

typedef enum kind { natural, integer, text, flag, nested } kind;

typedef struct field {
  const char *key;
  kind kind;
  int optional;
  size_t offset;                                /* of the value in the object */
  nacre_status (*read)(reader *r, void *value); /* of `nested` */
} field;

/* "kernels[3].buffers[1]: ", or "" at the top. */
static void print_places(const reader *r, char *out, size_t room) {
  size_t used = 0;
  out[0] = 0;
  for (int i = 0; i < r->depth && used < room; ++i) {
    const place *p = &r->places[i];
    used +=
        (size_t)snprintf(out + used, room - used, i ? ".%s" : "%s", p->name);
    if (p->index >= 0 && used < room)
      used += (size_t)snprintf(out + used, room - used, "[%lld]",
                               (long long)p->index);
  }
  if (used && used < room)
    snprintf(out + used, room - used, ": ");
}

static nacre_status key_failure(reader *r, const char *key, const char *what) {
  char where[128];
  print_places(r, where, sizeof where);
  return nacre_failure(r->json.error, NACRE_E_FORMAT, "%s: %skey '%.32s' %s",
                       r->json.what, where, key, what);
}

/* A natural number or its negative; -1 means "none" in manifests. */
static nacre_status read_integer(nacre_json *j, int64_t *value) {
  if (!nacre_json_accept(j, '-'))
    return nacre_json_natural(j, value);
  nacre_status status = nacre_json_natural(j, value);
  if (!status)
    *value = -*value;
  return status;
}

static nacre_status read_field(reader *r, const field *f, char *object) {
  void *value = object + f->offset;
  switch (f->kind) {
  case natural:
    return nacre_json_natural(&r->json, value);
  case integer:
    return read_integer(&r->json, value);
  case text:
    return nacre_json_string(&r->json, value);
  case flag:
    return nacre_json_flag(&r->json, value);
  case nested:
    break;
  }
  return f->read(r, value);
}

static nacre_status read_object(reader *r, const field *fields, int count,
                                void *object) {
  uint32_t have = 0;
  if (!nacre_json_accept(&r->json, '{'))
    return nacre_json_expected(&r->json, "'{'");
  if (!nacre_json_accept(&r->json, '}')) {
    do {
      const char *key;
      nacre_status status = nacre_json_string(&r->json, &key);
      if (status)
        return status;
      int which = 0;
      while (which < count && strcmp(fields[which].key, key))
        ++which;
      nacre_json_forget(&r->json, key);
      if (!nacre_json_accept(&r->json, ':'))
        return nacre_json_expected(&r->json, "':'");
      if (which == count) {
        status = nacre_json_skip(&r->json);
      } else if (have >> which & 1) {
        status = key_failure(r, fields[which].key, "occurs twice");
      } else {
        have |= 1u << which;
        status = read_field(r, &fields[which], object);
      }
      if (status)
        return status;
    } while (nacre_json_accept(&r->json, ','));
    if (!nacre_json_accept(&r->json, '}'))
      return nacre_json_expected(&r->json, "',' or '}'");
  }
  for (int i = 0; i < count; ++i)
    if (!fields[i].optional && !(have >> i & 1))
      return key_failure(r, fields[i].key, "is missing");
  return NACRE_OK;
}

/* One more element, all zero; NULL when there is no memory. The capacity
 * follows the text that was read, so it cannot be asked for in a few bytes. */
static void *add(nacre_list *list, size_t size) {
  if (list->count == list->room) {
    int64_t room = list->room ? list->room * 2 : 16;
    void *larger = realloc(list->items, (size_t)room * size);
    if (!larger)
      return NULL;
    list->items = larger;
    list->room = room;
  }
  return memset((char *)list->items + (size_t)list->count++ * size, 0, size);
}

static nacre_status no_memory(reader *r) {
  return nacre_failure(r->json.error, NACRE_E_NOMEM, "%s: no memory",
                       r->json.what);
}

/* A list of objects, each read into a copy first: reading may move the list. */
static nacre_status read_objects(reader *r, const char *name, nacre_list *list,
                                 size_t size,
                                 nacre_status (*read)(reader *, void *)) {
  _Alignas(16) char object[256];
  _Static_assert(sizeof(nacre_plan_launch) <= sizeof object &&
                     sizeof(nacre_plan_tensor) <= sizeof object,
                 "room for every kind of element");
  if (!nacre_json_accept(&r->json, '['))
    return nacre_json_expected(&r->json, "'['");
  if (nacre_json_accept(&r->json, ']'))
    return NACRE_OK;
  place *p = &r->places[r->depth++];
  *p = (place){name, 0};
  do {
    memset(object, 0, size);
    nacre_status status = read(r, object);
    if (status)
      return status;
    void *place = add(list, size);
    if (!place)
      return no_memory(r);
    memcpy(place, object, size);
    ++p->index;
  } while (nacre_json_accept(&r->json, ','));
  --r->depth;
  return nacre_json_accept(&r->json, ']')
             ? NACRE_OK
             : nacre_json_expected(&r->json, "',' or ']'");
}

/* A list of integers, added to the plan's numbers. */
static nacre_status read_numbers(reader *r, int64_t *first, int64_t *count) {
  nacre_list *numbers = &r->plan->numbers;
  *first = numbers->count;
  *count = 0;
  if (!nacre_json_accept(&r->json, '['))
    return nacre_json_expected(&r->json, "'['");
  if (nacre_json_accept(&r->json, ']'))
    return NACRE_OK;
  do {
    int64_t value;
    nacre_status status = read_integer(&r->json, &value);
    if (status)
      return status;
    int64_t *number = add(numbers, sizeof *number);
    if (!number)
      return no_memory(r);
    *number = value;
    ++*count;
  } while (nacre_json_accept(&r->json, ','));
  return nacre_json_accept(&r->json, ']')
             ? NACRE_OK
             : nacre_json_expected(&r->json, "',' or ']'");
}

#define FIELD(type, key, kind, member)                                         \
  {key, kind, 0, offsetof(type, member), NULL}
#define OPTIONAL(type, key, kind, member)                                      \
  {key, kind, 1, offsetof(type, member), NULL}
#define NESTED(key, optional, read) {key, nested, optional, 0, read}
#define READ(r, fields, object)                                                \
  read_object(r, fields, (int)(sizeof fields / sizeof *fields), object)

static nacre_status read_tensor_shape(reader *r, void *value) {
  nacre_plan_tensor *t = value;
  return read_numbers(r, &t->first_extent, &t->shape_count);
}

static nacre_status read_tensor_dims(reader *r, void *value) {
  nacre_plan_tensor *t = value;
  return read_numbers(r, &t->first_dim, &t->dims_count);
}

static nacre_status read_tensor(reader *r, void *object) {
  static const field fields[] = {
      FIELD(nacre_plan_tensor, "name", text, name),
      FIELD(nacre_plan_tensor, "dtype", text, dtype),
      FIELD(nacre_plan_tensor, "offset", natural, offset),
      FIELD(nacre_plan_tensor, "bytes", natural, bytes),
      NESTED("shape", 0, read_tensor_shape),
      NESTED("dims", 1, read_tensor_dims)};
  ((nacre_plan_tensor *)object)->first_dim = -1;
  return READ(r, fields, object);
}

static nacre_status read_dim(reader *r, void *object) {
  static const field fields[] = {
      FIELD(nacre_plan_dim, "name", text, name),
      FIELD(nacre_plan_dim, "bound", natural, bound)};
  return READ(r, fields, object);
}

typedef struct buffer_text {
  const char *space;
  nacre_plan_buffer buffer;
} buffer_text;

static nacre_status read_buffer(reader *r, void *object) {
  static const field fields[] = {
      FIELD(buffer_text, "space", text, space),
      FIELD(buffer_text, "offset", natural, buffer.offset),
      FIELD(buffer_text, "bytes", natural, buffer.bytes),
      FIELD(buffer_text, "write", flag, buffer.write)};
  buffer_text b = {0};
  nacre_status status = READ(r, fields, &b);
  if (status)
    return status;
  b.buffer.in_weights = !strcmp(b.space, "weights");
  if (!b.buffer.in_weights && strcmp(b.space, "memory"))
    return key_failure(r, "space", "is neither 'memory' nor 'weights'");
  memcpy(object, &b.buffer, sizeof b.buffer);
  return NACRE_OK;
}

static nacre_status read_launch_buffers(reader *r, void *value) {
  nacre_plan_launch *l = value;
  l->first_buffer = r->plan->buffers.count;
  nacre_status status = read_objects(r, "buffers", &r->plan->buffers,
                                     sizeof(nacre_plan_buffer), read_buffer);
  l->buffer_count = r->plan->buffers.count - l->first_buffer;
  return status;
}

static nacre_status read_launch_dims(reader *r, void *value) {
  nacre_plan_launch *l = value;
  return read_numbers(r, &l->first_dim, &l->dim_count);
}

static nacre_status read_launch_local(reader *r, void *value) {
  nacre_plan_launch *l = value;
  int64_t first, count;
  nacre_status status = read_numbers(r, &first, &count);
  if (!status && count != 3)
    status = key_failure(r, "local", "has not three extents");
  if (!status)
    memcpy(l->local, nacre_plan_numbers(r->plan) + first, sizeof l->local);
  r->plan->numbers.count = first;
  return status;
}

static nacre_status read_launch(reader *r, void *object) {
  static const field fields[] = {
      FIELD(nacre_plan_launch, "name", text, name),
      FIELD(nacre_plan_launch, "entry", text, entry),
      FIELD(nacre_plan_launch, "computes", text, computes),
      FIELD(nacre_plan_launch, "flops", natural, flops),
      FIELD(nacre_plan_launch, "bytes", natural, bytes),
      FIELD(nacre_plan_launch, "tasks", natural, tasks),
      FIELD(nacre_plan_launch, "task_dim", integer, task_dim),
      FIELD(nacre_plan_launch, "tasks_per_group", natural, tasks_per_group),
      FIELD(nacre_plan_launch, "status", flag, status),
      NESTED("local", 0, read_launch_local),
      NESTED("buffers", 0, read_launch_buffers),
      NESTED("dims", 0, read_launch_dims)};
  return READ(r, fields, object);
}

static nacre_status read_inputs(reader *r, void *plan) {
  return read_objects(r, "inputs", &((nacre_plan *)plan)->inputs,
                      sizeof(nacre_plan_tensor), read_tensor);
}

static nacre_status read_outputs(reader *r, void *plan) {
  return read_objects(r, "outputs", &((nacre_plan *)plan)->outputs,
                      sizeof(nacre_plan_tensor), read_tensor);
}

static nacre_status read_dims(reader *r, void *plan) {
  return read_objects(r, "dims", &((nacre_plan *)plan)->dims,
                      sizeof(nacre_plan_dim), read_dim);
}

static nacre_status read_launches(reader *r, void *plan) {
  return read_objects(r, "kernels", &((nacre_plan *)plan)->launches,
                      sizeof(nacre_plan_launch), read_launch);
}

static nacre_status read_limits(reader *r, void *plan) {
  static const field fields[] = {
      OPTIONAL(nacre_plan, "workgroup_bytes", natural, group_bytes),
      OPTIONAL(nacre_plan, "invocations", natural, invocations)};
  r->places[r->depth++] = (place){"limits", -1};
  nacre_status status = READ(r, fields, plan);
  --r->depth;
  return status;
}

static nacre_status read_string(reader *r, void *string) {
  return nacre_json_string(&r->json, (const char **)string);
}

static nacre_status read_strings(reader *r, void *plan) {
  return read_objects(r, "strings", &((nacre_plan *)plan)->strings,
                      sizeof(const char *), read_string);
}

static nacre_status read_file(reader *r, const char *name, void *object) {
  static const field fields[] = {
      FIELD(nacre_plan_file, "name", text, name),
      FIELD(nacre_plan_file, "bytes", natural, bytes),
      FIELD(nacre_plan_file, "sha256", text, sha256)};
  r->places[r->depth++] = (place){name, -1};
  nacre_status status = READ(r, fields, object);
  --r->depth;
  return status;
}

static nacre_status read_kernels_file(reader *r, void *plan) {
  return read_file(r, "kernels", &((nacre_plan *)plan)->kernels_file);
}

static nacre_status read_weights_file(reader *r, void *plan) {
  return read_file(r, "weights", &((nacre_plan *)plan)->weights_file);
}

static nacre_status read_files(reader *r, void *plan) {
  static const field fields[] = {NESTED("kernels", 0, read_kernels_file),
                                 NESTED("weights", 1, read_weights_file)};
  r->places[r->depth++] = (place){"files", -1};
  nacre_status status = READ(r, fields, plan);
  --r->depth;
  return status;
}

/* Version and target come first, wherever they stand: a manifest of another
 * version may miss keys, and that is not what is wrong with it. */
static nacre_status read_version(reader *r) {
  static const field fields[] = {
      FIELD(nacre_plan, "nacre_bundle", natural, version),
      FIELD(nacre_plan, "target", text, target)};
  nacre_plan *plan = r->plan;
  nacre_status status = READ(r, fields, plan);
  if (!status)
    status = nacre_json_end(&r->json);
  if (status)
    return status;
  if (plan->version != 1)
    return nacre_failure(r->json.error, NACRE_E_ABI,
                         "%s: version %lld of the format, this runtime reads 1",
                         r->json.what, (long long)plan->version);
  if (strcmp(plan->target, "opencl"))
    return nacre_failure(r->json.error, NACRE_E_FORMAT,
                         "%s: made for target '%.32s', not for 'opencl'",
                         r->json.what, plan->target);
  return NACRE_OK;
}

nacre_status nacre_manifest_read(const char *manifest, uint64_t bytes,
                                 nacre_plan *plan, nacre_error *error) {
  static const field fields[] = {
      FIELD(nacre_plan, "name", text, name),
      FIELD(nacre_plan, "memory_bytes", natural, memory_bytes),
      FIELD(nacre_plan, "weights_bytes", natural, weights_bytes),
      NESTED("inputs", 0, read_inputs),
      NESTED("outputs", 0, read_outputs),
      NESTED("dims", 0, read_dims),
      NESTED("strings", 1, read_strings),
      NESTED("files", 0, read_files),
      NESTED("limits", 0, read_limits),
      NESTED("kernels", 0, read_launches)};
  const unsigned char *begin = (const unsigned char *)manifest;
  reader r = {
      .json = {"manifest.json", begin, begin, begin + bytes, NULL, 0, error},
      .plan = plan};
  plan->text = malloc(bytes + 1);
  /* Lists that are indexed into are never NULL, empty or not. */
  if (!plan->text || !add(&plan->numbers, sizeof(int64_t)) ||
      !add(&plan->buffers, sizeof(nacre_plan_buffer)))
    return no_memory(&r);
  plan->numbers.count = plan->buffers.count = 0;
  r.json.text = plan->text;
  nacre_status status = read_version(&r);
  if (status)
    return status;
  r.json.at = begin;
  r.json.text_used = 0;
  return READ(&r, fields, plan);
}
