//===- GridSchedules.h - schedules for work-groups --------------*- C++ -*-===//
#ifndef NACRE_SCHEDULE_GRIDSCHEDULES_H
#define NACRE_SCHEDULE_GRIDSCHEDULES_H

#include "nacre/Codegen/Code.h"
#include "nacre/Lazy/Lazy.h"

namespace nacre::schedule {

/// The loops of a map kernel, outermost first; the first `rows` of them are
/// those that a reduction inside depends on.
struct MapLoopNest {
  llvm::SmallVector<int64_t> loops, extents;
  int64_t rows = 0;
  int64_t reduced = 0; ///< points of the longest reduction
  bool symbolic = false;
};
mlir::DictionaryAttr gridMap(mlir::Builder &b, const MapLoopNest &nest,
                             const MachineDescription &machine);

mlir::DictionaryAttr gridBorder(mlir::Builder &b,
                                const MachineDescription &machine);

/// Lets a border run in the launch of the kernel before it, if that one writes
/// what the border surrounds.
void joinBorder(lazy::KernelOp border, lazy::KernelOp before);

/// A contraction as batches of rows x columns x steps.
struct GridContractNest {
  int64_t lanesOperand = 1;
  llvm::SmallVector<int64_t> batch, rows, kLoops, kOrder, extents;
  int64_t lane = -1; ///< the columns
  bool packed = false;
  bool rowsVary = false; ///< the rows' operand varies along the columns
  bool isF32 = false;    ///< computed in f32
};
mlir::DictionaryAttr gridContraction(mlir::Builder &b,
                                     const GridContractNest &nest,
                                     const MachineDescription &machine);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_GRIDSCHEDULES_H
