//===- BoundedDims.cpp - tensors whose extents the run decides ------------===//
#include "BoundedDims.h"
#include "Blocker.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/model.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;
using Ints = llvm::SmallVector<int64_t>;

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
  if (op && op->getNumResults() == 1 && !isConstant(extents))
    op->setAttr(lazy::openExtents, names(extents));
  note(v, std::move(extents));
}

void BoundedDims::note(Value v, Extents extents) {
  if (auto *op = v.getDefiningOp())
    seen.insert(op);
  if (isConstant(extents))
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
  // Whoever ends there too need not look at the condition.
  Extents beyond(of(x).size(), 1);
  for (int64_t axis : axes)
    beyond[axis] = of(x)[axis];
  mlir::ArrayAttr texts = names(beyond);
  if (llvm::all_of(axes, [&](int64_t axis) {
        return beyond[axis].isConstant() ||
               !mlir::cast<mlir::StringAttr>(texts[axis]).empty();
      }))
    y.getDefiningOp()->setAttr(lazy::openBeyond, texts);
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
    inside = within(loc, extents, llvm::to_vector(llvm::seq<int64_t>(0, rank)));
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

namespace {
/// A tensor as rows that are dense whatever the run's extents are: as many as
/// the bounds of the outer axes make.
struct Rows {
  Extents outer;
  int64_t inner, count;

  Rows(const Extents &extents, llvm::ArrayRef<int64_t> most) {
    int64_t tail = staticTail(extents);
    outer.assign(extents.begin(), extents.end() - tail);
    inner = product(most.take_back(tail));
    count = product(most) / std::max<int64_t>(inner, 1);
  }
};
} // namespace

Value BoundedDims::spread(mlir::Location loc, Value flat, const Extents &to,
                          Value ok) {
  lazy::Build b{builder, loc};
  Ints most = bounds(to);
  Rows rows(to, most);
  Value y = b.reshape(flat, {rows.count, rows.inner});
  // Even of a leading extent nothing must be read beyond the buffer.
  Value index = places(loc, rows.outer, true);
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
  Rows rows(from, most);
  Value y = withExtents(loc, x, constants(most));
  y = b.reshape(y, {rows.count, rows.inner});
  if (!isConstant(llvm::ArrayRef(rows.outer).drop_front())) {
    y = b.gather(y, places(loc, rows.outer, false), 0);
    declare(y, constants({rows.count, rows.inner}));
  }
  return b.reshape(y, {rows.count * rows.inner});
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
