//===- WeightStore.h - the bytes the IR only names --------------*- C++ -*-===//
//
// Weights never enter the IR: lazy.weight holds a name, the store the bytes,
// memory-mapped where the file allows it.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LAZY_WEIGHTSTORE_H
#define NACRE_LAZY_WEIGHTSTORE_H

#include "mlir/Support/LLVM.h"
#include "nacre/Lazy/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace nacre {

class WeightStore {
public:
  /// Adds a tensor under `name`, or under name.1, name.2, ... when that is
  /// taken. Returns the name used.
  std::string add(llvm::StringRef name, Tensor tensor);
  /// The tensor of that name, or null. One that lies in a file where its
  /// elements are not aligned is copied by the first call.
  const Tensor *find(llvm::StringRef name) const;
  /// The tensor of that name as it was added, or null: of one that is a view of
  /// a file the elements may not be aligned, and may only be copied.
  const Tensor *findStored(llvm::StringRef name) const;
  /// Position of `name` in insertion order, or -1.
  int64_t indexOf(llvm::StringRef name) const;
  const std::vector<std::pair<std::string, Tensor>> &entries() const {
    return order;
  }

  /// Free-form text of the file by key, kept by save and load.
  std::map<std::string, std::string> metadata;

  /// Writes all entries as a safetensors file (atomic: temporary, fsync,
  /// rename) / maps one. Errors are messages without a trailing period.
  mlir::LogicalResult save(llvm::StringRef path, std::string &error) const;
  mlir::LogicalResult load(llvm::StringRef path, std::string &error);

private:
  mutable std::vector<std::pair<std::string, Tensor>> order;
  llvm::StringMap<size_t> index;
};

} // namespace nacre

#endif // NACRE_LAZY_WEIGHTSTORE_H
