//===- Fenced.h - memory between pages that fault ---------------*- C++ -*-===//
#ifndef NACRE_TEST_CODEGEN_FENCED_H
#define NACRE_TEST_CODEGEN_FENCED_H

#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <sys/mman.h>

namespace nacre::test {

/// Bytes between two pages that may not be touched, at the end of the space
/// (so that a byte too far faults) or at its start.
class Fenced {
public:
  Fenced(size_t bytes, bool atEnd, size_t alignment = 1) : length(bytes) {
    size_t page = 4096, body = llvm::alignTo(std::max<size_t>(bytes, 1), page);
    total = body + 2 * page;
    base = static_cast<uint8_t *>(::mmap(nullptr, total, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base == MAP_FAILED)
      std::abort();
    std::memset(base, 0xAB, total);
    ::mprotect(base, page, PROT_NONE);
    ::mprotect(base + page + body, page, PROT_NONE);
    start = base + page;
    if (atEnd)
      start += llvm::alignDown(body - bytes, alignment);
  }
  ~Fenced() { ::munmap(base, total); }
  Fenced(const Fenced &) = delete;
  uint8_t *data() const { return start; }
  void protect() { ::mprotect(base + 4096, total - 2 * 4096, PROT_READ); }
  /// Whether the bytes around the data, up to the fences, are as they were.
  bool surroundingsWhole() const {
    for (uint8_t *p = base + 4096; p != base + total - 4096; ++p)
      if ((p < start || p >= start + length) && *p != 0xAB)
        return false;
    return true;
  }

private:
  uint8_t *base, *start;
  size_t length, total;
};

} // namespace nacre::test

#endif // NACRE_TEST_CODEGEN_FENCED_H
