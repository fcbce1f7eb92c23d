//===- Constant.cpp - ops that make values from nothing or little ---------===//
#include "../Node.h"
#include "../OpTable.h"
#include "RandomSource.h"
#include "Strings.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

template <typename T, typename List>
Tensor listTensor(DType dtype, const List &list) {
  Tensor t = Tensor::zeros(dtype, {int64_t(list.size())});
  std::copy(list.begin(), list.end(), t.data<T>());
  return t;
}

void constant(Node &n) {
  if (auto *a = n.attribute("value")) {
    if (a->t().data_type() == onnx::TensorProto::STRING)
      return n.setDatum(0, Datum::strings(readStrings(a->t())));
    return n.set(0, n.constantOf(readTensor(a->t(), n.importer.source)));
  }
  if (auto *a = n.attribute("sparse_value"))
    return n.set(
        0, n.constantOf(readSparse(a->sparse_tensor(), n.importer.source)));
  if (auto *a = n.attribute("value_float"))
    return n.set(0, n.constantOf(Tensor::of<float>(DType::F32, {}, {a->f()})));
  if (auto *a = n.attribute("value_int"))
    return n.set(0,
                 n.constantOf(Tensor::of<int64_t>(DType::I64, {}, {a->i()})));
  if (auto *a = n.attribute("value_floats"))
    return n.set(0, n.constantOf(listTensor<float>(DType::F32, a->floats())));
  if (auto *a = n.attribute("value_ints"))
    return n.set(0, n.constantOf(listTensor<int64_t>(DType::I64, a->ints())));
  if (auto *a = n.attribute("value_string"))
    return n.setDatum(0, Datum::strings({{}, {a->s()}}));
  if (auto *a = n.attribute("value_strings"))
    return n.setDatum(
        0, Datum::strings({{a->strings_size()},
                           {a->strings().begin(), a->strings().end()}}));
  block("E_ATTR: no value");
}

void constantOfShape(Node &n) {
  Extents extents = n.extentInts(0, "shape");
  Ints shape;
  for (const Extent &e : extents)
    shape.push_back(e.isConstant() ? e.value()
                                   : n.importer.dims.table.range(e).most);
  for (auto [i, extent] : llvm::enumerate(shape))
    if (extent < 0)
      block("E_DIM: shape[" + Twine(i) + "] is " + Twine(extent));
  n.needShape(shape);
  Tensor value = Tensor::zeros(DType::F32, {1});
  if (auto *a = n.attribute("value"))
    value = readTensor(a->t(), n.importer.source);
  if (value.count() != 1)
    block("E_ATTR: value has " + Twine(value.count()) + " elements, not 1");
  value.shape.clear();
  Value scalar = n.constantOf(value);
  Value y = scalar.getDefiningOp<lazy::SplatOp>()
                ? n.build.splat(Node::element(scalar), value.numberAt(0), shape)
                : n.build.expand(scalar, shape);
  n.importer.dims.declare(y, extents);
  n.set(0, y);
}

/// start, start + delta, ... below limit; all three known now.
void range(Node &n) {
  BoundedDims &dims = n.importer.dims;
  if (dims.active()) {
    std::optional<Extents> parts[3];
    bool open = false, all = true;
    for (int i = 0; i < 3; ++i) {
      parts[i] = dims.elements(n.in(i));
      all &= parts[i] && parts[i]->size() == 1;
      open |= all && !parts[i]->front().isConstant();
    }
    if (all && open) {
      const Extent &start = parts[0]->front(), &step = parts[2]->front();
      if (dims.table.range(step).least < 1)
        block("E_ATTR: delta may be less than 1");
      Extent count = dims.table.largest(
          dims.table.quotient(parts[1]->front() - start + step - 1, step), 0);
      mlir::Type type = Node::element(n.in(0)), i64 = n.type(DType::I64);
      Ints most = dims.bounds({count});
      n.needShape(most);
      Value y = n.build.iota(mlir::RankedTensorType::get(most, i64), 0);
      y = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(y, n.scalar(step)),
                                n.scalar(start));
      dims.declare(y, {count});
      return n.set(0, n.build.cast(y, type));
    }
  }
  Tensor start = n.constant(0, "start"), limit = n.constant(1, "limit"),
         delta = n.constant(2, "delta");
  for (const Tensor &t : {start, limit, delta})
    if (t.count() != 1 || t.dtype != start.dtype)
      block("E_SHAPE: start, limit and delta must be scalars of one type");
  mlir::Type type = n.type(start.dtype);
  int64_t count = 0;
  if (mlir::isa<mlir::FloatType>(type)) {
    double step = delta.numberAt(0);
    if (step == 0)
      block("E_ATTR: delta is 0");
    double steps = std::ceil((limit.numberAt(0) - start.numberAt(0)) / step);
    if (!(steps < 1e15))
      block("E_LIMIT: the range has too many elements");
    count = std::max<int64_t>(int64_t(std::max(steps, 0.0)), 0);
  } else {
    __int128 step = delta.integerAt(0), from = start.integerAt(0),
             to = limit.integerAt(0);
    if (step == 0)
      block("E_ATTR: delta is 0");
    __int128 span = step > 0 ? to - from : from - to;
    __int128 size = step > 0 ? step : -step;
    __int128 steps = span <= 0 ? 0 : (span + size - 1) / size;
    if (steps > (int64_t(1) << 50))
      block("E_LIMIT: the range has too many elements");
    count = int64_t(steps);
  }
  // Counted in f32 where a 16-bit float has no more room for the next number.
  mlir::Type wide = type.isF16() || type.isBF16() ? n.type(DType::F32) : type;
  Value y = n.build.iota(mlir::RankedTensorType::get({count}, wide), 0);
  auto scalar = [&](Tensor t) {
    t.shape.clear();
    return n.build.cast(n.constantOf(t), wide);
  };
  if (delta.numberAt(0) != 1)
    y = n.binary<lazy::MulOp>(y, scalar(delta));
  if (start.numberAt(0) != 0)
    y = n.binary<lazy::AddOp>(y, scalar(start));
  n.set(0, n.build.cast(y, type));
}

/// An identity matrix of the input's shape, its diagonal shifted by k.
void eyeLike(Node &n) {
  Value x = n.in(0);
  if (Node::rank(x) != 2)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " is not a matrix");
  bool open = !n.importer.dims.isStatic(x);
  if (!open)
    n.needStatic(x);
  DType dtype = Node::dtype(x);
  if (n.attribute("dtype"))
    dtype = dtypeOfOnnx(int32_t(n.intAttr("dtype", 0)), "dtype");
  auto type = mlir::RankedTensorType::get(Node::shape(x), n.type(DType::I64));
  Value row = n.build.iota(type, 0), column = n.build.iota(type, 1);
  Value shifted = n.binary<lazy::AddOp>(row, double(n.intAttr("k", 0)));
  Value y = n.cmp(lazy::CmpKind::eq, shifted, column);
  y = n.build.cast(y, n.type(dtype));
  if (open)
    y = n.importer.dims.withExtents(n.build.loc, y, n.extents(x));
  n.set(0, y);
}

void identity(Node &n) { n.setDatum(0, n.datum(0)); }

/// The share of elements that is dropped at random.
double dropped(Node &n) {
  double ratio = n.floatAttr("ratio", 0.5);
  bool training = n.opset < 7 && n.intAttr("is_test", 0) == 0;
  if (n.opset >= 12) {
    training = n.has(2) && n.constant(2, "training_mode").numberAt(0) != 0;
    if (training && n.has(1))
      ratio = n.constant(1, "ratio").numberAt(0);
  }
  if (!(ratio >= 0 && ratio < 1)) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%g", ratio);
    block("E_ATTR: ratio is " + text + ", must be in [0,1)");
  }
  return training ? ratio : 0;
}

void dropout(Node &n) {
  Value x = n.in(0);
  double ratio = dropped(n);
  // Such a model is a training's snapshot; nobody means its inference so.
  if (ratio > 0 && n.opset < 7)
    block("is_test=0 is not supported");
  if (ratio > 0 && n.importer.options.training)
    block("would drop the same elements in every step of a training");
  Value mask = n.build.cast(n.build.splatLike(x, 1), n.type(DType::Bool));
  if (ratio > 0) {
    n.needFloat(x);
    n.needStatic(x);
    Value u = randomUniform(n, Node::shape(x));
    mask = n.cmp(lazy::CmpKind::ge, u, n.build.splatLike(u, ratio));
    Value scaled = n.binary<lazy::MulOp>(x, 1 / (1 - ratio));
    x = n.where(mask, scaled, n.build.splatLike(x, 0));
  }
  n.set(0, x);
  if (!n.wants(1))
    return;
  if (n.opset < 10)
    mask = n.build.cast(mask, Node::element(x));
  if (!n.importer.dims.isStatic(x))
    n.importer.dims.declare(mask, n.extents(x));
  n.set(1, mask);
}

} // namespace

void onnx_frontend::addConstantOps(OpTable &t) {
  t["Constant"] = bounded(constant);
  t["ConstantOfShape"] = bounded(constantOfShape);
  t["Range"] = bounded(range);
  t["EyeLike"] = bounded(eyeLike);
  t["Identity"] = bounded(identity);
  t["Dropout"] = bounded(dropout);
}
