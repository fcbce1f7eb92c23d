//===- LowerProgram.h - a scheduled program as calls of kernels -*- C++ -*-===//
//
// The half of code generation that every target shares: the signature, one
// function per distinct kernel in upstream dialects, where each argument of
// each call lies, and the image of the weights as the kernels read them.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_LOWER_LOWERPROGRAM_H
#define NACRE_CODEGEN_LOWER_LOWERPROGRAM_H

#include "mlir/IR/OwningOpRef.h"
#include "nacre/Codegen/Code.h"
#include "llvm/ADT/SmallVector.h"

namespace nacre::codegen {

/// Where a kernel argument lies: byte offset into a buffer.
struct BufferRef {
  llvm::StringRef space; ///< input, output, arena, weights
  int64_t slot = 0, byteOffset = 0;
  int64_t bytes = 0; ///< from the offset to the last byte touched
  bool write = false;
  /// How many bytes further each time of a loop: number of the loop, bytes.
  llvm::SmallVector<std::pair<unsigned, int64_t>, 1> moves;
};

/// One call of a kernel function.
struct KernelCall {
  std::string function;
  llvm::SmallVector<BufferRef> buffers;
  llvm::SmallVector<unsigned> symbols; ///< positions in run's dims
  int64_t tasks = 1;
  int64_t grain = 1;    ///< tasks the executor hands out together
  int64_t group = 0;    ///< on a grid: work-items of a group
  int64_t perGroup = 1; ///< on a grid: tasks of a group
  int taskSymbol = -1;
  /// Not 0: the function takes the number of threads, and its tasks are as many
  /// parts, but not more than this.
  int64_t slots = 0;
  double cycles = 0; ///< about how long it takes one thread of a cpu
};

/// What a run does next.
struct Step {
  enum Kind { Kernel, Loop, EndLoop, If, Else, EndIf } kind = Kernel;
  unsigned number = 0; ///< of the call or the loop
  int64_t bound = 0;   ///< times of a loop, at most
  /// Of a loop: how often it runs, an i64.
  std::optional<BufferRef> trips = std::nullopt;
  /// Where a loop tells its body how often it has run, an i64.
  std::optional<BufferRef> counter = std::nullopt;
  /// A byte: whether a loop goes on, which branch is taken.
  std::optional<BufferRef> condition = std::nullopt;
};

struct LoweredProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< kernel functions
  std::vector<KernelCall> calls;            ///< in the order of the text
  std::vector<Step> steps; ///< in run order; kernels only without control flow
  unsigned loops = 0;
  /// Extents that follow from the dims and end loops early; behind the dims
  /// among the symbols of calls.
  struct Sum {
    llvm::StringRef name;
    /// Coefficient, then positions among the dims that are multiplied.
    llvm::SmallVector<llvm::SmallVector<int64_t>> products;
  };
  std::vector<Sum> sums;
};

/// Lowers every kernel of a scheduled program. Fills the signature, kernels,
/// arenaBytes and weights of `code`; functions are named PREFIX_kN. Weight
/// chunks of `chunkBytes` (0: not bound in chunks) are told to the kernels.
llvm::Expected<LoweredProgram> lowerProgram(Program &program,
                                            llvm::StringRef prefix,
                                            CompiledCode &code,
                                            uint64_t chunkBytes = 0);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_LOWER_LOWERPROGRAM_H
