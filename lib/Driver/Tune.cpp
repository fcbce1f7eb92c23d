//===- Tune.cpp - faster schedules by measuring ---------------------------===//
//
// The program runs once with the schedules it has, for the share that each of
// its kernels has in the time; equal kernels are one. Then kernels are taken
// from the hottest down, each with a part of the time by its share:
//
//   candidates  a program that runs the kernel with the best schedule so far,
//               the first one, and others (nacre/Schedule/Tuning.h), in turn;
//               the median of each counts, so that drift strikes all alike
//   accept      what is faster by a few percent is the best from then on
//
// At last the program with all that was found runs in turn with the one
// without. What is not faster there, among the other kernels and with the
// caches as they leave them, is taken back.
//
//===----------------------------------------------------------------------===//

#include "Tune.h"
#include "Trial.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>
#include <nlohmann/json.hpp>

using namespace mlir;
using llvm::StringRef;
using Clock = std::chrono::steady_clock;

namespace nacre::driver {

/// A candidate is taken when its time is below this share of the best.
static constexpr double fasterAlone = 0.97, fasterInside = 0.99;
/// Most candidates of one program, and bytes of weights of all of them.
static constexpr size_t mostAtOnce = 14;
static constexpr int64_t mostWeights = int64_t(1) << 29;
/// Runs that a median needs.
static constexpr double runs = 9;

namespace {

/// Equal kernels of a program.
struct Group {
  std::string signature;
  std::vector<lazy::KernelOp> kernels;
  std::vector<size_t> numbers; ///< among the kernels of the code
  double time = 0;             ///< us of all in a run
  DictionaryAttr first, best;
  unsigned step = 0;                   ///< of the search that comes next
  std::vector<DictionaryAttr> pending; ///< candidates of the last step
  llvm::SmallPtrSet<const void *, 32> seen;
  bool done = false;
};

class Tuner {
public:
  Tuner(Program &program, const Toolchain &tools)
      : program(program), tools(tools), tuning(*tools.tuning) {}
  llvm::Error run();

private:
  double elapsed() const {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  /// Seconds to run both programs often enough at last.
  double checkRuns() const {
    return 2.2 * runs * runSeconds + 0.03 * tuning.seconds;
  }
  void group(const Trial &trial);
  double left() const { return tuning.seconds - checkSeconds - elapsed(); }
  void search();
  bool search(Group &group, double seconds);
  bool nextStep(Group &group);
  bool round(Group &group, double until);
  /// Seconds to compile and measure a schedule of a kernel.
  double costOf(const Group &group) const {
    return perCandidate + runs * group.time * 1e-6 / group.kernels.size();
  }
  llvm::Error settle(Trial &before);
  llvm::Error report();

  Program &program;
  const Toolchain &tools;
  Tuning &tuning;
  Clock::time_point start = Clock::now();
  std::vector<Group> groups; ///< hottest first
  double runSeconds = 0;     ///< of a run of the program
  double checkSeconds = 0;   ///< what the last step takes
  double perCandidate = 0;   ///< seconds to compile one
  Tuning::Report result;
};

} // namespace

/// The kernels of `main` by signature, with their times. A kernel without
/// elements is none of the code's.
void Tuner::group(const Trial &trial) {
  std::vector<double> times = trial.times();
  std::map<std::string, Group> found;
  size_t number = 0;
  auto main = program.module->lookupSymbol<func::FuncOp>("main");
  for (auto kernel : main.getBody().front().getOps<lazy::KernelOp>()) {
    if (number == times.size() ||
        trial.kernels()[number].name != kernel.getName())
      continue;
    Group &group = found[schedule::signatureOf(kernel)];
    group.kernels.push_back(kernel);
    group.numbers.push_back(number);
    group.time += times[number++];
    group.first = group.best = *kernel.getSchedule();
  }
  for (auto &[signature, group] : found) {
    group.signature = signature;
    groups.push_back(std::move(group));
  }
  llvm::stable_sort(
      groups, [](const Group &a, const Group &b) { return a.time > b.time; });
}

static int64_t weightBytes(lazy::KernelOp kernel) {
  int64_t bytes = 1;
  for (BlockArgument leaf : kernel.getBody().front().getArguments())
    if (schedule::isWeight(kernel, leaf)) {
      auto type = lazy::tensorType(leaf);
      bytes +=
          type.getNumElements() * lazy::elementBytes(type.getElementType());
    }
  return bytes;
}

/// Measures the best schedule, the first one and some of those that wait, as
/// many as there is time for until then; returns whether there was any.
bool Tuner::round(Group &group, double until) {
  lazy::KernelOp kernel = group.kernels.front();
  std::vector<DictionaryAttr> tried{group.best};
  if (group.best != group.first)
    tried.push_back(group.first);
  const size_t known = tried.size();
  const size_t room =
      std::min<size_t>(mostAtOnce, mostWeights / weightBytes(kernel));
  if (room <= known)
    group.done = true;
  const double fits = (until - elapsed()) / costOf(group);
  if (group.done || fits < double(known + 1))
    return false;
  const size_t count =
      std::min({group.pending.size(), room - known, size_t(fits) - known});
  auto others = group.pending.begin();
  tried.insert(tried.end(), others, others + count);
  group.pending.erase(others, others + count);

  const double begin = elapsed(), each = costOf(group) - perCandidate;
  DiagnosticLog log(*program.module->getContext());
  Program many = trialProgram(program, kernel, tried);
  llvm::Expected<Trial> trial = Trial::load(many, tools);
  if (!trial) { // what cannot be made is no candidate
    llvm::consumeError(trial.takeError());
    return true;
  }
  perCandidate = (perCandidate + (elapsed() - begin) / tried.size()) / 2;
  const double seconds =
      std::clamp(each * tried.size(), 0.02, std::max(until - elapsed(), 0.02));
  if (llvm::Error error = trial->measure(seconds)) {
    llvm::consumeError(std::move(error));
    return true;
  }
  std::vector<double> times = trial->times();
  if (times.size() == tried.size())
    if (size_t best = llvm::min_element(times) - times.begin();
        times[best] < times[0] * fasterAlone)
      group.best = tried[best];
  return true;
}

/// The candidates of the next step, without those that were tried; returns
/// whether there was a step.
bool Tuner::nextStep(Group &group) {
  if (group.step == schedule::searchSteps)
    return false;
  lazy::KernelOp kernel = group.kernels.front();
  DiagnosticLog log(*program.module->getContext());
  for (DictionaryAttr other :
       schedule::candidates(kernel, group.best, group.step++, tools.machine)) {
    if (!group.seen.insert(other.getAsOpaquePointer()).second)
      continue;
    kernel.setScheduleAttr(other);
    if (succeeded(schedule::verifyKernelSchedule(kernel)))
      group.pending.push_back(other);
  }
  kernel.setScheduleAttr(group.first);
  return true;
}

/// Goes on with the search for one kernel, for `seconds`; returns whether
/// anything was measured.
bool Tuner::search(Group &group, double seconds) {
  const double until = elapsed() + seconds;
  bool measured = false;
  while (!group.done) {
    if (!group.pending.empty()) {
      if (!round(group, until))
        break;
      measured = true;
    } else if (!nextStep(group)) {
      group.done = true;
    }
  }
  return measured;
}

/// Takes the kernels in turn, each for its share of the time that is left and
/// long enough for a few candidates, until all is tried or time is up.
void Tuner::search() {
  Progress progress;
  constexpr double few = 5, negligible = 1e-3;
  for (Group &group : groups) {
    group.seen.insert(group.first.getAsOpaquePointer());
    group.done = !runsAlone(group.kernels.front()) ||
                 group.time < negligible * runSeconds * 1e6;
  }
  bool measured = true;
  while (std::exchange(measured, false)) {
    double waiting = 0;
    for (const Group &group : groups)
      waiting += group.done ? 0 : group.time;
    for (auto [i, group] : llvm::enumerate(groups)) {
      if (group.done || left() <= 0)
        continue;
      progress.say("tune kernel " + std::to_string(i + 1) + " of " +
                   std::to_string(groups.size()));
      const double share = left() * group.time / waiting;
      waiting -= group.time;
      measured |=
          search(group, std::min(left(), std::max(share, few * costOf(group))));
    }
  }
}

/// Adds what a kernel has now to the schedules. Other entries stay.
static void note(ChosenSchedules &schedules, StringRef signature,
                 lazy::KernelOp kernel, size_t equal, std::string time) {
  ChosenSchedule chosen = freeKeysOf(*kernel.getSchedule());
  std::string about;
  llvm::raw_string_ostream os(about);
  os << printable(kernel.getName());
  if (size_t others = equal - 1)
    os << " and " << others << (others == 1 ? " other" : " others");
  os << ": " << schedule::yielded(kernel).getType() << " =";
  for (Operation &op : kernel.getBody().front())
    if (!isa<lazy::YieldOp, lazy::SplatOp>(op))
      os << ' ' << op.getName().stripDialect();
  chosen.comments.push_back(about);
  if (!time.empty())
    chosen.comments.push_back(std::move(time));
  schedules[signature.str()] = std::move(chosen);
}

static void give(const Group &group, DictionaryAttr schedule) {
  for (lazy::KernelOp kernel : group.kernels)
    kernel.setScheduleAttr(schedule);
}

/// Runs the program with what was found in turn with the one before, and keeps
/// what is faster there.
llvm::Error Tuner::settle(Trial &before) {
  auto found = [](const Group &g) { return g.best != g.first; };
  std::vector<double> old = before.times(), now = old;
  if (llvm::any_of(groups, found)) {
    for (const Group &group : groups)
      give(group, group.best);
    llvm::Expected<Trial> after = Trial::load(program, tools);
    for (const Group &group : groups)
      give(group, group.first);
    if (!after)
      return after.takeError();
    before.forget();
    const double end = std::min(elapsed() + checkRuns(), tuning.seconds);
    do {
      for (Trial *trial : {&before, &*after})
        if (llvm::Error error = trial->measure(0.005))
          return error;
    } while (elapsed() < end);
    old = before.times();
    now = after->times();
  }
  for (Group &group : groups) {
    double was = 0, is = 0;
    for (size_t number : group.numbers) {
      was += old[number];
      is += now[number];
    }
    bool kept = found(group) && is < was * fasterInside;
    result.before += was / 1e3;
    result.after += (kept ? is : was) / 1e3;
    const double count = group.numbers.size();
    std::string time = llvm::formatv("{0:F1} us", was / count);
    if (kept) {
      give(group, group.best);
      ++result.tuned;
      time = llvm::formatv("{0:F1} -> {1:F1} us", was / count, is / count);
    }
    note(tuning.schedules, group.signature, group.kernels.front(),
         group.kernels.size(), std::move(time));
  }
  return llvm::Error::success();
}

llvm::Error Tuner::report() {
  result.seconds = elapsed();
  tuning.report = result;
  std::string summary =
      llvm::formatv("tuned {0} of {1} kernels in {2:F1} s: {3:F3} -> {4:F3} ms",
                    result.tuned, result.kernels, result.seconds, result.before,
                    result.after)
          .str();
  if (!result.kernels)
    llvm::errs() << "nacre: nothing is tuned: kernels in loops and branches "
                    "cannot be told apart\n";
  else
    llvm::errs() << "nacre: " << summary << "\n";
  if (tuning.log.empty())
    return llvm::Error::success();
  // Kernels without a time: where there are loops and branches.
  for (func::FuncOp function : lazy::functionsOf(*program.module))
    for (auto kernel : function.getBody().front().getOps<lazy::KernelOp>())
      if (std::string signature = schedule::signatureOf(kernel);
          !tuning.schedules.count(signature))
        note(tuning.schedules, signature, kernel, 1, "");
  std::string machine = tools.machine.name + ", " +
                        std::to_string(tools.threads) +
                        (tools.threads == 1 ? " thread" : " threads");
  return writeSchedules(tuning.log, {machine, summary}, tuning.schedules);
}

llvm::Error Tuner::run() {
  Progress progress;
  progress.say("tune");
  llvm::Expected<Trial> before = Trial::load(program, tools);
  if (!before)
    return before.takeError();
  const double compiled = elapsed();
  if (llvm::Error error = before->measure(std::min(0.1, tuning.seconds / 20)))
    return error;
  group(*before);
  result.kernels = groups.size();
  double whole = 0;
  for (const Group &group : groups)
    whole += group.time;
  runSeconds = whole * 1e-6;
  perCandidate =
      2 * compiled / double(std::max<size_t>(before->kernels().size(), 1));
  checkSeconds = 1.25 * compiled + checkRuns();
  search();
  if (llvm::Error error = settle(*before))
    return error;
  progress.clear();
  return report();
}

llvm::Error tune(Program &program, const Toolchain &tools) {
  return Tuner(program, tools).run();
}

void reportTuning(const Toolchain &tools, nlohmann::ordered_json &report) {
  if (!tools.tuning || !tools.tuning->report)
    return;
  const Tuning::Report &done = *tools.tuning->report;
  report["tuning"] = {{"kernels", done.kernels},
                      {"tuned", done.tuned},
                      {"seconds", done.seconds},
                      {"before_ms", done.before},
                      {"after_ms", done.after}};
}

} // namespace nacre::driver
