//===- Failure.cpp - how a command ends -----------------------------------===//

#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using llvm::StringRef;

namespace nacre {

namespace {
class Failure : public llvm::ErrorInfo<Failure> {
public:
  static char ID;
  ExitCode code;
  std::vector<std::string> lines;

  Failure(ExitCode code, std::vector<std::string> lines)
      : code(code), lines(std::move(lines)) {}
  void log(llvm::raw_ostream &os) const override {
    os << llvm::join(lines, "\n");
  }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
};
char Failure::ID;
} // namespace

llvm::Error fail(ExitCode code, std::vector<std::string> lines) {
  return llvm::make_error<Failure>(code, std::move(lines));
}

llvm::Error fail(ExitCode code, const llvm::Twine &line) {
  return fail(code, std::vector<std::string>{line.str()});
}

llvm::Error withCode(ExitCode code, llvm::Error error) {
  if (!error || error.isA<Failure>())
    return error;
  return fail(code, llvm::toString(std::move(error)));
}

Message messageOf(llvm::Error error) {
  Message message;
  llvm::handleAllErrors(
      std::move(error),
      [&](const Failure &failure) {
        message.code = failure.code;
        llvm::append_range(message.lines, failure.lines);
      },
      [&](const llvm::ErrorInfoBase &other) {
        message.code = ExitModel;
        message.lines.push_back(other.message());
      });
  return message;
}

std::string printable(StringRef text) {
  std::string result;
  for (unsigned char c : text)
    if (c < 0x20 || c == 0x7f)
      result += "\\x" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
    else
      result += c;
  return result;
}

int report(llvm::Error error) {
  int code = ExitOk;
  auto print = [](StringRef line) {
    llvm::errs() << "error: " << printable(line) << "\n";
  };
  // A line that begins with two spaces belongs to the one before: the text
  // that a message is about.
  auto isMore = [](StringRef line) { return line.starts_with("  "); };
  llvm::handleAllErrors(
      std::move(error),
      [&](const Failure &failure) {
        llvm::StringSet<> seen; // one cause may be met on several ways
        for (const std::string &line : failure.lines)
          if (isMore(line))
            llvm::errs() << printable(line) << "\n";
          else if (seen.insert(line).second)
            print(line);
        code = failure.code;
      },
      [&](const llvm::ErrorInfoBase &other) {
        print(other.message());
        code = ExitModel;
      });
  return code;
}

//===----------------------------------------------------------------------===//
// Silence
//===----------------------------------------------------------------------===//

/// Where stdout and stderr went before keepQuiet, or -1.
static int spoken[2] = {-1, -1};

void keepQuiet() {
  int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0 || spoken[0] >= 0)
    return;
  llvm::outs().flush();
  for (int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    spoken[stream - 1] = ::fcntl(stream, F_DUPFD_CLOEXEC, 3);
    ::dup2(nowhere, stream);
  }
  ::close(nowhere);
}

/// Of calls that a signal handler may make.
static void restoreStreams() {
  for (int stream : {STDOUT_FILENO, STDERR_FILENO})
    if (spoken[stream - 1] >= 0)
      ::dup2(spoken[stream - 1], stream);
}

void speakAgain() {
  llvm::outs().flush();
  restoreStreams();
  for (int &stream : spoken) {
    if (stream >= 0)
      ::close(stream);
    stream = -1;
  }
}

//===----------------------------------------------------------------------===//
// Crashes
//===----------------------------------------------------------------------===//

/// The command line, made before anything can go wrong: a signal handler may
/// not allocate.
static std::string crashCommand;

static void writeAll(StringRef text) {
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

[[noreturn]] static void dieOfBug(StringRef what) {
  restoreStreams();
  writeAll("\nerror: internal error: ");
  writeAll(what);
  writeAll("\nthis is a bug of nacre; please report it with the model and "
           "this command line:\n  ");
  writeAll(crashCommand);
  writeAll("\n");
  ::_exit(ExitBug);
}

static void onFatalError(void *, const char *reason, bool) { dieOfBug(reason); }

static void onSignal(int number) { dieOfBug(::strsignal(number)); }

static void onBadAlloc(void *, const char *, bool) {
  restoreStreams();
  writeAll("error: out of memory\n");
  ::_exit(ExitLimit);
}

void installCrashReport(int argc, char **argv) {
  for (int i = 0; i < argc; ++i)
    crashCommand += (i ? " " : "") + printable(argv[i]);
  llvm::install_fatal_error_handler(onFatalError);
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  // A stack overflow needs a stack of its own for the handler.
  static char stack[64 << 10];
  stack_t alternative = {};
  alternative.ss_sp = stack;
  alternative.ss_size = sizeof stack;
  ::sigaltstack(&alternative, nullptr);
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    ::sigaction(number, &action, nullptr);
}

std::string enumeration(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  return text;
}

std::string suggestion(StringRef word, const std::vector<std::string> &known) {
  std::string best;
  unsigned nearest = std::max<unsigned>(1, word.size() / 3) + 1;
  for (const std::string &candidate : known) {
    unsigned distance = word.edit_distance(candidate, true, nearest);
    if (distance < nearest) {
      nearest = distance;
      best = candidate;
    }
  }
  return best;
}

} // namespace nacre
