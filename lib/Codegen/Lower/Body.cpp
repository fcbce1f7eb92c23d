//===- Body.cpp - a kernel's body as scalar and vector code ---------------===//
#include "Body.h"
#include "nacre/Lazy/IndexMap.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;

Body::Body(OpBuilder &b, Location loc, KernelOp kernel)
    : b(b), loc(loc), kernel(kernel), ivs(maxLoopDims) {}

Value Body::index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

Value Body::index(AffineExpr expr) {
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    return index(cast<AffineConstantExpr>(expr).getValue());
  case AffineExprKind::DimId:
    return ivs[cast<AffineDimExpr>(expr).getPosition()];
  case AffineExprKind::SymbolId:
    llvm_unreachable("index expressions hold no symbols");
  default:
    break;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value x = index(binary.getLHS()), y = index(binary.getRHS());
  auto range = rangeOf(binary.getLHS(), extents);
  bool natural = range && range->min >= 0;
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, loc, x, y);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, loc, x, y);
  case AffineExprKind::FloorDiv:
    return natural ? Value(arith::DivUIOp::create(b, loc, x, y))
                   : Value(arith::FloorDivSIOp::create(b, loc, x, y));
  case AffineExprKind::Mod: {
    if (natural)
      return arith::RemUIOp::create(b, loc, x, y);
    Value floor = arith::FloorDivSIOp::create(b, loc, x, y);
    return arith::SubIOp::create(b, loc, x, arith::MulIOp::create(b, loc, floor, y));
  }
  default:
    llvm_unreachable("no such index expression");
  }
}

Type Body::laneType(Type element) {
  return lanes > 1 ? Type(VectorType::get({lanes}, element)) : element;
}

Value Body::splatTo(Value v) {
  if (lanes == 1 || isa<VectorType>(v.getType()))
    return v;
  return vector::BroadcastOp::create(b, loc, laneType(v.getType()), v);
}

Value Body::zero(Type type) {
  return arith::ConstantOp::create(b, loc, cast<TypedAttr>(b.getZeroAttr(type)));
}

static bool isNarrowFloat(Type t) { return t.isF16() || t.isBF16(); }

static Type withElementType(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

Value Body::widen(Value v) {
  if (!isNarrowFloat(getElementTypeOrSelf(v.getType())))
    return v;
  return arith::ExtFOp::create(b, loc, withElementType(v.getType(), b.getF32Type()), v);
}
Value Body::narrowTo(Value v, Type element) {
  if (!isNarrowFloat(element) || getElementTypeOrSelf(v.getType()) == element)
    return v;
  return arith::TruncFOp::create(b, loc, withElementType(v.getType(), element), v);
}

Value Body::multiplyAdd(Value a, Value c, Value sum) {
  if (isa<VectorType>(sum.getType())) {
    a = splatTo(a);
    c = splatTo(c);
  }
  if (isa<FloatType>(getElementTypeOrSelf(sum.getType()))) {
    if (isa<VectorType>(sum.getType()))
      return vector::FMAOp::create(b, loc, a, c, sum);
    return math::FmaOp::create(b, loc, a, c, sum);
  }
  return arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, a, c), sum);
}

void Body::scoped(llvm::function_ref<void()> emit) {
  auto saved = cache;
  size_t open = extents.size();
  emit();
  cache = std::move(saved);
  extents.resize(open);
}

//===-- memory ------------------------------------------------------------===//

/// base + coefficient * (0, 1, 2, ..) as a vector of indices.
Value Body::laneIndices(int64_t coefficient, Value base) {
  auto type = VectorType::get({lanes}, b.getIndexType());
  SmallVector<Attribute> steps;
  for (int64_t i = 0; i < lanes; ++i)
    steps.push_back(b.getIndexAttr(i * coefficient));
  Value v = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, steps));
  if (!base)
    return v;
  return arith::AddIOp::create(b, loc, vector::BroadcastOp::create(b, loc, type, base), v);
}

Value Body::load(Value buffer, Type element, AffineExpr address) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  int64_t coefficient = 0;
  if (lane >= 0 && lanes > 1) {
    auto split = splitLinear(address, lane);
    assert(split && "the schedule put a lane on a non-linear access");
    coefficient = split->first;
  }
  Value at = index(address);
  Value v;
  if (coefficient == 0) {
    v = memref::LoadOp::create(b, loc, buffer, at);
  } else {
    auto type = VectorType::get({lanes}, stored);
    if (coefficient == 1 && !mask)
      v = vector::LoadOp::create(b, loc, type, buffer, at);
    else if (coefficient == 1)
      v = vector::MaskedLoadOp::create(b, loc, type, buffer, at, mask, zero(type));
    else {
      Value all = mask;
      if (!all)
        all = arith::ConstantOp::create(
            b, loc, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), true));
      v = vector::GatherOp::create(b, loc, type, buffer, at, laneIndices(coefficient, {}),
                                   all, zero(type));
    }
  }
  if (element.isInteger(1))
    v = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, v, zero(v.getType()));
  return v;
}

void Body::store(unsigned result, Value value, AffineMap map) {
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[result]);
  AffineExpr address = linearAddress(map, place.getStrides().asArrayRef(), extents);
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    value = arith::ExtUIOp::create(b, loc, withElementType(value.getType(), b.getI8Type()), value);
  Value at = index(address), buffer = results[result];
  if (lane < 0 || lanes == 1) {
    memref::StoreOp::create(b, loc, value, buffer, at);
    return;
  }
  int64_t coefficient = splitLinear(address, lane)->first;
  value = splatTo(value);
  if (coefficient == 1 && !mask) {
    vector::StoreOp::create(b, loc, value, buffer, at);
  } else if (coefficient == 1) {
    vector::MaskedStoreOp::create(b, loc, buffer, at, mask, value);
  } else {
    Value all = mask;
    if (!all)
      all = arith::ConstantOp::create(
          b, loc, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), true));
    vector::ScatterOp::create(b, loc, Type(), buffer, at, laneIndices(coefficient, {}), all, value);
  }
}

//===-- values ------------------------------------------------------------===//

Value Body::pull(Value v, AffineMap map) {
  auto key = std::make_pair(v, map);
  auto it = cache.find(key);
  if (it != cache.end())
    return it->second;
  Value result = emit(v, map);
  cache[key] = result;
  return result;
}

Value Body::emit(Value v, AffineMap map) {
  auto type = tensorType(v);
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    unsigned n = argument.getArgNumber();
    auto place = cast<PlaceAttr>((*kernel.getOperandPlaces())[n]);
    return load(operands[n], type.getElementType(),
                linearAddress(map, place.getStrides().asArrayRef(), extents));
  }
  Operation *op = v.getDefiningOp();
  if (auto view = dyn_cast<ViewOpInterface>(op))
    return emitView(view, map);
  if (auto splat = dyn_cast<SplatOp>(op)) {
    TypedAttr value = splat.getValue();
    if (auto integer = dyn_cast<IntegerAttr>(value))
      value = b.getIntegerAttr(storageType(type.getElementType()), integer.getValue());
    return arith::ConstantOp::create(b, loc, value);
  }
  if (auto iota = dyn_cast<IotaOp>(op))
    return emitIota(iota, map);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return emitReduce(reduce, map);
  if (auto arg = dyn_cast<ArgReduceOp>(op))
    return emitArgReduce(arg, map);
  if (auto contract = dyn_cast<ContractOp>(op))
    return emitContract(contract, map);
  if (auto gather = dyn_cast<GatherOp>(op))
    return emitGather(gather, map);
  auto elementwise = cast<ElementwiseOpInterface>(op);
  SmallVector<Value> args;
  bool vector = false;
  for (Value operand : op->getOperands()) {
    args.push_back(pull(operand, map));
    vector |= isa<VectorType>(args.back().getType());
  }
  if (vector)
    for (Value &arg : args) {
      // A broadcast constant stays recognisable as one.
      Attribute constant;
      if (!isa<VectorType>(arg.getType()) && matchPattern(arg, m_Constant(&constant)))
        arg = arith::ConstantOp::create(
            b, loc, DenseElementsAttr::get(VectorType::get({lanes}, arg.getType()), constant));
      else
        arg = splatTo(arg);
    }
  return elementwise.emitScalar(b, loc, args);
}

Value Body::emitView(ViewOpInterface view, AffineMap map) {
  AffineMap inner = composeView(view, map, extents);
  TypedAttr fill = view.fillValue();
  if (!fill)
    return pull(view.source(), inner);
  // Conditions that can fail, each an expression that must be >= 0.
  SmallVector<AffineExpr> conditions;
  for (auto [e, size] :
       llvm::zip(inner.getResults(), boundedShape(tensorType(view.source())))) {
    auto range = rangeOf(e, extents);
    if (!range || range->min < 0)
      conditions.push_back(e);
    if (!range || range->max >= size)
      conditions.push_back(size - 1 - e);
  }
  if (conditions.empty())
    return pull(view.source(), inner);
  if (auto integer = dyn_cast<IntegerAttr>(fill))
    fill = b.getIntegerAttr(storageType(integer.getType()), integer.getValue());
  Value uniform, varying;
  for (AffineExpr e : conditions) {
    bool varies = lane >= 0 && lanes > 1 && dependsOn(e, lane);
    Value at;
    if (varies) {
      auto split = splitLinear(e, lane);
      assert(split && "a guard must be linear in the lane");
      at = laneIndices(split->first, index(e));
    } else
      at = index(e);
    Value ok = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, at, zero(at.getType()));
    Value &all = varies ? varying : uniform;
    all = all ? Value(arith::AndIOp::create(b, loc, all, ok)) : ok;
  }
  auto guarded = [&]() -> Value {
    if (!varying)
      return pull(view.source(), inner);
    Value outer = mask;
    mask = outer ? Value(arith::AndIOp::create(b, loc, outer, varying)) : varying;
    Value v;
    auto saved = cache;
    v = splatTo(pull(view.source(), inner));
    cache = std::move(saved);
    mask = outer;
    Value filler = splatTo(arith::ConstantOp::create(b, loc, fill));
    return arith::SelectOp::create(b, loc, varying, v, filler);
  };
  if (!uniform)
    return guarded();
  // The type is known only once the branch is emitted.
  auto saved = cache;
  auto probe = scf::IfOp::create(b, loc, TypeRange{}, uniform, false);
  Value inside;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(probe.thenYield());
    inside = guarded();
  }
  cache = std::move(saved);
  auto branch = scf::IfOp::create(b, loc, TypeRange{inside.getType()}, uniform, true);
  Block *thenBlock = &branch.getThenRegion().front();
  thenBlock->getOperations().splice(thenBlock->end(), probe.thenBlock()->getOperations(),
                                    probe.thenBlock()->begin(),
                                    std::prev(probe.thenBlock()->end()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(thenBlock);
  scf::YieldOp::create(b, loc, inside);
  b.setInsertionPointToEnd(&branch.getElseRegion().front());
  Value filler = arith::ConstantOp::create(b, loc, fill);
  if (isa<VectorType>(inside.getType()))
    filler = splatTo(filler);
  scf::YieldOp::create(b, loc, filler);
  probe.erase();
  return branch.getResult(0);
}

Value Body::emitIota(IotaOp op, AffineMap map) {
  AffineExpr e = map.getResult(op.getAxis());
  Type element = tensorType(op.getResult()).getElementType();
  Value at = index(e);
  if (lane >= 0 && lanes > 1 && dependsOn(e, lane))
    at = laneIndices(splitLinear(e, lane)->first, at);
  Value wide = arith::IndexCastOp::create(b, loc, withElementType(at.getType(), b.getI64Type()), at);
  if (isa<FloatType>(element)) {
    Type target = withElementType(wide.getType(),
                                  isNarrowFloat(element) ? b.getF32Type() : element);
    return narrowTo(arith::SIToFPOp::create(b, loc, target, wide), element);
  }
  Type target = withElementType(wide.getType(), storageType(element));
  if (element.getIntOrFloatBitWidth() == 64)
    return wide;
  return arith::TruncIOp::create(b, loc, target, wide);
}

Value Body::emitGather(GatherOp op, AffineMap map) {
  int64_t axis = op.getAxis(), rank = tensorType(op.getIndex()).getRank();
  AffineMap indexMap = AffineMap::get(maxLoopDims, 0, map.getResults().slice(axis, rank),
                                      b.getContext());
  Value at = pull(op.getIndex(), indexMap);
  assert(!isa<VectorType>(at.getType()) && "the lane must not vary a gather's index");
  int64_t size = boundedShape(tensorType(op.getX()))[axis];
  Value wide = arith::IndexCastOp::create(b, loc, b.getIndexType(), at);
  Value sizeValue = index(size), none = index(int64_t(0));
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, wide, none);
  wide = arith::SelectOp::create(b, loc, negative,
                                 arith::AddIOp::create(b, loc, wide, sizeValue), wide);
  Value bad = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, wide, sizeValue);
  auto report = scf::IfOp::create(b, loc, TypeRange{}, bad, false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(report.thenYield());
    Value code = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(2)); // NACRE_E_INDEX
    memref::StoreOp::create(b, loc, code, status, index(int64_t(0)));
  }
  wide = arith::SelectOp::create(b, loc, bad, none, wide);
  SmallVector<AffineExpr> at2(map.getResults().take_front(axis));
  at2.push_back(getAffineDimExpr(extents.size(), b.getContext()));
  llvm::append_range(at2, map.getResults().drop_front(axis + rank));
  ivs[extents.size()] = wide;
  extents.push_back(size);
  return pull(op.getX(), AffineMap::get(maxLoopDims, 0, at2, b.getContext()));
}

//===-- reductions --------------------------------------------------------===//

Value Body::neutral(ReduceKind kind, Type element, Type type) {
  if (kind == ReduceKind::add)
    return zero(type);
  OpBuilder &builder = b;
  TypedAttr value;
  Type scalar = getElementTypeOrSelf(type);
  if (auto floating = dyn_cast<FloatType>(scalar)) {
    auto &semantics = floating.getFloatSemantics();
    APFloat f = kind == ReduceKind::mul ? APFloat(semantics, 1)
                                        : APFloat::getInf(semantics, kind == ReduceKind::max);
    value = builder.getFloatAttr(scalar, f);
  } else {
    unsigned width = scalar.getIntOrFloatBitWidth();
    bool u = isUnsignedElement(element);
    APInt i = kind == ReduceKind::mul ? APInt(width, 1)
              : kind == ReduceKind::max
                  ? (u ? APInt::getZero(width) : APInt::getSignedMinValue(width))
                  : (u ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width));
    value = builder.getIntegerAttr(scalar, i);
  }
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(vector, Attribute(value)));
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
      Value better = arith::CmpFOp::create(
          b, loc, wantMax ? arith::CmpFPredicate::OLT : arith::CmpFPredicate::OGT, a, c);
      Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, c, c);
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

SmallVector<Value> Body::nest(ArrayRef<unsigned> dims, ArrayRef<int64_t> steps,
                              ArrayRef<int64_t> bounds, ValueRange init,
                              llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  if (dims.empty())
    return body(init);
  if (bounds[0] == steps[0]) { // one iteration
    ivs[dims[0]] = index(int64_t(0));
    return nest(dims.drop_front(), steps.drop_front(), bounds.drop_front(), init, body);
  }
  auto loop = scf::ForOp::create(b, loc, index(int64_t(0)), index(bounds[0]), index(steps[0]), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dims[0]] = loop.getInductionVar();
  auto values = nest(dims.drop_front(), steps.drop_front(), bounds.drop_front(),
                     loop.getRegionIterArgs(), body);
  b.setInsertionPointToEnd(loop.getBody());
  scf::YieldOp::create(b, loc, values);
  return SmallVector<Value>(loop.getResults());
}

bool Body::canBeLane(Value v, AffineMap map, unsigned dim, int64_t &unitAccesses) {
  SmallVector<int64_t> open(extents);
  bool ok = true;
  walkAccesses(v, map, open, [&](const Access &a) {
    auto place =
        cast<PlaceAttr>((*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
    auto split =
        splitLinear(linearAddress(a.map, place.getStrides().asArrayRef(), open), dim);
    if (!split || (a.index && split->first))
      ok = false;
    else if (split->first == 1)
      ++unitAccesses;
  });
  return ok;
}

void Body::hoistReductions(Value v, AffineMap map, const llvm::SmallBitVector &inner) {
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

Value Body::emitReduce(ReduceOp op, AffineMap map) {
  auto input = tensorType(op.getX());
  Type element = input.getElementType();
  Type accumulator = isNarrowFloat(element) ? b.getF32Type() : storageType(element);
  Value result;
  int outerLane = lane;
  int64_t outerLanes = lanes;
  Value outerMask = mask;
  bool perLane = lane >= 0 && lanes > 1 && map.isFunctionOfDim(lane);
  scoped([&] {
    unsigned first = extents.size();
    AffineMap inner = openReduction(input, op.getAxes(), map, extents);
    SmallVector<unsigned> dims;
    llvm::SmallBitVector innerDims(maxLoopDims);
    for (unsigned d = first; d < extents.size(); ++d) {
      innerDims.set(d);
      if (extents[d] != 1)
        dims.push_back(d);
      else
        ivs[d] = index(int64_t(0));
    }
    hoistReductions(op.getX(), inner, innerDims);
    // Walk the input in the order it is stored.
    SmallVector<int64_t> keys(maxLoopDims, 0);
    SmallVector<int64_t> open(extents);
    walkAccesses(op.getX(), inner, open, [&](const Access &a) {
      auto place = cast<PlaceAttr>((*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
      AffineExpr address = linearAddress(a.map, place.getStrides().asArrayRef(), open);
      for (unsigned d : dims)
        if (auto split = splitLinear(address, d))
          keys[d] = std::max(keys[d], std::abs(split->first));
    });
    llvm::stable_sort(dims, [&](unsigned p, unsigned q) { return keys[p] > keys[q]; });
    // Reduce across lanes when the result does not vary along them.
    int64_t width = 1;
    if (!perLane) {
      lane = -1;
      lanes = 1;
      mask = {};
      int64_t unit = 0;
      if (!dims.empty() && extents[dims.back()] >= 8 && outerLanes >= 4 &&
          canBeLane(op.getX(), inner, dims.back(), unit) && unit > 0) {
        lane = dims.back();
        lanes = width = std::min<int64_t>(outerLanes, llvm::PowerOf2Ceil(extents[lane]));
      }
    }
    Type type = perLane || width > 1 ? laneType(accumulator) : accumulator;
    SmallVector<int64_t> steps(dims.size(), 1), bounds;
    for (unsigned d : dims)
      bounds.push_back(extents[d]);
    auto step = [&](ValueRange sums) {
      SmallVector<Value> next;
      scoped([&] {
        Value v = widen(pull(op.getX(), inner));
        if (isa<VectorType>(type))
          v = splatTo(v);
        next.push_back(combine(op.getKind(), element, sums[0], v));
      });
      return next;
    };
    Value start = neutral(op.getKind(), element, type);
    if (llvm::is_contained(extents, 0)) {
      result = start;
    } else if (width == 1) {
      result = nest(dims, steps, bounds, start, step)[0];
    } else {
      int64_t whole = extents[lane] / width * width;
      unsigned laneDim = lane;
      steps.back() = width;
      result = start;
      if (whole) {
        bounds.back() = whole;
        result = nest(dims, steps, bounds, result, step)[0];
      }
      if (int64_t rest = extents[laneDim] - whole) {
        mask = vector::CreateMaskOp::create(b, loc, VectorType::get({width}, b.getI1Type()),
                                            index(rest));
        auto tail = [&](ValueRange sums) {
          ivs[laneDim] = index(whole);
          Value v;
          scoped([&] { v = splatTo(widen(pull(op.getX(), inner))); });
          v = arith::SelectOp::create(b, loc, mask, v, start);
          return SmallVector<Value>{combine(op.getKind(), element, sums[0], v)};
        };
        ArrayRef<unsigned> outer = ArrayRef(dims).drop_back();
        result = nest(outer, ArrayRef(steps).drop_back(), ArrayRef(bounds).drop_back(),
                      result, tail)[0];
        mask = {};
      }
      // Fold the lanes, halving.
      for (int64_t half = width / 2; half >= 1; half /= 2) {
        Value low = vector::ExtractStridedSliceOp::create(b, loc, result, ArrayRef<int64_t>{0},
                                                          ArrayRef<int64_t>{half},
                                                          ArrayRef<int64_t>{1});
        Value high = vector::ExtractStridedSliceOp::create(b, loc, result, ArrayRef<int64_t>{half},
                                                           ArrayRef<int64_t>{half},
                                                           ArrayRef<int64_t>{1});
        result = combine(op.getKind(), element, low, high);
      }
      result = vector::ExtractOp::create(b, loc, result, ArrayRef<int64_t>{0});
    }
  });
  lane = outerLane;
  lanes = outerLanes;
  mask = outerMask;
  return narrowTo(result, element);
}

Value Body::emitArgReduce(ArgReduceOp op, AffineMap map) {
  auto input = tensorType(op.getX());
  Type element = input.getElementType();
  Value result;
  scoped([&] {
    unsigned dim = extents.size();
    AffineMap inner = openReduction(input, {int64_t(op.getAxis())}, map, extents);
    Type storage = storageType(element);
    Value none = arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(-1));
    SmallVector<Value> start{zero(storage), none};
    result = nest({dim}, {1}, {extents[dim]}, start, [&](ValueRange best) {
      SmallVector<Value> next;
      scoped([&] {
        Value v = pull(op.getX(), inner);
        Value at = arith::IndexCastOp::create(b, loc, b.getI64Type(), ivs[dim]);
        Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, best[1],
                                            zero(b.getI64Type()));
        bool wantMax = op.getKind() == ReduceKind::max, last = op.getLast();
        Value better;
        if (isa<FloatType>(element)) {
          using P = arith::CmpFPredicate;
          P p = wantMax ? (last ? P::OGE : P::OGT) : (last ? P::OLE : P::OLT);
          better = arith::CmpFOp::create(b, loc, p, v, best[0]);
          // NaN is the extreme; among NaNs first or last wins as asked.
          Value isNaN = arith::CmpFOp::create(b, loc, P::UNO, v, v);
          Value wasNaN = arith::CmpFOp::create(b, loc, P::UNO, best[0], best[0]);
          Value yes = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
          Value fresh = last ? isNaN
                             : Value(arith::AndIOp::create(
                                   b, loc, isNaN, arith::XOrIOp::create(b, loc, wasNaN, yes)));
          better = arith::OrIOp::create(b, loc, better, fresh);
        } else {
          using P = arith::CmpIPredicate;
          bool u = isUnsignedElement(element);
          P p = wantMax ? (last ? (u ? P::uge : P::sge) : (u ? P::ugt : P::sgt))
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
  return result;
}

/// A contraction without a tiled schedule: plain loops.
Value Body::emitContract(ContractOp op, AffineMap map) {
  Type element = op.getType().getElementType();
  Type accumulator = isNarrowFloat(element) ? b.getF32Type() : storageType(element);
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
      dims.push_back(extents.size());
      steps.push_back(1);
      bounds.push_back(c.extents[d]);
      extents.push_back(c.extents[d]);
    }
    if (llvm::is_contained(bounds, 0)) {
      result = zero(accumulator);
      return;
    }
    AffineMap maps[2] = {openContraction(op, 0, loops), openContraction(op, 1, loops)};
    result = nest(dims, steps, bounds, zero(laneType(accumulator)), [&](ValueRange sums) {
      SmallVector<Value> next;
      scoped([&] {
        next.push_back(multiplyAdd(widen(pull(op.getA(), maps[0])),
                                   widen(pull(op.getB(), maps[1])), sums[0]));
      });
      return next;
    })[0];
  });
  return narrowTo(result, element);
}

} // namespace nacre::codegen
