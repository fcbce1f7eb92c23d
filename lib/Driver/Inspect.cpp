//===- Inspect.cpp - nacre inspect ----------------------------------------===//

#include "Data.h"
#include "Html.h"
#include "NativeModel.h"
#include "Session.h"
#include "nacre/Artifact/CName.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Path.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

static Json signatureJson(llvm::ArrayRef<Signature> tensors) {
  Json list = Json::array();
  for (const Signature &tensor : tensors)
    list.push_back({{"name", tensor.name},
                    {"dtype", dtypeName(tensor.dtype)},
                    {"shape", shapeText(tensor)}});
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
  report["kernels"] = Json::array();
  module.walk([&](lazy::KernelOp kernel) {
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
    report["kernels"].push_back({{"name", kernel.getName().str()},
                                 {"results", shapes},
                                 {"macs", countMacs(kernel)},
                                 {"operations", operations}});
  });
  std::string plan;
  llvm::raw_string_ostream os(plan);
  schedule::printPlan(module, os);
  report["memory_plan"] = plan;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Artefacts
//===----------------------------------------------------------------------===//

static Json tableJson(const nacre_tensor *tensors, int64_t count) {
  Json list = Json::array();
  for (int64_t i = 0; i < count; ++i) {
    std::string shape = "[";
    for (int64_t axis = 0; axis < tensors[i].rank; ++axis) {
      shape += axis ? ", " : "";
      if (tensors[i].dim_names && tensors[i].dim_names[axis])
        shape += tensors[i].dim_names[axis] + std::string("<=");
      shape += std::to_string(tensors[i].shape[axis]);
    }
    list.push_back({{"name", tensors[i].name},
                    {"dtype", tensors[i].dtype},
                    {"shape", shape + "]"},
                    {"bytes", tensors[i].bytes}});
  }
  return list;
}

/// Reads the reflection table of an object for this machine. It is linked and
/// loaded for that, so the object must be trusted as a program is.
static llvm::Error describeObject(StringRef path, Json &report) {
  auto file = llvm::object::ObjectFile::createObjectFile(path);
  if (!file)
    return fail(ExitModel, path + ": " + llvm::toString(file.takeError()));
  llvm::object::ObjectFile &object = *file->getBinary();
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (object.getArch() != host.getArch())
    return fail(ExitModel, path + ": is for " +
                               llvm::Triple::getArchTypeName(object.getArch()) +
                               ", this machine is " +
                               llvm::Triple::getArchTypeName(host.getArch()));
  std::string symbol;
  for (const llvm::object::SymbolRef &entry : object.symbols()) {
    llvm::Expected<StringRef> name = entry.getName();
    if (!name) {
      llvm::consumeError(name.takeError());
      continue;
    }
    if (name->ends_with("_model"))
      symbol = name->drop_back(strlen("_model")).str();
  }
  if (symbol.empty())
    return fail(ExitModel, path + ": defines no nacre model");
  auto model = NativeModel::loadFile(path, symbol);
  if (!model)
    return model.takeError();
  const nacre_model &table = (*model)->table();
  report["symbol"] = symbol;
  report["inputs"] = tableJson(table.inputs, table.input_count);
  report["outputs"] = tableJson(table.outputs, table.output_count);
  report["arena_bytes"] = table.arena_bytes;
  report["weights_bytes"] = table.weights_bytes;
  report["weights"] = table.weights        ? "embedded"
                      : table.weights_file ? table.weights_file
                                           : "none";
  report["kernels"] = Json::array();
  for (int64_t i = 0; i < table.kernel_count; ++i)
    report["kernels"].push_back(
        {{"name", table.kernel_names[i]}, {"flops", table.kernel_flops[i]}});
  return llvm::Error::success();
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
  Json report = {{"file", options.model}};
  StringRef extension = llvm::sys::path::extension(options.model);
  if (extension == ".o" || extension == ".so") {
    if (llvm::Error error = describeObject(options.model, report))
      return error;
  } else if (extension == ".safetensors") {
    if (llvm::Error error = describeWeights(options.model, report))
      return error;
  } else {
    llvm::Expected<Toolchain> tools = chooseToolchain(options);
    if (!tools)
      return tools.takeError();
    std::unique_ptr<mlir::MLIRContext> context = makeContext();
    llvm::Expected<ModelSource> source = ModelSource::open(*context, options);
    if (!source)
      return source.takeError();
    const ModelInfo &info = source->modelInfo();
    if (source->isOnnx()) {
      report["producer"] = info.producer;
      report["ir_version"] = info.irVersion;
      for (const auto &[domain, version] : info.opsets)
        report["opsets"][domain.empty() ? "ai.onnx" : domain] = version;
      report["nodes"] = info.nodeCount;
      report["parameters"] = info.parameterCount;
    }
    report["inputs"] = signatureJson(info.inputs);
    report["outputs"] = signatureJson(info.outputs);
    if (source->isOnnx()) {
      report["ops"] = Json::array();
      for (const auto &[op, count] : info.opCounts)
        report["ops"].push_back({{"op", op}, {"count", count}});
    }
    if (llvm::Error error = describeProgram(*context, *source, *tools, report))
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
