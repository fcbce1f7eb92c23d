/*===- json.c - JSON of a known shape -------------------------------------===*/
#include "json.h"

#include <string.h>

nacre_status nacre_json_expected(const nacre_json *j, const char *expected) {
  return nacre_failure(j->error, NACRE_E_FORMAT, "%s: expected %s at byte %lld",
                       j->what, expected, (long long)(j->at - j->begin));
}

static void skip_space(nacre_json *j) {
  while (j->at < j->end &&
         (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
    ++j->at;
}

int nacre_json_accept(nacre_json *j, char byte) {
  skip_space(j);
  if (j->at == j->end || *j->at != (unsigned char)byte)
    return 0;
  ++j->at;
  return 1;
}

static int read_hex4(nacre_json *j, uint32_t *value) {
  *value = 0;
  for (int i = 0; i < 4; ++i, ++j->at) {
    if (j->at == j->end)
      return 0;
    uint32_t byte = *j->at, lower = byte | 32;
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
static nacre_status read_escaped_rune(nacre_json *j, char **out) {
  uint32_t rune, low;
  if (!read_hex4(j, &rune))
    return nacre_json_expected(j, "four hexadecimal digits");
  if (rune >= 0xD800 && rune < 0xDC00) {
    if (j->end - j->at < 2 || *j->at != '\\' || j->at[1] != 'u')
      return nacre_json_expected(j, "a low surrogate");
    j->at += 2;
    if (!read_hex4(j, &low) || low < 0xDC00 || low > 0xDFFF)
      return nacre_json_expected(j, "a low surrogate");
    rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
  } else if (rune == 0 || (rune >= 0xDC00 && rune < 0xE000)) {
    return nacre_json_expected(j, "a character other than zero");
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

/* An escape is longer than what it
 * stands for, and the quotes pay for the zero byte; so it always fits. */
nacre_status nacre_json_string(nacre_json *j, const char **text) {
  if (!nacre_json_accept(j, '"'))
    return nacre_json_expected(j, "a string");
  char *out = j->text + j->text_used;
  *text = out;
  for (;;) {
    if (j->at == j->end)
      return nacre_json_expected(j, "'\"'");
    unsigned char byte = *j->at;
    if (byte < ' ')
      return nacre_json_expected(j, "no control character");
    ++j->at;
    if (byte == '"')
      break;
    if (byte != '\\') {
      *out++ = (char)byte;
      continue;
    }
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned char escape = j->at < j->end ? *j->at : 0;
    const char *known = escape ? strchr(from, escape) : NULL;
    if (known) {
      ++j->at;
      *out++ = to[known - from];
    } else if (escape == 'u') {
      ++j->at;
      nacre_status status = read_escaped_rune(j, &out);
      if (status)
        return status;
    } else {
      return nacre_json_expected(j, "an escape");
    }
  }
  *out++ = 0;
  j->text_used = (size_t)(out - j->text);
  return NACRE_OK;
}

void nacre_json_forget(nacre_json *j, const char *text) {
  j->text_used = (size_t)(text - j->text);
}

nacre_status nacre_json_natural(nacre_json *j, int64_t *value) {
  skip_space(j);
  if (j->at == j->end || *j->at < '0' || *j->at > '9')
    return nacre_json_expected(j, "a natural number");
  *value = 0;
  for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; ++j->at)
    if (__builtin_mul_overflow(*value, 10, value) ||
        __builtin_add_overflow(*value, *j->at - '0', value))
      return nacre_failure(j->error, NACRE_E_FORMAT,
                           "%s: a number does not fit in 63 bits at byte %lld",
                           j->what, (long long)(j->at - j->begin));
  return NACRE_OK;
}

static int accept_word(nacre_json *j, const char *word) {
  size_t length = strlen(word);
  skip_space(j);
  if ((size_t)(j->end - j->at) < length || memcmp(j->at, word, length))
    return 0;
  j->at += length;
  return 1;
}

nacre_status nacre_json_flag(nacre_json *j, int *value) {
  *value = accept_word(j, "true");
  if (*value || accept_word(j, "false"))
    return NACRE_OK;
  return nacre_json_expected(j, "true or false");
}

static int skip_digits(nacre_json *j) {
  const unsigned char *begin = j->at;
  while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
    ++j->at;
  return j->at > begin;
}

static int next_is(const nacre_json *j, char a, char b) {
  return j->at < j->end &&
         (*j->at == (unsigned char)a || *j->at == (unsigned char)b);
}

static nacre_status skip_number(nacre_json *j) {
  if (next_is(j, '-', '-'))
    ++j->at;
  if (!skip_digits(j))
    return nacre_json_expected(j, "a value");
  if (next_is(j, '.', '.')) {
    ++j->at;
    if (!skip_digits(j))
      return nacre_json_expected(j, "a digit");
  }
  if (next_is(j, 'e', 'E')) {
    ++j->at;
    if (next_is(j, '+', '-'))
      ++j->at;
    if (!skip_digits(j))
      return nacre_json_expected(j, "a digit");
  }
  return NACRE_OK;
}

static nacre_status skip_string(nacre_json *j) {
  const char *text;
  nacre_status status = nacre_json_string(j, &text);
  if (!status)
    nacre_json_forget(j, text);
  return status;
}

static nacre_status skip_key(nacre_json *j) {
  nacre_status status = skip_string(j);
  if (!status && !nacre_json_accept(j, ':'))
    status = nacre_json_expected(j, "':'");
  return status;
}

nacre_status nacre_json_skip(nacre_json *j) {
  uint64_t objects = 0; /* a bit for each open bracket, the innermost lowest */
  int depth = 0;
  for (;;) {
    /* A value. */
    nacre_status status = NACRE_OK;
    int object = nacre_json_accept(j, '{');
    if (object || nacre_json_accept(j, '[')) {
      if (depth == NACRE_JSON_DEPTH)
        return nacre_failure(j->error, NACRE_E_LIMIT,
                             "%s: nested deeper than %d at byte %lld", j->what,
                             NACRE_JSON_DEPTH, (long long)(j->at - j->begin));
      if (!nacre_json_accept(j, object ? '}' : ']')) {
        objects = objects << 1 | (uint64_t)object;
        ++depth;
        status = object ? skip_key(j) : NACRE_OK;
        if (status)
          return status;
        continue;
      }
    } else if (next_is(j, '"', '"')) {
      status = skip_string(j);
    } else if (!accept_word(j, "true") && !accept_word(j, "false") &&
               !accept_word(j, "null")) {
      status = skip_number(j);
    }
    if (status)
      return status;
    /* What may follow it. */
    while (depth && nacre_json_accept(j, objects & 1 ? '}' : ']')) {
      objects >>= 1;
      --depth;
    }
    if (!depth)
      return NACRE_OK;
    if (!nacre_json_accept(j, ','))
      return nacre_json_expected(j, objects & 1 ? "',' or '}'" : "',' or ']'");
    status = objects & 1 ? skip_key(j) : NACRE_OK;
    if (status)
      return status;
  }
}

nacre_status nacre_json_end(nacre_json *j) {
  skip_space(j);
  return j->at == j->end ? NACRE_OK : nacre_json_expected(j, "the end");
}

void nacre_json_print(FILE *stream, const char *text) {
  fputc('"', stream);
  for (; *text; ++text) {
    unsigned char byte = (unsigned char)*text;
    if (byte == '"' || byte == '\\')
      fprintf(stream, "\\%c", byte);
    else if (byte < ' ' || byte == 127)
      fprintf(stream, "\\u%04x", byte);
    else
      fputc(byte, stream);
  }
  fputc('"', stream);
}
