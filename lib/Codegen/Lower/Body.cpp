//===- Body.cpp - a kernel's body as scalar and vector code ---------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;

Body::Body(OpBuilder &b, Location loc, KernelOp kernel)
    : b(b), loc(loc), kernel(kernel), ivs(maxLoopDims) {}

Value Body::index(int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value Body::takeDigit(Value &rest, int64_t radix) {
  if (radix == 1)
    return index(int64_t(0));
  Value digit = arith::RemUIOp::create(b, loc, rest, index(radix));
  rest = arith::DivUIOp::create(b, loc, rest, index(radix));
  return digit;
}

void Body::setLoops(ArrayRef<int64_t> dims, ArrayRef<int64_t> loopExtents,
                    Value flat) {
  for (int64_t d : llvm::reverse(dims))
    ivs[d] = d == dims.front() ? flat : takeDigit(flat, loopExtents[d]);
}

Value Body::within(Value extent, int64_t most) {
  extent = arith::MaxSIOp::create(b, loc, extent, index(int64_t(0)));
  return arith::MinSIOp::create(b, loc, extent, index(most));
}

Value Body::limitOf(int64_t d, ArrayRef<int64_t> loopExtents,
                    ArrayRef<int64_t> shape) {
  if (limits.empty() || d < 0)
    return {};
  if (loopExtents[d] == shape[d])
    return limits[d];
  // The dimensions that run as one with d are those before it without a loop.
  int64_t outer = d, together = shape[d];
  while (outer > 0 && together < loopExtents[d]) {
    --outer;
    if (loopExtents[outer] != 1)
      return {};
    together *= shape[outer];
  }
  if (together != loopExtents[d])
    return {};
  while (shape[outer] == 1)
    ++outer;
  for (int64_t k = outer + 1; k <= d; ++k)
    if (limits[k])
      return {};
  if (!limits[outer])
    return {};
  return arith::MulIOp::create(b, loc, limits[outer],
                               index(loopExtents[d] / shape[outer]));
}

void Body::whereOpen(ArrayRef<int64_t> dims, ArrayRef<int64_t> loopExtents,
                     ArrayRef<int64_t> shape, llvm::function_ref<void()> emit) {
  Value all;
  for (int64_t d : dims)
    if (Value limit = limitOf(d, loopExtents, shape)) {
      Value below = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                          ivs[d], limit);
      all = all ? Value(arith::AndIOp::create(b, loc, all, below)) : below;
    }
  if (!all)
    return emit();
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, all, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  emit();
}

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
  return combine(binary, index(binary.getLHS()), index(binary.getRHS()));
}

/// The operation of `binary` on its operands, indices or vectors of indices.
Value Body::combine(AffineBinaryOpExpr binary, Value x, Value y) {
  auto range = rangeOf(binary.getLHS(), extents);
  bool natural = range && range->min >= 0;
  switch (binary.getKind()) {
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
    return arith::SubIOp::create(b, loc, x,
                                 arith::MulIOp::create(b, loc, floor, y));
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
  return arith::ConstantOp::create(b, loc,
                                   cast<TypedAttr>(b.getZeroAttr(type)));
}

static Type withElementType(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return vector.clone(element);
  return element;
}

Value Body::widen(Value v) {
  if (!isNarrowFloat(getElementTypeOrSelf(v.getType())))
    return v;
  return arith::ExtFOp::create(b, loc,
                               withElementType(v.getType(), b.getF32Type()), v);
}
Value Body::widenTo(Value v, Type element, Type sum) {
  Type to = withElementType(v.getType(), getElementTypeOrSelf(sum));
  if (!element.isInteger() || v.getType() == to)
    return widen(v);
  if (element.isUnsignedInteger())
    return arith::ExtUIOp::create(b, loc, to, v);
  return arith::ExtSIOp::create(b, loc, to, v);
}
Value Body::narrowTo(Value v, Type element) {
  if (!isNarrowFloat(element) || getElementTypeOrSelf(v.getType()) == element)
    return v;
  return arith::TruncFOp::create(b, loc, withElementType(v.getType(), element),
                                 v);
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
  return arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, a, c),
                               sum);
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
  Value v =
      arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, steps));
  if (!base)
    return v;
  return arith::AddIOp::create(
      b, loc, vector::BroadcastOp::create(b, loc, type, base), v);
}

/// `expr` at every lane.
Value Body::laneIndices(AffineExpr expr) {
  if (!dependsOn(expr, lane))
    return splatTo(index(expr));
  if (auto split = splitLinear(expr, lane))
    return laneIndices(split->first, index(expr));
  auto binary = cast<AffineBinaryOpExpr>(expr);
  return combine(binary, laneIndices(binary.getLHS()),
                 laneIndices(binary.getRHS()));
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
      v = vector::MaskedLoadOp::create(b, loc, type, buffer, at, mask,
                                       zero(type));
    else {
      Value all = mask;
      if (!all)
        all = arith::ConstantOp::create(
            b, loc,
            DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()),
                                   true));
      v = vector::GatherOp::create(b, loc, type, buffer, at,
                                   laneIndices(coefficient, {}), all,
                                   zero(type));
    }
  }
  if (element.isInteger(1))
    v = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, v,
                              zero(v.getType()));
  return v;
}

Value Body::allocate(int64_t elements, Type element, bool shared) {
  OpBuilder::InsertionGuard guard(b);
  auto function = b.getInsertionBlock()->getParentOp();
  while (!isa<func::FuncOp>(function))
    function = function->getParentOp();
  b.setInsertionPointToStart(&cast<func::FuncOp>(function).front());
  Attribute space;
  if (shared)
    space = gpu::AddressSpaceAttr::get(b.getContext(),
                                       gpu::AddressSpace::Workgroup);
  auto type =
      MemRefType::get({elements}, element, MemRefLayoutAttrInterface(), space);
  return memref::AllocaOp::create(b, loc, type, b.getI64IntegerAttr(64));
}

int64_t Body::alignment(unsigned buffer) {
  unsigned n = kernel.getNumOperands();
  bool result = buffer >= n;
  auto place = cast<PlaceAttr>(result ? (*kernel.getResultPlaces())[buffer - n]
                                      : (*kernel.getOperandPlaces())[buffer]);
  Value v =
      result ? Value(kernel.getResult(buffer - n)) : kernel.getOperand(buffer);
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  int64_t offset = place.getOffset() * bytes, start = 64;
  // Slices that a loop hands to its body.
  func::FuncOp function = functionOf(kernel);
  StringRef space = place.getSpace().getValue();
  if (auto less = space == "input" ? function.getArgAttrOfType<IntegerAttr>(
                                         place.getSlot(), "lazy.align")
                  : space == "output"
                      ? function.getResultAttrOfType<IntegerAttr>(
                            place.getSlot(), "lazy.align")
                      : IntegerAttr())
    start = less.getInt();
  return offset == 0 ? start : std::min<int64_t>(offset & -offset, start);
}

void Body::limitLanes(Value count) {
  laneCount = count;
  mask = vector::CreateMaskOp::create(
      b, loc, VectorType::get({lanes}, b.getI1Type()), count);
}

/// The first laneCount lanes one by one, through the stack. LLVM 22 stores four
/// bytes for a masked store of narrowed integers whose mask has a single lane.
void Body::storeLanes(Value buffer, Value at, int64_t coefficient,
                      Value value) {
  Value staging = allocate(lanes, getElementTypeOrSelf(value.getType()), false);
  vector::StoreOp::create(b, loc, value, staging, index(int64_t(0)));
  auto loop =
      scf::ForOp::create(b, loc, index(int64_t(0)), laneCount, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value i = loop.getInductionVar();
  Value to = arith::AddIOp::create(
      b, loc, at, arith::MulIOp::create(b, loc, i, index(coefficient)));
  memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, staging, i),
                          buffer, to);
}

void Body::store(unsigned result, Value value, AffineMap map) {
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[result]);
  AffineExpr address =
      linearAddress(map, place.getStrides().asArrayRef(), extents);
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    value = arith::ExtUIOp::create(
        b, loc, withElementType(value.getType(), b.getI8Type()), value);
  Value at = index(address), buffer = results[result];
  if (storeOffset)
    at = arith::AddIOp::create(b, loc, at, storeOffset);
  if (lane < 0 || lanes == 1) {
    memref::StoreOp::create(b, loc, value, buffer, at);
    return;
  }
  int64_t coefficient = splitLinear(address, lane)->first;
  value = splatTo(value);
  if (mask &&
      getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() < 32) {
    storeLanes(buffer, at, coefficient, value);
    return;
  }
  if (coefficient == 1 && !mask) {
    vector::StoreOp::create(b, loc, value, buffer, at);
  } else if (coefficient == 1) {
    vector::MaskedStoreOp::create(b, loc, buffer, at, mask, value);
  } else {
    Value all = mask;
    if (!all)
      all = arith::ConstantOp::create(
          b, loc,
          DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()),
                                 true));
    vector::ScatterOp::create(b, loc, Type(), buffer, at,
                              laneIndices(coefficient, {}), all, value);
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
    return arith::ConstantOp::create(b, loc, storedConstant(splat.getValue()));
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
  if (auto require = dyn_cast<RequireOp>(op))
    return emitRequire(require, map);
  if (held && v == held->value && held->filled)
    return loadHeld(map);
  Value result = emitElementwise(cast<ElementwiseOpInterface>(op), map);
  if (held && v == held->value && held->filling)
    store(0, result, map);
  return result;
}

Value Body::loadHeld(AffineMap map) {
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
  return load(results[0], tensorType(held->value).getElementType(),
              linearAddress(map, place.getStrides().asArrayRef(), extents));
}

bool Body::isRowQuotient(ElementwiseOpInterface op, AffineMap map) {
  size_t rank = tensorType(schedule::yielded(kernel)).getRank();
  return quotientDims.any() && isa<DivOp>(op) && extents.size() == rank &&
         tensorType(op->getResult(0)).getElementType().isF32() &&
         schedule::isSameAlong(op->getOperand(1), map, extents, quotientDims);
}

/// x / divisor as (x * k) * (1 / (divisor * k)), where k, a power of two, keeps
/// the reciprocal from overflow and from the subnormal numbers. LLVM moves what
/// only the divisor takes out of the row's loop.
Value Body::multiplyByReciprocal(Value x, Value divisor) {
  Type type = divisor.getType();
  auto number = [&](double v) -> Value {
    Attribute value = b.getF32FloatAttr(v);
    if (auto shaped = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(shaped, value);
    return arith::ConstantOp::create(b, loc, cast<TypedAttr>(value));
  };
  using P = arith::CmpFPredicate;
  Value size = math::AbsFOp::create(b, loc, divisor), one = number(1);
  auto choose = [&](P beyond, double limit, double then, Value otherwise) {
    Value is = arith::CmpFOp::create(b, loc, beyond, size, number(limit));
    return arith::SelectOp::create(b, loc, is, number(then), otherwise);
  };
  Value k =
      choose(P::OLT, 0x1p-64, 0x1p64, choose(P::OGT, 0x1p64, 0x1p-64, one));
  Value reciprocal = arith::DivFOp::create(
      b, loc, one, arith::MulFOp::create(b, loc, divisor, k));
  if (isa<VectorType>(x.getType())) {
    k = splatTo(k);
    reciprocal = splatTo(reciprocal);
  } else if (isa<VectorType>(type)) {
    x = splatTo(x);
  }
  return arith::MulFOp::create(b, loc, arith::MulFOp::create(b, loc, x, k),
                               reciprocal);
}

Value Body::emitElementwise(ElementwiseOpInterface elementwise, AffineMap map) {
  Operation *op = elementwise;
  SmallVector<Value> args;
  bool vector = false;
  for (Value operand : op->getOperands()) {
    args.push_back(pull(operand, map));
    vector |= isa<VectorType>(args.back().getType());
  }
  if (isRowQuotient(elementwise, map))
    return multiplyByReciprocal(args[0], args[1]);
  if (vector)
    for (Value &arg : args) {
      // A broadcast constant stays recognisable as one.
      Attribute constant;
      if (!isa<VectorType>(arg.getType()) &&
          matchPattern(arg, m_Constant(&constant)))
        arg = arith::ConstantOp::create(
            b, loc,
            DenseElementsAttr::get(VectorType::get({lanes}, arg.getType()),
                                   constant));
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
  fill = storedConstant(fill);
  Value uniform, varying;
  for (AffineExpr e : conditions) {
    bool varies = lane >= 0 && lanes > 1 && dependsOn(e, lane);
    Value at = varies ? laneIndices(e) : index(e);
    Value ok = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, at,
                                     zero(at.getType()));
    Value &all = varies ? varying : uniform;
    all = all ? Value(arith::AndIOp::create(b, loc, all, ok)) : ok;
  }
  auto guarded = [&]() -> Value {
    if (!varying)
      return pull(view.source(), inner);
    Value outer = mask;
    mask =
        outer ? Value(arith::AndIOp::create(b, loc, outer, varying)) : varying;
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
  auto branch =
      scf::IfOp::create(b, loc, TypeRange{inside.getType()}, uniform, true);
  Block *thenBlock = &branch.getThenRegion().front();
  thenBlock->getOperations().splice(
      thenBlock->end(), probe.thenBlock()->getOperations(),
      probe.thenBlock()->begin(), std::prev(probe.thenBlock()->end()));
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

void Body::beginWrite(WriteOp write) {
  AffineMap scalar = AffineMap::get(maxLoopDims, 0, {}, b.getContext());
  Value first = pull(write.getFirst(), scalar),
        count = pull(write.getCount(), scalar);
  unsigned axis = write.getAxis();
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  };
  auto above = [&](Value x, Value y) -> Value { // of numbers without a sign
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, x, y);
  };
  // first + count <= extent, without a sum that may wrap.
  int64_t extent = write.getType().getDimSize(axis);
  Value bad = arith::OrIOp::create(
      b, loc,
      above(count, number(tensorType(write.getRows()).getDimSize(axis))),
      above(first, number(extent)));
  Value room = arith::SubIOp::create(b, loc, number(extent), first);
  bad = arith::OrIOp::create(b, loc, bad, above(count, room));
  report(bad, 2); // NACRE_E_INDEX
  auto unless = [&](Value v) -> Value {
    return arith::IndexCastOp::create(
        b, loc, b.getIndexType(),
        arith::SelectOp::create(b, loc, bad, number(0), v));
  };
  auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
  storeOffset = arith::MulIOp::create(b, loc, unless(first),
                                      index(place.getStrides()[axis]));
  limits.resize(maxLoopDims);
  Value end = unless(count);
  limits[axis] = limits[axis]
                     ? Value(arith::MinSIOp::create(b, loc, limits[axis], end))
                     : end;
}

Value Body::emitIota(IotaOp op, AffineMap map) {
  AffineExpr e = map.getResult(op.getAxis());
  Type element = tensorType(op.getResult()).getElementType();
  bool varies = lane >= 0 && lanes > 1 && dependsOn(e, lane);
  Value at = varies ? laneIndices(e) : index(e);
  Value wide = arith::IndexCastOp::create(
      b, loc, withElementType(at.getType(), b.getI64Type()), at);
  if (isa<FloatType>(element)) {
    Type target = withElementType(
        wide.getType(), isNarrowFloat(element) ? b.getF32Type() : element);
    return narrowTo(arith::SIToFPOp::create(b, loc, target, wide), element);
  }
  Type target = withElementType(wide.getType(), storageType(element));
  if (element.getIntOrFloatBitWidth() == 64)
    return wide;
  return arith::TruncIOp::create(b, loc, target, wide);
}

void Body::report(Value bad, int32_t code) {
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, bad, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  // Several may report; any of their codes will do.
  memref::AtomicRMWOp::create(
      b, loc, arith::AtomicRMWKind::assign,
      arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(code)), status,
      index(int64_t(0)));
}

Value Body::emitRequire(RequireOp op, AffineMap map) {
  Value x = pull(op.getX(), map), ok = pull(op.getOk(), map);
  Value bad = arith::XOrIOp::create(
      b, loc, ok,
      arith::ConstantOp::create(b, loc, b.getOneAttr(ok.getType())));
  if (isa<VectorType>(bad.getType())) {
    // Lanes that are not read hold anything.
    if (mask)
      bad = arith::AndIOp::create(b, loc, bad, mask);
    bad = vector::ReductionOp::create(b, loc, vector::CombiningKind::OR, bad);
  }
  report(bad, op.getStatus());
  return x;
}

Value Body::emitGather(GatherOp op, AffineMap map) {
  int64_t axis = op.getAxis(), rank = tensorType(op.getIndex()).getRank();
  AffineMap indexMap = AffineMap::get(
      maxLoopDims, 0, map.getResults().slice(axis, rank), b.getContext());
  Value at = pull(op.getIndex(), indexMap);
  assert(!isa<VectorType>(at.getType()) &&
         "the lane must not vary a gather's index");
  int64_t size = boundedShape(tensorType(op.getX()))[axis];
  Value row = position(at, size, 0);
  SmallVector<AffineExpr> at2(map.getResults().take_front(axis));
  at2.push_back(getAffineDimExpr(extents.size(), b.getContext()));
  llvm::append_range(at2, map.getResults().drop_front(axis + rank));
  ivs[extents.size()] = row;
  extents.push_back(size);
  return pull(op.getX(), AffineMap::get(maxLoopDims, 0, at2, b.getContext()));
}

Value Body::position(Value at, int64_t size, int64_t otherwise) {
  // Checked in the index's own width: an address may be narrower.
  Type own = at.getType();
  if (own.isInteger(32) && size > std::numeric_limits<int32_t>::max()) {
    own = b.getI64Type();
    at = arith::ExtSIOp::create(b, loc, own, at);
  }
  Value sizeValue =
      arith::ConstantOp::create(b, loc, b.getIntegerAttr(own, size));
  Value none = zero(own);
  Value negative =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, at, none);
  at = arith::SelectOp::create(
      b, loc, negative, arith::AddIOp::create(b, loc, at, sizeValue), at);
  Value bad =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, at, sizeValue);
  report(bad, 2); // NACRE_E_INDEX
  Value instead =
      arith::ConstantOp::create(b, loc, b.getIntegerAttr(own, otherwise));
  at = arith::SelectOp::create(b, loc, bad, instead, at);
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), at);
}

} // namespace nacre::codegen
