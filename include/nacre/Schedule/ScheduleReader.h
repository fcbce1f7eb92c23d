//===- ScheduleReader.h - the entries of a schedule -------------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_SCHEDULEREADER_H
#define NACRE_SCHEDULE_SCHEDULEREADER_H

#include "mlir/IR/BuiltinAttributes.h"

namespace nacre::schedule {

/// The schedule attribute of a kernel, read with defaults.
struct ScheduleReader {
  mlir::DictionaryAttr dict;
  int64_t number(llvm::StringRef key, int64_t otherwise = -1) const;
  llvm::SmallVector<int64_t> list(llvm::StringRef key) const;
  /// Indices of a loop of `extent` in a task of a contraction, where the entry
  /// `key` asks for so many: all of them, or whole tiles of `unit`.
  int64_t chunk(llvm::StringRef key, int64_t extent, int64_t unit = 1) const;
};

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_SCHEDULEREADER_H
