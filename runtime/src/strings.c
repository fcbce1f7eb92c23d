/*===- strings.c - strings and their codes ----------------------------------===
 *
 * A list of texts and an open-addressed hash table of their places in it. A
 * place is a text's code. Codes are never taken back.
 *===-----------------------------------------------------------------------===*/
#include "failure.h"

#include <stdlib.h>
#include <string.h>

typedef struct text {
  char *bytes; /* ends in a zero byte that `length` does not count */
  size_t length;
} text;

struct nacre_strings {
  text *texts;
  int32_t count, room;
  int32_t *slots; /* codes, -1 for none; a power of two, half full at most */
  uint32_t slot_count;
};

/* FNV-1a. */
static uint32_t hash_of(const char *bytes, size_t length) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; ++i)
    hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
  return hash;
}

/* The slot of a text, or the free one where it belongs. */
static uint32_t slot_of(const nacre_strings *s, const char *bytes,
                        size_t length) {
  uint32_t mask = s->slot_count - 1, at = hash_of(bytes, length) & mask;
  for (; s->slots[at] >= 0; at = (at + 1) & mask) {
    const text *t = &s->texts[s->slots[at]];
    if (t->length == length && !memcmp(t->bytes, bytes, length))
      break;
  }
  return at;
}

/* Makes room for one more text. */
static nacre_status grow(nacre_strings *s, nacre_error *error) {
  if (s->count < s->room)
    return NACRE_OK;
  if (s->room >= 1 << 29)
    return nacre_failure(error, NACRE_E_LIMIT, "more than %d strings", 1 << 29);
  int32_t room = s->room ? 2 * s->room : 64;
  text *texts = realloc(s->texts, (size_t)room * sizeof *texts);
  if (texts)
    s->texts = texts;
  int32_t *slots = malloc(2 * (size_t)room * sizeof *slots);
  if (!texts || !slots) {
    free(slots);
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for %lld strings",
                         (long long)room);
  }
  free(s->slots);
  s->slots = slots;
  s->slot_count = 2 * (uint32_t)room;
  s->room = room;
  memset(slots, -1, s->slot_count * sizeof *slots);
  for (int32_t code = 0; code < s->count; ++code)
    slots[slot_of(s, s->texts[code].bytes, s->texts[code].length)] = code;
  return NACRE_OK;
}

nacre_status nacre_strings_code(nacre_strings *s, const char *bytes,
                                size_t length, int32_t *code,
                                nacre_error *error) {
  nacre_status status = grow(s, error);
  if (status)
    return status;
  uint32_t at = slot_of(s, bytes, length);
  if (s->slots[at] < 0) {
    char *copy = malloc(length + 1);
    if (!copy)
      return nacre_failure(error, NACRE_E_NOMEM,
                           "no memory for a string of %zu bytes", length);
    memcpy(copy, bytes, length);
    copy[length] = 0;
    s->texts[s->count] = (text){copy, length};
    s->slots[at] = s->count++;
  }
  *code = s->slots[at];
  return NACRE_OK;
}

nacre_status nacre_strings_create(const char *const *texts, int64_t count,
                                  nacre_strings **strings, nacre_error *error) {
  nacre_strings *s = *strings = calloc(1, sizeof **strings);
  if (!s)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for strings");
  nacre_status status = NACRE_OK;
  for (int64_t i = 0; i < count && !status; ++i) {
    int32_t code;
    status = nacre_strings_code(s, texts[i], strlen(texts[i]), &code, error);
    if (!status && code != i)
      status = nacre_failure(error, NACRE_E_ABI, "string %lld is there twice",
                             (long long)i);
  }
  if (status) {
    nacre_strings_destroy(s);
    *strings = NULL;
  }
  return status;
}

void nacre_strings_destroy(nacre_strings *s) {
  if (!s)
    return;
  for (int32_t i = 0; i < s->count; ++i)
    free(s->texts[i].bytes);
  free(s->texts);
  free(s->slots);
  free(s);
}

int64_t nacre_strings_count(const nacre_strings *s) { return s->count; }

const char *nacre_strings_text(const nacre_strings *s, int32_t code,
                               size_t *length) {
  if (code < 0 || code >= s->count)
    return NULL;
  if (length)
    *length = s->texts[code].length;
  return s->texts[code].bytes;
}
