//===- Native.h - native code of a scheduled program ------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_NATIVE_H
#define NACRE_CODEGEN_NATIVE_H

#include "nacre/Lazy/Program.h"
#include "llvm/Support/Error.h"
#include <functional>

namespace nacre {

/// What the user asks of native code generation.
struct NativeOptions {
  std::string triple;       ///< empty: the host's
  std::string cpu = "host"; ///< "host" or an LLVM CPU name
  std::string features;  ///< LLVM feature string, "+avx2,-fma"; usually empty
  unsigned optLevel = 2; ///< 0..3
  bool embedWeights = true;     ///< else the caller passes them to run
  std::string symbol = "model"; ///< C identifier, prefix of every symbol
  std::string weightsFile;      ///< name recorded in the reflection table
  bool keepLlvmText = false;    ///< fill NativeCode::llvmText
};

/// One tensor of the signature.
struct TensorInfo {
  std::string name; ///< the model's own name
  DType dtype = DType::F32;
  std::vector<int64_t> shape;        ///< symbolic extents as their bound
  std::vector<std::string> dimNames; ///< per extent; empty for a static one
  int64_t byteCount() const { return *byteSize(shape, dtype); }
};

/// Bytes of the weights image at `offset`, produced when written out: packing
/// happens while streaming, so no second copy of the weights is ever held.
struct WeightSegment {
  uint64_t offset = 0, bytes = 0;
  std::function<void(uint8_t *destination)> write;
};

struct KernelInfo {
  std::string name;     ///< from the model's nodes, C identifier characters
  std::string computes; ///< one line for people: "contract 1x64x56x56 ..."
  uint64_t flops = 0;
  uint64_t bytes = 0; ///< operands and results touched once
};

/// A target machine as the schedule's cost model sees it.
struct MachineDescription {
  unsigned vectorBytes = 16; ///< native register width
  unsigned vectorRegisters = 16;
  unsigned l1Bytes = 32 << 10, l2Bytes = 512 << 10;
  bool hasFma = true;
  /// Work-items of a work-group, at most; 0: no grid, tasks are taken by
  /// threads.
  unsigned groupItems = 0;
  unsigned localBytes = 0;   ///< memory that a work-group shares
  unsigned computeUnits = 1; ///< work-groups that run at once
  /// Contractions below this many operations gain nothing from local memory.
  double minStagedFlops = 0;
};

struct NativeCode {
  std::string triple, cpu, features;
  /// A relocatable object without the weights' bytes. Defines
  /// SYMBOL_run_generic and the reflection table SYMBOL_model; when weights are
  /// embedded it refers to the hidden symbol SYMBOL_weights, which the artifact
  /// step provides.
  std::string object;
  std::string llvmText; ///< LLVM IR before LLVM's optimiser, when asked for
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string>
      dimNames; ///< symbolic dims, in the order of run's dims
  std::vector<KernelInfo> kernels;
  uint64_t arenaBytes = 0, weightsBytes = 0;
  std::vector<WeightSegment> weights;
};

/// The machine behind (triple, cpu, features); "host" is resolved to a name.
llvm::Expected<MachineDescription> describeMachine(NativeOptions &options);

/// Emits native code for a program after the schedule phase. The weights of
/// `program` must outlive the segments.
llvm::Expected<NativeCode> emitNative(Program &program,
                                      const NativeOptions &options);

} // namespace nacre

#endif // NACRE_CODEGEN_NATIVE_H
