//===- Parser.h - what the parser's files share -----------------*- C++ -*-===//
//
// Recursive descent. A mistake is thrown as a Problem and caught at the next
// statement or declaration, so that one run reports several. Nesting is
// limited: a text from outside must not exhaust the stack.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_PARSER_H
#define NACRE_LIB_FRONTEND_GRAPH_PARSER_H

#include "Ast.h"
#include "Lexer.h"

namespace nacre::graph_frontend {

/// Levels of brackets and blocks, and of the tree of one expression.
constexpr unsigned maxNesting = 100, maxHeight = 200;

class Parser {
public:
  Parser(const Source &source, Diagnostics &diagnostics)
      : source(source), diagnostics(diagnostics),
        tokens(tokensOf(source, diagnostics)) {}

  File file();
  ExprPtr expression();
  bool atEnd() const { return peek().kind == Token::End; }
  [[noreturn]] void unexpected(const llvm::Twine &expected);

private:
  // ParseFile.cpp
  Import import();
  std::unique_ptr<Declaration> declaration();
  std::vector<Parameter> parameters();
  TypeExpr type();
  Statement statement();
  Statement forLoop();
  Statement stored(Statement::Kind kind);
  void trainStatement(Block &block);
  Statement lora();
  void endOfStatement();
  Block block(bool train = false);
  void recover(unsigned depth);

  // ParseExpression.cpp
  ExprPtr pipeline();
  ExprPtr binary(unsigned level);
  ExprPtr unary();
  ExprPtr power();
  ExprPtr postfix();
  ExprPtr primary();
  ExprPtr number();
  ExprPtr list();
  ExprPtr conditional();
  void arguments(Expr &call);
  ExprPtr subscript();
  ExprPtr make(Expr::Kind kind, Position at, std::string text = "");
  ExprPtr join(Expr::Kind kind, Position at, std::string text, ExprPtr a,
               ExprPtr b = nullptr);
  void adopt(Expr &parent, ExprPtr child);

  const Token &peek(unsigned ahead = 0) const {
    return tokens[std::min<size_t>(next + ahead, tokens.size() - 1)];
  }
  Position here() const { return {&source, peek().offset}; }
  Token take() { return tokens[std::min(next++, tokens.size() - 1)]; }
  /// Whether the next token goes on with the expression before it: on the
  /// same line, or anywhere inside brackets.
  bool continues() const { return brackets > 0 || !peek().lineStart; }
  bool accept(llvm::StringRef symbol);
  void expect(llvm::StringRef symbol, const llvm::Twine &where);
  std::string name(const llvm::Twine &what);

  struct Nest {
    Parser &parser;
    explicit Nest(Parser &parser);
    ~Nest() { --parser.depth; }
  };

  const Source &source;
  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  size_t next = 0;
  unsigned depth = 0, brackets = 0;
};

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_PARSER_H
