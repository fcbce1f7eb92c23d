//===- differential_main.cpp - one process a case -------------------------===//
//
// The cases run on the target of --target, up to --jobs at once. A case writes
// what it has to say into a file that its parent made, and notes its results in
// another; the parent prints both in order and, with --record, keeps the
// largest error of each primitive in the table behind docs/op-accuracy.md.
//
//===----------------------------------------------------------------------===//
#include "Differential.h"
#include "llvm/Support/MemoryBuffer.h"
#include <csignal>
#include <map>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using llvm::StringRef;
namespace nacre::test {
namespace {

/// The exit code that ctest takes for "skipped".
constexpr int skipped = 77;

int notes = -1; ///< where this process notes its results

/// The program under test, for the death of its process.
std::string current;
void onDeath(int signal) {
  (void)!::write(1, current.data(), current.size());
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void note(const std::string &line) {
  if (notes >= 0)
    (void)!::write(notes, line.data(), line.size());
}

std::string contentOf(int file) {
  std::string text;
  char piece[4096];
  ::lseek(file, 0, SEEK_SET);
  for (ssize_t n; (n = ::read(file, piece, sizeof piece)) > 0;)
    text.append(piece, n);
  return text;
}

/// Largest errors, by op and element type.
struct Errors {
  int64_t cases = 0, elements = 0;
  double units = 0;
};
using Table = std::map<std::pair<std::string, std::string>, Errors>;

struct Outcome {
  int failed = 0;
  Table table;
  std::map<std::string, int64_t> refused; ///< reason -> cases
};

/// One line for a case of the form that the parent reads.
void readNotes(const std::string &text, const std::string &name,
               Outcome &outcome) {
  llvm::SmallVector<StringRef> lines;
  StringRef(text).split(lines, '\n', -1, false);
  for (StringRef line : lines) {
    llvm::SmallVector<StringRef> parts;
    line.split(parts, '\t');
    if (parts[0] == "refused") {
      ++outcome.refused[name + ": " + parts[1].str()];
      continue;
    }
    // Programs stand under the name of their case's group.
    std::string op = parts[1].empty()
                         ? "~" + StringRef(name).split('/').first.str()
                         : parts[1].str();
    Errors &errors = outcome.table[{op, parts[2].str()}];
    int64_t elements = 0;
    double units = 0;
    (void)parts[3].getAsInteger(10, elements);
    (void)parts[4].getAsDouble(units);
    ++errors.cases;
    errors.elements += elements;
    errors.units = std::max(errors.units, units);
  }
}

Outcome runCases(const std::vector<Case> &cases, unsigned jobs) {
  struct Running {
    const Case *one;
    pid_t process;
    int said, noted;
    int status = 0;
    bool over = false;
  };
  Outcome outcome;
  std::vector<Running> running; // in the order they were started
  size_t next = 0;
  auto finish = [&](const Running &r) {
    llvm::outs() << contentOf(r.said);
    readNotes(contentOf(r.noted), r.one->name, outcome);
    ::close(r.said);
    ::close(r.noted);
    if (WIFSIGNALED(r.status))
      llvm::outs() << "  died of signal " << WTERMSIG(r.status)
                   << (WTERMSIG(r.status) == SIGALRM ? " (no end in time)" : "")
                   << "; --here --only=" << r.one->name
                   << " runs it in this process\n";
    if (r.status) {
      llvm::outs() << "FAIL " << r.one->name << "\n";
      ++outcome.failed;
    }
    llvm::outs().flush();
  };
  while (next < cases.size() || !running.empty()) {
    unsigned alive = llvm::count_if(running, [](auto &r) { return !r.over; });
    if (next < cases.size() && alive < jobs) {
      Running r{&cases[next++], 0, ::memfd_create("said", 0),
                ::memfd_create("noted", 0)};
      llvm::outs().flush();
      r.process = ::fork();
      if (r.process == 0) {
        ::dup2(r.said, 1);
        ::dup2(r.said, 2);
        notes = r.noted;
        for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM})
          ::signal(signal, onDeath);
        ::alarm(under.full ? 600 : 120);
        r.one->body();
        llvm::outs().flush();
        ::_exit(failures() ? 1 : 0);
      }
      running.push_back(r);
      continue;
    }
    int status = 0;
    pid_t ended = ::waitpid(-1, &status, 0);
    for (Running &r : running)
      if (r.process == ended) {
        r.status = status;
        r.over = true;
      }
    while (!running.empty() && running.front().over) {
      finish(running.front());
      running.erase(running.begin());
    }
  }
  return outcome;
}

/// Whether the name contains one of the texts that --only lists.
bool isChosen(StringRef name, StringRef only) {
  return llvm::any_of(llvm::split(only, ','),
                      [&](StringRef text) { return name.contains(text); });
}

/// Whether a case is among those that a device runs without --full. Building
/// kernels takes most of the time there, and families of cases have much in
/// common: one type of each width stands for the others.
bool isUsual(StringRef name) {
  auto [family, rest] = name.split('/');
  bool isRare = false;
  for (StringRef part : llvm::split(rest, '/'))
    isRare |= llvm::is_contained(
        {"bf16", "u16", "i16", "u32", "u64", "u8", "f64"}, part);
  if (llvm::is_contained({"matmul", "conv", "raised", "moves", "grid"}, family))
    return !isRare && !name.contains("longest") && !name.contains("/large");
  unsigned seed = 0;
  if (llvm::is_contained({"conv-chain", "concat", "views"}, family))
    return !rest.rsplit('/').second.getAsInteger(10, seed)
               ? seed % 4 == 1
               : rest.getAsInteger(10, seed) || seed % 4 == 1;
  if (family == "elementwise" || family == "reduce")
    return rest.ends_with("3x17") || rest.ends_with("5x33") ||
           rest == "f32/scalar" || rest == "i8/1" || rest == "f32/257" ||
           rest == "i8/4x0" || rest == "f32/extremes";
  if (family == "grid-conv" || family == "grid-matmul")
    return !isRare && !name.contains("left");
  return true;
}

/// Writes the lines of this target's results into `path`, and keeps others'.
void record(const Outcome &outcome, const std::string &path,
            const std::string &device, size_t cases) {
  std::string target = under.target->name().str(), kept;
  if (auto old = llvm::MemoryBuffer::getFile(path)) {
    llvm::SmallVector<StringRef> lines;
    (*old)->getBuffer().split(lines, '\n', -1, false);
    for (StringRef line : lines)
      if (!line.starts_with(target + "\t"))
        kept += line.str() + "\n";
  }
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  os << kept << target << "\tdevice\t" << device << "\t" << cases << "\n";
  for (const auto &[key, errors] : outcome.table) {
    char units[32];
    std::snprintf(units, sizeof units, "%.2g", errors.units);
    os << target << "\t" << key.first << "\t" << key.second << "\t"
       << errors.cases << "\t" << errors.elements << "\t" << units << "\n";
  }
}

/// Runs the smallest program; says what it ran on, or exits with `skipped`.
std::string probe() {
  int said[2];
  if (::pipe(said))
    return "";
  pid_t child = ::fork();
  if (child == 0) {
    std::string device;
    bool runs = canRun(device);
    (void)!::write(said[1], device.data(), device.size());
    ::_exit(runs ? 0 : 1);
  }
  ::close(said[1]);
  std::string text;
  char piece[512];
  for (ssize_t n; (n = ::read(said[0], piece, sizeof piece)) > 0;)
    text.append(piece, n);
  ::close(said[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status) {
    llvm::outs() << "skipped: target " << under.target->name()
                 << " does not run here: " << text << "\n";
    llvm::outs().flush();
    ::_exit(skipped);
  }
  return text;
}

} // namespace

void diesWith(std::string text) { current = std::move(text); }

void noteError(StringRef op, DType dtype, int64_t elements, double units) {
  char line[200];
  std::snprintf(line, sizeof line, "error\t%s\t%s\t%lld\t%.9g\n",
                op.str().c_str(), dtypeName(dtype), (long long)elements, units);
  note(line);
}

void noteRefused(StringRef reason) {
  note("refused\t" + reason.split('\n').first.str() + "\n");
}

} // namespace nacre::test

using namespace nacre::test;

int main(int argc, char **argv) {
  uint64_t seed = 1;
  int64_t count = 60;
  unsigned jobs = 1;
  std::string only, file, target, table;
  nacre::Phase from = nacre::Phase::Import;
  bool here = false, list = false;
  for (int i = 1; i < argc; ++i) {
    StringRef word(argv[i]);
    bool bad = false;
    if (word.consume_front("--seed="))
      bad = word.getAsInteger(10, seed);
    else if (word.consume_front("--random="))
      bad = word.getAsInteger(10, count);
    else if (word.consume_front("--jobs="))
      bad = word.getAsInteger(10, jobs) || jobs == 0;
    else if (word.consume_front("--cache="))
      bad = word.getAsInteger(10, under.cache);
    else if (word.consume_front("--only="))
      only = word.str();
    else if (word.consume_front("--file="))
      file = word.str();
    else if (word.consume_front("--target="))
      target = word.str();
    else if (word.consume_front("--record="))
      table = word.str();
    else if (word == "--from=schedule")
      from = nacre::Phase::Schedule;
    else if (word == "--decompose")
      under.decomposed = true;
    else if (word == "--full")
      under.full = true;
    else if (word == "--here")
      here = true;
    else if (word == "--list")
      list = true;
    else
      bad = true;
    if (bad) {
      llvm::errs() << "usage: nacre_differential [--target=NAME] "
                      "[--only=TEXT,...] [--seed=N] [--random=COUNT] [--full] "
                      "[--cache=BYTES] [--jobs=N] [--record=TABLE.tsv] "
                      "[--here] [--list] "
                      "[--decompose] "
                      "[--file=PROGRAM.mlir [--from=schedule]]\n";
      return 2;
    }
  }
  auto found = nacre::findTarget(target);
  if (!found) {
    llvm::outs() << "skipped: " << llvm::toString(found.takeError()) << "\n";
    return skipped;
  }
  under.target = *found;
  std::vector<Case> cases;
  if (!file.empty()) {
    cases.push_back({file, [&] { checkFile(file, from, seed); }});
  } else {
    addPrimitives(cases);
    addContractions(cases);
    addByteSums(cases);
    addPrograms(cases);
    addGrids(cases);
    addEdges(cases);
    addScatters(cases);
    addWrites(cases);
    addRandom(cases, seed, count);
    llvm::erase_if(cases, [&](const Case &c) {
      return !isChosen(c.name, only) || (only.empty() && !under.is("cpu") &&
                                         !under.full && !isUsual(c.name));
    });
  }
  if (list) {
    for (const Case &one : cases)
      llvm::outs() << one.name << "\n";
    return 0;
  }
  // What every process would otherwise make for itself.
  nacre::CodegenOptions options;
  auto machine = under.target->describe(options);
  if (!machine) {
    llvm::errs() << llvm::toString(machine.takeError()) << "\n";
    return 2;
  }
  context();
  if (here) {
    for (const Case &one : cases)
      one.body();
    return failures() ? 1 : 0;
  }
  std::string device = machine->name;
  if (!under.is("cpu"))
    device = probe();
  Outcome outcome = runCases(cases, jobs);
  int64_t refused = 0;
  for (auto &[reason, times] : outcome.refused) {
    llvm::outs() << "refused: " << reason << "\n";
    refused += times;
  }
  llvm::outs() << cases.size() - outcome.failed << " cases passed, "
               << outcome.failed << " failed; " << refused
               << " programs refused\n";
  if (!table.empty())
    record(outcome, table, device, cases.size());
  return outcome.failed ? 1 : 0;
}
