//===- DescribeObject.cpp - the reflection table of an object -------------===//

#include "Files.h"
#include "NativeModel.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace nacre::cpu {

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

llvm::Error describeObject(StringRef path, Json &report) {
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
  auto library = NativeLibrary::loadFile(path, symbol);
  if (!library)
    return library.takeError();
  const nacre_model &table = (*library)->table();
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

} // namespace nacre::cpu
