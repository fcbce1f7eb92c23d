/*===- cache.c - files of built programs ----------------------------------===
 *
 * KEY.clbin is a mark, the SHA-256 of the payload in hexadecimal, and the
 * payload. A file that does not fit is as good as none.
 *===-----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "../src/file.h"
#include "device.h"
#include "../src/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char mark[] = "nacre opencl program 1\n";
enum { mark_size = sizeof mark - 1, head_size = mark_size + 64 };

char *nacre_cache_folder(int by_default) {
  const char *folder = getenv("NACRE_CACHE_DIR"), *tail = "";
  if (!folder && by_default) {
    folder = getenv("XDG_CACHE_HOME");
    tail = "/nacre";
    if (!folder || folder[0] != '/') { /* XDG: a relative path is ignored */
      folder = getenv("HOME");
      tail = "/.cache/nacre";
    }
  }
  if (!folder || !*folder)
    return NULL;
  char *path = malloc(strlen(folder) + strlen(tail) + 1);
  if (path)
    sprintf(path, "%s%s", folder, tail);
  return path;
}

static char *file_of(const char *folder, const char *key) {
  char *path = malloc(strlen(folder) + strlen(key) + sizeof "/.clbin");
  if (path)
    sprintf(path, "%s/%s.clbin", folder, key);
  return path;
}

int nacre_cache_read(const char *folder, const char *key, void **file,
                     const unsigned char **payload, size_t *size) {
  char *path = file_of(folder, key);
  size_t all = 0;
  *file = NULL;
  int found = path && !nacre_file_read(path, file, &all, NULL);
  free(path);
  if (!found)
    return 0;
  const char *bytes = *file;
  if (all > head_size && !memcmp(bytes, mark, mark_size)) {
    nacre_sha256 hash;
    nacre_sha256_begin(&hash);
    nacre_sha256_add(&hash, bytes + head_size, all - head_size);
    if (!memcmp(nacre_sha256_end(&hash).text, bytes + mark_size, 64)) {
      *payload = (const unsigned char *)bytes + head_size;
      *size = all - head_size;
      return 1;
    }
  }
  nacre_free(*file);
  *file = NULL;
  return 0;
}

/* Makes the folder and those above it. */
static void make_folders(const char *folder) {
  char *path = strdup(folder);
  for (char *at = path; at && *at; ++at)
    if (*at == '/' && at > path) {
      *at = 0;
      mkdir(path, 0700);
      *at = '/';
    }
  if (path)
    mkdir(path, 0700);
  free(path);
}

void nacre_cache_write(const char *folder, const char *key, const void *payload,
                       size_t size) {
  char *path = file_of(folder, key);
  if (!path)
    return;
  make_folders(folder);
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  nacre_sha256_add(&hash, payload, size);
  nacre_sha256_text text = nacre_sha256_end(&hash);
  nacre_piece pieces[] = {{mark, mark_size}, {text.text, 64}, {payload, size}};
  nacre_file_write(path, pieces, 3, NULL);
  free(path);
}
