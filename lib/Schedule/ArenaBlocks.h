//===- ArenaBlocks.h - the arena of a planned function ----------*- C++ -*-===//
#ifndef NACRE_LIB_SCHEDULE_ARENABLOCKS_H
#define NACRE_LIB_SCHEDULE_ARENABLOCKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/IntEqClasses.h"

namespace nacre::schedule {

/// Operations during which all that any of them touches is needed, and `bytes`
/// more.
struct ArenaSpan {
  mlir::Operation *first, *last;
  int64_t bytes;
  int64_t offset = 0; ///< of these bytes, where the arena is laid out
};

/// What the memory plan of a function without loops and branches put into its
/// arena, read back from the places. Tensors that lie over each other while
/// both are needed belong to one block, which moves as a whole.
class ArenaBlocks {
public:
  explicit ArenaBlocks(mlir::func::FuncOp function);

  /// Whether two tensors lie in one block.
  bool share(mlir::Value a, mlir::Value b) const;
  /// Lays the blocks out anew, with the spans and without the tensors in
  /// `gone`. Sets the spans' offsets and returns the bytes of the arena; the
  /// places stay as they are.
  int64_t layOut(llvm::MutableArrayRef<ArenaSpan> spans,
                 const llvm::DenseSet<mlir::Value> &gone);
  /// Changes the places to those of the last layout. Those of tensors in
  /// `gone` stay.
  void write(const llvm::DenseSet<mlir::Value> &gone) const;

private:
  /// A tensor: its bytes, and the positions at which it is needed.
  struct Window {
    int64_t from = 0, to = 0, first = 0, last = 0;
  };
  int64_t lastUse(mlir::Value v);

  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Operation *, int64_t> position;
  llvm::DenseMap<mlir::Value, int64_t> lastUses;
  llvm::DenseMap<mlir::Value, unsigned> numberOf;
  std::vector<Window> windows;
  llvm::IntEqClasses blocks;
  std::vector<int64_t> moves; ///< per block, bytes
};

} // namespace nacre::schedule

#endif // NACRE_LIB_SCHEDULE_ARENABLOCKS_H
