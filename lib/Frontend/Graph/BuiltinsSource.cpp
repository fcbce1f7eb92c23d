//===- BuiltinsSource.cpp - tensors of constants and random numbers -------===//
#include "Builtins.h"

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::Twine;

namespace {

mlir::Type elementOf(BuiltinCall &c, unsigned i, DType fallback) {
  return elementType(&c.evaluator.context, c.dtype(i, fallback));
}

mlir::Value filled(BuiltinCall &c, const Datum &value, mlir::Type element) {
  llvm::SmallVector<int64_t> shape = c.shape(0, element);
  mlir::Value scalar = c.evaluator.asTensor(value, element, c.at);
  if (lazy::tensorType(scalar).getRank() != 0)
    c.fail("the value must be a number, got " + describe(value));
  return c.build().expand(scalar, shape);
}

template <int64_t Value> Datum constant(BuiltinCall &c) {
  return c.done(filled(c, Datum(Value), elementOf(c, 1, DType::F32)));
}

Datum full(BuiltinCall &c) {
  DType natural = c.arguments[1].is<int64_t>() ? DType::I64 : DType::F32;
  if (c.arguments[1].isTensor())
    natural =
        dtypeOf(lazy::tensorType(c.arguments[1].tensor()).getElementType());
  return c.done(filled(c, c.arguments[1], elementOf(c, 2, natural)));
}

Datum iota(BuiltinCall &c) {
  mlir::Type element = elementOf(c, 2, DType::I64);
  if (element.isInteger(1))
    c.fail("needs a type of numbers, got bool");
  llvm::SmallVector<int64_t> shape = c.shape(0, element);
  int64_t axis = c.axis(1, shape.size());
  return c.done(
      c.build().iota(mlir::RankedTensorType::get(shape, element), axis));
}

Datum arange(BuiltinCall &c) {
  mlir::Type element = elementOf(c, 1, DType::I64);
  if (element.isInteger(1))
    c.fail("needs a type of numbers, got bool");
  int64_t count = c.integer(0);
  if (count < 0)
    c.fail("the number of elements is " + Twine(count));
  c.checkSize({count}, element);
  return c.done(
      c.build().iota(mlir::RankedTensorType::get({count}, element), 0));
}

/// Every place that draws has a number of its own; a normal one uses two
/// streams, so a place has two.
uint32_t nextSite(BuiltinCall &c) {
  uint32_t site = c.evaluator.current->site++;
  if (site > 1000000)
    c.fail("more than 1000000 places draw random numbers");
  return site;
}

Datum uniform(BuiltinCall &c) {
  mlir::Type f32 = elementType(&c.evaluator.context, DType::F32);
  llvm::SmallVector<int64_t> shape = c.shape(0, f32);
  double low = c.number(1, 0), high = c.number(2, 1);
  lazy::Build b = c.build();
  Emission &into = *c.evaluator.current;
  mlir::Value x = b.uniform(into.seed, into.step, 2 * nextSite(c), shape);
  if (high - low != 1)
    x = b.binary<lazy::MulOp>(x, b.splat(f32, high - low));
  if (low != 0)
    x = b.binary<lazy::AddOp>(x, b.splat(f32, low));
  return c.done(x);
}

Datum normal(BuiltinCall &c) {
  mlir::Type f32 = elementType(&c.evaluator.context, DType::F32);
  llvm::SmallVector<int64_t> shape = c.shape(0, f32);
  double mean = c.number(1, 0), deviation = c.number(2, 1);
  lazy::Build b = c.build();
  Emission &into = *c.evaluator.current;
  mlir::Value x = b.normal(into.seed, into.step, nextSite(c), shape);
  if (deviation != 1)
    x = b.binary<lazy::MulOp>(x, b.splat(f32, deviation));
  if (mean != 0)
    x = b.binary<lazy::AddOp>(x, b.splat(f32, mean));
  return c.done(x);
}

} // namespace

void graph_frontend::addSources(std::vector<Builtin> &t) {
  t.push_back({"zeros", "shape type?", constant<0>});
  t.push_back({"ones", "shape type?", constant<1>});
  t.push_back({"full", "shape value type?", full});
  t.push_back({"iota", "shape axis type?", iota});
  t.push_back({"arange", "count type?", arange});
  t.push_back({"uniform", "shape low? high?", uniform});
  t.push_back({"normal", "shape mean? std?", normal});
}
