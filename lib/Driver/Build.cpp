//===- Build.cpp - nacre build --------------------------------------------===//

#include "Data.h"
#include "Session.h"
#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
namespace path = llvm::sys::path;

namespace nacre::driver {

/// Finds the runtime's two archives: in the folder given, else in ../lib of
/// this program, in the build tree and installed alike.
static llvm::Expected<std::vector<std::string>> findRuntime(StringRef given) {
  llvm::SmallString<128> folder(given);
  if (given.empty()) {
    static int here;
    std::string program = llvm::sys::fs::getMainExecutable("nacre", &here);
    folder = path::parent_path(path::parent_path(program));
    path::append(folder, "lib");
  }
  // The main needs the rest, so it stands first.
  std::vector<std::string> archives;
  for (StringRef name : {"libnacre_rt_main.a", "libnacre_rt.a"}) {
    llvm::SmallString<128> file(folder);
    path::append(file, name);
    if (!llvm::sys::fs::exists(file))
      return fail(ExitUsage, Twine(name) + " is not in " + folder +
                                 ", give its folder with --runtime");
    archives.push_back(file.str().str());
  }
  return archives;
}

llvm::Error build(const BuildOptions &options) {
  if (llvm::sys::fs::is_directory(options.output))
    return fail(ExitUsage, Twine("-o: '") + options.output + "' is a folder");
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  llvm::Expected<std::vector<std::string>> runtime =
      findRuntime(options.runtime);
  if (!runtime)
    return runtime.takeError();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  llvm::Expected<ModelSource> source = ModelSource::open(*context, options);
  if (!source)
    return source.takeError();
  llvm::Expected<Compiled> compiled =
      compileSource(*context, *source, source->givenDims(), *tools);
  if (!compiled)
    return compiled.takeError();
  const NativeCode &code = compiled->code;

  Progress progress;
  progress.say("link");
  {
    StepTimer timer(compiled->times, "link");
    artifact::ScratchFolder scratch;
    StringRef folder = path::parent_path(options.output);
    if (llvm::Error error = scratch.create(folder.empty() ? "." : folder))
      return withCode(ExitUsage, std::move(error));
    std::vector<std::string> objects = {scratch.file("code.o"),
                                        scratch.file("entry.o")};
    if (llvm::Error error = artifact::writeFile(
            objects[0], [&](llvm::raw_ostream &os) { os << code.object; },
            artifact::Durability::Scratch))
      return withCode(ExitUsage, std::move(error));
    if (llvm::Error error = artifact::writePointerObject(
            code, "nacre_entry", tools->native.symbol + "_model", objects[1]))
      return withCode(ExitUsage, std::move(error));
    if (code.weightsBytes) {
      objects.push_back(scratch.file("weights.o"));
      if (llvm::Error error = artifact::writeWeightsObject(
              code, tools->native.symbol, objects.back()))
        return withCode(ExitUsage, std::move(error));
    }
    llvm::append_range(objects, *runtime);
    if (llvm::Error error =
            artifact::linkExecutable(objects, code.triple, options.output))
      return withCode(ExitUsage, std::move(error));
  }
  progress.clear();
  if (options.json) {
    nlohmann::ordered_json json = {{"executable", options.output},
                                   {"triple", code.triple},
                                   {"cpu", code.cpu},
                                   {"arena_bytes", code.arenaBytes},
                                   {"weights_bytes", code.weightsBytes},
                                   {"compile_ms", compiled->times.total()}};
    for (const auto &[step, spent] : compiled->times.steps)
      json["phase_ms"][step] = spent;
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
