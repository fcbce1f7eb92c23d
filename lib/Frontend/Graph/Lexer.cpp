//===- Lexer.cpp - the words of a text ------------------------------------===//
#include "Lexer.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace nacre::graph_frontend {
namespace {

/// Longer ones first, so that none is read as two.
constexpr StringRef symbols[] = {"...", "|>", "->", "<-", "..", "**",
                                 "//",  "==", "!=", "<=", ">=", "(",
                                 ")",   "[",  "]",  "{",  "}",  ",",
                                 ":",   ";",  "=",  "+",  "-",  "*",
                                 "/",   "%",  "@",  "<",  ">",  "."};

struct Lexer {
  const Source &source;
  Diagnostics &diagnostics;
  StringRef text = source.text;
  size_t at = 0;
  std::vector<Token> tokens = {};
  bool lineStart = true;

  char look(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }
  void report(size_t offset, const llvm::Twine &what) {
    diagnostics.report(Problem{{&source, unsigned(offset)}, what.str()});
  }
  void add(Token::Kind kind, size_t start, std::string value) {
    tokens.push_back({kind, std::move(value), unsigned(start), lineStart});
    lineStart = false;
  }

  void number() {
    size_t start = at;
    bool isFloat = false;
    while (llvm::isDigit(look()))
      ++at;
    // `0..4` is a range, and `x.0.y` never occurs.
    if (look() == '.' && look(1) != '.') {
      isFloat = true;
      ++at;
      while (llvm::isDigit(look()))
        ++at;
    }
    size_t sign = look(1) == '+' || look(1) == '-' ? 2 : 1;
    if ((look() == 'e' || look() == 'E') && llvm::isDigit(look(sign))) {
      isFloat = true;
      at += sign;
      while (llvm::isDigit(look()))
        ++at;
    }
    if (llvm::isAlpha(look()) || look() == '_')
      report(at, "a number must not end in letters");
    add(isFloat ? Token::Float : Token::Integer, start,
        text.slice(start, at).str());
  }

  void string() {
    size_t start = at++;
    std::string value;
    for (;; ++at) {
      if (at >= text.size() || look() == '\n') {
        report(start, "the string does not end on its line, expected '\"'");
        break;
      }
      if (look() == '"') {
        ++at;
        break;
      }
      if (look() == '\\') {
        ++at;
        if (look() == 'n')
          value += '\n';
        else if (look() == '"' || look() == '\\')
          value += look();
        else {
          report(at - 1, "unknown escape, expected \\n, \\\" or \\\\");
          --at;
        }
        continue;
      }
      value += look();
    }
    add(Token::String, start, std::move(value));
  }

  bool symbol() {
    for (StringRef candidate : symbols)
      if (text.substr(at).starts_with(candidate)) {
        add(Token::Symbol, at, candidate.str());
        at += candidate.size();
        return true;
      }
    return false;
  }

  void run() {
    while (at < text.size()) {
      char c = look();
      if (c == '\n') {
        lineStart = true;
        ++at;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at;
      } else if (c == '#') {
        while (at < text.size() && look() != '\n')
          ++at;
      } else if (llvm::isAlpha(c) || c == '_') {
        size_t start = at;
        while (llvm::isAlnum(look()) || look() == '_')
          ++at;
        add(Token::Name, start, text.slice(start, at).str());
      } else if (llvm::isDigit(c)) {
        number();
      } else if (c == '"') {
        string();
      } else if (!symbol()) {
        size_t start = at++;
        while (at < text.size() && (look() & 0x80) && (c & 0x80))
          ++at;
        report(start, "unexpected character " + quote(text.slice(start, at)));
      }
    }
    lineStart = true;
    add(Token::End, text.size(), "");
  }
};

} // namespace

std::vector<Token> tokensOf(const Source &source, Diagnostics &diagnostics) {
  Lexer lexer{source, diagnostics};
  lexer.run();
  return std::move(lexer.tokens);
}

} // namespace nacre::graph_frontend
