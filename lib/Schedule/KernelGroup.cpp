//===- KernelGroup.cpp - what makes kernels a group -----------------------===//
#include "nacre/Schedule/KernelGroup.h"
#include "Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Lazy/State.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/ScheduleReader.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

namespace {
/// Writes the number of a kernel's task as digits.
class DigitReader {
public:
  explicit DigitReader(KernelOp kernel)
      : kernel(kernel), keys{*kernel.getSchedule()},
        extents(keys.list("extents")) {}
  std::optional<SmallVector<TaskDigit>> read();

private:
  bool contraction(ContractOp contract);
  bool map();
  bool loop(int64_t dim);
  void chunks(int64_t dim, StringRef key, int64_t unit = 1);

  KernelOp kernel;
  ScheduleReader keys;
  SmallVector<int64_t> extents; ///< of the loops, some run as one
  /// Per dimension of the schedule: extent, axis of the results, stride of the
  /// first result.
  SmallVector<int64_t> shape, axisOf, strides;
  SmallVector<TaskDigit> digits;
};
} // namespace

/// The digits of a whole loop, which may run several dimensions as one.
bool DigitReader::loop(int64_t dim) {
  int64_t run = shape[dim], inner = dim;
  SmallVector<TaskDigit> parts{{axisOf[dim], shape[dim], 1}};
  while (run < extents[dim]) {
    int64_t outer = -1;
    for (size_t d = 0; d < shape.size(); ++d)
      if (extents[d] == 1 && shape[d] > 1 && axisOf[d] >= 0 &&
          strides[d] == shape[inner] * strides[inner])
        outer = d;
    if (outer < 0)
      return false;
    parts.push_back({axisOf[outer], shape[outer], 1});
    run *= shape[outer];
    inner = outer;
  }
  llvm::append_range(digits, llvm::reverse(parts));
  return run == extents[dim];
}

/// The digit of a loop whose tasks have as many indices as `key` says.
void DigitReader::chunks(int64_t dim, StringRef key, int64_t unit) {
  int64_t extent = extents[dim], chunk = keys.chunk(key, extent, unit);
  bool one = extent == shape[dim];
  digits.push_back({one ? axisOf[dim] : -1,
                    int64_t(llvm::divideCeil(extent, chunk)), chunk, key});
}

/// As TiledContraction numbers them (Codegen/Lower/ContractKernel.cpp).
bool DigitReader::contraction(ContractOp contract) {
  ContractNest nest = analyseContraction(kernel, contract);
  shape = nest.extents;
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
  for (int axis : nest.resultAxis) {
    axisOf.push_back(axis);
    strides.push_back(axis < 0 ? 0 : place.getStrides()[axis]);
  }
  if (extents.size() != shape.size())
    return false;
  for (int64_t d : keys.list("loops"))
    if (!loop(d))
      return false;
  int64_t row = keys.number("row", -1), tile = keys.number("tile", -1),
          lane = keys.number("lane", -1),
          lanes = keys.number("lanes", 1) * keys.number("tile_n", 1);
  if (row >= 0)
    chunks(row, "chunk_r");
  if (tile >= 0)
    chunks(tile, "chunk_t", keys.number("tile_m", 1));
  if (lane >= 0)
    digits.push_back({-1, int64_t(llvm::divideCeil(extents[lane], lanes)), 0});
  return true;
}

/// As MapLoops numbers them (Codegen/Lower/MapKernel.cpp).
bool DigitReader::map() {
  shape = boundedShape(tensorType(yielded(kernel)));
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
  strides = SmallVector<int64_t>(place.getStrides().asArrayRef());
  for (size_t d = 0; d < shape.size(); ++d)
    axisOf.push_back(d);
  SmallVector<int64_t> loops = keys.list("loops");
  int64_t prefix = keys.number("prefix", 0), lanes = keys.number("lanes", 1);
  if (extents.size() != shape.size() || prefix > int64_t(loops.size()) ||
      (prefix == 0 && loops.size() == 1))
    return false;
  for (int64_t d : ArrayRef(loops).take_front(prefix)) {
    if (d == keys.number("lane", -1) && lanes > 1)
      digits.push_back({-1, int64_t(llvm::divideCeil(extents[d], lanes)), 0});
    else if (!loop(d))
      return false;
  }
  return true;
}

std::optional<SmallVector<TaskDigit>> DigitReader::read() {
  auto kind = keys.dict.getAs<StringAttr>("kind");
  ContractOp contract = contractionOf(kernel);
  bool known =
      kind && (kind.getValue() == "contract" ? contract && contraction(contract)
               : kind.getValue() == "map"    ? map()
                                             : false);
  if (!known)
    return std::nullopt;
  return std::move(digits);
}

std::optional<SmallVector<TaskDigit>> taskDigits(KernelOp kernel) {
  return DigitReader(kernel).read();
}

/// More than any arena holds; its bytes are a number.
static constexpr int64_t mostElements = int64_t(1) << 56;

Value sourceOf(Value v) {
  while (auto view = v.getDefiningOp<ViewOpInterface>())
    v = view.source();
  return v;
}

int KernelGroup::memberOf(Value v) const {
  Operation *op = sourceOf(v).getDefiningOp();
  auto found = llvm::find_if(
      members, [&](KernelOp kernel) { return kernel.getOperation() == op; });
  return found == members.end() ? -1 : int(found - members.begin());
}

int64_t sliceSpan(const KernelGroup &group, ArrayRef<int64_t> axes,
                  ArrayRef<int64_t> strides, ArrayRef<int64_t> shape) {
  int64_t last = 0, reach;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t extent = shape[i];
    if (i == size_t(axes.back()))
      extent = std::min(group.points, extent);
    else if (llvm::is_contained(axes, int64_t(i)))
      extent = 1;
    // An edited text may say anything.
    if (llvm::MulOverflow(strides[i], extent - 1, reach) ||
        llvm::AddOverflow(last, reach, last) || last > mostElements)
      return mostElements;
  }
  return last + 1;
}

KernelOp nextInLine(KernelOp kernel) {
  for (Operation *op = kernel->getNextNode(); op; op = op->getNextNode()) {
    if (auto next = dyn_cast<KernelOp>(op))
      return next;
    if (!isa<ViewOpInterface, WeightOp>(op))
      return {};
  }
  return {};
}

std::optional<KernelGroup> groupOf(KernelOp leader) {
  auto dict = leader->getAttrOfType<DictionaryAttr>(groupAttr);
  if (!dict)
    return std::nullopt;
  auto number = [&](StringRef key) {
    auto attr = dict.getAs<IntegerAttr>(key);
    return attr ? attr.getInt() : -1;
  };
  KernelGroup group;
  group.points = number("points");
  group.slots = number("slots");
  group.slotBytes = number("slot_bytes");
  group.offset = number("offset");
  KernelOp kernel = leader;
  for (int64_t i = 0; i < number("members"); ++i) {
    if (!kernel || (i > 0 && kernel->hasAttr(groupAttr)))
      return std::nullopt;
    auto axes = kernel->getAttrOfType<DenseI64ArrayAttr>(sliceAttr);
    if (!axes || axes.empty())
      return std::nullopt;
    group.members.push_back(kernel);
    group.axes.emplace_back(axes.asArrayRef());
    kernel = nextInLine(kernel);
  }
  if (group.members.size() < 2 || group.points < 1)
    return std::nullopt;
  auto shape = boundedShape(tensorType(leader.getResult(0)));
  for (int64_t axis : group.axes[0]) {
    if (axis < 0 || axis >= int64_t(shape.size()))
      return std::nullopt;
    group.extents.push_back(shape[axis]);
  }
  return group;
}

bool canJoinGroup(KernelOp kernel) {
  auto isStatic = [](Value v) {
    RankedTensorType type = tensorType(v);
    return type.hasStaticShape() && type.getNumElements() > 0;
  };
  if (kernel->hasAttr("lazy.border") || writeOf(kernel) ||
      kernel.getSchedule()->contains("group") || // of a grid
      !llvm::all_of(kernel.getOperands(), isStatic) ||
      !llvm::all_of(kernel.getResults(), isStatic))
    return false;
  auto function = kernel->getParentOfType<func::FuncOp>();
  ArrayAttr places = *kernel.getResultPlaces();
  for (Attribute attr : places) {
    auto place = cast<PlaceAttr>(attr);
    // The buffer of a new state may be that of the old one.
    if (place.getSpace() == "output" && stateBefore(function, place.getSlot()))
      return false;
  }
  return llvm::none_of(kernel.getBody().front(), [](Operation &op) {
    return isa<ScatterOp>(op) || op.hasAttr(lazy::openExtents) ||
           op.hasAttr(openDims) || op.hasAttr(openBeyond);
  });
}

std::optional<SmallVector<int64_t>> correspondingAxes(const KernelGroup &group,
                                                      KernelOp kernel) {
  constexpr int64_t unknown = -2;
  SmallVector<int64_t> axes(group.extents.size(), unknown);
  auto shape = boundedShape(tensorType(yielded(kernel)));
  bool reads = false, byData = false;
  SmallVector<int64_t> extents(shape);
  auto visit = [&](const Access &access) {
    Value v = kernel.getOperands()[access.leaf.getArgNumber()];
    int member = group.memberOf(v);
    if (member < 0)
      return;
    reads = true;
    byData |= access.indirect;
    AffineMap map = access.map;
    for (; auto view = v.getDefiningOp<ViewOpInterface>(); v = view.source())
      map = composeView(view, map, extents);
    for (auto [k, axis] : llvm::enumerate(group.axes[member])) {
      auto dim = dyn_cast<AffineDimExpr>(map.getResult(axis));
      bool runsAlong = dim && dim.getPosition() < shape.size() &&
                       shape[dim.getPosition()] == group.extents[k];
      int64_t found = runsAlong ? int64_t(dim.getPosition()) : -1;
      axes[k] = axes[k] == unknown || axes[k] == found ? found : -1;
    }
  };
  AffineMap identity = loopIdentity(kernel.getContext(), shape.size());
  for (Value v : yieldedAll(kernel))
    walkAccesses(v, identity, extents, visit);
  if (!reads || byData)
    return std::nullopt;
  return axes;
}

/// Whether a member's tasks come in slices: a reason why not, or nothing.
static std::string taskProblem(const KernelGroup &group, size_t member) {
  auto digits = taskDigits(group.members[member]);
  if (!digits)
    return "its tasks are not numbered by the axes of its result";
  ArrayRef<int64_t> axes = group.axes[member];
  for (auto [k, axis] : llvm::enumerate(axes)) {
    auto digit = llvm::find_if(
        *digits, [axis = axis](const TaskDigit &d) { return d.axis == axis; });
    if (digit == digits->end())
      return ("its tasks do not cut axis " + Twine(axis)).str();
    int64_t most = k + 1 == axes.size() ? group.points : 1;
    if (digit->points != 1 && digit->points != std::min(most, group.extents[k]))
      return ("'" + digit->chunkKey + "' makes tasks of " +
              Twine(digit->points) + " indices of axis " + Twine(axis) +
              ", the group's slices have " + Twine(most))
          .str();
  }
  return "";
}

bool readOnlyBy(const KernelGroup &group, Value v) {
  return llvm::all_of(v.getUsers(), [&](Operation *user) {
    if (auto view = dyn_cast<ViewOpInterface>(user))
      return readOnlyBy(group, view->getResult(0));
    return llvm::is_contained(group.members, dyn_cast<KernelOp>(user));
  });
}

/// Whether `place` is where `v` lies if what it is a view of lies at `made`.
static bool liesAtView(Value v, PlaceAttr made, PlaceAttr place) {
  SmallVector<ViewOpInterface> views;
  for (Value x = v; auto view = x.getDefiningOp<ViewOpInterface>();
       x = view.source())
    views.push_back(view);
  StridedView at{made.getOffset(),
                 SmallVector<int64_t>(made.getStrides().asArrayRef())};
  for (ViewOpInterface view : llvm::reverse(views)) {
    auto next = viewStrides(view, at.strides);
    if (!next)
      return false;
    at = {at.offset + next->offset, next->strides};
  }
  auto shape = boundedShape(tensorType(v));
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1 && place.getStrides()[i] != at.strides[i])
      return false;
  return place.getSpace() == made.getSpace() &&
         place.getSlot() == made.getSlot() && place.getOffset() == at.offset;
}

/// Whether what is stored by slices lies in the slots, with all its views.
static std::string placeProblem(const KernelGroup &group, size_t member) {
  KernelOp kernel = group.members[member];
  for (auto [v, attr] :
       llvm::zip(kernel.getOperands(), *kernel.getOperandPlaces())) {
    int maker = group.memberOf(v);
    if (maker < 0 && isSliced(attr))
      return "an operand is stored by slices that the group does not make";
    if (maker < 0)
      continue;
    auto source = cast<OpResult>(sourceOf(v));
    auto made =
        cast<PlaceAttr>((*cast<KernelOp>(source.getOwner())
                              .getResultPlaces())[source.getResultNumber()]);
    if ((isSliced(made) || isSliced(attr)) &&
        !liesAtView(v, made, cast<PlaceAttr>(attr)))
      return "an operand lies elsewhere than the group stores it";
  }
  for (auto [v, attr] :
       llvm::zip(kernel.getResults(), *kernel.getResultPlaces())) {
    if (!isSliced(attr))
      continue;
    auto place = cast<PlaceAttr>(attr);
    auto type = tensorType(v);
    int64_t bytes = elementBytes(type.getElementType());
    if (llvm::any_of(place.getStrides().asArrayRef(),
                     [](int64_t stride) { return stride < 0; }) ||
        place.getOffset() < 0 || place.getOffset() > group.slotBytes ||
        (place.getOffset() + sliceSpan(group, group.axes[member],
                                       place.getStrides().asArrayRef(),
                                       boundedShape(type))) *
                bytes >
            group.slotBytes)
      return "a result lies outside the slots of its group";
    if (!readOnlyBy(group, v))
      return "a result that is stored by slices is read outside of the group";
  }
  return "";
}

std::optional<GroupProblem> problemOf(const KernelGroup &group) {
  for (size_t i = 0; i < group.members.size(); ++i) {
    KernelOp kernel = group.members[i];
    auto problem = [&](const Twine &text) {
      return GroupProblem{kernel, text.str()};
    };
    ArrayRef<int64_t> axes = group.axes[i];
    if (!canJoinGroup(kernel))
      return problem("cannot run in a group");
    auto shape = boundedShape(tensorType(yielded(kernel)));
    bool fits = axes.size() == group.extents.size();
    for (size_t k = 0; fits && k < axes.size(); ++k)
      fits = axes[k] >= 0 && axes[k] < int64_t(shape.size()) &&
             shape[axes[k]] == group.extents[k] &&
             !llvm::is_contained(axes.take_front(k), axes[k]);
    if (!fits)
      return problem("its slices are not those of its group");
    if (std::string text = taskProblem(group, i); !text.empty())
      return problem(text);
    if (std::string text = placeProblem(group, i); !text.empty())
      return problem(text);
    if (i == 0)
      continue;
    KernelGroup before = group;
    before.members.resize(i);
    before.axes.resize(i);
    auto along = correspondingAxes(before, kernel);
    if (!along || ArrayRef<int64_t>(*along) != axes)
      return problem("a slice of it needs more than that slice of what its "
                     "group made before");
  }
  return std::nullopt;
}

} // namespace nacre::schedule
