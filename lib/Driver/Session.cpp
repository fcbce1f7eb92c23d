//===- Session.cpp - one compilation as the verbs see it ------------------===//

#include "Session.h"
#include "Tune.h"
#include "nacre/Artifact/CName.h"
#include "nacre/Schedule/KernelGroup.h"
#include "nacre/Schedule/Schedule.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
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

/// Bytes of a size as people write it: "64M", "1.5G", "100000".
static llvm::Expected<int64_t> bytesOf(StringRef flag, StringRef text) {
  StringRef number = text;
  double unit = 1;
  for (auto [letter, factor] :
       {std::pair("K", 0x1p10), std::pair("M", 0x1p20), std::pair("G", 0x1p30)})
    if (number.consume_back(letter)) {
      unit = factor;
      break;
    }
  double value = 0;
  if (number.empty() || !llvm::isDigit(number.front()) ||
      number.find_first_not_of("0123456789.") != StringRef::npos ||
      number.getAsDouble(value) || value * unit < 1 || value * unit > 0x1p60)
    return fail(ExitUsage, flag + ": '" + text +
                               "' is no size, such as 64M, 1.5G or 100000");
  return int64_t(value * unit);
}

/// What --schedules, --tune and --tune-log ask for; null when nothing.
static llvm::Expected<std::shared_ptr<Tuning>>
chooseTuning(const ModelOptions &options, const Toolchain &tools) {
  if (options.tuneLog.size() && !options.tune)
    return fail(ExitUsage, "--tune-log: goes with --tune only");
  if (!options.tune && options.schedules.empty())
    return nullptr;
  StringRef flag = options.tune ? "--tune" : "--schedules";
  if (!(options.tune >= 0) || options.tune > 86400)
    return fail(ExitUsage, "--tune: must be 0 to 86400 seconds");
  if (options.from == "schedule")
    return fail(ExitUsage,
                flag + ": a text of phase 'schedule' has its schedules");
  if (tools.machine.groupItems)
    return fail(ExitUsage, flag + ": target '" + tools.target->name() +
                               "' has no such option");
  if (options.tune && !options.triple.empty())
    return fail(ExitUsage,
                "--tune: measures on this machine, not with --triple");
  auto tuning = std::make_shared<Tuning>();
  tuning->seconds = options.tune;
  tuning->log = options.tuneLog;
  tuning->file = options.schedules;
  if (!tuning->file.empty()) {
    llvm::Expected<ChosenSchedules> read = readSchedules(tuning->file);
    if (!read)
      return read.takeError();
    tuning->schedules = std::move(*read);
  }
  return tuning;
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
  if (!options.memoryBudget.empty()) {
    llvm::Expected<int64_t> bytes =
        bytesOf("--memory-budget", options.memoryBudget);
    if (!bytes)
      return bytes.takeError();
    if (options.from == "schedule")
      return fail(ExitUsage, "--memory-budget: the memory of a text of phase "
                             "'schedule' is planned");
    tools.options.memoryBudget = *bytes;
  }
  tools.target = *target;
  tools.options.triple = options.triple;
  tools.options.cpu = options.cpu;
  tools.options.features = options.features;
  tools.options.optLevel = options.optLevel;
  tools.options.strictFp = options.strictFp;
  tools.options.groups = options.groups;
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

  auto tuning = chooseTuning(options, tools);
  if (!tuning)
    return tuning.takeError();
  tools.tuning = std::move(*tuning);

  if (options.interpret) {
    llvm::errs() << "nacre: reference interpreter\n";
    return tools;
  }
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

/// Schedules that were found before, and what measuring finds now.
static llvm::Error settleSchedules(Program &program, const Toolchain &tools) {
  Tuning &tuning = *tools.tuning;
  llvm::Expected<size_t> left =
      applySchedules(program, tuning.schedules, tuning.file);
  if (!left)
    return left.takeError();
  if (*left)
    llvm::errs() << "nacre: " << printable(tuning.file) << ": " << *left
                 << " of " << tuning.schedules.size()
                 << " entries match no kernel\n";
  return tuning.seconds > 0 ? tune(program, tools) : llvm::Error::success();
}

/// What the memory budget came to.
static llvm::Error reportMemory(const Program &program, int64_t budget) {
  mlir::ModuleOp module = program.module.get();
  auto number = [](mlir::Attribute attribute) {
    return mlir::cast<mlir::IntegerAttr>(attribute).getInt();
  };
  const int64_t bytes = number(module->getAttr("lazy.arena_bytes"));
  if (bytes > budget)
    return fail(ExitLimit, "--memory-budget: '" + Twine(program.name) +
                               "' needs at least " + Twine(bytes) +
                               " bytes, not " + Twine(budget));
  auto megabytes = [](int64_t bytes) {
    return llvm::format("%.1f MiB", double(bytes) / 0x1p20);
  };
  llvm::errs() << "nacre: memory of " << printable(program.name) << ": "
               << megabytes(bytes);
  auto done = module->getAttrOfType<mlir::DictionaryAttr>("lazy.recomputed");
  if (!done) {
    llvm::errs() << ", within the budget\n";
    return llvm::Error::success();
  }
  const int64_t values = number(done.get("values"));
  llvm::errs() << " of " << megabytes(number(done.get("bytes_before"))) << ", "
               << values << (values == 1 ? " value" : " values")
               << " recomputed, "
               << llvm::format("%.1f%%",
                               100.0 * double(number(done.get("extra_flops"))) /
                                   double(std::max<int64_t>(
                                       number(done.get("flops")), 1)))
               << " more arithmetic\n";
  return llvm::Error::success();
}

llvm::Error lower(Program &program, Phase from, Phase to,
                  const Toolchain &tools, PhaseTimes &times) {
  Progress progress;
  DiagnosticLog log(*program.module->getContext());
  // Schedules are found kernel by kernel: groups are formed when they are
  // there.
  CodegenOptions options = tools.options;
  if (tools.tuning)
    options.groups = false;
  for (auto [phase, name] : {std::pair(Phase::Fuse, "fuse"),
                             std::pair(Phase::Schedule, "schedule")}) {
    if (phase <= from || phase > to)
      continue;
    progress.say(name);
    StepTimer timer(times, name);
    Phase before = static_cast<Phase>(static_cast<int>(phase) - 1);
    // What the verifier at the border after import has let through may fail
    // only by our fault.
    if (failed(runPhases(program, before, phase, options, tools.machine))) {
      std::vector<std::string> lines = log.lines();
      lines.insert(lines.begin(), std::string("internal error in phase '") +
                                      name + "'; please report it");
      return fail(ExitBug, lines);
    }
  }
  progress.clear();
  if (to != Phase::Schedule)
    return llvm::Error::success();
  if (from == Phase::Schedule) {
    // One that was edited is the user's, and checked before it is obeyed.
    if (failed(schedule::verifySchedule(*program.module)))
      return fail(ExitModel, log.lines());
    return llvm::Error::success();
  }
  if (tools.tuning) {
    if (llvm::Error error = settleSchedules(program, tools))
      return error;
    if (tools.options.groups && tools.options.optLevel > 0 &&
        failed(schedule::groupKernels(*program.module, tools.machine)))
      return fail(ExitBug, log.lines());
  }
  if (tools.options.memoryBudget)
    return reportMemory(program, tools.options.memoryBudget);
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
