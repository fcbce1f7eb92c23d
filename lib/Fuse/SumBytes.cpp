//===- SumBytes.cpp - contractions of quantized numbers sum integers ------===//
//
// A quantized network says what its numbers mean: (x - zero) * scale, in f32,
// or x - zero in i32. A contraction of such numbers with constant weights is
//
//   sum (x - zero) * w  =  sum u * w  -  zero' * sum w      u: x as u8
//
// times the scales, which stand outside when they are the same all along the
// sum. The first sum is one of products of bytes, exact in i32, for which
// processors have instructions; the second is a constant. Padding with zeros
// becomes padding with the zero point.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/Access.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Reference/Interpreter.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

/// Fewer steps or columns fill no instruction.
constexpr int64_t fewestSteps = 4, fewestColumns = 4;
/// So many products of 255 and -128 fit in i32.
constexpr int64_t mostSteps = 65793;

bool isByte(Value v) { return tensorType(v).getElementType().isInteger(8); }

/// The one element that all of `v` are, or null.
Value uniformOf(Value v) {
  while (Operation *op = v.getDefiningOp()) {
    auto view = dyn_cast<ViewOpInterface>(op);
    if (!view || view.fillValue())
      break;
    if (auto type = tensorType(v);
        type.hasStaticShape() && type.getNumElements() == 1)
      break;
    v = view.source();
  }
  auto type = tensorType(v);
  if (v.getDefiningOp<SplatOp>() ||
      (type.hasStaticShape() && type.getNumElements() == 1))
    return v;
  return {};
}

/// An operand as views of (stored - zero) * scale. Absent parts are null.
struct Quantized {
  SmallVector<ViewOpInterface> views; ///< from the operand inwards
  Value numbers;                      ///< stored - zero
  Value stored, zero;                 ///< no zero: null
  Value scale;
};

bool isZero(TypedAttr attr) {
  if (auto number = dyn_cast<FloatAttr>(attr))
    return number.getValue().isZero();
  auto number = dyn_cast<IntegerAttr>(attr);
  return number && number.getValue().isZero();
}

/// Follows views; what they fill in must be 0.
std::optional<Value> throughViews(Value v,
                                  SmallVectorImpl<ViewOpInterface> &views) {
  while (auto view = v.getDefiningOp<ViewOpInterface>()) {
    if (TypedAttr fill = view.fillValue(); fill && !isZero(fill))
      return std::nullopt;
    views.push_back(view);
    v = view.source();
  }
  return v;
}

/// Finds bytes less a zero point.
bool findStored(Quantized &q) {
  Value v = q.numbers;
  if (auto sub = v.getDefiningOp<SubOp>()) {
    q.zero = uniformOf(sub.getB());
    if (!q.zero)
      return false;
    v = sub.getA();
  }
  auto cast = v.getDefiningOp<CastOp>();
  if (!cast || !isByte(cast.getX()))
    return false;
  q.stored = cast.getX();
  return true;
}

class ByteSum {
public:
  ByteSum(ContractOp op, unsigned activations, Program &program,
          DenseMap<Value, Tensor> &memo, DenseMap<Value, Value> &backFrom)
      : op(op), xs(activations), ws(1 - activations), program(program),
        memo(memo), backFrom(backFrom), opBuilder(op),
        build{opBuilder, op.getLoc()} {}
  /// The contraction's value, or null if it is not one of quantized numbers.
  Value make();

private:
  bool fits();
  std::optional<Quantized> activation();
  std::optional<Quantized> weight();
  bool constantAlongSum(const Quantized &w);
  Value asBytes(Value numbers);
  Value again(Value v, ArrayRef<ViewOpInterface> views, double fill);
  Value besideResult(Value perColumn);
  Value asUnsigned(Value stored);
  Value scalar(Value uniform);

  ContractOp op;
  unsigned xs, ws; ///< which operands the activations and weights are
  Program &program;
  DenseMap<Value, Tensor> &memo;
  DenseMap<Value, Value> &backFrom; ///< of i8 made of u8, the u8
  OpBuilder opBuilder;
  Build build;
  SmallVector<int64_t> summed; ///< axes of the weights
};

/// Whether the sums fit in i32 and the weights' axes are plain dimensions.
bool ByteSum::fits() {
  if (op->hasAttr(openDims) || !tensorType(op->getOperand(ws)).hasStaticShape())
    return false;
  SmallVector<int64_t> extents = op.extents();
  AffineMap result = op.map(2), weights = op.map(ws);
  int64_t steps = 1, columns = 1;
  for (unsigned d = 0; d < extents.size(); ++d) {
    if (!llvm::is_contained(result.getResults(),
                            getAffineDimExpr(d, op.getContext()))) {
      if (extents[d] < 0 || extents[d] > mostSteps)
        return false;
      steps *= std::max<int64_t>(extents[d], 1);
      if (steps > mostSteps)
        return false;
    } else if (!op.map(xs).isFunctionOfDim(d)) {
      columns *= extents[d];
    }
  }
  llvm::SmallDenseSet<unsigned> seen;
  for (auto [axis, e] : llvm::enumerate(weights.getResults())) {
    auto d = dyn_cast<AffineDimExpr>(e);
    if (!d || !seen.insert(d.getPosition()).second)
      return false;
    if (!llvm::is_contained(result.getResults(), e))
      summed.push_back(axis);
  }
  return steps >= fewestSteps && columns >= fewestColumns;
}

/// Bytes of the run, with one zero point and one scale.
std::optional<Quantized> ByteSum::activation() {
  Quantized q;
  auto inner = throughViews(op->getOperand(xs), q.views);
  if (!inner)
    return std::nullopt;
  q.numbers = *inner;
  if (findStored(q))
    return q;
  auto mul = inner->getDefiningOp<MulOp>();
  if (!mul)
    return std::nullopt;
  for (auto [numbers, scale] :
       {std::pair(mul.getA(), mul.getB()), std::pair(mul.getB(), mul.getA())}) {
    q.numbers = numbers;
    q.zero = {};
    q.scale = uniformOf(scale);
    if (q.scale && findStored(q))
      return q;
  }
  return std::nullopt;
}

/// Whether the scale does not change along the sum.
bool ByteSum::constantAlongSum(const Quantized &w) {
  SmallVector<int64_t> extents = op.extents();
  AffineMap map = op.map(ws);
  map = AffineMap::get(maxLoopDims, 0, map.getResults(), op.getContext());
  auto follow = [&](ViewOpInterface view) {
    map = composeView(view, map, extents);
  };
  llvm::for_each(w.views, follow);
  Value v = w.scale;
  while (auto view = v.getDefiningOp<ViewOpInterface>()) {
    if (view.fillValue())
      return false;
    follow(view);
    v = view.source();
  }
  if (v.getDefiningOp<SplatOp>())
    return true;
  for (int64_t axis : summed)
    if (map.isFunctionOfDim(
            cast<AffineDimExpr>(op.map(ws).getResult(axis)).getPosition()))
      return false;
  return true;
}

/// Constant numbers as i8 if they are integers from -128 to 127, else null.
Value ByteSum::asBytes(Value numbers) {
  if (auto cast = numbers.getDefiningOp<CastOp>();
      cast && cast.getX().getDefiningOp<WeightOp>() &&
      tensorType(cast.getX()).getElementType().isSignlessInteger(8))
    return cast.getX();
  auto value = reference::constantValue(numbers, *program.weights, memo);
  if (!value)
    return {};
  for (int64_t i = 0, n = value->count(); i < n; ++i) {
    double number = value->numberAt(i);
    if (!(number >= -128 && number <= 127) || number != std::floor(number))
      return {};
  }
  return build.cast(numbers, opBuilder.getI8Type());
}

/// Constant integers of a byte, with scales that stand outside of the sum.
std::optional<Quantized> ByteSum::weight() {
  Quantized w;
  auto inner = throughViews(op->getOperand(ws), w.views);
  if (!inner || llvm::any_of(w.views, [](ViewOpInterface view) {
        return bool(view.fillValue());
      }))
    return std::nullopt;
  w.numbers = *inner;
  auto mul = inner->getDefiningOp<MulOp>();
  if (!mul)
    return (w.stored = asBytes(w.numbers)) ? std::optional(w) : std::nullopt;
  for (auto [numbers, scale] :
       {std::pair(mul.getA(), mul.getB()), std::pair(mul.getB(), mul.getA())}) {
    w.numbers = numbers;
    w.scale = scale;
    if (constantAlongSum(w) && (w.stored = asBytes(numbers)))
      return w;
  }
  return std::nullopt;
}

/// The same views of another value, filled up with `fill`.
Value ByteSum::again(Value v, ArrayRef<ViewOpInterface> views, double fill) {
  for (ViewOpInterface view : llvm::reverse(views)) {
    if (auto pad = dyn_cast<PadOp>(view.getOperation())) {
      v = build.pad(v, pad.getLow(), pad.getHigh(), fill);
      continue;
    }
    Operation *copy = opBuilder.clone(*view.getOperation());
    copy->setOperand(0, v);
    copy->getResult(0).setType(
        tensorType(copy->getResult(0)).clone(tensorType(v).getElementType()));
    v = copy->getResult(0);
  }
  return v;
}

/// A tensor like the weights, with one element along what is summed, as the
/// result's axes want it.
Value ByteSum::besideResult(Value perColumn) {
  SmallVector<int64_t> perm, shape;
  for (AffineExpr e : op.map(2).getResults()) {
    auto found = llvm::find(op.map(ws).getResults(), e);
    if (found == op.map(ws).getResults().end()) {
      shape.push_back(1);
      continue;
    }
    perm.push_back(found - op.map(ws).getResults().begin());
    shape.push_back(tensorType(perColumn).getDimSize(perm.back()));
  }
  llvm::append_range(perm, summed);
  return build.reshape(build.permute(perColumn, perm), shape);
}

/// i8 as u8, 128 more. Who else reads the bytes then reads these, so that they
/// are stored once.
Value ByteSum::asUnsigned(Value stored) {
  Type i8 = opBuilder.getI8Type(),
       u8 = opBuilder.getIntegerType(8, /*isSigned=*/false);
  if (tensorType(stored).getElementType() == u8)
    return stored;
  if (Value known = backFrom.lookup(stored))
    return known;
  auto flip = [&](Value v) {
    return build.binary<XorOp>(v, build.splatLike(v, -128));
  };
  OpBuilder::InsertionGuard guard(opBuilder);
  opBuilder.setInsertionPointAfterValue(stored);
  Value flipped = flip(stored), bytes = build.cast(flipped, u8),
        back = flip(build.cast(bytes, i8));
  stored.replaceAllUsesExcept(back, flipped.getDefiningOp());
  backFrom[back] = bytes;
  return bytes;
}

/// The element that a tensor has everywhere.
Value ByteSum::scalar(Value uniform) {
  if (auto splat = uniform.getDefiningOp<SplatOp>())
    return SplatOp::create(opBuilder, op.getLoc(),
                           tensorType(uniform).clone(ArrayRef<int64_t>{}),
                           splat.getValueAttr());
  return build.reshape(uniform, {});
}

Value ByteSum::make() {
  if (!fits())
    return {};
  auto x = activation();
  if (!x)
    return {};
  bool isPadded = llvm::any_of(
      x->views, [](ViewOpInterface view) { return bool(view.fillValue()); });
  bool isSigned = tensorType(x->stored).getElementType().isSignlessInteger(8);
  std::optional<double> zero = isSigned ? 128 : 0; // where it is known
  if (x->zero) {
    auto known = reference::constantValue(x->zero, *program.weights, memo);
    zero = known ? std::optional(*zero + known->numberAt(0)) : std::nullopt;
  }
  if (zero ? !(*zero >= 0 && *zero <= 255) : isPadded)
    return {};
  auto w = weight();
  if (!w)
    return {};

  Type i32 = opBuilder.getI32Type();
  Value bytes = again(asUnsigned(x->stored), x->views, zero.value_or(0));
  Value weights = again(w->stored, w->views, 0);
  Value operands[2];
  operands[xs] = bytes;
  operands[ws] = weights;
  auto resultType = op.getType().clone(i32);
  Value sum = ContractOp::create(opBuilder, op.getLoc(), resultType,
                                 operands[0], operands[1], op.getMapsAttr());
  if (zero != 0.0) {
    Value offset =
        zero ? build.splat(i32, *zero)
             : build.binary<AddOp>(build.cast(scalar(x->zero), i32),
                                   build.splat(i32, isSigned ? 128 : 0));
    Value perColumn =
        build.reduce(ReduceKind::add, build.cast(weights, i32), summed, true);
    sum = build.binary<SubOp>(
        sum, build.binary<MulOp>(besideResult(perColumn), offset));
  }
  Type element = op.getType().getElementType();
  if (element == i32)
    return sum;

  Value scale = x->scale ? scalar(x->scale) : Value();
  if (w->scale) {
    Value all = again(w->scale, w->views, 0);
    SmallVector<int64_t> starts(tensorType(all).getRank(), 0),
        sizes(tensorType(all).getShape());
    for (int64_t axis : summed)
      sizes[axis] = 1;
    Value one = besideResult(build.slice(all, starts, sizes));
    scale = scale ? build.binary<MulOp>(scale, one) : one;
  }
  Value y = build.cast(sum, element);
  return scale ? build.binary<MulOp>(y, scale) : y;
}

} // namespace

void sumBytes(Program &program) {
  DenseMap<Value, Tensor> memo;
  DenseMap<Value, Value> backFrom;
  for (func::FuncOp function : functionsOf(*program.module))
    for (ContractOp op : llvm::make_early_inc_range(
             function.getBody().front().getOps<ContractOp>())) {
      Type element = op.getType().getElementType();
      if (!element.isF32() && !element.isSignlessInteger(32))
        continue;
      Value y;
      for (unsigned activations : {0, 1})
        if (!y)
          y = ByteSum(op, activations, program, memo, backFrom).make();
      if (!y)
        continue;
      op.replaceAllUsesWith(y);
      op.erase();
    }
}

} // namespace nacre::fuse
