//===- BuiltinsReduce.cpp - functions of all elements along axes ----------===//
#include "Builtins.h"

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::Twine;

namespace {

/// Of a list of numbers at compile time.
Datum ofList(BuiltinCall &c, lazy::ReduceKind kind) {
  Datum total = int64_t(kind == lazy::ReduceKind::mul);
  const List &items = c.list(0);
  bool extreme = kind == lazy::ReduceKind::max || kind == lazy::ReduceKind::min;
  if (extreme && items.empty())
    c.fail("the list is empty");
  for (const Datum &item : items) {
    if (item.is<OpenExtent>())
      integerOf(item, c.at, c.what(0));
    if (!item.isNumber())
      c.fail("the list must hold numbers, got " + describe(item));
    if (!extreme)
      total = c.evaluator.binary(kind == lazy::ReduceKind::mul ? "*" : "+",
                                 total, item, c.at);
    else if (&item == &items.front() ||
             (kind == lazy::ReduceKind::max ? item.number() > total.number()
                                            : item.number() < total.number()))
      total = item;
  }
  return total;
}

template <lazy::ReduceKind Kind> Datum reduce(BuiltinCall &c) {
  if (c.arguments[0].isList())
    return ofList(c, Kind);
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  if (type.getElementType().isInteger(1))
    c.fail("needs numbers, got " + describe(type) + "; cast it first");
  return c.done(c.build().reduce(Kind, x, c.axes(1, type.getRank()),
                                 c.boolean(2, false)));
}

Datum mean(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  c.needFloat(x);
  auto type = lazy::tensorType(x);
  llvm::SmallVector<int64_t> axes = c.axes(1, type.getRank());
  c.needStatic(x, axes);
  double count = 1;
  for (int64_t axis : axes)
    count *= type.getDimSize(axis);
  if (count == 0)
    c.fail("there are no elements");
  lazy::Build b = c.build();
  mlir::Value sum =
      b.reduce(lazy::ReduceKind::add, x, axes, c.boolean(2, false));
  if (count == 1)
    return c.done(sum);
  return c.done(
      b.binary<lazy::MulOp>(sum, b.splat(type.getElementType(), 1 / count)));
}

template <lazy::ReduceKind Kind> Datum quantified(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  if (!type.getElementType().isInteger(1))
    c.fail("needs bool, got " + describe(type));
  return c.done(c.build().reduce(Kind, x, c.axes(1, type.getRank()),
                                 c.boolean(2, false)));
}

template <lazy::ReduceKind Kind> Datum position(BuiltinCall &c) {
  mlir::Value x = c.tensor(0);
  auto type = lazy::tensorType(x);
  int64_t axis = c.axis(1, type.getRank());
  c.needStatic(x, {axis});
  if (type.getDimSize(axis) == 0)
    c.fail("there are no elements");
  return c.done(
      c.build().argReduce(Kind, x, axis, /*last=*/false, c.boolean(2, false)));
}

} // namespace

void graph_frontend::addReductions(std::vector<Builtin> &t) {
  using Kind = lazy::ReduceKind;
  t.push_back({"sum", "x axes? keep?", reduce<Kind::add>});
  t.push_back({"prod", "x axes? keep?", reduce<Kind::mul>});
  t.push_back({"max", "x axes? keep?", reduce<Kind::max>});
  t.push_back({"min", "x axes? keep?", reduce<Kind::min>});
  t.push_back({"mean", "x axes? keep?", mean});
  t.push_back({"any", "x axes? keep?", quantified<Kind::max>});
  t.push_back({"all", "x axes? keep?", quantified<Kind::min>});
  t.push_back({"argmax", "x axis keep?", position<Kind::max>});
  t.push_back({"argmin", "x axis keep?", position<Kind::min>});
}
