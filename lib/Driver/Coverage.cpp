//===- Coverage.cpp - nacre inspect --coverage ----------------------------===//

#include "Coverage.h"
#include "Data.h"
#include "OpenModel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
using nacre::onnx_frontend::domainText;
using nacre::onnx_frontend::OpCoverage;
using nacre::onnx_frontend::ReadOp;

namespace nacre::driver {

/// Rows under a heading, every column but the last as wide as its widest cell.
static void printTable(llvm::ArrayRef<std::vector<std::string>> rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string> &row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (auto [width, cell] : llvm::zip(widths, row))
      width = std::max(width, cell.size());
  }
  for (const std::vector<std::string> &row : rows) {
    std::string line;
    for (auto [width, cell] : llvm::zip(widths, row))
      line += cell + std::string(width - cell.size() + 2, ' ');
    llvm::outs() << StringRef(line).rtrim() << "\n";
  }
}

//===----------------------------------------------------------------------===//
// All ops
//===----------------------------------------------------------------------===//

static std::string opsetText(const ReadOp &op) {
  return op.newest ? std::to_string(op.oldest) + "-" + std::to_string(op.newest)
                   : "any";
}

static llvm::Error coverageOfCompiler(bool json) {
  std::vector<std::vector<std::string>> rows{
      {"domain", "op", "opsets", "open dims", "limits"}};
  Json list = Json::array();
  for (const ReadOp &op : onnx_frontend::readOps()) {
    rows.push_back({domainText(op.domain), op.op, opsetText(op),
                    op.openDims ? "yes" : "no", op.limits});
    list.push_back({{"domain", domainText(op.domain)},
                    {"op", op.op},
                    {"opsets", opsetText(op)},
                    {"open_dims", op.openDims},
                    {"limits", op.limits}});
  }
  if (json)
    printJson({{"ops", list}});
  else
    printTable(rows);
  return finishOutput();
}

//===----------------------------------------------------------------------===//
// A model
//===----------------------------------------------------------------------===//

/// What each target of this build says of a program after import.
static llvm::Expected<Json> targetsOf(const Program &program, Phase phase,
                                      const CodegenOptions &options) {
  Json list = Json::array();
  for (const Target *target : targets()) {
    Toolchain tools;
    tools.target = target;
    tools.options.optLevel = options.optLevel;
    tools.options.symbol = options.symbol;
    tools.options.embedWeights = false;
    llvm::Expected<MachineDescription> machine =
        target->describe(tools.options);
    if (!machine)
      return machine.takeError();
    tools.machine = *machine;
    Program copy = copyOf(program);
    PhaseTimes times;
    if (llvm::Error error = lower(copy, phase, Phase::Schedule, tools, times))
      return error;
    Json row = {{"target", target->name().str()}, {"takes", true}};
    if (llvm::Error error = target->accept(copy, tools.options)) {
      row["takes"] = false;
      row["reasons"] = messageOf(std::move(error)).lines;
    }
    list.push_back(std::move(row));
  }
  return list;
}

/// What of an op's own versions is read: "1-27", "any", "no", or "function"
/// where the model defines it.
static std::string readText(const OpCoverage &op, const ReadOp *known) {
  return op.function ? "function" : known ? opsetText(*known) : "no";
}

static Json opsJson(const onnx_frontend::Coverage &coverage) {
  std::vector<ReadOp> known = onnx_frontend::readOps();
  Json list = Json::array();
  for (const OpCoverage &op : coverage.ops) {
    auto found = llvm::find_if(known, [&](const ReadOp &k) {
      return k.domain == op.domain && k.op == op.op;
    });
    const ReadOp *entry = found == known.end() ? nullptr : &*found;
    Json row = {{"domain", domainText(op.domain)},
                {"op", op.op},
                {"opset", op.opset},
                {"reads", readText(op, entry)},
                {"nodes", op.nodes},
                {"read", op.read},
                {"blocked", op.blocked},
                {"not_reached", op.nodes - op.read - op.blocked},
                {"dtypes", op.dtypes}};
    if (entry && !op.function) {
      row["open_dims"] = entry->openDims;
      row["limits"] = entry->limits;
    }
    row["blockers"] = Json::array();
    for (const OpCoverage::Blocker &blocker : op.blockers)
      row["blockers"].push_back(
          {{"node", blocker.node}, {"reason", blocker.reason}});
    list.push_back(std::move(row));
  }
  return list;
}

static void printCoverage(const Json &report) {
  auto word = [](const Json &cell) {
    return printable(cell.is_string() ? cell.get<std::string>() : cell.dump());
  };
  llvm::outs() << word(report["file"]) << ": " << word(report["nodes"])
               << (report["nodes"] == 1 ? " node: " : " nodes: ")
               << word(report["read"]) << " read, " << word(report["blocked"])
               << " blocked, " << word(report["not_reached"])
               << " not reached\n\n";
  std::vector<std::vector<std::string>> rows{{"domain", "op", "opset", "reads",
                                              "nodes", "read", "blocked",
                                              "not reached", "dtypes"}};
  std::vector<std::string> blockers;
  for (const Json &text : report["blockers"])
    blockers.push_back(word(text));
  for (const Json &op : report["ops"]) {
    std::vector<std::string> row;
    for (const char *column : {"domain", "op", "opset", "reads", "nodes",
                               "read", "blocked", "not_reached"})
      row.push_back(word(op[column]));
    row.push_back(
        llvm::join(op["dtypes"].get<std::vector<std::string>>(), " "));
    rows.push_back(std::move(row));
    for (const Json &blocker : op["blockers"])
      blockers.push_back("node '" + word(blocker["node"]) + "' (" +
                         word(op["op"]) + "): " + word(blocker["reason"]));
  }
  printTable(rows);
  if (!blockers.empty())
    llvm::outs() << "\nblockers:\n";
  for (const std::string &text : blockers)
    llvm::outs() << "  " << text << "\n";
  if (!report.contains("targets"))
    return;
  llvm::outs() << "\ntargets:\n";
  rows.clear();
  for (const Json &row : report["targets"]) {
    std::string answer = "yes";
    if (row.contains("reasons"))
      answer = "no: " +
               llvm::join(row["reasons"].get<std::vector<std::string>>(), "; ");
    rows.push_back({"  " + word(row["target"]), printable(answer)});
  }
  printTable(rows);
}

llvm::Error coverage(const InspectOptions &options) {
  if (options.model.empty())
    return coverageOfCompiler(options.json);
  if (llvm::sys::path::extension(options.model) != ".onnx")
    return fail(ExitUsage, "--coverage: '" + Twine(options.model) +
                               "' is no ONNX model (.onnx)");
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  auto &[tools, context, source] = *opened;
  onnx_frontend::Coverage coverage;
  llvm::Expected<Program> program =
      source.program(*context, source.givenDims(), &coverage);
  Json ops = opsJson(coverage);
  Json report = {{"file", options.model}};
  for (const char *count : {"nodes", "read", "blocked", "not_reached"}) {
    int64_t sum = 0;
    for (const Json &op : ops)
      sum += op[count].get<int64_t>();
    report[count] = sum;
  }
  report["ops"] = std::move(ops);
  report["blockers"] = coverage.others;
  if (!program) {
    llvm::consumeError(program.takeError()); // the blockers are its lines
  } else {
    llvm::Expected<Json> targets =
        targetsOf(*program, source.phase(), tools.options);
    if (!targets)
      return targets.takeError();
    report["targets"] = std::move(*targets);
  }
  if (options.json)
    printJson(report);
  else
    printCoverage(report);
  return finishOutput();
}

} // namespace nacre::driver
