//===- BoundedElements.cpp - integers in terms of extents -----------------===//
//
// Shapes that a model computes: what is known of the elements of small tensors
// of integers, as polynomials in the dims.
//
//===----------------------------------------------------------------------===//
#include "BoundedDims.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;
using Ints = llvm::SmallVector<int64_t>;

/// Tensors of more elements are not followed element by element.
static constexpr int64_t maxElements = 64;

std::optional<Extents> BoundedDims::elements(Value v) {
  if (auto found = known.find(v); found != known.end())
    return found->second;
  auto type = lazy::tensorType(v);
  std::optional<Extents> result;
  if (mlir::isa<mlir::IntegerType>(type.getElementType()) &&
      type.getNumElements() <= maxElements && isStatic(v))
    result = work(v);
  return known[v] = result;
}

static Extents ofTensor(const Tensor &t) {
  Extents result;
  for (int64_t i = 0, n = t.count(); i < n; ++i)
    result.push_back(t.integerAt(i));
  return result;
}

/// The index of row-major element `i` under `shape`.
static Ints unravel(int64_t i, llvm::ArrayRef<int64_t> shape) {
  Ints index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; i /= shape[axis])
    index[axis] = i % shape[axis];
  return index;
}

static int64_t ravel(llvm::ArrayRef<int64_t> index,
                     llvm::ArrayRef<int64_t> shape) {
  int64_t i = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    i = i * shape[axis] + index[axis];
  return i;
}

/// Element i of an elementwise operation's result; `x` gives those of its
/// operands.
static std::optional<Extent>
elementOf(ExtentTable &table, mlir::Operation *op,
          llvm::function_ref<const Extent &(unsigned)> x) {
  auto type = lazy::tensorType(op->getResult(0));
  std::optional<Extent> y;
  auto truth = [&](std::optional<bool> b) {
    if (b)
      y = Extent(*b);
  };
  if (mlir::isa<lazy::AddOp>(op))
    y = x(0) + x(1);
  else if (mlir::isa<lazy::SubOp>(op))
    y = x(0) - x(1);
  else if (mlir::isa<lazy::MulOp>(op))
    y = x(0) * x(1);
  else if (mlir::isa<lazy::NegOp>(op))
    y = Extent() - x(0);
  else if (mlir::isa<lazy::MaxOp>(op))
    y = table.largest(x(0), x(1));
  else if (mlir::isa<lazy::MinOp>(op))
    y = table.smallest(x(0), x(1));
  else if (mlir::isa<lazy::CastOp>(op) && type.getElementTypeBitWidth() == 1) {
    if (std::optional<bool> zero = table.equal(x(0), 0))
      y = Extent(!*zero);
  } else if (mlir::isa<lazy::CastOp>(op) &&
             !mlir::isa<mlir::FloatType>(
                 lazy::tensorType(op->getOperand(0)).getElementType()) &&
             type.getElementTypeBitWidth() > 16)
    y = x(0);
  else if (mlir::isa<lazy::DivOp>(op) && table.range(x(0)).least >= 0 &&
           table.range(x(1)).least >= 1)
    y = table.quotient(x(0), x(1));
  else if (mlir::isa<lazy::NotOp>(op) && type.getElementTypeBitWidth() == 1)
    y = Extent(1) - x(0);
  else if (mlir::isa<lazy::AndOp>(op) && type.getElementTypeBitWidth() == 1)
    y = x(0) * x(1);
  else if (auto cmp = mlir::dyn_cast<lazy::CmpOp>(op)) {
    auto negated = [](std::optional<bool> b) {
      return b ? std::optional(!*b) : b;
    };
    switch (cmp.getKind()) {
    case lazy::CmpKind::eq:
      truth(table.equal(x(0), x(1)));
      break;
    case lazy::CmpKind::ne:
      truth(negated(table.equal(x(0), x(1))));
      break;
    case lazy::CmpKind::lt:
      truth(table.less(x(0), x(1)));
      break;
    case lazy::CmpKind::ge:
      truth(negated(table.less(x(0), x(1))));
      break;
    case lazy::CmpKind::gt:
      truth(table.less(x(1), x(0)));
      break;
    case lazy::CmpKind::le:
      truth(negated(table.less(x(1), x(0))));
      break;
    }
  } else if (mlir::isa<lazy::WhereOp>(op) && x(0).isConstant()) {
    y = x(0).value() ? x(1) : x(2);
  }
  return y;
}

std::optional<Extents> BoundedDims::work(Value v) {
  mlir::Operation *op = v.getDefiningOp();
  if (!op)
    return std::nullopt;
  auto shape = lazy::tensorType(v).getShape();
  int64_t count = lazy::tensorType(v).getNumElements();
  if (auto weight = mlir::dyn_cast<lazy::WeightOp>(op)) {
    const Tensor *t = weights.find(weight.getName());
    return t ? std::optional(ofTensor(*t)) : std::nullopt;
  }
  if (auto splat = mlir::dyn_cast<lazy::SplatOp>(op)) {
    llvm::APInt bits =
        mlir::cast<mlir::IntegerAttr>(splat.getValue()).getValue();
    bool natural =
        lazy::isUnsignedElement(lazy::tensorType(v).getElementType());
    return Extents(count, Extent(natural ? int64_t(bits.getZExtValue())
                                         : bits.getSExtValue()));
  }
  if (auto iota = mlir::dyn_cast<lazy::IotaOp>(op)) {
    Extents result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(unravel(i, shape)[iota.getAxis()]);
    return result;
  }
  std::vector<Extents> xs;
  for (Value operand : op->getOperands()) {
    auto x = elements(operand);
    if (!x)
      return std::nullopt;
    xs.push_back(std::move(*x));
  }
  if (auto view = mlir::dyn_cast<lazy::ViewOpInterface>(op)) {
    if (view.fillValue())
      return std::nullopt;
    mlir::AffineMap map = view.indexMap();
    auto from = lazy::tensorType(view.source()).getShape();
    Extents result;
    for (int64_t i = 0; i < count; ++i)
      result.push_back(xs[0][ravel(map.compose(unravel(i, shape)), from)]);
    return result;
  }
  if (auto concat = mlir::dyn_cast<lazy::ConcatOp>(op)) {
    Extents result;
    for (int64_t i = 0; i < count; ++i) {
      Ints index = unravel(i, shape);
      int64_t &at = index[concat.getAxis()];
      size_t k = 0;
      auto shapeOf = [&] {
        return lazy::tensorType(op->getOperand(k)).getShape();
      };
      for (; at >= shapeOf()[concat.getAxis()]; ++k)
        at -= shapeOf()[concat.getAxis()];
      result.push_back(xs[k][ravel(index, shapeOf())]);
    }
    return result;
  }
  if (auto gather = mlir::dyn_cast<lazy::GatherOp>(op)) {
    auto from = lazy::tensorType(gather.getX()).getShape();
    auto indices = lazy::tensorType(gather.getIndex()).getShape();
    int64_t axis = gather.getAxis(), rank = indices.size();
    Extents result;
    for (int64_t i = 0; i < count; ++i) {
      Ints to = unravel(i, shape);
      const Extent &pick =
          xs[1][ravel(llvm::ArrayRef(to).slice(axis, rank), indices)];
      if (!pick.isConstant())
        return std::nullopt;
      int64_t at = pick.value() < 0 ? pick.value() + from[axis] : pick.value();
      if (at < 0 || at >= from[axis])
        return std::nullopt;
      Ints index(to.begin(), to.begin() + axis);
      index.push_back(at);
      index.append(to.begin() + axis + rank, to.end());
      result.push_back(xs[0][ravel(index, from)]);
    }
    return result;
  }
  if (auto reduce = mlir::dyn_cast<lazy::ReduceOp>(op)) {
    auto from = lazy::tensorType(reduce.getX()).getShape();
    bool product = reduce.getKind() == lazy::ReduceKind::mul;
    if (!product && reduce.getKind() != lazy::ReduceKind::add)
      return std::nullopt;
    Extents result(count, Extent(product));
    for (auto [i, x] : llvm::enumerate(xs[0])) {
      Ints index = unravel(i, from), kept;
      for (auto [axis, at] : llvm::enumerate(index))
        if (!llvm::is_contained(reduce.getAxes(), int64_t(axis)))
          kept.push_back(at);
      Extent &y = result[ravel(kept, shape)];
      y = product ? y * x : y + x;
    }
    return result;
  }
  Extents result;
  for (int64_t i = 0; i < count; ++i) {
    auto y = elementOf(table, op,
                       [&](unsigned k) -> const Extent & { return xs[k][i]; });
    if (!y)
      return std::nullopt;
    result.push_back(*y);
  }
  return result;
}
