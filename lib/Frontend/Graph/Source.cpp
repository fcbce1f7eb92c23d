//===- Source.cpp - places in a text, as messages show them ---------------===//
#include "Source.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace nacre::graph_frontend {

/// A line longer than this is shown without its ends.
static constexpr size_t widestLine = 120;

std::pair<unsigned, unsigned> Position::lineAndColumn() const {
  StringRef before = StringRef(source->text).take_front(offset);
  size_t start = before.rfind('\n') + 1; // npos + 1 is 0
  return {before.count('\n') + 1, offset - start + 1};
}

mlir::Location Position::location(mlir::MLIRContext *context) const {
  auto [line, column] = lineAndColumn();
  return mlir::FileLineColLoc::get(context, source->name, line, column);
}

std::string quote(StringRef name) {
  std::string text = "'";
  for (unsigned char c : name.take_front(80))
    if (c < 0x20 || c >= 0x7f)
      text += "\\x" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
    else
      text += c;
  return text + (name.size() > 80 ? "...'" : "'");
}

void Diagnostics::report(const Problem &problem) {
  if (problem.quiet || full())
    return;
  if (!problem.at.source)
    return report(llvm::Twine(problem.text));
  auto [line, column] = problem.at.lineAndColumn();
  std::string head = problem.at.source->name + ":" + std::to_string(line) +
                     ":" + std::to_string(column) + ": " + problem.text;
  if (!said.insert(head).second)
    return;
  ++count;
  lines.push_back(head);
  StringRef text = problem.at.source->text;
  StringRef shown = text.substr(problem.at.offset - (column - 1));
  shown = shown.take_until([](char c) { return c == '\n'; }).rtrim('\r');
  size_t caret = column - 1;
  if (caret > widestLine / 2 && shown.size() > widestLine) {
    size_t cut = caret - widestLine / 2;
    shown = shown.drop_front(cut);
    caret -= cut;
  }
  // Tabs become spaces, so that the caret stands where it should.
  std::string copy = "  ";
  for (char c : shown.take_front(widestLine))
    copy += c == '\t' ? ' ' : c;
  lines.push_back(copy);
  lines.push_back("  " + std::string(caret, ' ') + "^");
}

void Diagnostics::report(const llvm::Twine &line) {
  if (full() || !said.insert(line.str()).second)
    return;
  ++count;
  lines.push_back(line.str());
}

} // namespace nacre::graph_frontend
