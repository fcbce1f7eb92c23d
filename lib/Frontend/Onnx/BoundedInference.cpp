//===- BoundedInference.cpp - the extents of what operations make ---------===//
#include "Blocker.h"
#include "BoundedDims.h"
#include "nacre/Lazy/Signature.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;
using Ints = llvm::SmallVector<int64_t>;

Extent BoundedDims::merge(const Extent &a, const Extent &b) const {
  if (a == b || b.isConstant())
    return a;
  if (a.isConstant())
    return b;
  block("E_SHAPE: extents " + table.text(a) + " and " + table.text(b) +
        " may differ");
}

Extents BoundedDims::elementwise(mlir::Operation *op) {
  Extents result = of(op->getOperand(0));
  for (Value x : llvm::drop_begin(op->getOperands()))
    for (auto [to, from] : llvm::zip_equal(result, of(x)))
      to = merge(to, from);
  if (mlir::isa<lazy::RequireOp>(op)) {
    Ints all;
    for (size_t axis = 0; axis < result.size(); ++axis)
      all.push_back(axis);
    declare(op->getResult(0), result);
    if (isStatic(op->getOperand(1)))
      declare(op->getOperand(1), result);
    fill(op, 1, all, 1);
  }
  return result;
}

static double neutralOf(lazy::ReduceKind kind) {
  double infinity = std::numeric_limits<double>::infinity();
  switch (kind) {
  case lazy::ReduceKind::add:
    return 0;
  case lazy::ReduceKind::mul:
    return 1;
  case lazy::ReduceKind::max:
    return -infinity;
  case lazy::ReduceKind::min:
    return infinity;
  }
  llvm_unreachable("no such reduction");
}

/// One term of an index expression: factor * dimension, or a constant.
static void addTerms(mlir::AffineExpr e, int64_t factor,
                     std::map<unsigned, int64_t> &factors) {
  if (auto d = mlir::dyn_cast<mlir::AffineDimExpr>(e)) {
    factors[d.getPosition()] += factor;
  } else if (auto both = mlir::dyn_cast<mlir::AffineBinaryOpExpr>(e)) {
    if (both.getKind() == mlir::AffineExprKind::Add) {
      addTerms(both.getLHS(), factor, factors);
      addTerms(both.getRHS(), factor, factors);
    } else {
      auto c = mlir::cast<mlir::AffineConstantExpr>(both.getRHS());
      addTerms(both.getLHS(), factor * c.getValue(), factors);
    }
  }
}

Extents BoundedDims::contract(lazy::ContractOp op) {
  unsigned dims = op.map(0).getNumDims();
  std::vector<std::optional<Extent>> extents(dims);
  auto note = [&](unsigned d, const Extent &e) {
    extents[d] = extents[d] ? merge(*extents[d], e) : e;
  };
  for (unsigned k = 0; k < 2; ++k) {
    Extents xs = of(op->getOperand(k));
    for (auto [axis, e] : llvm::enumerate(op.map(k).getResults()))
      if (auto d = mlir::dyn_cast<mlir::AffineDimExpr>(e))
        note(d.getPosition(), xs[axis]);
  }
  auto results = op.map(2).getResults();
  for (unsigned k = 0; k < 2; ++k) {
    Extents xs = of(op->getOperand(k));
    Ints beyond;
    for (auto [axis, e] : llvm::enumerate(op.map(k).getResults())) {
      if (xs[axis].isConstant())
        continue;
      if (mlir::isa<mlir::AffineDimExpr>(e)) {
        if (!llvm::is_contained(results, e))
          beyond.push_back(axis);
        continue;
      }
      // A window: one dimension moves it, the others are places within it.
      std::map<unsigned, int64_t> factors;
      addTerms(e, 1, factors);
      Extent free = xs[axis] - 1;
      std::optional<unsigned> moves;
      for (auto [d, factor] : factors) {
        if (llvm::is_contained(results,
                               mlir::getAffineDimExpr(d, op.getContext()))) {
          if (moves)
            block("does not support the symbolic extent " +
                  table.text(xs[axis]));
          moves = d;
          continue;
        }
        if (!extents[d] || !extents[d]->isConstant())
          block("does not support a window of symbolic size");
        free = free - Extent(factor * (extents[d]->value() - 1));
      }
      if (!moves)
        block("does not support the symbolic extent " + table.text(xs[axis]));
      note(*moves, table.largest(table.quotient(free, factors[*moves]) + 1, 0));
    }
    fill(op, k, beyond, 0);
  }
  Extents all;
  for (const auto &extent : extents)
    all.push_back(extent ? *extent : Extent(1));
  op->setAttr(lazy::openDims, names(all));
  Extents y;
  for (auto [axis, e] : llvm::enumerate(results)) {
    auto &extent = extents[mlir::cast<mlir::AffineDimExpr>(e).getPosition()];
    y.push_back(extent ? *extent : Extent(op.getType().getDimSize(axis)));
  }
  return y;
}

std::optional<Extents> BoundedDims::regrouped(Value x,
                                              llvm::ArrayRef<int64_t> shape) {
  Extents from = of(x);
  Ints have = bounds(from);
  Extents to(shape.begin(), shape.end());
  size_t i = 0, j = 0;
  while (i < have.size() || j < shape.size()) {
    // One group: axes of both with the same number of elements.
    size_t firstI = i, firstJ = j;
    int64_t a = i < have.size() ? have[i++] : 1,
            b = j < shape.size() ? shape[j++] : 1;
    while (a != b) {
      if (a < b && i < have.size())
        a *= have[i++];
      else if (j < shape.size())
        b *= shape[j++];
      else if (i < have.size())
        a *= have[i++];
      else
        return std::nullopt;
    }
    // Only the first axis that is not 1 may be open.
    auto lead = [](llvm::ArrayRef<int64_t> s, size_t at, size_t end) {
      while (at + 1 < end && s[at] == 1)
        ++at;
      return at;
    };
    size_t headI = lead(have, firstI, i), headJ = lead(shape, firstJ, j);
    bool any = false;
    for (size_t k = firstI; k < i; ++k)
      any |= !from[k].isConstant();
    if (!any)
      continue;
    if (firstJ == j)
      return std::nullopt;
    Extent total(1), rest(1);
    for (size_t k = firstI; k < i; ++k) {
      if (k != headI && !from[k].isConstant())
        return std::nullopt;
      total = total * from[k];
    }
    for (size_t k = firstJ; k < j; ++k)
      if (k != headJ)
        rest = rest * Extent(shape[k]);
    auto head = Extent::divideExactly(total, rest);
    if (!head)
      return std::nullopt;
    to[headJ] = *head;
  }
  return to;
}

Extents BoundedDims::padded(lazy::PadOp op) {
  Extents y = of(op.getX());
  Ints after;
  for (size_t axis = 0; axis < y.size(); ++axis)
    if (!y[axis].isConstant()) {
      if (op.getHigh()[axis])
        after.push_back(axis);
    }
  // The border at the end begins where the elements of the run do.
  if (!after.empty()) {
    double value = 0;
    if (auto number = mlir::dyn_cast<mlir::FloatAttr>(op.getValue()))
      value = number.getValueAsDouble();
    else
      value = double(mlir::cast<mlir::IntegerAttr>(op.getValue())
                         .getValue()
                         .getSExtValue());
    fill(op, 0, after, value);
  }
  for (size_t axis = 0; axis < y.size(); ++axis)
    y[axis] = y[axis] + Extent(op.getLow()[axis] + op.getHigh()[axis]);
  return y;
}

Extents BoundedDims::cut(lazy::SliceOp op) {
  Extents from = of(op.getX()), y;
  auto have = lazy::tensorType(op.getX()).getShape();
  for (auto [axis, size] : llvm::enumerate(op.getType().getShape())) {
    int64_t start = op.getStarts()[axis], step = op.getSteps()[axis];
    if (start == 0 && step == 1 && size == have[axis]) {
      y.push_back(from[axis]);
      continue;
    }
    if (size > 0 && start + (size - 1) * step >= table.range(from[axis]).least)
      block("cuts the symbolic extent " + table.text(from[axis]));
    y.push_back(size);
  }
  return y;
}

Extents BoundedDims::windows(lazy::WindowOp op) {
  Extents y = of(op.getX());
  for (auto [k, axis] : llvm::enumerate(op.getAxes())) {
    int64_t reach = (op.getSizes()[k] - 1) * op.getDilations()[k] + 1;
    if (!y[axis].isConstant())
      y[axis] = table.largest(
          table.quotient(y[axis] - Extent(reach), op.getStrides()[k]) + 1, 0);
    else
      y[axis] = op.getType().getDimSize(axis);
  }
  for (int64_t size : op.getSizes())
    y.push_back(size);
  return y;
}

Extents BoundedDims::joined(lazy::ConcatOp op) {
  int64_t axis = op.getAxis();
  Extents y = of(op.getXs()[0]);
  for (Value x : llvm::drop_begin(op.getXs())) {
    Extents xs = of(x);
    for (size_t i = 0; i < y.size(); ++i) {
      if (int64_t(i) != axis) {
        y[i] = merge(y[i], xs[i]);
        continue;
      }
      if (!y[i].isConstant())
        block("joins the symbolic extent " + table.text(y[i]) +
              " with what follows");
      y[i] = y[i] + xs[i];
    }
  }
  return y;
}

Extents BoundedDims::picked(lazy::GatherOp op) {
  Extents from = of(op.getX()), index = of(op.getIndex());
  int64_t axis = op.getAxis();
  Ints all;
  for (size_t i = 0; i < index.size(); ++i)
    all.push_back(i);
  fill(op, 1, all, 0);
  Extents y(llvm::ArrayRef(from).take_front(axis));
  y.append(index);
  y.append(from.begin() + axis + 1, from.end());
  return y;
}

Extents BoundedDims::infer(mlir::Operation *op) {
  if (mlir::isa<lazy::ElementwiseOpInterface, lazy::RequireOp>(op))
    return elementwise(op);
  if (auto reduce = mlir::dyn_cast<lazy::ReduceOp>(op)) {
    Extents from = of(reduce.getX()), y;
    fill(op, 0, reduce.getAxes(), neutralOf(reduce.getKind()));
    Extents combined;
    for (int64_t axis : reduce.getAxes())
      combined.push_back(from[axis]);
    op->setAttr(lazy::openDims, names(combined));
    for (size_t axis = 0; axis < from.size(); ++axis)
      if (!llvm::is_contained(reduce.getAxes(), int64_t(axis)))
        y.push_back(from[axis]);
    return y;
  }
  if (auto arg = mlir::dyn_cast<lazy::ArgReduceOp>(op)) {
    Extents y = of(arg.getX());
    int64_t axis = arg.getAxis();
    if (!y[axis].isConstant() && arg.getLast())
      block("takes the last of equals along the symbolic extent " +
            table.text(y[axis]));
    fill(op, 0, axis, neutralOf(arg.getKind()));
    y.erase(y.begin() + axis);
    return y;
  }
  if (auto contraction = mlir::dyn_cast<lazy::ContractOp>(op))
    return contract(contraction);
  if (auto view = mlir::dyn_cast<lazy::ReshapeOp>(op)) {
    if (auto y = regrouped(view.getX(), view.getType().getShape()))
      return *y;
    block("cannot give a tensor of symbolic extents the shape " +
          shapeText(view.getType().getShape()));
  }
  if (auto permute = mlir::dyn_cast<lazy::PermuteOp>(op)) {
    Extents from = of(permute.getX()), y;
    for (int64_t axis : permute.getPerm())
      y.push_back(from[axis]);
    return y;
  }
  if (auto expand = mlir::dyn_cast<lazy::ExpandOp>(op)) {
    Extents y = of(expand.getX());
    for (auto [axis, extent] : llvm::enumerate(expand.getType().getShape()))
      if (lazy::tensorType(expand.getX()).getDimSize(axis) != extent)
        y[axis] = extent;
    return y;
  }
  if (auto pad = mlir::dyn_cast<lazy::PadOp>(op))
    return padded(pad);
  if (auto slice = mlir::dyn_cast<lazy::SliceOp>(op))
    return cut(slice);
  if (auto window = mlir::dyn_cast<lazy::WindowOp>(op))
    return windows(window);
  if (auto concat = mlir::dyn_cast<lazy::ConcatOp>(op))
    return joined(concat);
  if (auto gather = mlir::dyn_cast<lazy::GatherOp>(op))
    return picked(gather);
  if (auto flip = mlir::dyn_cast<lazy::FlipOp>(op)) {
    Extents y = of(flip.getX());
    for (int64_t axis : flip.getAxes())
      if (!y[axis].isConstant())
        block("reverses the symbolic extent " + table.text(y[axis]));
    return y;
  }
  block("does not support symbolic extents (" + op->getName().getStringRef() +
        ")");
}

void BoundedDims::visit(mlir::Operation *op) {
  if (!active() || !seen.insert(op).second)
    return;
  if (llvm::all_of(op->getOperands(), [&](Value v) { return isStatic(v); }))
    return;
  if (op->getNumResults() != 1)
    block("does not support symbolic extents (" + op->getName().getStringRef() +
          ")");
  declare(op->getResult(0), infer(op));
}
