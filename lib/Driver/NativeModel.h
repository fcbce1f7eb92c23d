//===- NativeModel.h - compiled code loaded into this process ---*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_NATIVEMODEL_H
#define NACRE_LIB_DRIVER_NATIVEMODEL_H

#include "nacre/Codegen/Native.h"
#include <nacre/runtime.h>

namespace nacre::driver {

/// A model behind the C ABI: an object linked to a shared library and loaded.
class NativeModel {
public:
  /// `code` must have been made with embedWeights off.
  static llvm::Expected<std::unique_ptr<NativeModel>>
  load(const NativeCode &code, llvm::StringRef symbol);
  /// A shared library or object file from elsewhere.
  static llvm::Expected<std::unique_ptr<NativeModel>>
  loadFile(llvm::StringRef path, llvm::StringRef symbol);
  ~NativeModel();

  const nacre_model &table() const { return *model; }

  /// The arguments of a run, made once and used often.
  struct Call {
    std::vector<Tensor> inputs, outputs;
    std::vector<const void *> inputPointers;
    std::vector<void *> outputPointers;
    std::vector<int64_t> dims;
  };
  /// Checks the inputs against the signature and allocates the outputs.
  llvm::Expected<Call> prepare(llvm::ArrayRef<Tensor> inputs) const;
  /// Runs; the error names the status.
  llvm::Error run(Call &call, const nacre_executor *executor);

private:
  NativeModel() = default;
  llvm::Error open(const std::string &library, llvm::StringRef symbol);

  void *handle = nullptr;
  const nacre_model *model = nullptr;
  uint8_t *weights = nullptr;
  void *arena = nullptr;
};

/// A pool of the runtime.
struct Pool {
  nacre_pool *pool = nullptr;
  ~Pool() { nacre_pool_destroy(pool); }
  llvm::Error create(int64_t threads);
  const nacre_executor *executor() const { return nacre_pool_executor(pool); }
};

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_NATIVEMODEL_H
