//===- Lexer.h - the words of a text ----------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_LEXER_H
#define NACRE_LIB_FRONTEND_GRAPH_LEXER_H

#include "Source.h"

namespace nacre::graph_frontend {

struct Token {
  enum Kind { Name, Integer, Float, String, Symbol, End } kind = End;
  std::string text;      ///< a string's value, others as written
  unsigned offset = 0;   ///< in the text
  bool lineStart = true; ///< first on its line
  bool is(llvm::StringRef symbol) const {
    return (kind == Symbol || kind == Name) && text == symbol;
  }
};

/// All tokens, the last an End. What is no token is reported and left out.
std::vector<Token> tokensOf(const Source &source, Diagnostics &diagnostics);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_LEXER_H
