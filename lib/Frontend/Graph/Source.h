//===- Source.h - texts, places in them and what is wrong there -*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_SOURCE_H
#define NACRE_LIB_FRONTEND_GRAPH_SOURCE_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include <string>
#include <vector>

namespace nacre::graph_frontend {

/// A text in the language. It outlives everything parsed from it.
struct Source {
  std::string name; ///< as messages call it: a file name, or an option
  std::string text;
  bool prelude = false; ///< the language's own library
};

/// A place in a text.
struct Position {
  const Source *source = nullptr;
  unsigned offset = 0;

  /// Line and column, both from 1; a column counts bytes.
  std::pair<unsigned, unsigned> lineAndColumn() const;
  mlir::Location location(mlir::MLIRContext *context) const;
};

/// A mistake of the user, thrown to the nearest statement. A quiet one comes
/// of another that was reported already.
struct Problem {
  Position at;
  std::string text;
  bool quiet = false;
  bool fatal = false; ///< a limit: nothing after it is looked at
};

[[noreturn]] inline void reject(Position at, const llvm::Twine &text) {
  throw Problem{at, text.str()};
}

/// Collects problems as `FILE:LINE:COLUMN: TEXT`, the line and a caret, an
/// entry each. Equal ones are said once.
class Diagnostics {
public:
  explicit Diagnostics(std::vector<std::string> &lines) : lines(lines) {}
  void report(const Problem &problem);
  /// A problem that no text is to blame for.
  void report(const llvm::Twine &line);
  bool any() const { return count > 0; }
  /// As many as one wants to read.
  bool full() const { return count >= 20; }

private:
  std::vector<std::string> &lines;
  llvm::StringSet<> said;
  unsigned count = 0;
};

/// A name from a text as it may stand in a message: quoted, escaped, cut.
std::string quote(llvm::StringRef name);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_SOURCE_H
