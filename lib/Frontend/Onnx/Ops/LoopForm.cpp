//===- LoopForm.cpp - what Loop and Scan have in common -------------------===//
//
// A loop becomes lazy.loop. Where its body needs the counter or a carried value
// to be known, or changes a shape, and the number of times is known, it is
// imported in place again and again instead.
//
//===----------------------------------------------------------------------===//
#include "LoopForm.h"
#include "../Subgraph.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Loops up to here are unrolled when they cannot stay loops.
constexpr int64_t maxUnrolled = 1024;

/// The type of a value with an axis less or more.
mlir::RankedTensorType withoutLeading(Value v) {
  return mlir::RankedTensorType::get(Node::shape(v).drop_front(),
                                     Node::element(v));
}

/// The value of the counter or the condition with the rank that the body
/// declares.
Value declared(Node &n, Value v, const onnx::ValueInfoProto &input) {
  bool vector = input.type().tensor_type().shape().dim_size() == 1;
  return vector ? n.reshape(v, {1}) : v;
}

Value trueValue(Node &n) { return n.build.splat(n.type(DType::Bool), 1); }

/// The inputs of the body's graph.
llvm::SmallVector<Datum> bodyInputs(Node &n, const LoopForm &form,
                                    Value counter,
                                    llvm::ArrayRef<Datum> carried,
                                    mlir::ValueRange scanned) {
  llvm::SmallVector<Datum> inputs;
  if (form.countsAndTests) {
    // Where the body runs, the condition was true.
    inputs.push_back(declared(n, counter, form.graph.input(0)));
    inputs.push_back(declared(n, trueValue(n), form.graph.input(1)));
  }
  llvm::append_range(inputs, carried);
  llvm::append_range(inputs, scanned);
  return inputs;
}

/// Why a body that gives a list cannot be a loop's.
std::string unrolledOnly() {
  return ", so it is unrolled and needs a constant 'M' input of at most " +
         std::to_string(maxUnrolled) + " and a constant condition";
}

/// As lazy.loop: carried results, then collected ones. nullopt when something
/// blocked, which is said in the importer's messages.
std::optional<llvm::SmallVector<Datum>> asLoop(Node &n, const LoopForm &form) {
  size_t before = n.importer.errors.list.size();
  llvm::SmallVector<mlir::Type> types{
      mlir::RankedTensorType::get({}, n.type(DType::I64))};
  for (auto [i, datum] : llvm::enumerate(form.carried)) {
    if (!datum.isTensor())
      block("carries " + datum.what() + unrolledOnly());
    types.push_back(datum.value().getType());
  }
  llvm::SmallVector<Value> initial = tensorsOf(form.carried);
  for (Value v : form.scanned)
    types.push_back(withoutLeading(v));
  size_t carried = form.carried.size(), test = form.countsAndTests;
  Callee body =
      importFunction(n, form.graph, types, [&](mlir::ValueRange arguments) {
        auto inner = arguments.slice(1, carried);
        return bodyInputs(n, form, arguments[0],
                          llvm::SmallVector<Datum>(inner.begin(), inner.end()),
                          arguments.drop_front(1 + carried));
      });
  if (n.importer.errors.list.size() != before || !body.complete())
    return std::nullopt;
  for (const Datum &output : body.outputs)
    if (!output.isTensor())
      block("gives " + output.what() + unrolledOnly());
  llvm::SmallVector<Value> results = tensorsOf(body.outputs);
  for (auto [i, v] : llvm::enumerate(initial)) {
    Value given = results[test + i];
    if (given.getType() != v.getType())
      block("E_SHAPE: the carried value " + Twine(i) + " begins as " +
            dtypeName(Node::dtype(v)) + " " + shapeText(Node::shape(v)) +
            " and becomes " + dtypeName(Node::dtype(given)) + " " +
            shapeText(Node::shape(given)));
  }
  bool conditional = false;
  n.importer.inBlock(&body.function.getBody().front(), [&] {
    if (!test)
      return;
    auto known = n.importer.constantValue(results[0]);
    conditional = !known || known->integerAt(0) == 0;
    if (conditional)
      results[0] = n.scalarOf(results[0], "the condition");
    else
      results.erase(results.begin());
  });
  bool collects = form.graph.output_size() > int(carried + test);
  bool counts = collects && (conditional || !form.times);
  if (counts && !form.most)
    block(
        "needs a constant 'M' input to collect outputs; it depends on run-time "
        "data");
  llvm::SmallVector<Value> begin(initial);
  if (counts) {
    // One more carried value counts the times.
    mlir::Block &inside = body.function.getBody().front();
    Value times = inside.insertArgument(1 + carried, types[0], n.build.loc);
    n.importer.inBlock(&inside, [&] {
      results.insert(results.begin() + conditional + carried,
                     n.binary<lazy::AddOp>(times, 1.0));
    });
    begin.push_back(n.build.splat(n.type(DType::I64), 0));
  }
  lazy::endCallee(body.function, results);
  auto loop = lazy::makeLoop(
      n.build, body.function, form.most.value_or(INT64_MAX), form.trips,
      conditional, begin, form.scanned, body.captured, form.backward);
  llvm::SmallVector<Value> made(loop.getResults());
  if (counts) {
    Extent times = countedExtent(n, made[carried], *form.most, carried, 0);
    made.erase(made.begin() + carried);
    for (Value v : llvm::drop_begin(made, carried)) {
      Extents extents = n.extents(v);
      extents[0] = times;
      n.importer.dims.declare(v, extents);
    }
  }
  return llvm::SmallVector<Datum>(made.begin(), made.end());
}

Value needTensor(const Datum &datum) {
  if (!datum.isTensor())
    block("the body gives " + datum.what() + " where a tensor is needed");
  return datum.value();
}

/// In place again and again.
std::optional<llvm::SmallVector<Datum>> unrolled(Node &n,
                                                 const LoopForm &form) {
  llvm::SmallVector<Datum> carried(form.carried);
  size_t count = carried.size(), test = form.countsAndTests;
  size_t collects = form.graph.output_size() - count - test;
  std::vector<llvm::SmallVector<Value>> collected(collects);
  int64_t times = *form.times;
  for (int64_t i = 0; i < times; ++i) {
    llvm::SmallVector<Value> slices;
    for (auto [k, whole] : llvm::enumerate(form.scanned))
      slices.push_back(n.reshape(
          n.sliceAxis(whole, 0, form.backward[k] ? times - 1 - i : i, 1),
          Node::shape(whole).drop_front()));
    Value counter = n.build.splat(n.type(DType::I64), double(i));
    llvm::SmallVector<Datum> outputs = importInPlace(
        n, form.graph, bodyInputs(n, form, counter, carried, slices));
    for (const Datum &output : outputs)
      if (!output)
        return std::nullopt;
    for (size_t k = 0; k < count; ++k)
      carried[k] = outputs[test + k];
    for (size_t k = 0; k < collects; ++k) {
      Value slice = needTensor(outputs[test + count + k]);
      Ints shape{1};
      llvm::append_range(shape, Node::shape(slice));
      collected[k].push_back(n.reshape(slice, shape));
    }
    if (!test)
      continue;
    auto goOn = n.importer.constantValue(needTensor(outputs[0]));
    if (!goOn)
      block("has a condition that depends on run-time data");
    if (goOn->integerAt(0) == 0)
      break;
  }
  for (size_t k = 0; k < collects; ++k) {
    if (form.backward[form.scanned.size() + k])
      std::reverse(collected[k].begin(), collected[k].end());
    if (collected[k].empty())
      block("collects outputs of a body that never runs");
    carried.push_back(n.concat(collected[k], 0));
  }
  return carried;
}

} // namespace

std::optional<llvm::SmallVector<Datum>> onnx_frontend::runLoop(Node &n,
                                                               LoopForm &form) {
  int64_t outputs =
      form.graph.output_size() - form.carried.size() - form.countsAndTests;
  if (form.graph.input_size() != int(form.carried.size() + form.scanned.size() +
                                     2 * form.countsAndTests) ||
      outputs < 0)
    block("E_ATTR: body has " + Twine(form.graph.input_size()) +
          " inputs and " + Twine(form.graph.output_size()) +
          " outputs, which do not fit the node's");
  form.backward.resize(form.scanned.size() + outputs, false);
  size_t before = n.importer.errors.list.size();
  bool canUnroll = form.times && *form.times <= maxUnrolled;
  std::optional<llvm::SmallVector<Datum>> results;
  try {
    results = asLoop(n, form);
  } catch (const Blocker &) {
    if (!canUnroll)
      throw;
  }
  if (results || !canUnroll)
    return results;
  n.importer.forgive(before);
  return unrolled(n, form);
}
