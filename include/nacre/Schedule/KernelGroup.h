//===- KernelGroup.h - kernels that run slice by slice ----------*- C++ -*-===//
//
// Neighbouring kernels of which each reads, of what the others wrote, only the
// part that belongs to the part of the result it is at: a softmax over the rows
// of a product, and the product of it. They run as one launch: for each slice
// of the rows first the tasks of the first kernel, then those of the second. No
// barrier lies between, and what only they pass on is stored for one slice at a
// time, in a slot that each part of the launch has of its own.
//
// In the program a group is attributes of its kernels. `lazy.slice` of each
// holds the axes of its results that are cut: one index of each but the last,
// of the last `points` indices. `lazy.group` of the first holds
//
//   members     kernels, this one included
//   points      indices of the last axis in a slice
//   slots       parts that a launch is cut into, at most
//   slot_bytes  memory of a part
//   offset      where the slots begin in the arena, in bytes
//
// A tensor stored by slices has a place in the space `slice`: element i lies at
// element offset + sum((i_k - first_k) * strides_k) of a slot, with `first` the
// first index of the slice. Its place's slot numbers such tensors of a group.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_SCHEDULE_KERNELGROUP_H
#define NACRE_SCHEDULE_KERNELGROUP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Program.h"

namespace nacre {
struct MachineDescription;
}

namespace nacre::schedule {

constexpr const char *groupAttr = "lazy.group", *sliceAttr = "lazy.slice",
                     *sliceSpace = "slice";

/// A digit of the number of a kernel's task.
struct TaskDigit {
  int64_t axis;   ///< of the kernel's results; -1: of none or of several
  int64_t count;  ///< values it takes
  int64_t points; ///< indices of the axis per value; the last may have fewer
  /// The key of the schedule that decides `points`; empty where that is 1.
  llvm::StringRef chunkKey = "";
};
/// The digits of a kernel with a schedule for threads, outermost first. Nullopt
/// where tasks are numbered otherwise, or by the run.
std::optional<llvm::SmallVector<TaskDigit>> taskDigits(lazy::KernelOp kernel);

struct KernelGroup {
  llvm::SmallVector<lazy::KernelOp> members;
  /// Per member the axes of its results that are cut, outermost first.
  llvm::SmallVector<llvm::SmallVector<int64_t>> axes;
  llvm::SmallVector<int64_t> extents; ///< of these axes
  int64_t points = 1, slots = 1, slotBytes = 0, offset = 0;

  int64_t slices() const {
    int64_t n = llvm::divideCeil(extents.back(), points);
    for (int64_t extent : llvm::ArrayRef(extents).drop_back())
      n *= extent;
    return n;
  }
  /// The number of the member that computes `v` or what `v` is a view of, or
  /// -1.
  int memberOf(mlir::Value v) const;
};

/// What a value is a view of, past all views outside of kernels.
mlir::Value sourceOf(mlir::Value v);

/// Whether a tensor is stored by slices.
inline bool isSliced(mlir::Attribute place) {
  return mlir::cast<lazy::PlaceAttr>(place).getSpace() == sliceSpace;
}
/// Whether nothing but members reads `v` and the views of it.
bool readOnlyBy(const KernelGroup &group, mlir::Value v);

/// Elements from the first of a slice to its last, of a tensor that has
/// `strides` and is cut along `axes`.
int64_t sliceSpan(const KernelGroup &group, llvm::ArrayRef<int64_t> axes,
                  llvm::ArrayRef<int64_t> strides,
                  llvm::ArrayRef<int64_t> shape);

/// The group that begins with a kernel, or nullopt where none does or its
/// attributes are not those of one.
std::optional<KernelGroup> groupOf(lazy::KernelOp leader);

/// Why kernels cannot run as this group: the kernel at fault and the reason.
struct GroupProblem {
  lazy::KernelOp kernel;
  std::string text;
};
std::optional<GroupProblem> problemOf(const KernelGroup &group);

/// Whether a kernel is of a kind that groups may have.
bool canJoinGroup(lazy::KernelOp kernel);

/// The next kernel of the block if only views and weights lie between.
lazy::KernelOp nextInLine(lazy::KernelOp kernel);

/// The axes of `kernel`'s results that run along with the cut axes of the
/// group, -1 for those that have none: wherever the kernel reads a result of
/// the group, the index of the cut axis is exactly this axis'. Nullopt if it
/// reads nothing of the group, or by an index that is data.
std::optional<llvm::SmallVector<int64_t>>
correspondingAxes(const KernelGroup &group, lazy::KernelOp kernel);

/// Checks the groups of a function whose kernels have been checked.
mlir::LogicalResult verifyGroups(mlir::func::FuncOp function,
                                 int64_t arenaBytes);

/// Forms the groups that pay on a machine whose tasks are taken by threads, and
/// lays the arena out anew where there are any. A program needs no more memory
/// afterwards.
mlir::LogicalResult groupKernels(mlir::ModuleOp module,
                                 const MachineDescription &machine);

} // namespace nacre::schedule

#endif // NACRE_SCHEDULE_KERNELGROUP_H
