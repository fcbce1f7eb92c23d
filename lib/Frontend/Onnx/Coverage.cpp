//===- Coverage.cpp - which ops are read ----------------------------------===//
#include "NodeLog.h"
#include "OpTable.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/ADT/SmallString.h"
#include <map>

using namespace nacre;
using namespace nacre::onnx_frontend;
using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

//===----------------------------------------------------------------------===//
// The table of ops
//===----------------------------------------------------------------------===//

namespace {
/// What the op table does not know of an op.
struct OpFacts {
  llvm::StringRef domain, op;
  int64_t oldest, newest;
  llvm::StringRef limits;
};
} // namespace

/// By domain and name; docs/generate.sh writes it.
static const OpFacts opFacts[] = {
#include "OpFacts.inc"
};

std::vector<ReadOp> onnx_frontend::readOps() {
  std::vector<ReadOp> ops;
  for (llvm::StringRef domain : opDomains())
    for (const auto &entry : opTable(domain)) {
      ReadOp op;
      op.domain = domain.str();
      op.op = entry.getKey().str();
      op.openDims = entry.getValue().bounded;
      for (const OpFacts &facts : opFacts)
        if (facts.domain == op.domain && facts.op == op.op) {
          op.oldest = facts.oldest;
          op.newest = facts.newest;
          op.limits = facts.limits.str();
        }
      ops.push_back(std::move(op));
    }
  llvm::sort(ops, [](const ReadOp &a, const ReadOp &b) {
    return std::tie(a.domain, a.op) < std::tie(b.domain, b.op);
  });
  return ops;
}

//===----------------------------------------------------------------------===//
// Nodes of a model
//===----------------------------------------------------------------------===//

std::string onnx_frontend::nodeName(const onnx::NodeProto &node, int index) {
  return node.name().empty() ? node.op_type() + "_" + std::to_string(index)
                             : node.name();
}

std::string onnx_frontend::opText(const onnx::NodeProto &node) {
  auto text = [](llvm::StringRef name) {
    std::string inQuotes = quoted(name);
    return inQuotes.substr(1, inQuotes.size() - 2);
  };
  llvm::StringRef domain = canonicalDomain(node.domain());
  return (domain.empty() ? "" : text(domain) + ".") + text(node.op_type());
}

std::string onnx_frontend::unknownOpText(const onnx::NodeProto &node,
                                         int64_t opset) {
  return "E_OP: " + opText(node) + " is not supported" +
         (opset ? "" : "; its domain has no opset import");
}

void NodeLog::read(const onnx::NodeProto &node, llvm::ArrayRef<Datum> data) {
  Entry &entry = entries[&node];
  entry.read = true;
  for (const Datum &datum : data) {
    if (datum.isStrings())
      entry.dtypes.insert("string");
    for (mlir::Value tensor : tensorsOf(datum))
      entry.dtypes.insert(
          dtypeName(dtypeOf(lazy::tensorType(tensor).getElementType())));
  }
}

void NodeLog::blocked(const onnx::NodeProto &node, std::string name,
                      std::string reason, size_t message) {
  reports.push_back({&node, {std::move(name), std::move(reason)}, message});
}

void NodeLog::forgive(size_t message) {
  while (!reports.empty() && reports.back().message >= message)
    reports.pop_back();
}

namespace {
/// Adds up the nodes of a file by op.
class Sum {
public:
  Sum(const ModelFile &file, bool complete) : complete(complete) {
    for (const onnx::FunctionProto &function : file.proto.functions())
      functions.insert(functionKey(function.domain(), function.name()));
  }

  void addNodes(const Nodes &nodes, const llvm::StringMap<int64_t> &opsets) {
    for (auto [index, node] : llvm::enumerate(nodes)) {
      llvm::StringRef domain = canonicalDomain(node.domain());
      OpCoverage &op =
          ops[{domain.str(), node.op_type(), opsets.lookup(domain)}];
      op.opset = opsets.lookup(domain);
      op.function =
          functions.contains(functionKey(node.domain(), node.op_type()));
      ++op.nodes;
      places[&node] = {&op, nodeName(node, index)};
      for (const onnx::AttributeProto &attribute : node.attribute()) {
        addNodes(attribute.g().node(), opsets);
        for (const onnx::GraphProto &graph : attribute.graphs())
          addNodes(graph.node(), opsets);
      }
    }
  }

  void addBlocker(const onnx::NodeProto &node,
                  const OpCoverage::Blocker &blocker) {
    OpCoverage &op = *places.at(&node).op;
    std::set<std::string> &known = reasons[&node];
    op.blocked += known.empty();
    // A body may be imported many times.
    if (known.insert(blocker.reason).second)
      op.blockers.push_back(blocker);
  }

  void addRead(const onnx::NodeProto &node,
               const std::set<std::string> &dtypes) {
    OpCoverage &op = *places.at(&node).op;
    op.dtypes.insert(dtypes.begin(), dtypes.end());
    if (reasons.find(&node) == reasons.end()) {
      ++op.read;
      reasons[&node];
    }
  }

  /// What no import came to, as it lies inside a blocked node: an op that
  /// nobody knows blocks the model all the same.
  void addUnreached() {
    for (const auto &[node, place] : places) {
      bool known =
          place.op->function || opTable(canonicalDomain(node->domain()))
                                    .lookup(node->op_type())
                                    .import;
      if (!complete && !known && reasons.find(node) == reasons.end())
        addBlocker(*node, {place.name, unknownOpText(*node, place.op->opset)});
    }
  }

  std::vector<OpCoverage> take() {
    std::vector<OpCoverage> list;
    for (auto &[key, op] : ops) {
      std::tie(op.domain, op.op, std::ignore) = key;
      list.push_back(std::move(op));
    }
    return list;
  }

private:
  struct Place {
    OpCoverage *op;
    std::string name;
  };
  bool complete;
  llvm::StringSet<> functions;
  std::map<std::tuple<std::string, std::string, int64_t>, OpCoverage> ops;
  llvm::MapVector<const onnx::NodeProto *, Place> places;
  std::map<const onnx::NodeProto *, std::set<std::string>> reasons;
};
} // namespace

Coverage NodeLog::coverage(const ModelFile &file,
                           llvm::ArrayRef<std::string> messages,
                           bool complete) const {
  Sum sum(file, complete);
  sum.addNodes(file.proto.graph().node(), file.opsets);
  for (const onnx::FunctionProto &function : file.proto.functions()) {
    llvm::StringMap<int64_t> opsets;
    for (const onnx::OperatorSetIdProto &import : function.opset_import())
      opsets[canonicalDomain(import.domain())] = import.version();
    sum.addNodes(function.node(), opsets.empty() ? file.opsets : opsets);
  }
  std::vector<bool> ofNode(messages.size());
  for (const Report &report : reports) {
    sum.addBlocker(*report.node, report.blocker);
    ofNode[report.message] = true;
  }
  for (const auto &[node, entry] : entries)
    if (entry.read)
      sum.addRead(*node, entry.dtypes);
  sum.addUnreached();
  Coverage coverage;
  coverage.ops = sum.take();
  std::string prefix = file.name + ": ";
  for (auto [i, text] : llvm::enumerate(messages))
    if (!ofNode[i]) {
      llvm::StringRef rest = text;
      rest.consume_front(prefix);
      coverage.others.push_back(rest.str());
    }
  return coverage;
}
