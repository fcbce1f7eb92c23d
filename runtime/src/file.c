/*===- file.c - whole files in and out ------------------------------------===*/
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static nacre_status io_failure(nacre_error *error, const char *verb,
                               const char *path) {
  return nacre_failure(error, NACRE_E_IO, "cannot %s '%.200s': %s", verb, path,
                       strerror(errno));
}

static int open_retrying(const char *path, int flags) {
  int descriptor;
  do
    descriptor = open(path, flags | O_CLOEXEC, 0666);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

nacre_status nacre_file_open(const char *path, int *descriptor, uint64_t *size,
                             nacre_error *error) {
  *descriptor = open_retrying(path, O_RDONLY | O_NONBLOCK);
  if (*descriptor < 0)
    return io_failure(error, "open", path);
  struct stat info;
  nacre_status status = NACRE_OK;
  if (fstat(*descriptor, &info))
    status = io_failure(error, "examine", path);
  else if (!S_ISREG(info.st_mode))
    status = nacre_failure(error, NACRE_E_IO, "'%.200s' is not a regular file",
                           path);
  if (status)
    close(*descriptor);
  else
    *size = (uint64_t)info.st_size;
  return status;
}

nacre_status nacre_file_read(const char *path, void **bytes, size_t *size,
                             nacre_error *error) {
  int descriptor;
  uint64_t expected;
  nacre_status status = nacre_file_open(path, &descriptor, &expected, error);
  if (status)
    return status;
  char *buffer = nacre_alloc(expected);
  if (!buffer) {
    close(descriptor);
    return nacre_failure(error, NACRE_E_NOMEM,
                         "no memory for the %llu bytes of '%.200s'",
                         (unsigned long long)expected, path);
  }
  /* A file that shrinks meanwhile ends early; one that grows is cut. */
  size_t done = 0;
  while (done < expected) {
    ssize_t got = read(descriptor, buffer + done, expected - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      status = io_failure(error, "read", path);
    if (got <= 0)
      break;
    done += (size_t)got;
  }
  close(descriptor);
  if (status) {
    nacre_free(buffer);
    return status;
  }
  *bytes = buffer;
  *size = done;
  return NACRE_OK;
}

static int write_all(int descriptor, const char *bytes, uint64_t size) {
  while (size) {
    ssize_t put = write(descriptor, bytes, size);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return -1;
    bytes += put;
    size -= (uint64_t)put;
  }
  return 0;
}

/* Makes the rename durable. Some file systems cannot sync a folder; then there
 * is nothing more to do. */
static int sync_folder(char *path) {
  char *slash = strrchr(path, '/');
  if (slash)
    slash[slash == path] = 0;
  int descriptor = open_retrying(slash ? path : ".", O_RDONLY | O_DIRECTORY);
  if (descriptor < 0)
    return -1;
  int failed = fsync(descriptor) && errno != EINVAL && errno != ENOTSUP;
  close(descriptor);
  return failed ? -1 : 0;
}

nacre_status nacre_file_write(const char *path, const nacre_piece *pieces,
                              int count, nacre_error *error) {
  size_t room = strlen(path) + 48;
  char *temporary = malloc(room);
  if (!temporary)
    return nacre_failure(error, NACRE_E_NOMEM, "no memory for a file name");
  int descriptor = -1;
  for (int attempt = 0; attempt < 100 && descriptor < 0; ++attempt) {
    snprintf(temporary, room, "%s.%ld.%d.tmp", path, (long)getpid(), attempt);
    descriptor = open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (descriptor < 0 && errno != EEXIST)
      break;
  }
  if (descriptor < 0) {
    free(temporary);
    return io_failure(error, "create", path);
  }
  nacre_status status = NACRE_OK;
  for (int i = 0; i < count && !status; ++i)
    if (write_all(descriptor, pieces[i].bytes, pieces[i].size))
      status = io_failure(error, "write", path);
  if (!status && fsync(descriptor))
    status = io_failure(error, "write", path);
  if (close(descriptor) && !status)
    status = io_failure(error, "write", path);
  if (!status && rename(temporary, path))
    status = io_failure(error, "replace", path);
  if (status)
    unlink(temporary);
  else if (sync_folder(temporary))
    status = io_failure(error, "sync the folder of", path);
  free(temporary);
  return status;
}

nacre_status nacre_file_parse(const char *path, nacre_parser parse,
                              nacre_strings *strings, nacre_array *array,
                              nacre_error *error) {
  memset(array, 0, sizeof *array);
  void *bytes;
  size_t size;
  nacre_status status = nacre_file_read(path, &bytes, &size, error);
  if (status)
    return status;
  nacre_error why;
  status = parse(bytes, size, strings, array, &why);
  nacre_free(bytes);
  if (status)
    nacre_failure(error, status, "%.200s: %.300s", path, why.text);
  return status;
}
