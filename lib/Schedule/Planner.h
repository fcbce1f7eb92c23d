//===- Planner.h - the memory plan of one function --------------*- C++ -*-===//
//
// What the plan knows while it is made. PlanMemory.cpp has the idea and the
// steps; HandOut.cpp decides which tensors share a storage, InPlace.cpp what
// may be written over what, and where storages lie.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_SCHEDULE_PLANNER_H
#define NACRE_LIB_SCHEDULE_PLANNER_H

#include "Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/MapVector.h"

namespace nacre::schedule {
constexpr int64_t alignment = 64; // bytes, a cache line

/// Memory of one tensor, or of several that are parts of one or share it.
struct Storage {
  llvm::StringRef space;
  int64_t slot = 0;
  int64_t elements = 0;
  int64_t elementBytes = 1;
  int64_t first = INT64_MAX, last = -1; // positions, inclusive
  int64_t offset = 0;                   // bytes, arena only
  int takenOver = -1;                   // the storage that replaces this one
  int64_t bytes() const { return elements * elementBytes; }
};

/// Where a tensor lies in a storage: offset and strides in elements.
struct Placement {
  int storage;
  int64_t offset;
  llvm::SmallVector<int64_t> strides;
};

/// The plan of one function.
class Planner {
public:
  explicit Planner(mlir::func::FuncOp function)
      : function(function), block(function.getBody().front()) {}
  mlir::LogicalResult run();
  Storages share();

private:
  void place();
  int64_t elementsOf(mlir::Value v) {
    int64_t n = 1;
    for (int64_t extent : lazy::boundedShape(lazy::tensorType(v)))
      n *= extent;
    return n;
  }
  int newStorage(llvm::StringRef space, int64_t slot, mlir::Value v);
  void placeDense(mlir::Value v, llvm::StringRef space, int64_t slot,
                  const Order &order);
  void placeInArena(mlir::Value v);
  Order rowMajor(mlir::Value v);
  void separateResults();
  bool replacesInPlace(mlir::Value v, mlir::BlockArgument old);
  void placeWritten(lazy::KernelOp kernel, lazy::WriteOp write);
  bool claim(mlir::Value x, int storage, int64_t offset,
             llvm::ArrayRef<int64_t> strides);
  void handOut();
  void placeCall(mlir::Operation *call);
  mlir::Value denseOperand(mlir::Operation *call, mlir::Value x);
  void followViews();
  void computeLifetimes();
  int root(int s) {
    while (storages[s].takenOver >= 0)
      s = storages[s].takenOver;
    return s;
  }
  llvm::SmallVector<InPlace> inPlace(lazy::KernelOp kernel);
  void takeOverDying();
  void assignOffsets();
  void write();

  mlir::func::FuncOp function;
  mlir::Block &block;
  llvm::DenseMap<mlir::Value, Order> orders;
  llvm::DenseMap<mlir::Value, Placement> placed;
  std::vector<Storage> storages;
  llvm::SmallVector<lazy::KernelOp> following; // sole views without storage yet
  llvm::SmallVector<lazy::KernelOp> aliases;   // kernels that need not run
  llvm::DenseSet<mlir::Operation *> inState; // writes into a state's own buffer
  llvm::DenseMap<mlir::Operation *, int64_t> position;
  /// Storages that a call needs while it runs.
  llvm::MapVector<mlir::Operation *, llvm::SmallVector<int>> scratch;
  llvm::DenseMap<int, int> tenants; ///< tensors of a storage before takeovers
};

} // namespace nacre::schedule

#endif // NACRE_LIB_SCHEDULE_PLANNER_H
