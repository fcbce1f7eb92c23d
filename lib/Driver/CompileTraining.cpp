//===- CompileTraining.cpp - a training object from its programs ----------===//
#include "CompileTraining.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace nacre::driver {

std::vector<artifact::TrainingPart> CompiledTraining::table() const {
  std::vector<artifact::TrainingPart> table;
  for (const Part &part : parts)
    table.push_back({part.role, &part.compiled.code});
  return table;
}

llvm::Expected<CompiledTraining>
compilePrograms(autodiff::TrainingPrograms programs, const Toolchain &tools) {
  CompiledTraining training;
  auto add = [&](StringRef role, Program program) -> llvm::Error {
    for (const autodiff::State &state : autodiff::statesOf(program))
      training.kinds.try_emplace(state.name,
                                 autodiff::stateKindName(state.kind).str());
    Toolchain own = tools;
    own.options.symbol += ("_" + role).str();
    program.name = own.options.symbol;
    llvm::Expected<Compiled> compiled =
        compileProgram(std::move(program), Phase::Import, own);
    if (!compiled)
      return compiled.takeError();
    training.parts.push_back({role.str(), own.options, std::move(*compiled)});
    return llvm::Error::success();
  };
  if (llvm::Error error = add("init", std::move(programs.init)))
    return error;
  for (auto [role, program] : {std::pair("step", &programs.step),
                               std::pair("gradient", &programs.gradient),
                               std::pair("apply", &programs.apply)})
    if (*program)
      if (llvm::Error error = add(role, std::move(**program)))
        return error;
  if (llvm::Error error = add("eval", std::move(programs.eval)))
    return error;
  return training;
}

static llvm::Error writePart(CompiledTraining::Part &part,
                             const Toolchain &tools,
                             const ArtifactOptions &asked) {
  llvm::Expected<Artifacts> artifacts =
      tools.target->place(asked, part.options);
  if (!artifacts)
    return withCode(ExitUsage, artifacts.takeError());
  return withCode(ExitUsage,
                  tools.target->write(part.compiled.code, part.compiled.program,
                                      part.options, asked, *artifacts));
}

/// The objects of all programs as one, and the header.
static llvm::Expected<Artifacts> writeObject(CompiledTraining &training,
                                             const Toolchain &tools,
                                             const ArtifactOptions &asked,
                                             StringRef object) {
  artifact::ScratchFolder scratch;
  StringRef folder = path::parent_path(object);
  if (llvm::Error error = scratch.create(folder.empty() ? "." : folder))
    return withCode(ExitUsage, std::move(error));
  std::vector<std::string> objects;
  for (CompiledTraining::Part &part : training.parts) {
    objects.push_back(scratch.file(part.role + ".o"));
    ArtifactOptions own = {objects.back(), "embed", asked.source};
    if (llvm::Error error = writePart(part, tools, own))
      return error;
  }
  llvm::SmallString<128> header(object);
  path::replace_extension(header, ".h");
  auto table = training.table();
  auto states = artifact::placeStates(table, training.kinds);
  llvm::Error error = artifact::writeFile(header, [&](llvm::raw_ostream &os) {
    artifact::writeTrainingHeader(os, tools.options.symbol, table, states,
                                  asked.source);
  });
  if (!error)
    error = object.ends_with(".so")
                ? artifact::linkShared(objects, object)
                : artifact::linkRelocatable(objects, object);
  if (error)
    return withCode(ExitUsage, std::move(error));
  return Artifacts{{"object", object.str()}, {"header", header.str().str()}};
}

/// training.json: what NAME.h is for a training object.
static Json describe(const CompiledTraining &training, StringRef name) {
  auto table = training.table();
  auto states = artifact::placeStates(table, training.kinds);
  Json json = {{"format", "nacre.training"}, {"version", 1}, {"name", name}};
  json["state_bytes"] = artifact::stateBytes(states);
  for (const artifact::PlacedState &state : states)
    json["states"].push_back({{"name", state.tensor.name},
                              {"kind", state.kind},
                              {"dtype", dtypeName(state.tensor.dtype)},
                              {"shape", state.tensor.shape},
                              {"offset", state.offset}});
  for (const artifact::TrainingPart &part : table) {
    Json program = {{"folder", part.role}};
    for (auto [key, list] : {std::pair("inputs", &part.code->inputs),
                             std::pair("outputs", &part.code->outputs)})
      for (const TensorInfo &info : *list) {
        Json entry = {{"name", info.name}};
        if (!info.state.empty())
          entry["state"] = info.state;
        program[key].push_back(std::move(entry));
      }
    json["programs"][part.role] = std::move(program);
  }
  return json;
}

llvm::Expected<Artifacts> writeTraining(CompiledTraining training,
                                        const Toolchain &tools,
                                        const ArtifactOptions &asked) {
  // Where the target would put a single program says what it makes.
  CodegenOptions probe = tools.options;
  llvm::Expected<Artifacts> places = tools.target->place(asked, probe);
  if (!places)
    return withCode(ExitUsage, places.takeError());
  if (places->front().first == "object")
    return writeObject(training, tools, asked, places->front().second);
  std::string folder = asked.output.empty() ? "." : asked.output;
  Json json = describe(training, tools.options.symbol);
  for (CompiledTraining::Part &part : training.parts) {
    llvm::SmallString<128> own(folder);
    path::append(own, part.role);
    if (llvm::Error error = writePart(
            part, tools, {own.str().str(), asked.weights, asked.source}))
      return error;
  }
  llvm::SmallString<128> file(folder);
  path::append(file, "training.json");
  if (llvm::Error error = artifact::writeFile(
          file, [&](llvm::raw_ostream &os) { os << json.dump(1) << "\n"; }))
    return withCode(ExitUsage, std::move(error));
  return Artifacts{{"training", file.str().str()}, {"folder", folder}};
}

} // namespace nacre::driver
