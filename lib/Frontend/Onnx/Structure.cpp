//===- Structure.cpp - is the graph a graph? ------------------------------===//
//
// Checks everything about names, definitions and uses before any node is
// imported, so that the importer may rely on it: each name is defined once and
// before use in some order, subgraphs see their surroundings, calls of
// model-local functions end, and the whole has a bounded number of nodes after
// inlining.
//
//===----------------------------------------------------------------------===//
#include "ModelFile.h"
#include "llvm/ADT/StringMap.h"
#include <queue>

using namespace nacre::onnx_frontend;
using google::protobuf::RepeatedPtrField;
using llvm::StringRef;
using llvm::Twine;
using Nodes = RepeatedPtrField<onnx::NodeProto>;

std::string nacre::onnx_frontend::functionKey(StringRef domain,
                                              StringRef name) {
  return (canonicalDomain(domain) + "::" + name).str();
}

/// Calls `visit` on each subgraph of a node.
template <typename Visit>
static void forSubgraphs(const onnx::NodeProto &node, Visit visit) {
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      visit(attribute.g());
    for (const onnx::GraphProto &graph : attribute.graphs())
      visit(graph);
  }
}

/// Adds the names a node needs from around it: its inputs, and what its
/// subgraphs use without defining.
static void collectUses(const onnx::NodeProto &node, llvm::StringSet<> &uses) {
  for (const std::string &input : node.input())
    if (!input.empty())
      uses.insert(input);
  // Gradient names what it differentiates in attributes.
  if (node.domain() == "ai.onnx.preview.training" &&
      node.op_type() == "Gradient")
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (!attribute.s().empty())
        uses.insert(attribute.s());
      uses.insert(attribute.strings().begin(), attribute.strings().end());
    }
  forSubgraphs(node, [&](const onnx::GraphProto &graph) {
    llvm::StringSet<> inner, defined;
    for (const onnx::ValueInfoProto &input : graph.input())
      defined.insert(input.name());
    for (const onnx::TensorProto &tensor : graph.initializer())
      defined.insert(tensor.name());
    for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
      defined.insert(tensor.values().name());
    for (const onnx::NodeProto &child : graph.node()) {
      collectUses(child, inner);
      for (const std::string &output : child.output())
        defined.insert(output);
    }
    for (const onnx::ValueInfoProto &output : graph.output())
      inner.insert(output.name());
    for (const auto &name : inner)
      if (!defined.contains(name.getKey()))
        uses.insert(name.getKey());
  });
}

std::vector<int> nacre::onnx_frontend::runOrder(const Nodes &nodes,
                                                std::string *loop) {
  llvm::StringMap<int> producer;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string &output : nodes[i].output())
      if (!output.empty())
        producer.try_emplace(output, i);
  std::vector<std::vector<int>> users(nodes.size());
  std::vector<std::vector<int>> needs(nodes.size());
  std::vector<int> waiting(nodes.size(), 0);
  for (int i = 0; i < nodes.size(); ++i) {
    llvm::StringSet<> uses;
    collectUses(nodes[i], uses);
    for (const auto &use : uses) {
      auto found = producer.find(use.getKey());
      if (found == producer.end())
        continue;
      users[found->second].push_back(i);
      needs[i].push_back(found->second);
      ++waiting[i];
    }
  }
  // The smallest ready index first: a file in order stays in its order.
  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < nodes.size(); ++i)
    if (waiting[i] == 0)
      ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (int user : users[i])
      if (--waiting[user] == 0)
        ready.push(user);
  }
  if (int(order.size()) == nodes.size())
    return order;
  if (!loop)
    return {};
  // Walk back from any node that still waits until one repeats.
  int at = 0;
  while (waiting[at] == 0)
    ++at;
  std::vector<int> place(nodes.size(), -1), path;
  while (place[at] < 0) {
    place[at] = int(path.size());
    path.push_back(at);
    at = *llvm::find_if(needs[at], [&](int n) { return waiting[n] > 0; });
  }
  std::vector<int> ring(path.begin() + place[at], path.end());
  std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end()),
              ring.end());
  std::reverse(ring.begin() + 1, ring.end());
  auto show = [&](int i) {
    const onnx::NodeProto &node = nodes[i];
    return node.name().empty()
               ? quoted(node.op_type() + "_" + std::to_string(i))
               : quoted(node.name());
  };
  for (auto [i, n] : llvm::enumerate(ring)) {
    if (i == 8 && ring.size() > 10) {
      *loop += "... -> ";
      break;
    }
    *loop += show(n) + " -> ";
  }
  *loop += show(ring.front());
  return {};
}

namespace {

class Checker {
public:
  Checker(const ModelFile &file, int64_t maxNodes, Errors &errors)
      : file(file), maxNodes(maxNodes), errors(errors) {}

  void run() {
    const onnx::ModelProto &model = file.proto;
    if (!name(model.graph().name()))
      return;
    for (const onnx::FunctionProto &function : model.functions()) {
      std::string key = functionKey(function.domain(), function.name());
      if (!functions.try_emplace(key, &function).second)
        errors.add("E_DUP: function " + quoted(function.name()) +
                   " defined twice");
    }
    size_t before = errors.list.size();
    int64_t total = inlined(model.graph().node());
    if (errors.list.size() != before)
      return;
    if (total > maxNodes) {
      errors.add("E_LIMIT: inlining makes more than " + Twine(maxNodes) +
                 " nodes (--max-nodes)");
      return;
    }
    graph(model.graph(), nullptr);
    for (const onnx::FunctionProto &function : model.functions()) {
      llvm::StringSet<> defined;
      for (const std::string &input : function.input())
        defined.insert(input);
      nodes(function.node(), defined, nullptr);
      llvm::StringSet<> made = std::move(defined);
      for (const onnx::NodeProto &node : function.node())
        for (const std::string &output : node.output())
          made.insert(output);
      for (const std::string &output : function.output())
        if (!made.contains(output))
          errors.add("E_UNDEFINED: output " + quoted(output) + " of function " +
                     quoted(function.name()) + " is not defined");
    }
  }

private:
  struct Names {
    const llvm::StringSet<> &names;
    const Names *outer;
  };

  static bool visible(StringRef name, const llvm::StringSet<> &here,
                      const Names *outer) {
    if (here.contains(name))
      return true;
    for (; outer; outer = outer->outer)
      if (outer->names.contains(name))
        return true;
    return false;
  }

  bool name(const std::string &text) {
    if (int64_t(text.size()) <= kMaxNameBytes)
      return true;
    errors.add("E_NAME: a name of " + Twine(text.size()) +
               " bytes is longer than " + Twine(kMaxNameBytes));
    return false;
  }

  /// Nodes after inlining, saturated above maxNodes.
  int64_t inlined(const Nodes &list, int depth = 0) {
    int64_t total = 0;
    for (const onnx::NodeProto &node : list) {
      total += 1;
      forSubgraphs(node, [&](const onnx::GraphProto &graph) {
        total += inlined(graph.node(), depth);
      });
      auto called = functions.find(functionKey(node.domain(), node.op_type()));
      if (called != functions.end())
        total += inlined(*called->second, depth + 1);
      if (total > maxNodes)
        return maxNodes + 1;
    }
    return total;
  }

  int64_t inlined(const onnx::FunctionProto &function, int depth) {
    auto [entry, isNew] = sizes.try_emplace(&function, -1);
    if (!isNew) {
      if (entry->second < 0 && !reported) {
        reported = true;
        errors.add("E_CYCLE: function " +
                   quoted(function.domain() + "." + function.name()) +
                   " calls itself");
      }
      return std::max<int64_t>(entry->second, 0);
    }
    if (depth > kMaxNesting) {
      if (!reported)
        errors.add("E_DEPTH: functions call each other deeper than " +
                   Twine(kMaxNesting));
      reported = true;
      return 0;
    }
    int64_t size = inlined(function.node(), depth);
    sizes[&function] = size;
    return size;
  }

  void define(llvm::StringMap<std::string> &by, StringRef name,
              std::string definer, llvm::StringSet<> &defined) {
    auto [entry, isNew] = by.try_emplace(name, definer);
    if (!isNew)
      errors.add("E_DUP: " + quoted(name) + " defined by " + entry->second +
                 " and " + definer);
    defined.insert(name);
  }

  void graph(const onnx::GraphProto &graph, const Names *outer) {
    llvm::StringSet<> defined, initializers;
    for (const onnx::ValueInfoProto &input : graph.input()) {
      if (!name(input.name()))
        return;
      if (input.name().empty())
        errors.add("E_NAME: a graph input has no name");
      if (!defined.insert(input.name()).second)
        errors.add("E_DUP: input " + quoted(input.name()) + " twice");
    }
    auto initializer = [&](const std::string &text) {
      if (!name(text))
        return;
      if (!initializers.insert(text).second)
        errors.add("E_DUP: initializer " + quoted(text) + " twice");
      defined.insert(text);
    };
    for (const onnx::TensorProto &tensor : graph.initializer())
      initializer(tensor.name());
    for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
      initializer(tensor.values().name());
    nodes(graph.node(), defined, outer);
    llvm::StringSet<> all = defined;
    for (const onnx::NodeProto &node : graph.node())
      for (const std::string &output : node.output())
        all.insert(output);
    for (const onnx::ValueInfoProto &output : graph.output())
      if (!visible(output.name(), all, outer))
        errors.add("E_UNDEFINED: output " + quoted(output.name()) +
                   " is not defined");
    if (!outer && graph.output().empty())
      errors.add("E_UNDEFINED: the graph has no output");
  }

  /// `given` holds the names defined without nodes.
  void nodes(const Nodes &list, const llvm::StringSet<> &given,
             const Names *outer) {
    llvm::StringSet<> defined = given;
    llvm::StringMap<std::string> definers;
    for (const auto &entry : given)
      definers[entry.getKey()] = "an input or initializer";
    for (int i = 0; i < list.size(); ++i) {
      const onnx::NodeProto &node = list[i];
      bool named = name(node.name()) && name(node.op_type());
      for (const std::string &text : node.input())
        named = named && name(text);
      for (const std::string &text : node.output())
        named = named && name(text);
      if (!named)
        return;
      for (const std::string &output : node.output())
        if (!output.empty())
          define(definers, output, "node " + std::to_string(i), defined);
    }
    for (int i = 0; i < list.size(); ++i)
      for (const std::string &input : list[i].input())
        if (!input.empty() && !visible(input, defined, outer))
          errors.add("E_UNDEFINED: " + quoted(input) + " used by node " +
                     Twine(i) + " (" + quoted(list[i].op_type()) +
                     ") is not defined");
    std::string loop;
    if (list.size() && runOrder(list, &loop).empty())
      errors.add("E_CYCLE: nodes need each other: " + loop);
    Names here{defined, outer};
    for (const onnx::NodeProto &node : list)
      forSubgraphs(node,
                   [&](const onnx::GraphProto &inner) { graph(inner, &here); });
  }

  const ModelFile &file;
  int64_t maxNodes;
  Errors &errors;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  llvm::DenseMap<const onnx::FunctionProto *, int64_t> sizes;
  bool reported = false;
};

} // namespace

void nacre::onnx_frontend::checkStructure(const ModelFile &file,
                                          int64_t maxNodes, Errors &errors) {
  Checker(file, maxNodes, errors).run();
}
