//===- LoadedModel.h - a compiled model ready to run ------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_LOADEDMODEL_H
#define NACRE_CODEGEN_LOADEDMODEL_H

#include "nacre/Codegen/Code.h"
#include "llvm/ADT/StringMap.h"

namespace nacre {

/// The arguments of a run, made once and used often.
struct Call {
  std::vector<Tensor> inputs, outputs;
  std::vector<Tensor> counts; ///< extents that the run works out
  std::vector<int64_t> dims;  ///< in the order of CompiledCode::dimNames
};

/// What a machine can do at best with the threads of a model.
struct Peaks {
  double gflops = 0;       ///< 1e9 f32 operations a second
  double memoryGBytes = 0; ///< 1e9 bytes a second read from memory
  double cacheGBytes = 0;  ///< the same from the second cache
  uint64_t cacheBytes = 0; ///< what that holds, of all threads together
};

/// A compiled model ready to run. It has copied or uploaded the weights: the
/// program may go.
class LoadedModel {
public:
  explicit LoadedModel(const CompiledCode &code);
  virtual ~LoadedModel() = default;

  /// Checks the inputs against the signature and allocates the outputs. States
  /// that are not given are those that the call `before` has left, at first
  /// zero, and each is one buffer that runs change. `dims` has values for dims
  /// that no input has; those of a model with states are else the least.
  llvm::Expected<Call> prepare(llvm::ArrayRef<Tensor> given,
                               const llvm::StringMap<int64_t> &dims = {},
                               const Call *before = nullptr) const;
  /// Runs once and fills the outputs; the error names the status.
  virtual llvm::Error run(Call &call) = 0;
  /// Runs for `seconds`, at least `least` times; microseconds of each run.
  virtual llvm::Expected<std::vector<double>>
  measure(Call &call, double seconds, size_t least);
  /// The same for each kernel: [kernel][run], in the order of
  /// CompiledCode::kernels. Empty when kernels cannot be told apart.
  virtual llvm::Expected<std::vector<std::vector<double>>>
  measureKernels(Call &call, double seconds);
  /// What this machine can do at best; zeros where that is not known.
  virtual llvm::Expected<Peaks> measurePeaks() { return Peaks(); }
  /// What runs it when MachineDescription::name did not say, else empty.
  virtual std::string device() const { return ""; }

  /// When set, run calls it after each kernel, in the order of
  /// CompiledCode::kernels, with the kernel's index, on the thread that runs.
  /// Targets whose kernels are done on a device of their own never call it.
  std::function<void(int64_t kernel)> afterKernel;

  /// The nacre_status of the last run.
  int32_t lastStatus = 0;

  const std::vector<TensorInfo> inputs, outputs;
  const std::vector<TensorInfo> counts; ///< these come after the outputs
  const std::vector<std::string> dimNames;
  const std::vector<CompiledCode::DimRange> dimRanges;

protected:
  /// Gives the outputs of a run the extents that it has worked out, or says
  /// which lies outside its bound.
  llvm::Error settleShapes(Call &call) const;
};

} // namespace nacre

#endif // NACRE_CODEGEN_LOADEDMODEL_H
