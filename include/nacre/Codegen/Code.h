//===- Code.h - what code generation is asked for and gives -----*- C++ -*-===//
#ifndef NACRE_CODEGEN_CODE_H
#define NACRE_CODEGEN_CODE_H

#include "nacre/Lazy/Program.h"
#include "llvm/Support/Error.h"
#include <functional>

namespace nacre {

/// What the user asks of code generation.
struct CodegenOptions {
  std::string triple;    ///< empty: the host's
  std::string cpu;       ///< empty: the target's choice
  std::string features;  ///< LLVM feature string, "+avx2,-fma"; usually empty
  unsigned optLevel = 2; ///< 0..3
  /// Bytes that a run may need between kernels: above, values are computed
  /// twice instead of kept. 0: any.
  int64_t memoryBudget = 0;
  /// No sums of other products than the model's.
  bool strictFp = false;
  /// Whether kernels may run in groups, slice by slice; else each has a launch
  /// of its own.
  bool groups = true;
  bool embedWeights = true;     ///< else the caller passes them to run
  std::string symbol = "model"; ///< C identifier, prefix of every symbol
  std::string weightsFile;      ///< name of the side file, without a folder
  /// Fill CompiledCode::kernelText also where only people want it.
  bool keepKernelText = false;
};

/// One tensor of the signature.
struct TensorInfo {
  std::string name; ///< the model's own name
  DType dtype = DType::F32;
  std::vector<int64_t> shape;        ///< symbolic extents as their bound
  std::vector<std::string> dimNames; ///< per extent; empty for a static one
  /// Of a tensor that outlives a run: the state's name; else empty. One buffer
  /// may be the input and the output of a state.
  std::string state;
  /// Of a state's output: a run writes a part of it only, the rest stays as the
  /// input is. A run copies it first where the buffers are two.
  bool kept = false;
  /// Whether it is a scalar that holds an extent which the run worked out; its
  /// name stands in the dimNames of other outputs.
  bool isCount = false;
  /// Whether its elements, of i32, are codes of strings
  /// (nacre/Lazy/Signature.h).
  bool strings = false;
  /// Of an output: the index of the last kernel that reads or writes it; when
  /// that one is done, so is the output. -1 when no kernel does.
  int64_t readyAfter = -1;
  int64_t byteCount() const { return *byteSize(shape, dtype); }
  /// "f32", "string": the element as callers call it.
  llvm::StringRef dtypeText() const {
    return strings ? "string" : dtypeName(dtype);
  }
};

/// "[2, 3]"
std::string shapeText(llvm::ArrayRef<int64_t> shape);

/// Bytes of the weights image at `offset`, produced when written out: packing
/// happens while streaming, so no second copy of the weights is ever held.
/// Large weights are several segments.
struct WeightSegment {
  uint64_t offset = 0, bytes = 0;
  std::function<void(uint8_t *destination)> write;
  /// What no later segment of the weight reads, if it is a mapped file.
  llvm::ArrayRef<uint8_t> lastRead = {};
};

struct KernelInfo {
  std::string name;     ///< from the model's nodes, C identifier characters
  std::string computes; ///< one line for people: "contract 1x64x56x56 ..."
  uint64_t flops = 0;
  uint64_t bytes = 0; ///< operands and results touched once
  /// How it runs, in short: "contract 8x3 lanes 16 packed".
  std::string schedule;
};

/// A target machine as the schedule's cost model sees it.
struct MachineDescription {
  std::string name;          ///< for people: "cpu rocketlake (host)"
  unsigned vectorBytes = 16; ///< native register width
  unsigned vectorRegisters = 16;
  unsigned l2Bytes = 512 << 10;
  bool hasFma = true;
  /// Work-items of a work-group, at most; 0: no grid, tasks are taken by
  /// threads.
  unsigned groupItems = 0;
  bool dotProducts = false;  ///< sums of u8 times i8 in i32 are fast
  bool winograd = false;     ///< transforms of tiles cost less than products
  bool reciprocals = true;   ///< may stand for divisions by a row's number
  bool branches = false;     ///< a run can loop and choose between kernels
  unsigned localBytes = 0;   ///< memory that a work-group shares
  unsigned computeUnits = 1; ///< work-groups that run at once
  /// Contractions below this many operations gain nothing from local memory.
  double minStagedFlops = 0;
  /// Reductions below this length are left to one work-item.
  unsigned minSharedSteps = 64;
};

/// A program as its target wants it, without the weights' bytes.
struct CompiledCode {
  std::string madeFor; ///< for people: a triple and a CPU, a kind of device
  std::string triple, cpu, features; ///< of machine code
  /// Machine code: a relocatable object. Defines SYMBOL_run_generic and the
  /// reflection table SYMBOL_model; when weights are embedded it refers to the
  /// hidden symbol SYMBOL_weights, which the artifact step provides.
  std::string object;
  /// The kernels as text: of machine code LLVM IR before LLVM's optimiser, when
  /// asked for; else the source that a driver compiles.
  std::string kernelText;
  std::string manifest; ///< JSON, the plan of a bundle (docs/bundles.md)
  std::vector<TensorInfo> inputs, outputs;
  std::vector<std::string>
      dimNames; ///< symbolic dims, in the order of run's dims
  struct DimRange {
    int64_t least, most;
  };
  std::vector<DimRange> dimRanges; ///< per entry of dimNames
  /// Whether kernels read dims or store extents as data, see
  /// nacre/Lazy/Signature.h.
  bool dimsAreData = false;
  std::vector<std::string> strings; ///< by their codes
  std::vector<KernelInfo> kernels;
  uint64_t arenaBytes = 0, weightsBytes = 0;
  bool deviceArena = false; ///< the device has it, else the caller brings it
  uint64_t callersArena() const { return deviceArena ? 0 : arenaBytes; }
  std::vector<WeightSegment> weights;
  /// The bound of a symbolic dim of the signature.
  int64_t boundOf(llvm::StringRef dim) const;
};

} // namespace nacre

#endif // NACRE_CODEGEN_CODE_H
