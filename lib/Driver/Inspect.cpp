//===- Inspect.cpp - nacre inspect ----------------------------------------===//

#include "Coverage.h"
#include "Data.h"
#include "Html.h"
#include "OpenModel.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

static Json signatureJson(llvm::ArrayRef<Signature> tensors) {
  Json list = Json::array();
  for (const Signature &tensor : tensors) {
    std::string type = tensor.strings ? "string" : dtypeName(tensor.dtype);
    for (onnx_frontend::Wrapping wrapping : llvm::reverse(tensor.wrapping))
      type = (wrapping == onnx_frontend::Wrapping::Optional ? "optional("
                                                            : "sequence(") +
             type + ")";
    list.push_back({{"name", tensor.name},
                    {"dtype", type},
                    {"shape", tensor.ranked ? shapeText(tensor) : "any"}});
  }
  return list;
}

/// Multiplications of the contractions in `root`, symbolic dims at their
/// bounds.
static int64_t countMacs(mlir::Operation *root) {
  int64_t total = 0;
  root->walk([&](lazy::ContractOp op) {
    llvm::SmallVector<int64_t> extents = op.extents();
    mlir::Value values[] = {op.getA(), op.getB(), op.getY()};
    int64_t macs = 1;
    for (auto [dim, extent] : llvm::enumerate(extents)) {
      for (unsigned i = 0; extent < 0 && i < 3; ++i)
        for (auto [axis, expr] : llvm::enumerate(op.map(i).getResults()))
          if (expr == mlir::getAffineDimExpr(dim, op.getContext()))
            extent = lazy::boundedShape(lazy::tensorType(values[i]))[axis];
      macs *= std::max<int64_t>(extent, 1);
    }
    total += macs;
  });
  return total;
}

/// Bytes of the weights that kernels read, none of them packed.
static int64_t constantBytes(mlir::ModuleOp module) {
  int64_t total = 0;
  module.walk([&](lazy::WeightOp weight) {
    auto type = lazy::tensorType(weight.getResult());
    if (!weight->use_empty())
      total +=
          type.getNumElements() * lazy::elementBytes(type.getElementType());
  });
  return total;
}

/// A kernel that has a schedule.
static Json kernelJson(lazy::KernelOp kernel) {
  std::string operations;
  for (mlir::Operation &op : kernel.getBody().front())
    if (!mlir::isa<lazy::YieldOp>(op))
      operations +=
          (operations.empty() ? "" : " ") + op.getName().stripDialect().str();
  Json shapes = Json::array();
  for (mlir::Value result : kernel.getResults()) {
    auto type = lazy::tensorType(result);
    shapes.push_back(lazy::elementName(type.getElementType()).str() + " " +
                     shapeText(lazy::boundedShape(type)));
  }
  schedule::KernelWork work = schedule::workOf(kernel);
  mlir::DictionaryAttr schedule = *kernel.getSchedule();
  auto kind = schedule.getAs<mlir::StringAttr>("kind");
  auto lanes = schedule.getAs<mlir::IntegerAttr>("lanes");
  return {{"name", kernel.getName().str()},
          {"results", shapes},
          {"kind", kind.str()},
          {"lanes", lanes ? lanes.getInt() : 1},
          {"macs", countMacs(kernel)},
          {"flops", work.flops},
          {"bytes", work.bytes},
          {"operations", operations}};
}

/// What the phases make of the program; `report` gets it, or why not.
static llvm::Error describeProgram(mlir::MLIRContext &context,
                                   ModelSource &source, const Toolchain &tools,
                                   Json &report) {
  llvm::Expected<Program> program = source.program(context, source.givenDims());
  if (!program) {
    Json reasons = Json::array();
    llvm::handleAllErrors(program.takeError(),
                          [&](const llvm::ErrorInfoBase &error) {
                            llvm::SmallVector<StringRef> lines;
                            std::string text = error.message();
                            StringRef(text).split(lines, '\n');
                            llvm::StringSet<> seen;
                            for (StringRef line : lines)
                              if (seen.insert(line).second)
                                reasons.push_back({{"reason", line.str()}});
                          });
    report["unsupported"] = reasons;
    return llvm::Error::success();
  }
  std::map<std::string, int64_t> counts;
  program->module->walk([&](mlir::Operation *op) {
    if (mlir::isa<lazy::LazyDialect>(op->getDialect()))
      ++counts[op->getName().getStringRef().str()];
  });
  report["primitives"] = Json::array();
  for (const auto &[name, count] : counts)
    report["primitives"].push_back({{"op", name}, {"count", count}});

  PhaseTimes times;
  if (llvm::Error error =
          lower(*program, source.phase(), Phase::Schedule, tools, times))
    return error;
  mlir::ModuleOp module = *program->module;
  report["macs"] = countMacs(module);
  if (auto arena = module->getAttrOfType<mlir::IntegerAttr>("lazy.arena_bytes"))
    report["arena_bytes"] = arena.getInt();
  report["constant_bytes"] = constantBytes(module);
  report["kernels"] = Json::array();
  module.walk([&](lazy::KernelOp kernel) {
    report["kernels"].push_back(kernelJson(kernel));
  });
  std::string plan;
  llvm::raw_string_ostream os(plan);
  schedule::printPlan(module, os);
  report["memory_plan"] = plan;
  return llvm::Error::success();
}

/// Asks each target whether the file is one of its artefacts.
static llvm::Expected<bool> describeArtifact(StringRef path, Json &report) {
  for (const Target *target : targets()) {
    llvm::Expected<bool> known = target->inspect(path, report);
    if (!known || *known)
      return known;
  }
  return false;
}

static llvm::Error describeWeights(StringRef path, Json &report) {
  WeightStore store;
  std::string error;
  if (failed(store.load(path, error)))
    return fail(ExitModel, error);
  report["tensors"] = Json::array();
  for (const auto &[name, tensor] : store.entries())
    report["tensors"].push_back({{"name", name},
                                 {"dtype", dtypeName(tensor.dtype)},
                                 {"shape", shapeText(tensor.shape)},
                                 {"bytes", tensor.byteCount()}});
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The verb
//===----------------------------------------------------------------------===//

static void printText(const Json &report) {
  auto word = [](const Json &value) {
    return printable(
        value.is_string()
            ? value.get<std::string>()
            : value.dump(-1, ' ', false, Json::error_handler_t::replace));
  };
  for (const auto &[key, value] : report.items()) {
    if (value.is_string() &&
        value.get<std::string>().find('\n') != std::string::npos) {
      llvm::outs() << key << ":\n" << value.get<std::string>();
    } else if (value.is_array() && (value.empty() || value[0].is_object())) {
      llvm::outs() << key << (value.empty() ? ": none\n" : ":\n");
      for (const Json &row : value) {
        bool first = true;
        for (const auto &[column, cell] : row.items()) {
          llvm::outs() << (first ? "  " : "  ") << word(cell);
          if (!first && cell.is_number())
            llvm::outs() << " " << column;
          first = false;
        }
        llvm::outs() << "\n";
      }
    } else {
      llvm::outs() << key << ": " << word(value) << "\n";
    }
  }
}

llvm::Error inspect(const InspectOptions &options) {
  if (options.coverage)
    return coverage(options);
  if (options.model.empty())
    return fail(ExitUsage, "MODEL is required");
  Json report = {{"file", options.model}};
  StringRef extension = llvm::sys::path::extension(options.model);
  llvm::Expected<bool> artifact = describeArtifact(options.model, report);
  if (!artifact)
    return artifact.takeError();
  if (*artifact) {
    // a target has said what it is
  } else if (extension == ".safetensors") {
    if (llvm::Error error = describeWeights(options.model, report))
      return error;
  } else {
    llvm::Expected<OpenModel> opened = openModel(options);
    if (!opened)
      return opened.takeError();
    auto &[tools, context, source] = *opened;
    const ModelInfo &info = source.modelInfo();
    if (source.isOnnx()) {
      report["producer"] = info.producer;
      report["ir_version"] = info.irVersion;
      for (const auto &[domain, version] : info.opsets)
        report["opsets"][domain.empty() ? "ai.onnx" : domain] = version;
      report["nodes"] = info.nodeCount;
    }
    if (!source.isText())
      report["parameters"] = info.parameterCount;
    report["inputs"] = signatureJson(info.inputs);
    report["outputs"] = signatureJson(info.outputs);
    if (source.isOnnx()) {
      report["ops"] = Json::array();
      for (const auto &[op, count] : info.opCounts)
        report["ops"].push_back({{"op", op}, {"count", count}});
    }
    if (llvm::Error error = describeProgram(*context, source, tools, report))
      return error;
  }
  if (!options.html.empty()) {
    if (llvm::Error error =
            artifact::writeFile(options.html, [&](llvm::raw_ostream &os) {
              os << htmlPage(llvm::sys::path::filename(options.model).str(),
                             report);
            }))
      return withCode(ExitUsage, std::move(error));
  } else if (options.json) {
    printJson(report);
  } else {
    printText(report);
  }
  return finishOutput();
}

} // namespace nacre::driver
