//===- CompileTraining.cpp - a training object from its programs ----------===//
#include "CompileTraining.h"
#include "Data.h"
#include "EmitText.h"
#include "Train/TrainingSource.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Failure/Failure.h"
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
    if (role == "init" || role == "eval")
      own.options.memoryBudget = 0;
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

static llvm::Expected<Artifacts> writePart(CompiledTraining::Part &part,
                                           const Toolchain &tools,
                                           const ArtifactOptions &asked) {
  llvm::Expected<Artifacts> artifacts =
      tools.target->place(asked, part.options);
  if (!artifacts)
    return withCode(ExitUsage, artifacts.takeError());
  if (llvm::Error error =
          tools.target->write(part.compiled.code, part.compiled.program,
                              part.options, asked, *artifacts))
    return withCode(ExitUsage, std::move(error));
  return artifacts;
}

/// The objects of all programs as one, and the header beside it.
static llvm::Expected<Artifacts> linkParts(const CompiledTraining &training,
                                           const Toolchain &tools,
                                           const ArtifactOptions &asked,
                                           llvm::ArrayRef<std::string> objects,
                                           StringRef object) {
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

/// One object, of objects that are only needed for that.
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
    scratch.file(part.role + ".h"); // written beside it, and removed with it
    llvm::Expected<Artifacts> written =
        writePart(part, tools, {objects.back(), "embed", asked.source});
    if (!written)
      return written.takeError();
  }
  return linkParts(training, tools, asked, objects, object);
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

llvm::Expected<Artifacts> writeTraining(CompiledTraining &training,
                                        const Toolchain &tools,
                                        const ArtifactOptions &asked) {
  // Where the target would put a single program says what it makes.
  CodegenOptions probe = tools.options;
  llvm::Expected<Artifacts> places = tools.target->place(asked, probe);
  if (!places)
    return withCode(ExitUsage, places.takeError());
  if (places->front().first == "object")
    return writeObject(training, tools, asked, places->front().second);
  // A folder with a bundle a program; where those come with objects for C
  // programs, one object of them all.
  std::string folder = asked.output.empty() ? "." : asked.output;
  auto in = [&](const Twine &name) {
    llvm::SmallString<128> full(folder);
    path::append(full, name);
    return full.str().str();
  };
  Json json = describe(training, tools.options.symbol);
  std::vector<std::string> objects;
  for (CompiledTraining::Part &part : training.parts) {
    llvm::Expected<Artifacts> written =
        writePart(part, tools, {in(part.role), "embed", asked.source});
    if (!written)
      return written.takeError();
    for (const auto &[what, path] : *written)
      if (what == "object")
        objects.push_back(path);
  }
  Artifacts artifacts = {{"training", in("training.json")}};
  if (llvm::Error error =
          artifact::writeFile(artifacts[0].second, [&](llvm::raw_ostream &os) {
            os << json.dump(1) << "\n";
          }))
    return withCode(ExitUsage, std::move(error));
  if (objects.size() == training.parts.size()) {
    llvm::Expected<Artifacts> linked = linkParts(
        training, tools, asked, objects, in(tools.options.symbol + ".o"));
    if (!linked)
      return linked.takeError();
    llvm::append_range(artifacts, *linked);
  }
  return artifacts;
}

static Json reportJson(const CompiledTraining &training, const Toolchain &tools,
                       const Artifacts &artifacts) {
  auto table = training.table();
  auto states = artifact::placeStates(table, training.kinds);
  Json json;
  for (const auto &[what, path] : artifacts)
    json[what] = path;
  json["target"] = tools.target->name();
  json["symbol"] = tools.options.symbol;
  json["state_bytes"] = artifact::stateBytes(states);
  for (const artifact::PlacedState &state : states) {
    Json &bytes = json["bytes_by_kind"][state.kind];
    bytes =
        (bytes.is_null() ? 0 : bytes.get<int64_t>()) + state.tensor.byteCount();
  }
  for (const CompiledTraining::Part &part : training.parts)
    json["programs"][part.role] = {
        {"kernels", part.compiled.code.kernels.size()},
        {"arena_bytes", part.compiled.code.arenaBytes},
        {"compile_ms", part.compiled.times.total()}};
  return json;
}

/// Writes one program as lazy IR, for `bench` and the other verbs to read.
static llvm::Error emitProgram(autodiff::TrainingPrograms &programs,
                               const CompileOptions &options) {
  std::vector<std::string> known;
  Program *wanted = nullptr;
  auto look = [&](StringRef role, Program *program) {
    if (!program)
      return;
    known.push_back(role.str());
    if (role == options.emit)
      wanted = program;
  };
  look("init", &programs.init);
  for (auto [role, program] : {std::pair("step", &programs.step),
                               std::pair("gradient", &programs.gradient),
                               std::pair("apply", &programs.apply)})
    look(role, *program ? &**program : nullptr);
  look("eval", &programs.eval);
  if (!wanted)
    return fail(ExitUsage, "--emit: no program '" + Twine(options.emit) +
                               "' in this training, expected " +
                               enumeration(known));
  return emitModule(*wanted, options.output);
}

llvm::Error compileTraining(const CompileOptions &options) {
  if (!options.depfile.empty() || !options.from.empty() ||
      !options.weights.empty())
    return fail(ExitUsage,
                "--train: goes with none of --depfile, --from and --weights");
  if (options.steps && *options.steps < 1)
    return fail(ExitUsage,
                "--steps: " + Twine(*options.steps) + " is not above 0");
  if (options.emit.empty())
    if (llvm::Error error = needFile(options.output))
      return error;
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  llvm::Expected<TrainingSource> source = TrainingSource::open(options);
  if (!source)
    return source.takeError();
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  llvm::Expected<ImportedTraining> imported =
      source->import(*context, source->batch());
  if (!imported)
    return imported.takeError();
  llvm::Expected<autodiff::TrainingPrograms> programs =
      programsOf(*context, std::move(*imported), options.steps.value_or(0));
  if (!programs)
    return withCode(ExitModel, programs.takeError());
  if (!options.emit.empty())
    return emitProgram(*programs, options);
  llvm::Expected<CompiledTraining> training =
      compilePrograms(std::move(*programs), *tools);
  if (!training)
    return training.takeError();
  ArtifactOptions asked = {options.output, "",
                           path::filename(options.model).str()};
  llvm::Expected<Artifacts> artifacts = writeTraining(*training, *tools, asked);
  if (!artifacts)
    return artifacts.takeError();
  Json report = reportJson(*training, *tools, *artifacts);
  if (options.json) {
    printJson(report);
    return finishOutput();
  }
  llvm::outs() << artifacts->front().second << ": states "
               << report["state_bytes"].get<int64_t>() << " bytes";
  for (const CompiledTraining::Part &part : training->parts)
    llvm::outs() << ", " << part.role << " "
                 << part.compiled.code.kernels.size() << " kernels and arena "
                 << part.compiled.code.arenaBytes << " bytes";
  llvm::outs() << "\n";
  return finishOutput();
}

} // namespace nacre::driver
