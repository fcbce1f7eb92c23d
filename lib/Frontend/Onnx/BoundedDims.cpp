//===- BoundedDims.cpp - tensors whose extents the run decides ------------===//
#include "BoundedDims.h"
#include "Blocker.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/model.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using llvm::Twine;
using mlir::Value;
using Ints = llvm::SmallVector<int64_t>;

/// Tensors of more elements are not followed element by element.
static constexpr int64_t maxElements = 64;

//===----------------------------------------------------------------------===//
// What is known
//===----------------------------------------------------------------------===//

static Extents constants(llvm::ArrayRef<int64_t> shape) {
  return Extents(shape.begin(), shape.end());
}

bool BoundedDims::isStatic(Value v) {
  if (auto *op = v.getDefiningOp())
    visit(op);
  return !open.contains(v);
}

Extents BoundedDims::of(Value v) {
  if (!isStatic(v))
    return open.lookup(v);
  return constants(lazy::boundedShape(lazy::tensorType(v)));
}

/// For each extent its name where it is made of dims alone, else "".
mlir::ArrayAttr BoundedDims::names(llvm::ArrayRef<Extent> extents) {
  llvm::SmallVector<mlir::Attribute> list;
  for (const Extent &e : extents) {
    bool dims = !e.isConstant();
    for (const auto &[product, coefficient] : e.sum())
      for (unsigned number : product)
        dims &= table[number].kind == ExtentTable::Atom::Dim;
    std::string name = dims ? table.text(e) : "";
    if (dims)
      named[name] = e;
    list.push_back(builder.getStringAttr(name));
  }
  return builder.getArrayAttr(list);
}

mlir::DictionaryAttr BoundedDims::sums() {
  llvm::SmallVector<mlir::NamedAttribute> entries;
  for (const auto &[name, e] : named) {
    llvm::SmallVector<mlir::Attribute> sum;
    for (const auto &[product, coefficient] : e.sum()) {
      Ints list{coefficient};
      list.append(product.begin(), product.end()); // dims are the first atoms
      sum.push_back(builder.getDenseI64ArrayAttr(list));
    }
    entries.push_back(builder.getNamedAttr(name, builder.getArrayAttr(sum)));
  }
  return builder.getDictionaryAttr(entries);
}

void BoundedDims::declare(Value v, Extents extents) {
  auto *op = v.getDefiningOp();
  if (op && op->getNumResults() == 1 &&
      llvm::any_of(extents, [](const Extent &e) { return !e.isConstant(); }))
    op->setAttr(lazy::openExtents, names(extents));
  note(v, std::move(extents));
}

void BoundedDims::note(Value v, Extents extents) {
  if (auto *op = v.getDefiningOp())
    seen.insert(op);
  if (llvm::all_of(extents, [](const Extent &e) { return e.isConstant(); }))
    open.erase(v);
  else
    open[v] = std::move(extents);
}

Value BoundedDims::withExtents(mlir::Location loc, Value v, Extents extents) {
  // A slice of everything, which goes away later.
  Ints starts(extents.size(), 0), steps(extents.size(), 1);
  Value same = lazy::SliceOp::create(builder, loc, v.getType(), v,
                                     builder.getDenseI64ArrayAttr(starts),
                                     builder.getDenseI64ArrayAttr(steps));
  declare(same, std::move(extents));
  return same;
}

Extent BoundedDims::counted(llvm::StringRef name, ExtentTable::Range range,
                            Value value) {
  auto function = value.getParentBlock()->getParentOp();
  if (mlir::SymbolTable::getSymbolName(function).getValue() != "main")
    block("E_DIM: does not support an extent of the data inside a loop or a "
          "branch of the run");
  // So far everything is static.
  if (!active())
    for (mlir::Operation &op : *value.getParentBlock())
      seen.insert(&op);
  Extent e = table.counted(name, range, value);
  known[value] = Extents{e};
  return e;
}

Ints BoundedDims::bounds(const Extents &extents) const {
  Ints shape;
  for (const Extent &e : extents)
    shape.push_back(std::max<int64_t>(table.range(e).most, 0));
  return shape;
}

Value BoundedDims::scalar(mlir::Location loc, const Extent &e) {
  lazy::Build b{builder, loc};
  mlir::Type i64 = builder.getI64Type();
  Value sum;
  for (const auto &[product, coefficient] : e.sum()) {
    Value term;
    for (unsigned number : product) {
      // Made again wherever it is wanted: what is made here may be asked for
      // before this point later.
      const ExtentTable::Atom atom = table[number];
      Value value = atom.value;
      if (!value) {
        Value x = scalar(loc, atom.a), y = scalar(loc, atom.b);
        value = atom.kind == ExtentTable::Atom::Largest
                    ? b.binary<lazy::MaxOp>(x, y)
                : atom.kind == ExtentTable::Atom::Smallest
                    ? b.binary<lazy::MinOp>(x, y)
                    : b.binary<lazy::DivOp>(x, y);
      } else if (value.getParentBlock() != builder.getInsertionBlock()) {
        block("the extent " + table.text(e) +
              " cannot be used inside a function of its own");
      }
      term = term ? b.binary<lazy::MulOp>(term, value) : value;
    }
    if (!term)
      term = b.splat(i64, double(coefficient));
    else if (coefficient != 1)
      term = b.binary<lazy::MulOp>(term, b.splat(i64, double(coefficient)));
    sum = sum ? b.binary<lazy::AddOp>(sum, term) : term;
  }
  if (!sum)
    sum = b.splat(i64, 0);
  known[sum] = Extents{e};
  return sum;
}

//===----------------------------------------------------------------------===//
// Elements in terms of extents
//===----------------------------------------------------------------------===//

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
    return Extents(count,
                   Extent(bits.getBitWidth() == 1 ? int64_t(bits.getZExtValue())
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
    auto x = [&](unsigned k) -> const Extent & { return xs[k][i]; };
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
    else if (mlir::isa<lazy::CastOp>(op) &&
             lazy::tensorType(v).getElementTypeBitWidth() == 1) {
      if (std::optional<bool> zero = table.equal(x(0), 0))
        y = Extent(!*zero);
    } else if (mlir::isa<lazy::CastOp>(op) &&
               !mlir::isa<mlir::FloatType>(
                   lazy::tensorType(op->getOperand(0)).getElementType()) &&
               lazy::tensorType(v).getElementTypeBitWidth() > 16)
      y = x(0);
    else if (mlir::isa<lazy::DivOp>(op) && table.range(x(0)).least >= 0 &&
             table.range(x(1)).least >= 1)
      y = table.quotient(x(0), x(1));
    else if (mlir::isa<lazy::NotOp>(op) &&
             lazy::tensorType(v).getElementTypeBitWidth() == 1)
      y = Extent(1) - x(0);
    else if (mlir::isa<lazy::AndOp>(op) &&
             lazy::tensorType(v).getElementTypeBitWidth() == 1)
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
    if (!y)
      return std::nullopt;
    result.push_back(*y);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// What lies within
//===----------------------------------------------------------------------===//

Value BoundedDims::within(mlir::Location loc, const Extents &extents,
                          llvm::ArrayRef<int64_t> axes) {
  lazy::Build b{builder, loc};
  mlir::Type i64 = builder.getI64Type();
  Ints most = bounds(extents);
  Value all;
  for (int64_t axis : axes) {
    if (extents[axis].isConstant())
      continue;
    Ints shape(extents.size(), 1);
    shape[axis] = most[axis];
    Value at = b.iota(mlir::RankedTensorType::get(shape, i64), axis);
    Value inside = b.cmp(lazy::CmpKind::lt, at, scalar(loc, extents[axis]));
    all = all ? b.binary<lazy::AndOp>(all, inside) : inside;
  }
  return all;
}

void BoundedDims::fill(mlir::Operation *op, unsigned operand,
                       llvm::ArrayRef<int64_t> axes, double value) {
  Value x = op->getOperand(operand);
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op);
  Value inside = within(op->getLoc(), of(x), axes);
  if (!inside)
    return;
  lazy::Build b{builder, op->getLoc()};
  Value y =
      b.where(inside, x, b.splat(lazy::tensorType(x).getElementType(), value));
  note(y, of(x));
  // Along these axes all of it is looked at.
  Extents rest = of(x);
  for (int64_t axis : axes)
    rest[axis] = 1;
  y.getDefiningOp()->setAttr(lazy::openExtents, names(rest));
  op->setOperand(operand, y);
}

Value BoundedDims::places(mlir::Location loc, const Extents &extents,
                          bool toDense) {
  lazy::Build b{builder, loc};
  mlir::Type i64 = builder.getI64Type();
  Ints most = bounds(extents);
  int64_t rank = extents.size(), count = *elementCount(most);
  auto number = [&](int64_t v) { return b.splat(i64, double(v)); };
  Value result, inside;
  if (toDense) { // index by index of the bounds: its place in the run's order
    for (int64_t axis = 0; axis < rank; ++axis) {
      Ints shape(rank, 1);
      shape[axis] = most[axis];
      Value at = b.iota(mlir::RankedTensorType::get(shape, i64), axis);
      if (result)
        result = b.binary<lazy::MulOp>(result, scalar(loc, extents[axis]));
      result = result ? b.binary<lazy::AddOp>(result, at) : at;
    }
    Ints all;
    for (int64_t axis = 0; axis < rank; ++axis)
      all.push_back(axis);
    inside = within(loc, extents, all);
    result = b.expand(result, most);
  } else { // place by place of the run's order: its place among the bounds
    Value rest = b.iota(mlir::RankedTensorType::get({count}, i64), 0);
    Extent total(1);
    for (const Extent &e : extents)
      total = total * e;
    inside = b.cmp(lazy::CmpKind::lt, rest, scalar(loc, total));
    int64_t stride = 1;
    for (int64_t axis = rank; axis-- > 0; stride *= most[axis]) {
      Value at = rest;
      if (axis > 0) {
        Value extent = scalar(loc, extents[axis]);
        at = b.binary<lazy::RemOp>(rest, extent);
        rest = b.binary<lazy::DivOp>(rest, extent);
      }
      at = b.binary<lazy::MulOp>(at, number(stride));
      result = result ? b.binary<lazy::AddOp>(result, at) : at;
    }
  }
  if (inside)
    result = b.where(inside, result, number(0));
  return b.reshape(result, {count});
}

/// The number of trailing axes that are static, which keep their order.
static int64_t staticTail(const Extents &extents) {
  int64_t tail = 0;
  for (const Extent &e : llvm::reverse(extents)) {
    if (!e.isConstant())
      break;
    ++tail;
  }
  return tail;
}

static int64_t product(llvm::ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t extent : shape)
    n *= extent;
  return n;
}

Value BoundedDims::spread(mlir::Location loc, Value flat, const Extents &to,
                          Value ok) {
  lazy::Build b{builder, loc};
  Ints most = bounds(to);
  int64_t tail = staticTail(to);
  Extents outer(llvm::ArrayRef(to).drop_back(tail));
  int64_t inner = product(llvm::ArrayRef(most).take_back(tail)),
          rows = product(most) / std::max<int64_t>(inner, 1);
  Value y = b.reshape(flat, {rows, inner});
  // Even of a leading extent nothing must be read beyond the buffer.
  Value index = places(loc, outer, true);
  if (ok)
    index = b.require(index, b.expandLike(ok, index), NACRE_E_SHAPE,
                      "a dim is not the sum that its name says");
  y = b.gather(y, index, 0);
  y = b.reshape(y, most);
  declare(y, to);
  return y;
}

Value BoundedDims::gatherDense(mlir::Location loc, Value x) {
  lazy::Build b{builder, loc};
  Extents from = of(x);
  Ints most = bounds(from);
  int64_t tail = staticTail(from);
  Extents outer(llvm::ArrayRef(from).drop_back(tail));
  int64_t inner = product(llvm::ArrayRef(most).take_back(tail)),
          rows = product(most) / std::max<int64_t>(inner, 1);
  Value y = withExtents(loc, x, constants(most));
  y = b.reshape(y, {rows, inner});
  if (llvm::any_of(llvm::drop_begin(outer),
                   [](const Extent &e) { return !e.isConstant(); })) {
    y = b.gather(y, places(loc, outer, false), 0);
    declare(y, constants({rows, inner}));
  }
  y = b.reshape(y, {rows * inner});
  return y;
}

Value BoundedDims::reshape(mlir::Location loc, Value x, const Extents &to) {
  lazy::Build b{builder, loc};
  Extents from = of(x);
  Extent before(1), after(1);
  for (const Extent &e : from)
    before = before * e;
  for (const Extent &e : to)
    after = after * e;
  if (!(before == after))
    block("E_SHAPE: " + table.text(before) + " elements cannot become " +
          table.text(after));
  Ints most = bounds(to);
  if (product(most) == product(bounds(from)))
    if (auto same = regrouped(x, most); same && *same == to)
      return b.reshape(x, most);
  Value dense = gatherDense(loc, x);
  Ints room{product(most)};
  int64_t have = lazy::tensorType(dense).getDimSize(0);
  if (have > room[0])
    dense = b.slice(dense, {0}, room);
  else if (have < room[0])
    dense = b.pad(dense, {0}, {room[0] - have}, 0);
  return spread(loc, dense, to);
}

//===----------------------------------------------------------------------===//
// Following the operations
//===----------------------------------------------------------------------===//

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
  Extents to = constants(shape);
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
