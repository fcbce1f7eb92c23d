//===- Session.cpp - one compilation as the verbs see it ------------------===//

#include "Session.h"
#include "nacre/Artifact/CName.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <thread>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

void Progress::say(StringRef what) {
  if (!::isatty(STDERR_FILENO))
    return;
  llvm::errs() << "\r\033[K" << printable(what) << " ...";
  llvm::errs().flush();
  shown = true;
}

void Progress::clear() {
  if (shown)
    llvm::errs() << "\r\033[K";
  shown = false;
}

//===----------------------------------------------------------------------===//
// Target and defaults
//===----------------------------------------------------------------------===//

std::optional<Phase> phaseNamed(StringRef name) {
  if (name == "import")
    return Phase::Import;
  if (name == "fuse")
    return Phase::Fuse;
  if (name == "schedule")
    return Phase::Schedule;
  return std::nullopt;
}

llvm::Expected<Toolchain> chooseToolchain(const ModelOptions &options) {
  llvm::Expected<const Target *> target = findTarget(options.target);
  if (!target)
    return target.takeError();
  if (!options.from.empty() && !phaseNamed(options.from))
    return fail(ExitUsage, Twine("--from: no phase '") + options.from +
                               "', expected import, fuse or schedule");
  if (options.threads < 0 || options.threads > 1024)
    return fail(ExitUsage,
                "--threads: " + Twine(options.threads) + " is not in 0..1024");
  if (!options.name.empty() &&
      artifact::cIdentifier(options.name) != options.name)
    return fail(ExitUsage,
                Twine("--name: '") + options.name + "' is not a C identifier");

  Toolchain tools;
  tools.target = *target;
  tools.options.triple = options.triple;
  tools.options.cpu = options.cpu;
  tools.options.features = options.features;
  tools.options.optLevel = options.optLevel;
  tools.options.symbol = artifact::cIdentifier(
      options.name.empty() ? llvm::sys::path::stem(options.model)
                           : StringRef(options.name));
  llvm::Expected<MachineDescription> machine =
      (*target)->describe(tools.options);
  if (!machine)
    return withCode(ExitUsage, machine.takeError());
  tools.machine = *machine;
  bool threaded = tools.machine.groupItems == 0;
  if (options.threads && !threaded)
    return fail(ExitUsage, "--threads: target '" + (*target)->name() +
                               "' has no such option");
  tools.threads = options.threads;
  if (tools.threads == 0)
    tools.threads = std::max(1u, std::thread::hardware_concurrency());

  llvm::errs() << "nacre: " << printable(tools.machine.name);
  if (threaded)
    llvm::errs() << ", " << tools.threads
                 << (tools.threads == 1 ? " thread" : " threads");
  llvm::errs() << ", -O" << tools.options.optLevel << "\n";
  return tools;
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

double PhaseTimes::total() const {
  double sum = 0;
  for (const auto &step : steps)
    sum += step.second;
  return sum;
}

StepTimer::~StepTimer() {
  std::chrono::duration<double, std::milli> spent =
      std::chrono::steady_clock::now() - start;
  times.steps.emplace_back(std::move(name), spent.count());
}

llvm::Error lower(Program &program, Phase from, Phase to,
                  const Toolchain &tools, PhaseTimes &times) {
  Progress progress;
  DiagnosticLog log(*program.module->getContext());
  for (auto [phase, name] : {std::pair(Phase::Fuse, "fuse"),
                             std::pair(Phase::Schedule, "schedule")}) {
    if (phase <= from || phase > to)
      continue;
    progress.say(name);
    StepTimer timer(times, name);
    Phase before = static_cast<Phase>(static_cast<int>(phase) - 1);
    // What the verifier at the border after import has let through may fail
    // only by our fault.
    if (failed(
            runPhases(program, before, phase, tools.options, tools.machine))) {
      std::vector<std::string> lines = log.lines();
      lines.insert(lines.begin(), std::string("internal error in phase '") +
                                      name + "'; please report it");
      return fail(ExitBug, lines);
    }
  }
  return llvm::Error::success();
}

llvm::Expected<Compiled> compileProgram(Program program, Phase from,
                                        const Toolchain &tools,
                                        PhaseTimes times) {
  Compiled result;
  result.program = std::move(program);
  result.times = std::move(times);
  if (llvm::Error error =
          lower(result.program, from, Phase::Schedule, tools, result.times))
    return error;
  // A schedule that was edited is the user's, and checked before it is obeyed.
  if (from == Phase::Schedule) {
    DiagnosticLog log(*result.program.module->getContext());
    if (failed(schedule::verifySchedule(*result.program.module)))
      return fail(ExitModel, log.lines());
  }
  {
    Progress progress;
    progress.say("emit");
    StepTimer timer(result.times, "emit");
    DiagnosticLog log(*result.program.module->getContext());
    llvm::Expected<CompiledCode> code =
        tools.target->emit(result.program, tools.options);
    if (!code) {
      if (!log.said())
        return code.takeError();
      return llvm::joinErrors(
          llvm::createStringError(llvm::join(log.lines(), "\n")),
          code.takeError());
    }
    result.code = std::move(*code);
  }
  return result;
}

llvm::Expected<Compiled> compileSource(mlir::MLIRContext &context,
                                       ModelSource &source, const Dims &dims,
                                       const Toolchain &tools) {
  PhaseTimes times;
  std::optional<Program> program;
  {
    Progress progress;
    progress.say("import");
    StepTimer timer(times, "import");
    llvm::Expected<Program> imported = source.program(context, dims);
    if (!imported)
      return imported.takeError();
    program = std::move(*imported);
  }
  return compileProgram(std::move(*program), source.phase(), tools,
                        std::move(times));
}

Program copyOf(const Program &program) {
  Program copy;
  copy.name = program.name;
  copy.module = mlir::OwningOpRef<mlir::ModuleOp>(
      mlir::cast<mlir::ModuleOp>((*program.module)->clone()));
  copy.weights = program.weights;
  return copy;
}

} // namespace nacre::driver
