//===- ControlFlow.cpp - If, Loop and Scan --------------------------------===//
//
// A branch whose condition is known is imported in place. A loop becomes
// lazy.loop; where its body needs the counter or a carried value to be known,
// or changes a shape, and the number of times is known, it is imported in place
// again and again instead.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "../Subgraph.h"
#include "Selection.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Loops up to here are unrolled when they cannot stay loops.
constexpr int64_t maxUnrolled = 1024;

/// A scalar of what may be written as a tensor of one element.
Value scalar(Node &n, Value v, llvm::StringRef what) {
  auto type = lazy::tensorType(v);
  if (!type.hasStaticShape() || type.getNumElements() != 1)
    block("E_SHAPE: " + what + " has shape " + shapeText(type.getShape()) +
          ", not one element");
  return n.reshape(v, {});
}

/// The type of a value with an axis less or more.
mlir::RankedTensorType withoutLeading(Value v) {
  return mlir::RankedTensorType::get(Node::shape(v).drop_front(),
                                     Node::element(v));
}

llvm::SmallVector<Value> tensorsOf(llvm::ArrayRef<Datum> data) {
  llvm::SmallVector<Value> tensors;
  for (const Datum &datum : data)
    datum.collect(tensors);
  return tensors;
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

void checkOutputs(Node &n, const onnx::GraphProto &graph,
                  llvm::StringRef name) {
  if (n.proto.output_size() > graph.output_size())
    block("E_ATTR: " + Twine(name) + " gives " + Twine(graph.output_size()) +
          " outputs, the node has " + Twine(n.proto.output_size()));
}

void needSameForm(int64_t output, const Datum &then, const Datum &otherwise) {
  if (!then.sameForm(otherwise))
    block("output " + Twine(output) + " is " + then.what() +
          " in then_branch and " + otherwise.what() +
          " in else_branch, so it needs a constant 'cond' input");
}

/// Both branches are computed and one is taken, where extents that the run
/// decides keep them from being functions.
void bothBranches(Node &n, Value condition) {
  llvm::SmallVector<Datum> results[2];
  for (bool then : {true, false}) {
    const char *name = then ? "then_branch" : "else_branch";
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    mlir::Block *block = n.build.b.getInsertionBlock();
    mlir::Operation *last = block->empty() ? nullptr : &block->back();
    results[then] = importInPlace(n, graph, {});
    // A branch that is not taken fails no run.
    for (mlir::Operation &op : llvm::make_range(
             last ? std::next(last->getIterator()) : block->begin(),
             block->end()))
      if (auto require = mlir::dyn_cast<lazy::RequireOp>(op)) {
        mlir::OpBuilder::InsertionGuard guard(n.build.b);
        n.build.b.setInsertionPoint(&op);
        Value idle = then ? n.build.unary<lazy::NotOp>(condition) : condition;
        Value ok = require.getOk();
        require.getOkMutable().assign(
            n.build.binary<lazy::OrOp>(ok, n.build.expandLike(idle, ok)));
      }
  }
  for (int i = 0; i < n.proto.output_size(); ++i) {
    const Datum &a = results[1][i], &b = results[0][i];
    if (!a || !b)
      return;
    needSameForm(i, a, b);
    llvm::SmallVector<Value> others = tensorsOf(b);
    unsigned next = 0;
    n.setDatum(i, a.map([&](Value x) {
      Value y = others[next++];
      if (x.getType() != y.getType() || n.extents(x) != n.extents(y))
        block("E_SHAPE: output " + Twine(i) +
              " differs in type or shape between "
              "the branches");
      return n.where(condition, x, y);
    }));
  }
}

void ifBranch(Node &n) {
  Value condition = scalar(n, n.in(0), "cond");
  if (Node::dtype(condition) != DType::Bool)
    block("E_DTYPE: cond has element type " +
          Twine(dtypeName(Node::dtype(condition))) + ", not bool");
  if (std::optional<Tensor> known = n.importer.constantValue(condition)) {
    const char *name = known->integerAt(0) != 0 ? "then_branch" : "else_branch";
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    llvm::SmallVector<Datum> outputs = importInPlace(n, graph, {});
    for (int i = 0; i < n.proto.output_size(); ++i)
      n.setDatum(i, outputs[i]);
    return;
  }
  auto branch = [&](llvm::StringRef name) {
    const onnx::GraphProto &graph = subgraph(n, name);
    checkOutputs(n, graph, name);
    return importFunction(n, graph, {},
                          [](auto) { return llvm::SmallVector<Datum>(); });
  };
  size_t before = n.importer.errors.list.size();
  Callee then, otherwise;
  try {
    then = branch("then_branch");
    otherwise = branch("else_branch");
  } catch (const OpenExtent &) {
    n.importer.forgive(before);
    return bothBranches(n, condition);
  }
  if (!then.complete() || !otherwise.complete())
    return;
  unsigned count = n.proto.output_size();
  then.outputs.truncate(count);
  otherwise.outputs.truncate(count);
  for (auto [i, a, b] : llvm::enumerate(then.outputs, otherwise.outputs)) {
    needSameForm(i, a, b);
    for (auto [x, y] : llvm::zip(tensorsOf(a), tensorsOf(b)))
      if (x.getType() != y.getType())
        block("E_SHAPE: output " + Twine(i) + " is " +
              dtypeName(Node::dtype(x)) + " " + shapeText(Node::shape(x)) +
              " in then_branch and " + dtypeName(Node::dtype(y)) + " " +
              shapeText(Node::shape(y)) + " in else_branch");
  }
  shareCaptured(then, otherwise);
  llvm::SmallVector<Value> made = tensorsOf(then.outputs);
  lazy::endCallee(then.function, made);
  lazy::endCallee(otherwise.function, tensorsOf(otherwise.outputs));
  auto op = lazy::IfOp::create(
      n.build.b, n.build.loc, mlir::ValueRange(made).getTypes(),
      then.function.getSymName(), otherwise.function.getSymName(), condition,
      then.captured, mlir::ArrayAttr(), mlir::ArrayAttr(), mlir::ArrayAttr());
  unsigned next = 0;
  for (unsigned i = 0; i < count; ++i)
    n.setDatum(
        i, then.outputs[i].map([&](Value) { return op.getResult(next++); }));
}

//===----------------------------------------------------------------------===//
// Loops in general
//===----------------------------------------------------------------------===//

/// A loop as both Loop and Scan are.
struct LoopForm {
  const onnx::GraphProto &graph;
  bool countsAndTests = false;  ///< the body takes (i, condition), gives one
  std::optional<int64_t> times; ///< when known
  std::optional<int64_t> most;  ///< a bound, when known
  Value trips;                  ///< else, or null for no limit
  llvm::SmallVector<Datum> carried;
  llvm::SmallVector<Value> scanned;
  llvm::SmallVector<bool> backward; ///< per scanned, then per collected
};

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
      results[0] = scalar(n, results[0], "the condition");
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

std::optional<llvm::SmallVector<Datum>> runLoop(Node &n, LoopForm &form) {
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

//===----------------------------------------------------------------------===//
// Loop and Scan
//===----------------------------------------------------------------------===//

void loop(Node &n) {
  LoopForm form{subgraph(n, "body"), true, {}, {}, {}, {}, {}, {}};
  mlir::Type i64 = n.type(DType::I64);
  if (n.has(0)) {
    Value trips = scalar(n, n.in(0), "M");
    if (Node::dtype(trips) != DType::I64)
      block("E_DTYPE: M has element type " +
            Twine(dtypeName(Node::dtype(trips))) + ", not i64");
    if (auto known = n.importer.constantValue(trips))
      form.most = form.times = std::max<int64_t>(known->integerAt(0), 0);
    else
      form.trips = trips;
  }
  if (n.has(1)) {
    Value begins = scalar(n, n.in(1), "cond");
    auto known = n.importer.constantValue(begins);
    if (known && known->integerAt(0) == 0)
      form.most = form.times = 0;
    if (!known) {
      Value most =
          form.trips ? form.trips
                     : n.build.splat(
                           i64, double(form.times.value_or(int64_t(1) << 53)));
      form.trips = n.where(begins, most, n.build.splat(i64, 0));
      form.times = std::nullopt;
    }
  }
  for (int i = 2; i < n.inputCount(); ++i)
    form.carried.push_back(n.datum(i));
  if (auto results = runLoop(n, form))
    for (auto [i, datum] : llvm::enumerate(*results))
      n.setDatum(i, datum);
}

/// An axis to the front, or from there back.
Value moveAxis(Node &n, Value v, int64_t from, int64_t to) {
  Ints order;
  for (int64_t i = 0; i < Node::rank(v); ++i)
    if (i != from)
      order.push_back(i);
  order.insert(order.begin() + to, from);
  return n.build.permute(v, order);
}

/// Since opset 9: states first, then what is scanned.
void scanInputs(Node &n, llvm::ArrayRef<Value> inputs, int64_t scannedCount,
                llvm::ArrayRef<int64_t> inputAxes,
                llvm::ArrayRef<int64_t> inputBackward,
                llvm::ArrayRef<int64_t> outputAxes,
                llvm::ArrayRef<int64_t> outputBackward,
                llvm::SmallVectorImpl<Value> &results) {
  LoopForm form{subgraph(n, "body"), false, {}, {}, {}, {}, {}, {}};
  int64_t states = inputs.size() - scannedCount;
  form.carried.append(inputs.begin(), inputs.begin() + states);
  auto at = [](llvm::ArrayRef<int64_t> list, size_t i) {
    return i < list.size() ? list[i] : 0;
  };
  for (auto [i, v] : llvm::enumerate(inputs.drop_front(states))) {
    n.needRank(v, 1);
    int64_t axis = n.axis(at(inputAxes, i), Node::rank(v), "scan_input_axes");
    n.needStatic(v, axis);
    int64_t extent = Node::shape(v)[axis];
    if (form.times && *form.times != extent)
      block("E_SHAPE: scanned inputs have " + Twine(*form.times) + " and " +
            Twine(extent) + " elements");
    form.most = form.times = extent;
    form.scanned.push_back(moveAxis(n, v, axis, 0));
    form.backward.push_back(at(inputBackward, i) != 0);
  }
  int64_t collected = form.graph.output_size() - states;
  for (int64_t i = 0; i < collected; ++i)
    form.backward.push_back(at(outputBackward, i) != 0);
  auto made = runLoop(n, form);
  if (!made)
    return;
  for (auto [i, v] : llvm::enumerate(tensorsOf(*made))) {
    int64_t k = int64_t(i) - states;
    int64_t axis =
        k < 0 ? 0
              : n.axis(at(outputAxes, k), Node::rank(v), "scan_output_axes");
    results.push_back(axis == 0 ? v : moveAxis(n, v, 0, axis));
  }
}

void scan(Node &n) {
  const onnx::AttributeProto *count = n.attribute("num_scan_inputs");
  int first = n.opset < 9 ? 1 : 0;
  int64_t scanned = count ? n.intAttr("num_scan_inputs", 0) : 0;
  llvm::SmallVector<Value> inputs;
  for (int i = first; i < n.inputCount(); ++i)
    inputs.push_back(n.in(i));
  if (scanned < 1 || scanned > int64_t(inputs.size()))
    block("E_ATTR: num_scan_inputs is " + Twine(scanned));
  auto list = [&](llvm::StringRef name) {
    return n.intsAttr(name).value_or(Ints());
  };
  llvm::SmallVector<Value> results;
  if (n.opset >= 9) {
    scanInputs(n, inputs, scanned, list("scan_input_axes"),
               list("scan_input_directions"), list("scan_output_axes"),
               list("scan_output_directions"), results);
  } else {
    // Opset 8 has a batch axis before all others: one scan for each.
    if (n.has(0))
      block("sequence_lens is not supported");
    int64_t batch = Node::shape(inputs[0])[0];
    std::vector<llvm::SmallVector<Value>> all;
    for (int64_t b = 0; b < batch; ++b) {
      llvm::SmallVector<Value> one, made;
      for (Value v : inputs) {
        n.needRank(v, 1);
        n.needStatic(v, 0);
        if (Node::shape(v)[0] != batch)
          block("E_SHAPE: batches of " + Twine(batch) + " and " +
                Twine(Node::shape(v)[0]));
        one.push_back(
            n.reshape(n.sliceAxis(v, 0, b, 1), Node::shape(v).drop_front()));
      }
      scanInputs(n, one, scanned, {}, list("directions"), {}, {}, made);
      if (made.empty())
        return;
      for (Value &v : made) {
        Ints shape{1};
        llvm::append_range(shape, Node::shape(v));
        v = n.reshape(v, shape);
      }
      all.push_back(made);
    }
    if (all.empty())
      block("E_SHAPE: the batch is empty");
    for (size_t i = 0; i < all[0].size(); ++i) {
      llvm::SmallVector<Value> parts;
      for (auto &one : all)
        parts.push_back(one[i]);
      results.push_back(n.concat(parts, 0));
    }
  }
  for (auto [i, v] : llvm::enumerate(results))
    n.set(i, v);
}

} // namespace

void onnx_frontend::addControlFlowOps(OpTable &t) {
  t["If"] = bounded(ifBranch);
  t["Loop"] = loop;
  t["Scan"] = scan;
}
