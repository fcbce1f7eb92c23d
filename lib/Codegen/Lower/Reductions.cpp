//===- Reductions.cpp - loops inside a kernel's body ----------------------===//
//
// A reduction asked for at an index opens loops of its own. When its result
// does not vary along the kernel's lane, the lanes are put to use across the
// reduction instead and folded at the end.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;

Value Body::neutral(ReduceKind kind, Type element, Type type) {
  if (kind == ReduceKind::add)
    return zero(type);
  OpBuilder &builder = b;
  TypedAttr value;
  Type scalar = getElementTypeOrSelf(type);
  if (auto floating = dyn_cast<FloatType>(scalar)) {
    auto &semantics = floating.getFloatSemantics();
    APFloat f = kind == ReduceKind::mul
                    ? APFloat(semantics, 1)
                    : APFloat::getInf(semantics, kind == ReduceKind::max);
    value = builder.getFloatAttr(scalar, f);
  } else {
    unsigned width = scalar.getIntOrFloatBitWidth();
    bool u = isUnsignedElement(element);
    APInt i =
        kind == ReduceKind::mul ? APInt(width, 1)
        : kind == ReduceKind::max
            ? (u ? APInt::getZero(width) : APInt::getSignedMinValue(width))
            : (u ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width));
    value = builder.getIntegerAttr(scalar, i);
  }
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vector, Attribute(value)));
  return arith::ConstantOp::create(b, loc, value);
}

Value Body::combine(ReduceKind kind, Type element, Value a, Value c) {
  bool floating = isa<FloatType>(getElementTypeOrSelf(a.getType()));
  bool u = isUnsignedElement(element);
  switch (kind) {
  case ReduceKind::add:
    return floating ? Value(arith::AddFOp::create(b, loc, a, c))
                    : Value(arith::AddIOp::create(b, loc, a, c));
  case ReduceKind::mul:
    return floating ? Value(arith::MulFOp::create(b, loc, a, c))
                    : Value(arith::MulIOp::create(b, loc, a, c));
  case ReduceKind::max:
  case ReduceKind::min: {
    bool wantMax = kind == ReduceKind::max;
    if (floating) {
      // NaN on either side stays.
      Value better = arith::CmpFOp::create(b, loc,
                                           wantMax ? arith::CmpFPredicate::OLT
                                                   : arith::CmpFPredicate::OGT,
                                           a, c);
      Value isNaN =
          arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, c, c);
      Value take = arith::OrIOp::create(b, loc, better, isNaN);
      return arith::SelectOp::create(b, loc, take, c, a);
    }
    if (wantMax)
      return u ? Value(arith::MaxUIOp::create(b, loc, a, c))
               : Value(arith::MaxSIOp::create(b, loc, a, c));
    return u ? Value(arith::MinUIOp::create(b, loc, a, c))
             : Value(arith::MinSIOp::create(b, loc, a, c));
  }
  }
  llvm_unreachable("no such reduction");
}

SmallVector<Value>
Body::nest(ArrayRef<unsigned> dims, ArrayRef<int64_t> steps,
           ArrayRef<int64_t> bounds, ValueRange init,
           llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  if (dims.empty())
    return body(init);
  Value bound = symbolicBound.lookup(dims[0]);
  if (!bound && bounds[0] == steps[0]) { // one iteration
    ivs[dims[0]] = index(int64_t(0));
    return nest(dims.drop_front(), steps.drop_front(), bounds.drop_front(),
                init, body);
  }
  auto loop = scf::ForOp::create(b, loc, index(int64_t(0)),
                                 bound ? bound : index(bounds[0]),
                                 index(steps[0]), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dims[0]] = loop.getInductionVar();
  auto values = nest(dims.drop_front(), steps.drop_front(), bounds.drop_front(),
                     loop.getRegionIterArgs(), body);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, loc, values);
  return SmallVector<Value>(loop.getResults());
}

bool Body::canBeLane(Value v, AffineMap map, unsigned dim,
                     int64_t &unitAccesses) {
  SmallVector<int64_t> open(extents);
  bool ok = true;
  walkAccesses(v, map, open, [&](const Access &a) {
    auto place =
        cast<PlaceAttr>((*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
    auto split = splitLinear(
        linearAddress(a.map, place.getStrides().asArrayRef(), open), dim);
    if (!split || (a.index && split->first))
      ok = false;
    else if (split->first == 1)
      ++unitAccesses;
  });
  return ok;
}

void Body::hoistReductions(Value v, AffineMap map,
                           const llvm::SmallBitVector &inner) {
  Operation *op = v.getDefiningOp();
  if (!op || cache.count({v, map}))
    return;
  if (auto view = dyn_cast<ViewOpInterface>(op)) {
    // Under a pad the reduction may be read outside its range.
    if (!view.fillValue())
      hoistReductions(view.source(), composeView(view, map, extents), inner);
  } else if (isa<ReduceOp, ArgReduceOp>(op)) {
    for (unsigned d : inner.set_bits())
      if (map.isFunctionOfDim(d))
        return;
    pull(v, map);
  } else if (isa<ElementwiseOpInterface>(op)) {
    for (Value operand : op->getOperands())
      hoistReductions(operand, map, inner);
  }
}

/// The same of axes whose extent the run decides. The innermost is left to
/// vectors.
void Body::noteOpenDims(ReduceOp op, unsigned first) {
  auto names = schedule::openNames(op, openDims, op.getAxes().size());
  SmallVector<int64_t> shape = boundedShape(tensorType(op.getX()));
  for (auto [i, name] : llvm::enumerate(names))
    if (int64_t axis = op.getAxes()[i];
        name && axis + 1 < int64_t(shape.size()))
      symbolicBound[first + i] = within(symbols.lookup(name), shape[axis]);
}

/// Remembers the run-time bound of each symbolic axis a reduction opens, and
/// forgets what the dimensions' earlier users left.
void Body::noteSymbolicBounds(RankedTensorType input, ArrayRef<int64_t> axes,
                              unsigned first) {
  unsigned d = first;
  for (int64_t axis = 0; axis < input.getRank(); ++axis) {
    if (!llvm::is_contained(axes, axis))
      continue;
    if (StringAttr symbol = symbolOf(input, axis))
      symbolicBound[d] = symbols.lookup(symbol);
    else
      symbolicBound.erase(d);
    ++d;
  }
}

/// Shorter reductions are done by every item of a group on its own.
static constexpr int64_t minSharedPoints = 32;

/// A reduction by all items of a work-group: each takes every group-th point,
/// the partial results meet in local memory in two steps.
Value Body::shareReduction(ArrayRef<unsigned> dims, Value start,
                           llvm::function_ref<Value(Value)> step,
                           llvm::function_ref<Value(Value, Value)> join) {
  int64_t points = 1;
  for (unsigned d : dims)
    points *= extents[d];
  Value partial;
  {
    auto loop = scf::ForOp::create(b, loc, itemId, index(points), index(group),
                                   ValueRange{start});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    setLoops(SmallVector<int64_t>(dims), extents, loop.getInductionVar());
    cooperative = false;
    Value next = step(loop.getRegionIterArgs()[0]);
    cooperative = true;
    scf::YieldOp::create(b, loc, next);
    partial = loop.getResult(0);
  }
  Value shared = allocate(group, start.getType(), true);
  memref::StoreOp::create(b, loc, partial, shared, itemId);
  gpu::BarrierOp::create(b, loc);
  // The first `heads` items join every heads-th partial result, then all join
  // theirs.
  int64_t heads = int64_t(1) << (llvm::Log2_64(group) / 2);
  auto joinFrom = [&](Value first, Value from, int64_t to, int64_t stride) {
    auto loop = scf::ForOp::create(b, loc, from, index(to), index(stride),
                                   ValueRange{first});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value other =
        memref::LoadOp::create(b, loc, shared, loop.getInductionVar());
    Value joined = join(loop.getRegionIterArgs()[0], other);
    scf::YieldOp::create(b, loc, joined);
    return loop.getResult(0);
  };
  Value isHead = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                       itemId, index(heads));
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, isHead, false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    Value from = arith::AddIOp::create(b, loc, itemId, index(heads));
    Value joined = joinFrom(partial, from, group, heads);
    memref::StoreOp::create(b, loc, joined, shared, itemId);
  }
  gpu::BarrierOp::create(b, loc);
  Value first = memref::LoadOp::create(b, loc, shared, index(int64_t(0)));
  return joinFrom(first, index(1), heads, 1);
}

/// What one element of a reduction costs, in operations.
static int64_t elementCost(Value v, llvm::SmallPtrSetImpl<Operation *> &seen) {
  Operation *op = v.getDefiningOp();
  if (!op || !seen.insert(op).second || isa<ReduceOp, ArgReduceOp>(op))
    return 0;
  auto elementwise = dyn_cast<ElementwiseOpInterface>(op);
  int64_t cost = elementwise ? elementwise.scalarCost() : 0;
  for (Value operand : op->getOperands())
    cost += elementCost(operand, seen);
  return cost;
}

/// How many sums a reduction is to have that do not wait for each other. An
/// addition or comparison takes about four cycles; where an element takes
/// longer, the next ones are on their way meanwhile.
static int64_t sumsOf(ReduceOp op) {
  constexpr int64_t many = 4, littleWork = 8;
  llvm::SmallPtrSet<Operation *, 16> seen;
  return elementCost(op.getX(), seen) <= littleWork ? many : 1;
}

Value Body::accumulate(ArrayRef<unsigned> dims, ArrayRef<int64_t> steps,
                       ArrayRef<int64_t> bounds, int64_t sums, Value start,
                       llvm::function_ref<Value(Value)> step,
                       llvm::function_ref<Value(Value, Value)> join) {
  auto alone = [&](ValueRange sum) { return SmallVector<Value>{step(sum[0])}; };
  if (dims.empty() || symbolicBound.count(dims.back()) ||
      bounds.back() / steps.back() < sums)
    return nest(dims, steps, bounds, start, alone)[0];
  unsigned d = dims.back();
  int64_t one = steps.back(), count = bounds.back() / one, left = count % sums;
  SmallVector<int64_t> strides(steps), ends(bounds);
  strides.back() = one * sums;
  ends.back() = (count - left) * one;
  SmallVector<Value> all(sums, start);
  all = nest(dims, strides, ends, all, [&](ValueRange before) {
    SmallVector<Value> next;
    Value first = ivs[d];
    for (auto [i, sum] : llvm::enumerate(before)) {
      if (i > 0)
        ivs[d] = arith::AddIOp::create(b, loc, first, index(int64_t(i) * one));
      next.push_back(step(sum));
    }
    return next;
  });
  if (left)
    all = nest(dims.drop_back(), steps.drop_back(), bounds.drop_back(), all,
               [&](ValueRange before) {
                 SmallVector<Value> next(before);
                 for (int64_t i = 0; i < left; ++i) {
                   ivs[d] = index(ends.back() + i * one);
                   next[i] = step(next[i]);
                 }
                 return next;
               });
  for (; all.size() > 1; all.resize(all.size() / 2))
    for (size_t i = 0; i < all.size() / 2; ++i)
      all[i] = join(all[i], all[i + all.size() / 2]);
  return all[0];
}

/// Whether this is the reduction that computes the row of the held value.
bool Body::fillsHeld(ReduceOp op, AffineMap map) {
  if (!held || !held->fills || held->filling || held->filled)
    return false;
  return schedule::isAtRow(map, held->identity, op.getAxes()) &&
         schedule::computesAtSameIndex(op.getX(), held->value);
}

Value Body::emitReduce(ReduceOp op, AffineMap map) {
  auto input = tensorType(op.getX());
  Type element = input.getElementType();
  Type accumulator =
      isNarrowFloat(element) ? b.getF32Type() : storageType(element);
  Value result;
  int outerLane = lane;
  int64_t outerLanes = lanes;
  Value outerMask = mask, outerCount = laneCount;
  bool perLane = lane >= 0 && lanes > 1 && map.isFunctionOfDim(lane);
  scoped([&] {
    unsigned first = extents.size();
    AffineMap inner = openReduction(input, op.getAxes(), map, extents);
    noteSymbolicBounds(input, op.getAxes(), first);
    noteOpenDims(op, first);
    SmallVector<unsigned> dims;
    llvm::SmallBitVector innerDims(maxLoopDims);
    for (unsigned d = first; d < extents.size(); ++d) {
      innerDims.set(d);
      if (extents[d] != 1 || symbolicBound.count(d))
        dims.push_back(d);
      else
        ivs[d] = index(int64_t(0));
    }
    hoistReductions(op.getX(), inner, innerDims);
    bool fills = fillsHeld(op, map);
    if (fills)
      held->filling = true;
    // Walk the input in the order it is stored.
    SmallVector<int64_t> keys(maxLoopDims, 0);
    SmallVector<int64_t> open(extents);
    walkAccesses(op.getX(), inner, open, [&](const Access &a) {
      auto place =
          cast<PlaceAttr>((*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
      AffineExpr address =
          linearAddress(a.map, place.getStrides().asArrayRef(), open);
      for (unsigned d : dims)
        if (auto split = splitLinear(address, d))
          keys[d] = std::max(keys[d], std::abs(split->first));
    });
    llvm::stable_sort(
        dims, [&](unsigned p, unsigned q) { return keys[p] > keys[q]; });
    // Reduce across lanes when the result does not vary along them.
    int64_t width = 1;
    if (!perLane) {
      lane = -1;
      lanes = 1;
      mask = {};
      int64_t unit = 0;
      if (!dims.empty() && !symbolicBound.count(dims.back()) &&
          extents[dims.back()] >= 8 && outerLanes >= 4 &&
          canBeLane(op.getX(), inner, dims.back(), unit) && unit > 0) {
        lane = dims.back();
        lanes = width =
            std::min<int64_t>(outerLanes, llvm::PowerOf2Ceil(extents[lane]));
      }
    }
    Type type = perLane || width > 1 ? laneType(accumulator) : accumulator;
    SmallVector<int64_t> steps(dims.size(), 1), bounds;
    for (unsigned d : dims)
      bounds.push_back(extents[d]);
    auto join = [&](Value a, Value c) {
      return combine(op.getKind(), element, a, c);
    };
    auto step = [&](Value sum) {
      Value next;
      scoped([&] {
        Value v = widen(pull(op.getX(), inner));
        if (isa<VectorType>(type))
          v = splatTo(v);
        next = join(sum, v);
      });
      return next;
    };
    int64_t sums = group ? 1 : sumsOf(op);
    Value start = neutral(op.getKind(), element, type);
    int64_t points = 1;
    for (unsigned d : dims)
      points *= symbolicBound.count(d) ? 1 : extents[d];
    if (llvm::is_contained(extents, 0)) {
      result = start;
    } else if (cooperative && points >= minSharedPoints &&
               llvm::none_of(
                   dims, [&](unsigned d) { return symbolicBound.count(d); })) {
      result = shareReduction(dims, start, step, join);
    } else if (width == 1) {
      result = accumulate(dims, steps, bounds, sums, start, step, join);
    } else {
      int64_t whole = extents[lane] / width * width;
      unsigned laneDim = lane;
      steps.back() = width;
      result = start;
      if (whole) {
        bounds.back() = whole;
        result = accumulate(dims, steps, bounds, sums, result, step, join);
      }
      if (int64_t rest = extents[laneDim] - whole) {
        limitLanes(index(rest));
        auto tail = [&](ValueRange sums) {
          ivs[laneDim] = index(whole);
          Value v;
          scoped([&] { v = splatTo(widen(pull(op.getX(), inner))); });
          v = arith::SelectOp::create(b, loc, mask, v, start);
          return SmallVector<Value>{combine(op.getKind(), element, sums[0], v)};
        };
        ArrayRef<unsigned> outer = ArrayRef(dims).drop_back();
        result = nest(outer, ArrayRef(steps).drop_back(),
                      ArrayRef(bounds).drop_back(), result, tail)[0];
        allLanes();
      }
      // Fold the lanes, halving.
      for (int64_t half = width / 2; half >= 1; half /= 2) {
        Value low = vector::ExtractStridedSliceOp::create(
            b, loc, result, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{half},
            ArrayRef<int64_t>{1});
        Value high = vector::ExtractStridedSliceOp::create(
            b, loc, result, ArrayRef<int64_t>{half}, ArrayRef<int64_t>{half},
            ArrayRef<int64_t>{1});
        result = combine(op.getKind(), element, low, high);
      }
      result = vector::ExtractOp::create(b, loc, result, ArrayRef<int64_t>{0});
    }
    if (fills) {
      held->filling = false;
      held->filled = true;
    }
  });
  lane = outerLane;
  lanes = outerLanes;
  mask = outerMask;
  laneCount = outerCount;
  return narrowTo(result, element);
}

Value Body::emitArgReduce(ArgReduceOp op, AffineMap map) {
  auto input = tensorType(op.getX());
  Type element = input.getElementType();
  Value result;
  bool shared = std::exchange(cooperative, false);
  scoped([&] {
    unsigned dim = extents.size();
    AffineMap inner =
        openReduction(input, {int64_t(op.getAxis())}, map, extents);
    noteSymbolicBounds(input, {int64_t(op.getAxis())}, dim);
    Type storage = storageType(element);
    Value none = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(-1));
    SmallVector<Value> start{zero(storage), none};
    result = nest({dim}, {1}, {extents[dim]}, start, [&](ValueRange best) {
      SmallVector<Value> next;
      scoped([&] {
        Value v = pull(op.getX(), inner);
        Value at = arith::IndexCastOp::create(b, loc, b.getI64Type(), ivs[dim]);
        Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                            best[1], zero(b.getI64Type()));
        bool wantMax = op.getKind() == ReduceKind::max, last = op.getLast();
        Value better;
        if (isa<FloatType>(element)) {
          using P = arith::CmpFPredicate;
          P p = wantMax ? (last ? P::OGE : P::OGT) : (last ? P::OLE : P::OLT);
          better = arith::CmpFOp::create(b, loc, p, v, best[0]);
          // NaN is the extreme; among NaNs first or last wins as asked.
          Value isNaN = arith::CmpFOp::create(b, loc, P::UNO, v, v);
          Value wasNaN =
              arith::CmpFOp::create(b, loc, P::UNO, best[0], best[0]);
          Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
          Value fresh = last ? isNaN
                             : Value(arith::AndIOp::create(
                                   b, loc, isNaN,
                                   arith::XOrIOp::create(b, loc, wasNaN, yes)));
          better = arith::OrIOp::create(b, loc, better, fresh);
        } else {
          using P = arith::CmpIPredicate;
          bool u = isUnsignedElement(element);
          P p = wantMax
                    ? (last ? (u ? P::uge : P::sge) : (u ? P::ugt : P::sgt))
                    : (last ? (u ? P::ule : P::sle) : (u ? P::ult : P::slt));
          better = arith::CmpIOp::create(b, loc, p, v, best[0]);
        }
        Value take = arith::OrIOp::create(b, loc, first, better);
        next.push_back(arith::SelectOp::create(b, loc, take, v, best[0]));
        next.push_back(arith::SelectOp::create(b, loc, take, at, best[1]));
      });
      return next;
    })[1];
  });
  cooperative = shared;
  return result;
}

/// A contraction without a tiled schedule: plain loops.
Value Body::emitContract(ContractOp op, AffineMap map) {
  Type element = op.getType().getElementType();
  Type accumulator =
      isNarrowFloat(element) ? b.getF32Type() : storageType(element);
  Value result;
  scoped([&] {
    schedule::ContractNest c = schedule::analyseContraction(kernel, op);
    SmallVector<AffineExpr> loops(c.extents.size());
    SmallVector<unsigned> dims;
    SmallVector<int64_t> steps, bounds;
    for (unsigned d = 0; d < c.extents.size(); ++d) {
      if (!c.reduced[d]) {
        loops[d] = map.getResult(c.resultAxis[d]);
        continue;
      }
      loops[d] = getAffineDimExpr(extents.size(), b.getContext());
      symbolicBound.erase(extents.size());
      dims.push_back(extents.size());
      steps.push_back(1);
      bounds.push_back(c.extents[d]);
      extents.push_back(c.extents[d]);
    }
    if (llvm::is_contained(bounds, 0)) {
      result = zero(accumulator);
      return;
    }
    AffineMap maps[2] = {openContraction(op, 0, loops),
                         openContraction(op, 1, loops)};
    result = nest(
        dims, steps, bounds, zero(laneType(accumulator)), [&](ValueRange sums) {
          SmallVector<Value> next;
          scoped([&] {
            auto factor = [&](unsigned k) {
              Value v = op->getOperand(k);
              return widenTo(pull(v, maps[k]), tensorType(v).getElementType(),
                             accumulator);
            };
            next.push_back(multiplyAdd(factor(0), factor(1), sums[0]));
          });
          return next;
        })[0];
  });
  return narrowTo(result, element);
}

} // namespace nacre::codegen
