//===- Loop.cpp - Loop and Scan -------------------------------------------===//
#include "../OpTable.h"
#include "../Subgraph.h"
#include "LoopForm.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

void loop(Node &n) {
  LoopForm form{subgraph(n, "body"), true, {}, {}, {}, {}, {}, {}};
  mlir::Type i64 = n.type(DType::I64);
  if (n.has(0)) {
    Value trips = n.scalarOf(n.in(0), "M");
    if (Node::dtype(trips) != DType::I64)
      block("E_DTYPE: M has element type " +
            Twine(dtypeName(Node::dtype(trips))) + ", not i64");
    if (auto known = n.importer.constantValue(trips))
      form.most = form.times = std::max<int64_t>(known->integerAt(0), 0);
    else
      form.trips = trips;
  }
  if (n.has(1)) {
    Value begins = n.scalarOf(n.in(1), "cond");
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

void onnx_frontend::addLoopOps(OpTable &t) {
  t["Loop"] = loop;
  t["Scan"] = scan;
}
