//===- Build.cpp - nacre build --------------------------------------------===//

#include "Data.h"
#include "EmitText.h"
#include "OpenModel.h"
#include "Tune.h"
#include "llvm/Support/FileSystem.h"
#include <nlohmann/json.hpp>

using llvm::Twine;

namespace nacre::driver {

llvm::Error build(const BuildOptions &options) {
  if (llvm::sys::fs::is_directory(options.output))
    return fail(ExitUsage, Twine("-o: '") + options.output + "' is a folder");
  if (llvm::Error error = needFile(options.output))
    return error;
  if (!options.states.empty())
    return fail(ExitUsage, "--state: an executable runs once and keeps none");
  llvm::Expected<const Target *> target = findTarget(options.target);
  if (!target)
    return target.takeError();
  llvm::Expected<std::vector<std::string>> runtime =
      (*target)->findRuntime(options.runtime);
  if (!runtime)
    return withCode(ExitUsage, runtime.takeError());
  llvm::Expected<OpenModel> opened = openModel(options);
  if (!opened)
    return opened.takeError();
  auto &[tools, context, source] = *opened;
  llvm::Expected<Compiled> compiled =
      compileSource(*context, source, source.givenDims(), tools);
  if (!compiled)
    return compiled.takeError();
  const CompiledCode &code = compiled->code;

  Progress progress;
  progress.say("link");
  {
    StepTimer timer(compiled->times, "link");
    if (llvm::Error error = (*target)->linkExecutable(code, tools.options,
                                                      *runtime, options.output))
      return withCode(ExitUsage, std::move(error));
  }
  progress.clear();
  if (options.json) {
    nlohmann::ordered_json json = {{"executable", options.output},
                                   {"target", (*target)->name()},
                                   {"arena_bytes", code.arenaBytes},
                                   {"weights_bytes", code.weightsBytes},
                                   {"compile_ms", compiled->times.total()}};
    (*target)->report(code, json);
    for (const auto &[step, spent] : compiled->times.steps)
      json["phase_ms"][step] = spent;
    reportTuning(tools, json);
    printJson(json);
  } else {
    llvm::outs() << options.output << ": " << code.kernels.size()
                 << (code.kernels.size() == 1 ? " kernel" : " kernels")
                 << ", arena " << code.arenaBytes << " bytes, weights "
                 << code.weightsBytes << " bytes\n";
  }
  return finishOutput();
}

} // namespace nacre::driver
