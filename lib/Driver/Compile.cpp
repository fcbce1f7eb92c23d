//===- Compile.cpp - nacre compile ----------------------------------------===//

#include "Data.h"
#include "EmitText.h"
#include "Session.h"
#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace nacre::driver {

namespace {
/// Where the files of a compilation go.
struct Outputs {
  std::string folder, object, header, weights;
};
} // namespace

static llvm::Expected<Outputs> chooseOutputs(const CompileOptions &options,
                                             StringRef symbol) {
  Outputs outputs;
  StringRef given = options.output;
  StringRef extension = path::extension(given);
  std::string stem = symbol.str();
  outputs.folder = given.empty() ? "." : given.str();
  if (!fs::is_directory(given) && (extension == ".o" || extension == ".so")) {
    outputs.folder = path::parent_path(given).str();
    outputs.object = given.str();
    stem = path::stem(given).str();
  } else if (!fs::is_directory(given) && !extension.empty() &&
             !given.ends_with("/") && extension.size() <= 4) {
    return fail(ExitUsage,
                "-o: '" + given + "' is neither a folder nor .o nor .so");
  }
  if (!outputs.folder.empty())
    if (std::error_code code = fs::create_directories(
            outputs.folder, /*IgnoreExisting=*/true, fs::all_all))
      return fail(ExitUsage,
                  Twine(outputs.folder) + ": cannot write: " + code.message());
  auto in = [&](const Twine &name) {
    llvm::SmallString<128> full(outputs.folder == "." ? "" : outputs.folder);
    path::append(full, name);
    return full.str().str();
  };
  if (outputs.object.empty())
    outputs.object = in(stem + ".o");
  outputs.header = in(stem + ".h");
  outputs.weights = in(stem + ".safetensors");
  return outputs;
}

/// A make rule: OBJECT: FILES. Make reads spaces, '#' and '$' otherwise.
static std::string makeRule(StringRef object,
                            llvm::ArrayRef<std::string> files) {
  auto escaped = [](StringRef text) {
    std::string result;
    for (char c : text) {
      if (c == ' ' || c == '#')
        result += '\\';
      if (c == '$')
        result += '$';
      result += c;
    }
    return result;
  };
  std::string rule = escaped(object) + ":";
  for (const std::string &file : files)
    rule += " \\\n  " + escaped(file);
  rule += "\n";
  // Phony rules, so that a removed file is no error.
  for (const std::string &file : files.drop_front())
    rule += "\n" + escaped(file) + ":\n";
  return rule;
}

/// Writes code and embedded weights as one object or library. The program and
/// its weights are let go once they are written: the linker maps them again.
static llvm::Error writeObject(Compiled &compiled, const NativeOptions &native,
                               const Outputs &outputs) {
  NativeCode &code = compiled.code;
  bool shared = StringRef(outputs.object).ends_with(".so");
  bool weights = native.embedWeights && code.weightsBytes > 0;
  if (!shared && !weights)
    return artifact::writeFile(
        outputs.object, [&](llvm::raw_ostream &os) { os << code.object; });
  artifact::ScratchFolder scratch;
  if (llvm::Error error =
          scratch.create(outputs.folder.empty() ? "." : outputs.folder))
    return error;
  std::vector<std::string> objects = {scratch.file("code.o")};
  if (llvm::Error error = artifact::writeFile(
          objects[0], [&](llvm::raw_ostream &os) { os << code.object; },
          artifact::Durability::Scratch))
    return error;
  if (weights) {
    objects.push_back(scratch.file("weights.o"));
    if (llvm::Error error =
            artifact::writeWeightsObject(code, native.symbol, objects.back()))
      return error;
    code.weights.clear();
    compiled.program = Program();
  }
  return shared ? artifact::linkShared(objects, outputs.object)
                : artifact::linkRelocatable(objects, outputs.object);
}

static Json reportJson(const Compiled &compiled, const Toolchain &tools,
                       const Outputs &outputs) {
  const NativeCode &code = compiled.code;
  Json json = {{"object", outputs.object},
               {"header", outputs.header},
               {"symbol", tools.native.symbol},
               {"triple", code.triple},
               {"cpu", code.cpu},
               {"features", code.features},
               {"opt_level", tools.native.optLevel},
               {"arena_bytes", code.arenaBytes},
               {"weights_bytes", code.weightsBytes},
               {"code_bytes", code.object.size()},
               {"compile_ms", compiled.times.total()}};
  if (!tools.native.embedWeights && code.weightsBytes)
    json["weights_file"] = outputs.weights;
  for (const auto &[step, spent] : compiled.times.steps)
    json["phase_ms"][step] = spent;
  json["kernels"] = Json::array();
  for (const KernelInfo &kernel : code.kernels)
    json["kernels"].push_back({{"name", kernel.name},
                               {"computes", kernel.computes},
                               {"flops", kernel.flops},
                               {"bytes", kernel.bytes}});
  return json;
}

llvm::Error compile(const CompileOptions &options) {
  if (options.weights != "embed" && options.weights != "file")
    return fail(ExitUsage, "--weights: '" + Twine(options.weights) +
                               "' is neither embed nor file");
  if (llvm::Error error = checkEmitName(options.emit))
    return error;
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  llvm::Expected<ModelSource> source = ModelSource::open(*context, options);
  if (!source)
    return source.takeError();
  if (!options.emit.empty())
    return emitText(*context, *source, *tools, options);

  NativeOptions &native = tools->native;
  native.embedWeights = options.weights == "embed";
  llvm::Expected<Outputs> outputs = chooseOutputs(options, native.symbol);
  if (!outputs)
    return outputs.takeError();
  native.weightsFile = path::filename(outputs->weights).str();
  llvm::Expected<Compiled> compiled =
      compileSource(*context, *source, source->givenDims(), *tools);
  if (!compiled)
    return compiled.takeError();

  {
    Progress progress;
    progress.say("write");
    StepTimer timer(compiled->times, "write");
    if (!native.embedWeights && compiled->code.weightsBytes)
      if (llvm::Error error = artifact::writeWeightsFile(
              compiled->code, native.symbol, outputs->weights))
        return withCode(ExitUsage, std::move(error));
    if (llvm::Error error =
            artifact::writeFile(outputs->header, [&](llvm::raw_ostream &os) {
              artifact::writeCHeader(os, compiled->code, native,
                                     path::filename(options.model));
            }))
      return withCode(ExitUsage, std::move(error));
    if (llvm::Error error = writeObject(*compiled, native, *outputs))
      return withCode(ExitUsage, std::move(error));
    if (!options.depfile.empty())
      if (llvm::Error error =
              artifact::writeFile(options.depfile, [&](llvm::raw_ostream &os) {
                os << makeRule(outputs->object, source->files());
              }))
        return withCode(ExitUsage, std::move(error));
  }
  if (options.json) {
    printJson(reportJson(*compiled, *tools, *outputs));
  } else {
    const NativeCode &code = compiled->code;
    llvm::outs() << outputs->object << ": " << code.kernels.size()
                 << (code.kernels.size() == 1 ? " kernel" : " kernels")
                 << ", arena " << code.arenaBytes << " bytes, weights "
                 << code.weightsBytes << " bytes"
                 << (native.embedWeights || !code.weightsBytes
                         ? std::string()
                         : " in " + outputs->weights)
                 << "\n";
  }
  return finishOutput();
}

} // namespace nacre::driver
