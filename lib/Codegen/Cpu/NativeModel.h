//===- NativeModel.h - machine code loaded into this process ----*- C++ -*-===//
#ifndef NACRE_CODEGEN_CPU_NATIVEMODEL_H
#define NACRE_CODEGEN_CPU_NATIVEMODEL_H

#include "nacre/Codegen/LoadedModel.h"
#include <nacre/runtime.h>

namespace nacre::cpu {

/// An object linked to a shared library and loaded; its reflection table has
/// been checked.
class NativeLibrary {
public:
  /// The object of `code`.
  static llvm::Expected<std::unique_ptr<NativeLibrary>>
  load(const CompiledCode &code, llvm::StringRef symbol);
  /// A shared library or object file from elsewhere.
  static llvm::Expected<std::unique_ptr<NativeLibrary>>
  loadFile(llvm::StringRef path, llvm::StringRef symbol);
  ~NativeLibrary();

  const nacre_model &table() const { return *model; }

private:
  NativeLibrary() = default;
  llvm::Error open(const std::string &library, llvm::StringRef symbol);

  void *handle = nullptr;
  const nacre_model *model = nullptr;
};

/// A pool of the runtime.
struct Pool {
  nacre_pool *pool = nullptr;
  ~Pool() { nacre_pool_destroy(pool); }
  llvm::Error create(int64_t threads);
  const nacre_executor *executor() const { return nacre_pool_executor(pool); }
};

/// A model behind the C ABI, with weights, arena and threads. `code` must have
/// been made with embedWeights off.
llvm::Expected<std::unique_ptr<LoadedModel>>
loadModel(const CompiledCode &code, const CodegenOptions &options,
          int64_t threads);

} // namespace nacre::cpu

#endif // NACRE_CODEGEN_CPU_NATIVEMODEL_H
