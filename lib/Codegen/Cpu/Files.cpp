//===- Files.cpp - objects, libraries, headers and executables ------------===//

#include "Files.h"
#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace nacre::cpu {

llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                CodegenOptions &options) {
  StringRef given = asked.output;
  StringRef extension = path::extension(given);
  std::string stem = options.symbol, object;
  std::string folder = given.empty() ? "." : given.str();
  if (!fs::is_directory(given) && (extension == ".o" || extension == ".so")) {
    folder = path::parent_path(given).str();
    object = given.str();
    stem = path::stem(given).str();
  } else if (!fs::is_directory(given) && !extension.empty() &&
             !given.ends_with("/") && extension.size() <= 4) {
    return fail(ExitUsage,
                "-o: '" + given + "' is neither a folder nor .o nor .so");
  }
  if (!folder.empty())
    if (std::error_code code = fs::create_directories(
            folder, /*IgnoreExisting=*/true, fs::all_all))
      return fail(ExitUsage,
                  Twine(folder) + ": cannot write: " + code.message());
  auto in = [&](const Twine &name) {
    llvm::SmallString<128> full(folder == "." ? "" : folder);
    path::append(full, name);
    return full.str().str();
  };
  if (object.empty())
    object = in(stem + ".o");
  std::string weights = in(stem + ".safetensors");
  options.embedWeights = asked.weights != "file";
  options.weightsFile = path::filename(weights).str();
  Artifacts artifacts = {{"object", object}, {"header", in(stem + ".h")}};
  if (!options.embedWeights)
    artifacts.push_back({"weights_file", weights});
  return artifacts;
}

/// Writes code and embedded weights as one object or library. Before a library
/// is linked the program and its weights are let go: the linker maps them
/// again. An object gets its weights behind the linker.
static llvm::Error writeObject(CompiledCode &code, Program &program,
                               const CodegenOptions &options,
                               StringRef output) {
  bool shared = output.ends_with(".so");
  bool weights = options.embedWeights && code.weightsBytes > 0;
  if (!shared && !weights)
    return artifact::writeFile(
        output, [&](llvm::raw_ostream &os) { os << code.object; });
  artifact::ScratchFolder scratch;
  StringRef folder = path::parent_path(output);
  if (llvm::Error error = scratch.create(folder.empty() ? "." : folder))
    return error;
  std::vector<std::string> objects = {scratch.file("code.o")};
  if (llvm::Error error = artifact::writeFile(
          objects[0], [&](llvm::raw_ostream &os) { os << code.object; },
          artifact::Durability::Scratch))
    return error;
  if (weights) {
    objects.push_back(scratch.file("weights.o"));
    auto write =
        shared ? artifact::writeWeightsObject : artifact::writeWeightsSpace;
    if (llvm::Error error = write(code, options.symbol, objects.back()))
      return error;
  }
  if (!shared) {
    std::string linked = scratch.file("linked.o");
    if (llvm::Error error = artifact::linkRelocatable(objects, linked))
      return error;
    return artifact::fillWeights(code, options.symbol, linked, output);
  }
  code.weights.clear();
  program = Program();
  return artifact::linkShared(objects, output);
}

llvm::Error write(CompiledCode &code, Program &program,
                  const CodegenOptions &options, StringRef source,
                  Artifacts &artifacts) {
  if (!options.embedWeights && !code.weightsBytes)
    artifacts.pop_back();
  else if (!options.embedWeights)
    if (llvm::Error error = artifact::writeWeightsFile(code, options.symbol,
                                                       artifacts[2].second))
      return error;
  if (llvm::Error error =
          artifact::writeFile(artifacts[1].second, [&](llvm::raw_ostream &os) {
            artifact::writeCHeader(os, code, options, source);
          }))
    return error;
  return writeObject(code, program, options, artifacts[0].second);
}

llvm::Expected<std::vector<std::string>> findRuntime(StringRef given) {
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

llvm::Error linkExecutable(const CompiledCode &code,
                           const CodegenOptions &options,
                           llvm::ArrayRef<std::string> runtime,
                           StringRef output) {
  artifact::ScratchFolder scratch;
  StringRef folder = path::parent_path(output);
  if (llvm::Error error = scratch.create(folder.empty() ? "." : folder))
    return error;
  std::vector<std::string> objects = {scratch.file("code.o"),
                                      scratch.file("entry.o")};
  if (llvm::Error error = artifact::writeFile(
          objects[0], [&](llvm::raw_ostream &os) { os << code.object; },
          artifact::Durability::Scratch))
    return error;
  if (llvm::Error error = artifact::writePointerObject(
          code, "nacre_entry", options.symbol + "_model", objects[1]))
    return error;
  if (code.weightsBytes) {
    objects.push_back(scratch.file("weights.o"));
    if (llvm::Error error =
            artifact::writeWeightsObject(code, options.symbol, objects.back()))
      return error;
  }
  llvm::append_range(objects, runtime);
  return artifact::linkExecutable(objects, code.triple, output);
}

} // namespace nacre::cpu
