//===- Build.cpp - making lazy operations with inferred types -------------===//
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Tensor.h"

using namespace mlir;
namespace nacre::lazy {

constexpr int64_t dynamic = ShapedType::kDynamic;

std::optional<SmallVector<int64_t>> broadcastShapes(ArrayRef<int64_t> a,
                                                    ArrayRef<int64_t> b) {
  SmallVector<int64_t> result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return std::nullopt;
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

/// A type of x's elements with the symbols of whichever operand has some.
static RankedTensorType typeFor(Type element, ArrayRef<int64_t> shape,
                                ArrayRef<Value> sources) {
  if (llvm::is_contained(shape, dynamic))
    for (Value source : sources)
      if (!tensorType(source).hasStaticShape())
        return withShape(withElement(tensorType(source), element), shape);
  return RankedTensorType::get(shape, element);
}

Value Build::weight(StringRef name, RankedTensorType type, bool packed) {
  return WeightOp::create(b, loc, type, name, packed);
}

static TypedAttr scalarAttr(OpBuilder &b, Type element, double value) {
  if (isNarrow(element))
    return narrowConstant(element, numberToNarrow(dtypeOf(element), value));
  if (isa<FloatType>(element))
    return b.getFloatAttr(element, value);
  auto integer = cast<IntegerType>(element);
  // Out-of-range values saturate; 64-bit extremes are not exact in a double.
  unsigned width = integer.getWidth();
  bool isUnsigned = isUnsignedElement(element);
  APInt bits(width, 0);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1);
  if (value >= high)
    bits = isUnsigned ? APInt::getMaxValue(width)
                      : APInt::getSignedMaxValue(width);
  else if (value <= (isUnsigned ? 0.0 : -high))
    bits = isUnsigned ? APInt::getZero(width) : APInt::getSignedMinValue(width);
  else if (isUnsigned)
    bits = APInt(width, uint64_t(value), false, true);
  else
    bits = APInt(width, uint64_t(int64_t(value)), true, true);
  return b.getIntegerAttr(element, bits);
}

Value Build::splat(Type element, double value, ArrayRef<int64_t> shape) {
  return SplatOp::create(b, loc, RankedTensorType::get(shape, element),
                         scalarAttr(b, element, value));
}
Value Build::splatLike(Value like, double value) {
  auto type = tensorType(like);
  return SplatOp::create(b, loc, type,
                         scalarAttr(b, type.getElementType(), value));
}
Value Build::iota(RankedTensorType type, int64_t axis) {
  return IotaOp::create(b, loc, type, b.getI64IntegerAttr(axis));
}

std::pair<Value, Value> Build::broadcastPair(Value x, Value y) {
  if (x.getType() == y.getType())
    return {x, y};
  auto shape =
      broadcastShapes(tensorType(x).getShape(), tensorType(y).getShape());
  assert(shape && "operands do not broadcast");
  auto type = typeFor(tensorType(x).getElementType(), *shape, {x, y});
  Value like = !type.hasStaticShape() && tensorType(x).hasStaticShape() ? y : x;
  auto grow = [&](Value v) -> Value {
    auto from = tensorType(v);
    SmallVector<int64_t> padded(shape->size() - from.getRank(), 1);
    llvm::append_range(padded, from.getShape());
    Value r = reshape(v, padded);
    if (tensorType(r).getShape() == ArrayRef<int64_t>(*shape))
      return r;
    return ExpandOp::create(b, loc,
                            typeFor(from.getElementType(), *shape, {like}), r);
  };
  return {grow(x), grow(y)};
}

Value Build::cmp(CmpKind kind, Value x, Value y) {
  std::tie(x, y) = broadcastPair(x, y);
  return CmpOp::create(b, loc, withElement(tensorType(x), b.getI1Type()), kind,
                       x, y);
}
Value Build::where(Value condition, Value x, Value y) {
  std::tie(x, y) = broadcastPair(x, y);
  std::tie(condition, x) = broadcastPair(condition, x);
  std::tie(condition, y) = broadcastPair(condition, y);
  return WhereOp::create(b, loc, x.getType(), condition, x, y);
}
Value Build::cast(Value x, Type element) {
  if (tensorType(x).getElementType() == element)
    return x;
  return CastOp::create(b, loc, withElement(tensorType(x), element), x);
}

Value Build::reduce(ReduceKind kind, Value x, ArrayRef<int64_t> axes,
                    bool keepDims) {
  auto from = tensorType(x);
  SmallVector<int64_t> sorted(axes), dropped, kept;
  llvm::sort(sorted);
  if (sorted.empty())
    return x;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    bool gone = llvm::is_contained(sorted, i);
    if (!gone)
      dropped.push_back(from.getDimSize(i));
    kept.push_back(gone ? 1 : from.getDimSize(i));
  }
  Value y =
      ReduceOp::create(b, loc, typeFor(from.getElementType(), dropped, {x}),
                       kind, x, b.getDenseI64ArrayAttr(sorted));
  return keepDims ? reshape(y, kept) : y;
}

Value Build::argReduce(ReduceKind kind, Value x, int64_t axis, bool last,
                       bool keepDims) {
  auto from = tensorType(x);
  SmallVector<int64_t> dropped(from.getShape()), kept(from.getShape());
  dropped.erase(dropped.begin() + axis);
  kept[axis] = 1;
  Value y = ArgReduceOp::create(b, loc, typeFor(b.getI64Type(), dropped, {x}),
                                kind, x, uint64_t(axis), last);
  return keepDims ? reshape(y, kept) : y;
}

Value Build::contract(Value x, Value y, AffineMap xMap, AffineMap yMap,
                      AffineMap resultMap) {
  SmallVector<int64_t> extents(xMap.getNumDims(), -1), shape;
  for (auto [value, map] : {std::pair(x, xMap), std::pair(y, yMap)})
    for (auto [axis, expr] : llvm::enumerate(map.getResults()))
      if (auto d = dyn_cast<AffineDimExpr>(expr))
        extents[d.getPosition()] = tensorType(value).getDimSize(axis);
  // A result dimension that stands alone in no operand (the output position
  // of a convolution) spans what its window admits.
  for (AffineExpr expr : resultMap.getResults()) {
    unsigned d = llvm::cast<AffineDimExpr>(expr).getPosition();
    if (extents[d] == -1)
      for (auto [value, map] : {std::pair(x, xMap), std::pair(y, yMap)})
        for (auto [axis, e] : llvm::enumerate(map.getResults())) {
          if (!e.isFunctionOfDim(d))
            continue;
          int64_t step = 1, reach = 0;
          SmallVector<AffineExpr> terms{e};
          while (!terms.empty()) {
            AffineExpr t = terms.pop_back_val();
            if (auto bin = dyn_cast<AffineBinaryOpExpr>(t);
                bin && bin.getKind() == AffineExprKind::Add) {
              terms.push_back(bin.getLHS());
              terms.push_back(bin.getRHS());
              continue;
            }
            int64_t factor = 1;
            if (auto bin = dyn_cast<AffineBinaryOpExpr>(t)) {
              factor = llvm::cast<AffineConstantExpr>(bin.getRHS()).getValue();
              t = bin.getLHS();
            }
            unsigned p = llvm::cast<AffineDimExpr>(t).getPosition();
            if (p == d)
              step = factor;
            else
              reach += factor * (extents[p] - 1);
          }
          extents[d] =
              (tensorType(value).getDimSize(axis) - 1 - reach) / step + 1;
        }
    shape.push_back(extents[d]);
  }
  auto type = typeFor(tensorType(x).getElementType(), shape, {x, y});
  return ContractOp::create(b, loc, type, x, y,
                            b.getAffineMapArrayAttr({xMap, yMap, resultMap}));
}

Value Build::reshape(Value x, ArrayRef<int64_t> shape) {
  if (tensorType(x).getShape() == shape)
    return x;
  return ReshapeOp::create(
      b, loc, typeFor(tensorType(x).getElementType(), shape, {x}), x);
}

Value Build::permute(Value x, ArrayRef<int64_t> perm) {
  auto from = tensorType(x);
  bool identity = true;
  SmallVector<int64_t> shape;
  for (auto [i, axis] : llvm::enumerate(perm)) {
    identity &= int64_t(i) == axis;
    shape.push_back(from.getDimSize(axis));
  }
  if (identity)
    return x;
  return PermuteOp::create(b, loc, withShape(from, shape, perm), x,
                           b.getDenseI64ArrayAttr(perm));
}

Value Build::expand(Value x, ArrayRef<int64_t> shape) {
  auto from = tensorType(x);
  SmallVector<int64_t> padded(shape.size() - from.getRank(), 1);
  llvm::append_range(padded, from.getShape());
  Value r = reshape(x, padded);
  if (tensorType(r).getShape() == shape)
    return r;
  return ExpandOp::create(b, loc, typeFor(from.getElementType(), shape, {x}),
                          r);
}

Value Build::expandLike(Value x, Value like) {
  auto to = tensorType(like);
  if (tensorType(x).getShape() == to.getShape())
    return x;
  SmallVector<int64_t> padded(to.getRank() - tensorType(x).getRank(), 1);
  llvm::append_range(padded, tensorType(x).getShape());
  Value r = reshape(x, padded);
  if (tensorType(r).getShape() == to.getShape())
    return r;
  return ExpandOp::create(b, loc,
                          withElement(to, tensorType(x).getElementType()), r);
}

Value Build::pad(Value x, ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                 double value) {
  auto from = tensorType(x);
  SmallVector<int64_t> shape;
  bool any = false;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    any |= low[i] || high[i];
    shape.push_back(
        from.isDynamicDim(i) ? dynamic : from.getDimSize(i) + low[i] + high[i]);
  }
  if (!any)
    return x;
  return PadOp::create(b, loc, typeFor(from.getElementType(), shape, {x}), x,
                       b.getDenseI64ArrayAttr(low),
                       b.getDenseI64ArrayAttr(high),
                       scalarAttr(b, from.getElementType(), value));
}

Value Build::slice(Value x, ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                   ArrayRef<int64_t> steps) {
  auto from = tensorType(x);
  SmallVector<int64_t> ones(from.getRank(), 1);
  if (steps.empty())
    steps = ones;
  if (from.getShape() == sizes &&
      llvm::all_of(starts, [](int64_t s) { return s == 0; }) &&
      llvm::all_of(steps, [](int64_t s) { return s == 1; }))
    return x;
  return SliceOp::create(b, loc, typeFor(from.getElementType(), sizes, {x}), x,
                         b.getDenseI64ArrayAttr(starts),
                         b.getDenseI64ArrayAttr(steps));
}

Value Build::flip(Value x, ArrayRef<int64_t> axes) {
  if (axes.empty())
    return x;
  return FlipOp::create(b, loc, x.getType(), x, b.getDenseI64ArrayAttr(axes));
}

Value Build::window(Value x, ArrayRef<int64_t> axes, ArrayRef<int64_t> sizes,
                    ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  auto from = tensorType(x);
  SmallVector<int64_t> shape(from.getShape());
  for (auto [k, axis] : llvm::enumerate(axes))
    shape[axis] =
        (shape[axis] - (sizes[k] - 1) * dilations[k] - 1) / strides[k] + 1;
  llvm::append_range(shape, sizes);
  return WindowOp::create(
      b, loc, typeFor(from.getElementType(), shape, {x}), x,
      b.getDenseI64ArrayAttr(axes), b.getDenseI64ArrayAttr(sizes),
      b.getDenseI64ArrayAttr(strides), b.getDenseI64ArrayAttr(dilations));
}

Value Build::concat(ArrayRef<Value> xs, int64_t axis) {
  if (xs.size() == 1)
    return xs[0];
  SmallVector<int64_t> shape(tensorType(xs[0]).getShape());
  shape[axis] = 0;
  for (Value x : xs)
    shape[axis] += tensorType(x).getDimSize(axis);
  return ConcatOp::create(
      b, loc, typeFor(tensorType(xs[0]).getElementType(), shape, xs), xs,
      b.getI64IntegerAttr(axis));
}

Value Build::gather(Value x, Value index, int64_t axis) {
  auto from = tensorType(x);
  SmallVector<int64_t> shape(from.getShape().take_front(axis));
  llvm::append_range(shape, tensorType(index).getShape());
  llvm::append_range(shape, from.getShape().drop_front(axis + 1));
  return GatherOp::create(b, loc,
                          typeFor(from.getElementType(), shape, {x, index}), x,
                          index, b.getI64IntegerAttr(axis));
}

Value Build::scatter(Value updates, Value index, int64_t axis, int64_t extent,
                     ReduceKind kind) {
  auto from = tensorType(updates);
  SmallVector<int64_t> shape(from.getShape().take_front(axis));
  shape.push_back(extent);
  llvm::append_range(
      shape, from.getShape().drop_front(axis + tensorType(index).getRank()));
  return ScatterOp::create(b, loc,
                           typeFor(from.getElementType(), shape, {updates}),
                           kind, updates, index, axis);
}

Value Build::write(Value x, Value rows, Value first, Value count,
                   int64_t axis) {
  return WriteOp::create(b, loc, x.getType(), x, rows, first, count,
                         b.getI64IntegerAttr(axis));
}

Value Build::require(Value x, Value ok, int32_t status, StringRef message) {
  return RequireOp::create(b, loc, x.getType(), x, ok,
                           b.getI32IntegerAttr(status),
                           b.getStringAttr(message));
}

} // namespace nacre::lazy
