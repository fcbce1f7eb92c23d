//===- AssignLayout.cpp - in which order axes lie in memory ---------------===//
//
// A contraction stores the free axes of its lanes operand innermost, so that
// results are written as whole vectors: for a convolution this is channels
// last. Everything else keeps the order in which its largest operand is read.
// Conversions thus happen only at the graph's edges.
//
//===----------------------------------------------------------------------===//
#include "Layout.h"
#include "nacre/Lazy/IndexMap.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

SmallVector<int64_t> stridesIn(const Order &order, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (int64_t axis : llvm::reverse(order)) {
    strides[axis] = stride;
    stride *= std::max<int64_t>(shape[axis], 1);
  }
  return strides;
}

/// Coefficients of a linear address over `rank` dimensions; nullopt when the
/// address is not linear.
static std::optional<StridedView> linearCoefficients(AffineExpr address,
                                                     unsigned rank) {
  StridedView result;
  for (unsigned d = 0; d < rank; ++d) {
    auto split = splitLinear(address, d);
    if (!split)
      return std::nullopt;
    result.strides.push_back(split->first);
    address = split->second;
  }
  auto constant = dyn_cast<AffineConstantExpr>(address);
  if (!constant)
    return std::nullopt;
  result.offset = constant.getValue();
  return result;
}

std::optional<StridedView> viewStrides(ViewOpInterface view,
                                       ArrayRef<int64_t> sourceStrides) {
  if (view.fillValue())
    return std::nullopt;
  auto type = tensorType(view->getResult(0));
  auto shape = boundedShape(type);
  AffineMap map =
      composeView(view, loopIdentity(view.getContext(), type.getRank()), shape);
  auto result = linearCoefficients(linearAddress(map, sourceStrides, shape),
                                   type.getRank());
  if (!result)
    return std::nullopt;
  for (auto [stride, extent] : llvm::zip(result->strides, shape))
    if (stride < 0)
      return std::nullopt;
  return result;
}

std::optional<StridedView> sourceStrides(ViewOpInterface view,
                                         ArrayRef<int64_t> strides) {
  if (auto pad = dyn_cast<PadOp>(view.getOperation())) {
    StridedView result{0, SmallVector<int64_t>(strides)};
    for (auto [low, stride] : llvm::zip(pad.getLow(), strides))
      result.offset += low * stride;
    return result;
  }
  if (auto permute = dyn_cast<PermuteOp>(view.getOperation())) {
    StridedView result{0, SmallVector<int64_t>(strides.size())};
    for (auto [i, axis] : llvm::enumerate(permute.getPerm()))
      result.strides[axis] = strides[i];
    return result;
  }
  if (isa<ReshapeOp>(view.getOperation())) {
    auto from = boundedShape(tensorType(view.source()));
    auto to = boundedShape(tensorType(view->getResult(0)));
    AffineMap inverse = reshapeMap(view.getContext(), from, to);
    return linearCoefficients(linearAddress(inverse, strides, from),
                              from.size());
  }
  return std::nullopt;
}

Value insertCopy(Value v, Operation *before, StringRef why) {
  OpBuilder b(before);
  auto kernel = KernelOp::create(b, v.getLoc(), TypeRange{v.getType()},
                                 ValueRange{v}, b.getStringAttr(why),
                                 DictionaryAttr(), ArrayAttr(), ArrayAttr());
  Block *body = b.createBlock(&kernel.getBody());
  Value inner = body->addArgument(v.getType(), v.getLoc());
  YieldOp::create(b, v.getLoc(), inner);
  return kernel.getResult(0);
}

namespace {
class LayoutAssigner {
public:
  explicit LayoutAssigner(Block &block) : block(block) {}
  DenseMap<Value, Order> run();

private:
  Order orderOf(Value v);
  SmallVector<int64_t> stridesOf(Value v) {
    return stridesIn(orderOf(v), boundedShape(tensorType(v)));
  }
  /// Sorts axes by descending key; symbolic extents first, ties keep order.
  static Order sorted(RankedTensorType type, ArrayRef<int64_t> keys);
  int64_t laneAxisOf(const ContractNest &nest, const Access &lanes,
                     KernelOp kernel);
  void assignContraction(KernelOp kernel, ContractOp contract);
  void assignByLargestOperand(KernelOp kernel);

  Value inOrder(Value v, const Order &order, KernelOp before);
  void straightenTail(KernelOp kernel, const ContractNest &nest, unsigned lane);

  Block &block;
  DenseMap<Value, Order> orders;
  DenseMap<Value, SmallVector<Value, 1>> copies; // of a value, in other orders
};

/// `v` in this order: a copy, made before `before` unless an earlier kernel has
/// asked for the same one, as each step of a recurrent network does for its
/// weights.
Value LayoutAssigner::inOrder(Value v, const Order &order, KernelOp before) {
  SmallVector<Value, 1> &made = copies[v];
  for (Value copy : made)
    if (orders[copy] == order)
      return copy;
  Value copy = insertCopy(v, before, (before.getName() + "_pack").str());
  orders[copy] = order;
  made.push_back(copy);
  return copy;
}

Order LayoutAssigner::orderOf(Value v) {
  auto it = orders.find(v);
  if (it != orders.end())
    return it->second;
  Order order(tensorType(v).getRank());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Order LayoutAssigner::sorted(RankedTensorType type, ArrayRef<int64_t> keys) {
  Order order(type.getRank());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    if (type.isDynamicDim(a) != type.isDynamicDim(b))
      return type.isDynamicDim(a);
    return keys[a] > keys[b];
  });
  return order;
}

/// The axis of the result for the vector lanes, or -1 to leave the natural one.
int64_t LayoutAssigner::laneAxisOf(const ContractNest &nest,
                                   const Access &lanes, KernelOp kernel) {
  AffineExpr address = linearAddress(
      lanes.map, stridesOf(kernel.getOperands()[lanes.leaf.getArgNumber()]),
      nest.extents);
  // Fewer lanes than this waste most of a register.
  constexpr int64_t enough = 16;
  int64_t best = -1, longest = 0;
  for (unsigned d = 0; d < nest.extents.size(); ++d) {
    if (nest.reduced[d] || nest.inScalar[d] || nest.extents[d] == 1)
      continue;
    auto split = splitLinear(address, d);
    bool contiguous = split && std::abs(split->first) == 1;
    int64_t length = std::min(nest.extents[d], enough) * 2 + contiguous;
    // Of equals the last, which is innermost in the natural order.
    if (length >= longest) {
      longest = length;
      best = nest.resultAxis[d];
    }
  }
  return best;
}

/// What the tail of a contraction reads must advance evenly along the lane, or
/// the whole contraction has no lanes. A reshape in the tail folds axes that
/// lie apart in another order than the natural one, as the channels and
/// positions that a linear layer takes for features: the tail then reads a
/// copy.
void LayoutAssigner::straightenTail(KernelOp kernel, const ContractNest &nest,
                                    unsigned lane) {
  ContractOp contract = nest.op;
  AffineMap result = AffineMap::get(
      maxLoopDims, 0, contract.map(2).getResults(), kernel.getContext());
  SmallVector<int64_t> extents(nest.extents);
  llvm::SetVector<unsigned> uneven;
  for (Value yield : yieldedAll(kernel))
    walkAccesses(
        yield, result, extents,
        [&](const Access &access) {
          unsigned number = access.leaf.getArgNumber();
          Value v = kernel.getOperands()[number];
          auto shape = boundedShape(tensorType(v));
          auto even = [&](ArrayRef<int64_t> strides) {
            return splitLinear(linearAddress(access.map, strides, extents),
                               lane)
                .has_value();
          };
          if (!access.indirect && !isWeight(kernel, access.leaf) &&
              !even(stridesOf(v)) && even(rowMajorStrides(shape)))
            uneven.insert(number);
        },
        contract);
  for (unsigned number : uneven) {
    Value v = kernel.getOperands()[number];
    Order natural(tensorType(v).getRank());
    std::iota(natural.begin(), natural.end(), 0);
    kernel->setOperand(number, inOrder(v, natural, kernel));
  }
}

/// Whether `v` is the result of a write, or a view of it.
static bool isWritten(Value v) {
  auto kernel = v.getDefiningOp<KernelOp>();
  while (kernel && soleView(kernel))
    kernel = kernel.getOperand(0).getDefiningOp<KernelOp>();
  return kernel && writeOf(kernel);
}

void LayoutAssigner::assignContraction(KernelOp kernel, ContractOp contract) {
  ContractNest nest = analyseContraction(kernel, contract);
  auto type = contract.getType();
  // Free axes of the lanes operand innermost, the others as the scalar operand
  // is read.
  SmallVector<int64_t> keys(type.getRank(), 0);
  auto scalar = contractLeaf(nest, 1 - nest.lanesOperand);
  std::optional<AffineExpr> address;
  if (scalar)
    address = linearAddress(
        scalar->map,
        stridesOf(kernel.getOperands()[scalar->leaf.getArgNumber()]),
        nest.extents);
  constexpr int64_t outer = int64_t(1) << 40;
  // Of a constant there is no order to follow.
  bool isMatrix = scalar && isWeight(kernel, scalar->leaf);
  for (unsigned d = 0; d < nest.extents.size(); ++d) {
    if (nest.reduced[d])
      continue;
    int64_t &key = keys[nest.resultAxis[d]];
    if (isMatrix || !nest.inScalar[d]) {
      key = type.getRank() - nest.resultAxis[d]; // natural order, innermost
      continue;
    }
    key = outer;
    if (address)
      if (auto split = splitLinear(*address, d))
        key += std::abs(split->first);
  }
  Value result = kernel.getResult(0);
  if (tensorType(result).getRank() != type.getRank())
    return;
  // Of several free axes of a lanes operand made at run time that one goes
  // innermost along which it is contiguous, or which is the longest: the
  // gradient of a convolution's weights has channels and window positions.
  auto lanes = contractLeaf(nest, nest.lanesOperand);
  if (lanes && !isWeight(kernel, lanes->leaf))
    if (int64_t axis = laneAxisOf(nest, *lanes, kernel); axis >= 0)
      keys[axis] = 0;
  orders[result] = sorted(tensorType(result), keys);

  int64_t laneAxis = -1;
  for (int64_t axis : llvm::reverse(orders[result]))
    if (type.getDimSize(axis) > 1) {
      laneAxis = axis;
      break;
    }
  unsigned laneDim = 0;
  while (laneDim < nest.extents.size() && nest.resultAxis[laneDim] != laneAxis)
    ++laneDim;
  if (laneAxis < 0 || laneDim == nest.extents.size())
    return;
  straightenTail(kernel, nest, laneDim);

  // A lanes operand made at run time must have the lane axis innermost.
  if (!lanes || isWeight(kernel, lanes->leaf) || !nest.inLanes[laneDim])
    return;
  unsigned number = lanes->leaf.getArgNumber();
  Value v = kernel.getOperands()[number];
  auto split = splitLinear(
      linearAddress(lanes->map, stridesOf(v), nest.extents), laneDim);
  if (split && split->first == 1)
    return;
  // What is written to in place is not copied to be read.
  if (isWritten(v))
    return;
  // The leaf's axis that the lane dimension walks goes innermost.
  int64_t walked = -1;
  for (auto [axis, e] : llvm::enumerate(lanes->map.getResults()))
    if (e.isFunctionOfDim(laneDim))
      walked = axis;
  if (walked < 0)
    return;
  Order order = orderOf(v);
  order.erase(llvm::find(order, walked));
  order.push_back(walked);
  kernel->setOperand(number, inOrder(v, order, kernel));
}

/// How far one step along dimension d moves, on average where the address is
/// not linear in it (a shuffle of channels).
static int64_t meanStride(AffineExpr address, unsigned d,
                          ArrayRef<int64_t> extents) {
  if (auto split = splitLinear(address, d))
    return std::abs(split->first);
  SmallVector<AffineExpr> first(maxLoopDims,
                                getAffineConstantExpr(0, address.getContext()));
  SmallVector<AffineExpr> last(first);
  last[d] = getAffineConstantExpr(extents[d] - 1, address.getContext());
  auto value = [&](ArrayRef<AffineExpr> at) {
    auto constant = dyn_cast<AffineConstantExpr>(address.replaceDims(at));
    return constant ? constant.getValue() : 0;
  };
  return std::abs(value(last) - value(first)) /
         std::max<int64_t>(extents[d] - 1, 1);
}

void LayoutAssigner::assignByLargestOperand(KernelOp kernel) {
  Value result = kernel.getResult(0);
  auto type = tensorType(result);
  SmallVector<int64_t> extents = boundedShape(type);
  unsigned rank = type.getRank();
  int64_t best = 0;
  SmallVector<int64_t> keys;
  walkAccesses(
      yielded(kernel), loopIdentity(kernel.getContext(), rank), extents,
      [&](const Access &access) {
        Value v = kernel.getOperands()[access.leaf.getArgNumber()];
        int64_t size = 1;
        for (int64_t extent : boundedShape(tensorType(v)))
          size *= extent;
        if (size <= best || access.indirect || isWeight(kernel, access.leaf))
          return;
        AffineExpr address = linearAddress(access.map, stridesOf(v), extents);
        SmallVector<int64_t> found;
        for (unsigned d = 0; d < rank; ++d)
          found.push_back(meanStride(address, d, extents));
        // An axis that is broadcast keeps its row-major place.
        auto natural = rowMajorStrides(boundedShape(type));
        bool any = llvm::any_of(found, [](int64_t k) { return k > 0; });
        for (unsigned d = 0; d < rank; ++d)
          if (found[d] == 0)
            found[d] =
                type.getDimSize(d) == 1 || !any ? natural[d] : int64_t(1) << 40;
        best = size;
        keys = found;
      });
  if (!keys.empty())
    orders[result] = sorted(type, keys);
}

DenseMap<Value, Order> LayoutAssigner::run() {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto concat = dyn_cast<ConcatOp>(op)) {
      Value lead = concat.getXs().front();
      auto extent = [&](Value x) {
        return tensorType(x).getDimSize(concat.getAxis());
      };
      for (Value x : concat.getXs())
        if (extent(x) > extent(lead))
          lead = x;
      orders[concat.getResult()] = orderOf(lead);
      continue;
    }
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel)
      continue;
    if (orders.count(kernel.getResult(0)))
      continue;
    if (WriteOp write = writeOf(kernel))
      orders[kernel.getResult(0)] =
          orderOf(kernel.getOperand(writtenOperand(write)));
    else if (auto contract = contractionOf(kernel))
      assignContraction(kernel, contract);
    else if (!yielded(kernel)
                  .getDefiningOp<ScatterOp>()) // sums rows, row-major
      assignByLargestOperand(kernel);
  }
  return std::move(orders);
}
} // namespace

DenseMap<Value, Order> assignLayout(Block &block) {
  return LayoutAssigner(block).run();
}

} // namespace nacre::schedule
