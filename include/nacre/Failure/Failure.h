//===- Failure.h - how a command ends ---------------------------*- C++ -*-===//
//
// The user's mistakes travel as llvm::Error with an exit code; ours are
// assertions and never become one of these by design.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_FAILURE_FAILURE_H
#define NACRE_FAILURE_FAILURE_H

#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace nacre {

/// Exit codes of the command line, part of its contract.
enum ExitCode {
  ExitOk = 0,
  ExitUsage = 2,  ///< the command line
  ExitModel = 3,  ///< a model or data file is invalid or unsupported
  ExitDiffer = 4, ///< the numbers differ
  ExitLimit = 5,  ///< a stated limit is exceeded
  ExitBug = 70,   ///< our bug
  /// Training that ended early and in order: plus the number of the signal
  /// that asked for it.
  ExitSignal = 128
};

/// An error with an exit code and one message a line; a line that begins with
/// two spaces goes on with the message before it.
llvm::Error fail(ExitCode code, std::vector<std::string> lines);
llvm::Error fail(ExitCode code, const llvm::Twine &line);

/// Gives an error of another library this exit code.
llvm::Error withCode(ExitCode code, llvm::Error error);

/// What an error says: its exit code, ExitModel where it has none, and lines.
struct Message {
  ExitCode code = ExitOk;
  std::vector<std::string> lines;
};
Message messageOf(llvm::Error error);

/// From here on nothing that this process writes on stdout and stderr is seen,
/// but for crash reports; for one of several processes of which another speaks.
void keepQuiet();
/// Ends that.
void speakAgain();

/// Prints `error: LINE` for each message on stderr, control characters escaped,
/// and returns the exit code; errors without one count as ExitModel.
int report(llvm::Error error);

/// Text from outside for a terminal: control characters as \xNN.
std::string printable(llvm::StringRef text);

/// From here on crashes, failed assertions and fatal errors of LLVM end in a
/// message that says what to report, and exit code 70.
void installCrashReport(int argc, char **argv);

/// "a", "a or b", "a, b or c"
std::string enumeration(const std::vector<std::string> &words);

/// The word of `known` nearest to `word`, when near enough to be meant; else
/// empty.
std::string suggestion(llvm::StringRef word,
                       const std::vector<std::string> &known);

} // namespace nacre

#endif // NACRE_FAILURE_FAILURE_H
