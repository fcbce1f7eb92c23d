//===- Compile.cpp - nacre compile ----------------------------------------===//

#include "CompileTraining.h"
#include "Data.h"
#include "EmitText.h"
#include "OpenModel.h"
#include "Tune.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
namespace path = llvm::sys::path;

namespace nacre::driver {

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

static Json reportJson(const Compiled &compiled, const Toolchain &tools,
                       const Artifacts &artifacts) {
  const CompiledCode &code = compiled.code;
  Json json;
  for (const auto &[what, path] : artifacts)
    json[what] = path;
  json["target"] = tools.target->name();
  json["symbol"] = tools.options.symbol;
  tools.target->report(code, json);
  json["opt_level"] = tools.options.optLevel;
  json["arena_bytes"] = code.arenaBytes;
  json["weights_bytes"] = code.weightsBytes;
  json["compile_ms"] = compiled.times.total();
  for (const auto &[step, spent] : compiled.times.steps)
    json["phase_ms"][step] = spent;
  reportTuning(tools, json);
  json["kernels"] = Json::array();
  for (const KernelInfo &kernel : code.kernels)
    json["kernels"].push_back({{"name", kernel.name},
                               {"computes", kernel.computes},
                               {"flops", kernel.flops},
                               {"bytes", kernel.bytes}});
  return json;
}

llvm::Error compile(const CompileOptions &options) {
  if (options.train) {
    for (auto [flag, given] :
         {std::pair("--schedules", !options.schedules.empty()),
          std::pair("--tune", options.tune != 0),
          std::pair("--tune-log", !options.tuneLog.empty())})
      if (given)
        return fail(ExitUsage, Twine(flag) + ": not with --train");
    return compileTraining(options);
  }
  for (auto [flag, given] :
       {std::pair("--steps", options.steps.has_value()),
        std::pair("--batch", options.batch.has_value()),
        std::pair("--optimizer", !options.optimizer.empty()),
        std::pair("--loss", !options.loss.empty()),
        std::pair("--learn", !options.learn.empty()),
        std::pair("--freeze", !options.freeze.empty()),
        std::pair("--lora", options.lora.has_value()),
        std::pair("--micro-batches", options.microBatches.has_value())})
    if (given)
      return fail(ExitUsage, Twine(flag) + ": goes with --train only");
  if (!options.weights.empty() && options.weights != "embed" &&
      options.weights != "file")
    return fail(ExitUsage, "--weights: '" + Twine(options.weights) +
                               "' is neither embed nor file");
  llvm::Expected<const Target *> target = findTarget(options.target);
  if (!target)
    return target.takeError();
  if (llvm::Error error = checkEmitName(options.emit, **target))
    return error;
  if (options.emit.empty())
    if (llvm::Error error = needFile(options.output))
      return error;
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  auto &[tools, context, source] = *opened;
  if (!options.emit.empty())
    return emitText(*context, source, tools, options);

  ArtifactOptions asked = {options.output, options.weights,
                           path::filename(options.model).str()};
  artifact::NewFolders folders(asked.output.empty() ? tools.options.symbol
                                                    : asked.output);
  llvm::Expected<Artifacts> artifacts = (*target)->place(asked, tools.options);
  if (!artifacts)
    return withCode(ExitUsage, artifacts.takeError());
  llvm::Expected<Compiled> compiled =
      compileSource(*context, source, source.givenDims(), tools);
  if (!compiled)
    return compiled.takeError();

  {
    Progress progress;
    progress.say("write");
    StepTimer timer(compiled->times, "write");
    if (llvm::Error error = (*target)->write(compiled->code, compiled->program,
                                             tools.options, asked, *artifacts))
      return withCode(ExitUsage, std::move(error));
    if (!options.depfile.empty())
      if (llvm::Error error =
              artifact::writeFile(options.depfile, [&](llvm::raw_ostream &os) {
                std::vector<std::string> files = source.files().vec();
                if (!options.schedules.empty())
                  files.push_back(options.schedules);
                os << makeRule(artifacts->front().second, files);
              }))
        return withCode(ExitUsage, std::move(error));
  }
  if (options.json) {
    printJson(reportJson(*compiled, tools, *artifacts));
    return finishOutput();
  }
  const CompiledCode &code = compiled->code;
  llvm::outs() << artifacts->front().second << ": " << code.kernels.size()
               << (code.kernels.size() == 1 ? " kernel" : " kernels")
               << ", arena " << code.arenaBytes << " bytes, weights "
               << code.weightsBytes << " bytes";
  for (const auto &[what, path] : *artifacts)
    if (what == "weights_file")
      llvm::outs() << " in " << path;
  llvm::outs() << "\n";
  return finishOutput();
}

} // namespace nacre::driver
