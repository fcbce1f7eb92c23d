#include "runtime_faults.h"

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace faults {
std::atomic<long> failAllocation{-1}, failCall{-1};
std::atomic<int> error{EIO};
std::atomic<long> allocations{0}, blocks{0}, descriptors{0};
std::atomic<bool> trickle{false};

void none() {
  failAllocation = -1;
  failCall = -1;
  error = EIO;
  trickle = false;
}

static bool allocationFails() {
  ++allocations;
  return failAllocation >= 0 && failAllocation-- == 0;
}

static bool callFails() {
  if (failCall < 0 || failCall-- != 0)
    return false;
  errno = error;
  return true;
}

static bool interrupted() {
  static std::atomic<unsigned> calls{0};
  if (!trickle || ++calls % 2)
    return false;
  errno = EINTR;
  return true;
}
} // namespace faults

using namespace faults;

extern "C" {
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
void __real_free(void *);
int __real_open(const char *, int, ...);
int __real_close(int);
int __real_fstat(int, struct stat *);
ssize_t __real_read(int, void *, size_t);
ssize_t __real_write(int, const void *, size_t);
int __real_fsync(int);
int __real_rename(const char *, const char *);
void *__real_mmap(void *, size_t, int, int, int, off_t);
int __real_pthread_create(pthread_t *, const pthread_attr_t *,
                          void *(*)(void *), void *);

static void *count(void *block) {
  blocks += block != nullptr;
  return block;
}

void *__wrap_malloc(size_t size) {
  return allocationFails() ? nullptr : count(__real_malloc(size));
}
void *__wrap_calloc(size_t n, size_t size) {
  return allocationFails() ? nullptr : count(__real_calloc(n, size));
}
void *__wrap_realloc(void *old, size_t size) {
  if (allocationFails())
    return nullptr;
  void *block = __real_realloc(old, size);
  return old ? block : count(block);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return allocationFails() ? nullptr
                           : count(__real_aligned_alloc(alignment, size));
}
void __wrap_free(void *block) {
  blocks -= block != nullptr;
  __real_free(block);
}
int __wrap_open(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  if (callFails() || interrupted())
    return -1;
  int descriptor = __real_open(path, flags, mode);
  descriptors += descriptor >= 0;
  return descriptor;
}
int __wrap_close(int descriptor) {
  --descriptors;
  int result = __real_close(descriptor);
  return callFails() ? -1 : result;
}
int __wrap_fstat(int descriptor, struct stat *info) {
  return callFails() ? -1 : __real_fstat(descriptor, info);
}
ssize_t __wrap_read(int descriptor, void *bytes, size_t size) {
  if (callFails() || interrupted())
    return -1;
  return __real_read(descriptor, bytes, trickle && size ? 1 : size);
}
ssize_t __wrap_write(int descriptor, const void *bytes, size_t size) {
  if (callFails() || interrupted())
    return -1;
  return __real_write(descriptor, bytes, trickle && size ? 1 : size);
}
int __wrap_fsync(int descriptor) {
  return callFails() ? -1 : __real_fsync(descriptor);
}
int __wrap_rename(const char *from, const char *to) {
  return callFails() ? -1 : __real_rename(from, to);
}
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file,
                  off_t offset) {
  return callFails() ? MAP_FAILED
                     : __real_mmap(at, size, protection, flags, file, offset);
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg) {
  return callFails() ? EAGAIN
                     : __real_pthread_create(thread, attributes, start, arg);
}
}
