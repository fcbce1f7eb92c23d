//===- Body.h - a kernel's body as scalar and vector code -------*- C++ -*-===//
//
// The body is emitted backwards, from a value wanted at an index: views rewrite
// the index, elementwise operations ask for their operands, reductions open
// loops, and the walk ends in loads. Values that do not vary along the lane
// dimension stay scalar; a vector appears where a load varies along it.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_LOWER_BODY_H
#define NACRE_CODEGEN_LOWER_BODY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/ScheduleReader.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallBitVector.h"

namespace nacre::codegen {

/// How a constant contraction operand is laid out for its kernel:
/// [free dims][lane blocks][reduced dims][block], padded with zeros. With dot
/// products the innermost steps of the reduction come in groups of `dot`, and
/// one lane holds a group: [..][groups][block][dot].
struct Packing {
  unsigned operand = 0; ///< kernel operand
  int64_t elements = 0;
  int64_t block = 1;       ///< lanes * tile_n
  int64_t dot = 1;         ///< steps that lie together
  int64_t blockStride = 0; ///< packed elements between lane blocks
  int64_t lane = -1;       ///< contraction dimension, -1: none
  llvm::SmallVector<int64_t> dims, extents; ///< walked dims but the lane
  llvm::SmallVector<int64_t> packedStrides; ///< per entry of dims
  llvm::SmallVector<int64_t> sourceStrides; ///< elements of the weight
  int64_t laneExtent = 1, laneSourceStride = 0, sourceOffset = 0;
  /// Packed stride of a contraction dimension (0 when not walked).
  int64_t strideOf(int64_t dim) const;
  /// Where the packed element is that would be `at` without groups of steps.
  int64_t place(int64_t at) const;
  /// Copies elements of `size` bytes from the weight to the packed form.
  void write(const uint8_t *source, uint8_t *destination, int64_t size) const;
  /// The same in parts that follow each other in the packed form, of about
  /// `most` elements where the layout can be cut so often.
  std::vector<Packing> parts(int64_t most) const;
  /// The lowest element of the weight that is read.
  int64_t lowestSource() const;
};
std::optional<Packing> packingOf(lazy::KernelOp kernel);

/// A kernel as a function over flat buffers:
///   fn(operands.., results.., status, symbols.., begin, end)
/// It runs the tasks [begin, end) of `tasks` (times the symbol's value when
/// `taskSymbol` is set). With a schedule for a grid the last two arguments are
/// the number of the work-group and of the item in it.
struct LoweredKernel {
  mlir::func::FuncOp function;
  int64_t tasks = 1;
  int64_t group = 0;    ///< work-items of a group; 0: no grid
  int64_t perGroup = 1; ///< tasks of a group
  mlir::StringAttr taskSymbol;
  llvm::SmallVector<mlir::StringAttr> symbols; ///< extra index arguments
  std::optional<Packing> packing;              ///< of the operand stored packed
};

/// Elements from the start of a tensor's window to its end.
int64_t placeSpan(lazy::PlaceAttr place, mlir::RankedTensorType type);

/// Lowers one kernel by its schedule into `module`. Diagnoses and fails on a
/// schedule that does not fit the kernel (an edited file).
mlir::FailureOr<LoweredKernel>
lowerKernel(lazy::KernelOp kernel, mlir::ModuleOp module, llvm::StringRef name);

/// One launch of a kernel and of the border around its result, lowered for
/// groups of one size and without symbols. Takes both functions.
LoweredKernel joinLaunches(const LoweredKernel &main,
                           const LoweredKernel &border);

using schedule::ScheduleReader;

/// Stored in 16 bits, computed in f32.
inline bool isNarrowFloat(mlir::Type type) {
  return type.isF16() || type.isBF16();
}

class Body {
public:
  Body(mlir::OpBuilder &b, mlir::Location loc, lazy::KernelOp kernel);

  /// The value of `v` at `map`: scalar when uniform along the lane, else a
  /// vector of `lanes`.
  mlir::Value pull(mlir::Value v, mlir::AffineMap map);
  /// Emits reductions under `v` that depend on open loops only, before the
  /// loops of dimensions [firstOpenDim..] in `inner` begin.
  void hoistReductions(mlir::Value v, mlir::AffineMap map,
                       const llvm::SmallBitVector &inner);
  void store(unsigned result, mlir::Value value, mlir::AffineMap map);
  /// Works out at the function's start where a write stores, and ends the loop
  /// over its slices with the last one; with none where they do not fit.
  void beginWrite(lazy::WriteOp write);

  /// Index arithmetic of an expression over the open loops.
  mlir::Value index(mlir::AffineExpr expr);
  mlir::Value index(int64_t value);
  /// The innermost digit of a mixed-radix number; `rest` becomes the others.
  mlir::Value takeDigit(mlir::Value &rest, int64_t radix);
  /// Sets the loops of `dims`, outermost first, from their linear index.
  void setLoops(llvm::ArrayRef<int64_t> dims,
                llvm::ArrayRef<int64_t> loopExtents, mlir::Value flat);
  mlir::Value load(mlir::Value buffer, mlir::Type element,
                   mlir::AffineExpr address);
  mlir::Value splatTo(mlir::Value v); ///< broadcasts a scalar over the lanes
  mlir::Type laneType(mlir::Type element);
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value sum);
  mlir::Value widen(mlir::Value v); ///< f16, bf16 -> f32
  /// An operand of a contraction, of type `element`, as its sums want it.
  mlir::Value widenTo(mlir::Value v, mlir::Type element, mlir::Type sum);
  mlir::Value narrowTo(mlir::Value v, mlir::Type element);
  mlir::Value zero(mlir::Type type);
  /// Two values by the combiner of a reduction of `element`, and the element it
  /// starts from in `type`, scalar or vector.
  mlir::Value combine(lazy::ReduceKind kind, mlir::Type element, mlir::Value a,
                      mlir::Value c);
  mlir::Value neutral(lazy::ReduceKind kind, mlir::Type element,
                      mlir::Type type);
  /// The position along an axis of `size` elements that an index means; one out
  /// of range is reported, and `otherwise` taken.
  mlir::Value position(mlir::Value index, int64_t size, int64_t otherwise);
  /// Runs `emit` with values computed inside forgotten afterwards.
  void scoped(llvm::function_ref<void()> emit);

  mlir::OpBuilder &b;
  mlir::Location loc;
  lazy::KernelOp kernel;
  llvm::SmallVector<mlir::Value> operands, results; ///< flat buffers
  mlir::Value status;
  llvm::SmallVector<mlir::Value> ivs; ///< per loop dimension
  llvm::SmallVector<int64_t> extents; ///< bounds of the open dimensions
  int lane = -1;
  int64_t lanes = 1;
  mlir::Value mask;      ///< null: all lanes
  mlir::Value laneCount; ///< with a tail's mask: how many lanes it has
  /// Restricts what is emitted next to the first `count` lanes.
  void limitLanes(mlir::Value count);
  void allLanes() { mask = laneCount = {}; }
  llvm::DenseMap<mlir::StringAttr, mlir::Value> symbols; ///< values of extents
  llvm::DenseMap<unsigned, mlir::Value> symbolicBound;   ///< per open dimension
  /// The extent of a run that a name stands for, which a text may call any, as
  /// one from 0 to `most`.
  mlir::Value within(mlir::Value extent, int64_t most);
  /// Per loop dimension of the kernel: where the run's extent ends, or null.
  llvm::SmallVector<mlir::Value> limits;
  /// The limit of a loop of the schedule, which may run several dimensions as
  /// one: null unless the outermost of them alone has one.
  mlir::Value limitOf(int64_t d, llvm::ArrayRef<int64_t> loopExtents,
                      llvm::ArrayRef<int64_t> shape);
  /// Emits where all these loops are below their limits.
  void whereOpen(llvm::ArrayRef<int64_t> dims,
                 llvm::ArrayRef<int64_t> loopExtents,
                 llvm::ArrayRef<int64_t> shape,
                 llvm::function_ref<void()> emit);
  llvm::DenseMap<std::pair<mlir::Value, mlir::AffineMap>, mlir::Value> cache;

  /// The value whose row lies in the memory of result 0 from the reduction that
  /// computes it on until the results are stored; see HeldValue.cpp of
  /// lib/Schedule. A reduction may be the one while `fills`.
  struct Held {
    mlir::Value value;
    mlir::AffineMap identity; ///< index of the results
    bool fills = false, filling = false, filled = false;
  };
  std::optional<Held> held;

  /// The loops within a row whose divisors become reciprocals, if they do.
  llvm::SmallBitVector quotientDims;

  // On a grid: the schedule's group size and where this item stands. While
  // `cooperative` all items of a group stand at the same indices, and a
  // reduction is shared among them.
  int64_t group = 0;
  mlir::Value groupId, itemId;
  bool cooperative = false;
  /// A flat buffer at the function's start, private or of the work-group.
  mlir::Value allocate(int64_t elements, mlir::Type element, bool shared);
  /// Bytes that the start of a buffer (operands, then results) is known to be
  /// aligned to.
  int64_t alignment(unsigned buffer);

private:
  mlir::Value storeOffset; ///< elements from where results lie; null: 0
  mlir::Value shareReduction(
      llvm::ArrayRef<unsigned> dims, mlir::Value start,
      llvm::function_ref<mlir::Value(mlir::Value)> step,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> join);
  mlir::Value emit(mlir::Value v, mlir::AffineMap map);
  mlir::Value emitElementwise(lazy::ElementwiseOpInterface op,
                              mlir::AffineMap map);
  bool isRowQuotient(lazy::ElementwiseOpInterface op, mlir::AffineMap map);
  mlir::Value multiplyByReciprocal(mlir::Value x, mlir::Value divisor);
  mlir::Value loadHeld(mlir::AffineMap map);
  bool fillsHeld(lazy::ReduceOp op, mlir::AffineMap map);
  void storeLanes(mlir::Value buffer, mlir::Value at, int64_t coefficient,
                  mlir::Value value);
  mlir::Value emitView(lazy::ViewOpInterface view, mlir::AffineMap map);
  mlir::Value emitReduce(lazy::ReduceOp op, mlir::AffineMap map);
  mlir::Value emitArgReduce(lazy::ArgReduceOp op, mlir::AffineMap map);
  mlir::Value emitContract(lazy::ContractOp op, mlir::AffineMap map);
  mlir::Value emitGather(lazy::GatherOp op, mlir::AffineMap map);
  mlir::Value emitRequire(lazy::RequireOp op, mlir::AffineMap map);
  /// Makes the run return `code` if `bad`.
  void report(mlir::Value bad, int32_t code);
  mlir::Value emitIota(lazy::IotaOp op, mlir::AffineMap map);
  mlir::Value combine(mlir::AffineBinaryOpExpr binary, mlir::Value x,
                      mlir::Value y);
  mlir::Value laneIndices(int64_t coefficient, mlir::Value base);
  mlir::Value laneIndices(mlir::AffineExpr expr);
  bool canBeLane(mlir::Value v, mlir::AffineMap map, unsigned dim,
                 int64_t &unitAccesses);
  void noteOpenDims(lazy::ReduceOp op, unsigned first);
  void noteSymbolicBounds(mlir::RankedTensorType input,
                          llvm::ArrayRef<int64_t> axes, unsigned first);
  /// A reduction's loop nest over `dims`, with so many sums that the innermost
  /// steps go to in turn and that are joined behind it. `start` changes no sum.
  mlir::Value
  accumulate(llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<int64_t> steps,
             llvm::ArrayRef<int64_t> bounds, int64_t sums, mlir::Value start,
             llvm::function_ref<mlir::Value(mlir::Value)> step,
             llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> join);
  /// A loop nest over `dims` carrying `init`; returns the final values.
  llvm::SmallVector<mlir::Value>
  nest(llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<int64_t> steps,
       llvm::ArrayRef<int64_t> bounds, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)>
           body);
};

mlir::FailureOr<int64_t> lowerMapKernel(Body &body,
                                        const ScheduleReader &schedule,
                                        llvm::ArrayRef<mlir::Value> symbolOf,
                                        mlir::Value begin, mlir::Value end);
/// Writes the border only; one task.
mlir::FailureOr<int64_t> lowerBorderKernel(Body &body,
                                           const ScheduleReader &schedule,
                                           mlir::Value begin, mlir::Value end);
/// One task a box of the result.
mlir::FailureOr<int64_t> lowerScatterKernel(Body &body,
                                            const ScheduleReader &schedule,
                                            llvm::ArrayRef<mlir::Value> symbols,
                                            mlir::Value begin, mlir::Value end);
/// The work of a grid: `tasks` in groups of `perGroup`.
struct GridTasks {
  int64_t tasks = 1, perGroup = 1;
};
mlir::FailureOr<GridTasks> lowerGridMap(Body &body,
                                        const ScheduleReader &schedule,
                                        llvm::ArrayRef<mlir::Value> symbolOf);
mlir::FailureOr<GridTasks> lowerGridBorder(Body &body,
                                           const ScheduleReader &schedule);
mlir::FailureOr<GridTasks>
lowerGridScatter(Body &body, const ScheduleReader &schedule,
                 llvm::ArrayRef<mlir::Value> symbols);
mlir::FailureOr<GridTasks>
lowerGridContract(Body &body, const ScheduleReader &schedule,
                  llvm::ArrayRef<mlir::Value> symbolOf);
mlir::FailureOr<int64_t>
lowerContractKernel(Body &body, const ScheduleReader &schedule,
                    llvm::ArrayRef<mlir::Value> symbolOf, mlir::Value begin,
                    mlir::Value end);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_LOWER_BODY_H
