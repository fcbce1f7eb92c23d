//===- ParseExpression.cpp - expressions ----------------------------------===//
//
// From loose to tight: |>, or, and, not, comparisons, ranges, + -, * / // % @,
// unary minus, **, then calls, subscripts and attributes. A line ends an
// expression unless a bracket is open or the next line begins with `|>`.
//
//===----------------------------------------------------------------------===//
#include "Parser.h"

using llvm::StringRef;

namespace nacre::graph_frontend {

static const std::vector<std::vector<StringRef>> levels = {
    {"or"}, {"and"},    {"==", "!=", "<", "<=", ">", ">="},
    {".."}, {"+", "-"}, {"*", "/", "//", "%", "@"}};

static bool isReserved(StringRef word) {
  return llvm::is_contained({"and", "or", "not", "if", "else", "for", "in",
                             "fn", "layer", "model", "train", "import", "as",
                             "param", "state"},
                            word);
}

Parser::Nest::Nest(Parser &parser) : parser(parser) {
  if (++parser.depth > maxNesting) {
    --parser.depth;
    reject(parser.here(), "nesting is deeper than " + llvm::Twine(maxNesting));
  }
}

void Parser::unexpected(const llvm::Twine &expected) {
  const Token &token = peek();
  std::string got = token.kind == Token::End      ? "the end of the text"
                    : token.kind == Token::String ? "a string"
                                                  : quote(token.text);
  reject(here(), "expected " + expected + ", got " + got);
}

bool Parser::accept(StringRef symbol) {
  if (!peek().is(symbol))
    return false;
  take();
  return true;
}

void Parser::expect(StringRef symbol, const llvm::Twine &where) {
  if (!accept(symbol))
    unexpected("'" + symbol + "' " + where);
}

std::string Parser::name(const llvm::Twine &what) {
  if (peek().kind != Token::Name || isReserved(peek().text))
    unexpected(what);
  return take().text;
}

ExprPtr Parser::make(Expr::Kind kind, Position at, std::string text) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->at = at;
  expr->text = std::move(text);
  return expr;
}

void Parser::adopt(Expr &parent, ExprPtr child) {
  if (child)
    parent.height = std::max(parent.height, child->height + 1);
  // A chain of operators nests without brackets.
  if (parent.height > maxHeight)
    reject(parent.at, "the expression has more than " + llvm::Twine(maxHeight) +
                          " steps one inside another; give parts of it names");
  parent.parts.push_back(std::move(child));
}

ExprPtr Parser::join(Expr::Kind kind, Position at, std::string text, ExprPtr a,
                     ExprPtr b) {
  ExprPtr expr = make(kind, at, std::move(text));
  adopt(*expr, std::move(a));
  if (b)
    adopt(*expr, std::move(b));
  return expr;
}

ExprPtr Parser::expression() {
  Nest nest(*this);
  return pipeline();
}

/// a |> f(b) is f(a, b), a |> f is f(a).
ExprPtr Parser::pipeline() {
  ExprPtr left = binary(0);
  while (peek().is("|>")) {
    take();
    Position at = here();
    ExprPtr right = postfix();
    if (right->kind != Expr::Call) {
      if (right->kind != Expr::Name && right->kind != Expr::Attribute)
        reject(at, "expected a function or a call after '|>'");
      right = join(Expr::Call, at, "", std::move(right));
    }
    right->height = std::max(right->height, left->height + 1);
    if (right->height > maxHeight)
      reject(at, "the pipeline has more than " + llvm::Twine(maxHeight) +
                     " steps; give parts of it names");
    right->parts.insert(right->parts.begin() + 1, std::move(left));
    right->keywords.insert(right->keywords.begin(), "");
    left = std::move(right);
  }
  return left;
}

ExprPtr Parser::binary(unsigned level) {
  if (level == 2 && peek().is("not")) {
    Nest nest(*this);
    Position at = here();
    take();
    return join(Expr::Unary, at, "not", binary(2));
  }
  if (level == levels.size())
    return unary();
  ExprPtr left = binary(level + 1);
  while (continues() && llvm::is_contained(levels[level], peek().text) &&
         peek().kind != Token::String) {
    Position at = here();
    std::string op = take().text;
    ExprPtr right = binary(level + 1);
    left = join(Expr::Binary, at, op, std::move(left), std::move(right));
  }
  return left;
}

ExprPtr Parser::unary() {
  if (!peek().is("-"))
    return power();
  Nest nest(*this);
  Position at = here();
  take();
  return join(Expr::Unary, at, "-", unary());
}

ExprPtr Parser::power() {
  ExprPtr base = postfix();
  if (!continues() || !peek().is("**"))
    return base;
  Nest nest(*this);
  Position at = here();
  take();
  return join(Expr::Binary, at, "**", std::move(base), unary());
}

ExprPtr Parser::postfix() {
  ExprPtr expr = primary();
  while (continues()) {
    Position at = here();
    if (peek().is("(")) {
      // The place of a call is its name: that is what messages point at.
      ExprPtr call = join(Expr::Call, expr->at, "", std::move(expr));
      arguments(*call);
      expr = std::move(call);
    } else if (peek().is("[")) {
      take();
      ++brackets;
      expr = join(Expr::Index, at, "", std::move(expr));
      while (!peek().is("]")) {
        adopt(*expr, subscript());
        if (!accept(","))
          break;
      }
      expect("]", "after the subscripts");
      --brackets;
    } else if (peek().is(".")) {
      take();
      std::string attribute = name("the name of an attribute");
      expr = join(Expr::Attribute, at, attribute, std::move(expr));
    } else {
      break;
    }
  }
  return expr;
}

void Parser::arguments(Expr &call) {
  expect("(", "of a call");
  ++brackets;
  while (!peek().is(")")) {
    std::string keyword;
    Position at = here();
    if (peek().kind == Token::Name && peek(1).is("=")) {
      keyword = take().text;
      take();
    } else if (!call.keywords.empty() && !call.keywords.back().empty()) {
      reject(at, "expected NAME = VALUE, as after every argument that is given "
                 "by its name");
    }
    call.keywords.push_back(keyword);
    adopt(call, expression());
    if (!accept(","))
      break;
  }
  expect(")", "after the arguments");
  --brackets;
}

/// An index, `...`, or start:end:step with every part optional.
ExprPtr Parser::subscript() {
  Position at = here();
  if (accept("..."))
    return make(Expr::Rest, at);
  ExprPtr start;
  if (!peek().is(":"))
    start = expression();
  if (!accept(":"))
    return start;
  ExprPtr slice = make(Expr::Slice, at);
  adopt(*slice, std::move(start));
  auto part = [&]() -> ExprPtr {
    bool none = peek().is(":") || peek().is(",") || peek().is("]");
    return none ? nullptr : expression();
  };
  adopt(*slice, part());
  adopt(*slice, accept(":") ? part() : nullptr);
  return slice;
}

ExprPtr Parser::number() {
  Position at = here();
  Token token = take();
  if (token.kind == Token::Float) {
    ExprPtr expr = make(Expr::Float, at);
    if (StringRef(token.text).getAsDouble(expr->number, true))
      reject(at, "the number is out of range");
    return expr;
  }
  ExprPtr expr = make(Expr::Integer, at);
  if (StringRef(token.text).getAsInteger(10, expr->integer))
    reject(at, "the number is above 9223372036854775807");
  return expr;
}

ExprPtr Parser::list() {
  Position at = here();
  take();
  ++brackets;
  ExprPtr expr = make(Expr::List, at);
  while (!peek().is("]")) {
    adopt(*expr, expression());
    if (expr->parts.size() == 1 && accept("for")) {
      expr->kind = Expr::Comprehension;
      expr->text = name("the name of a loop variable");
      expect("in", "after the loop variable");
      adopt(*expr, expression());
      break;
    }
    if (!accept(","))
      break;
  }
  expect("]", "after the list");
  --brackets;
  return expr;
}

ExprPtr Parser::conditional() {
  Nest nest(*this);
  ExprPtr expr = make(Expr::If, here());
  take();
  adopt(*expr, expression());
  unsigned outer = std::exchange(brackets, 0);
  expr->block = block();
  // `else` may stand on the line after the block.
  if (accept("else")) {
    expr->hasElse = true;
    if (peek().is("if")) {
      Statement inner;
      inner.kind = Statement::Evaluate;
      inner.at = here();
      inner.value = conditional();
      expr->otherwise.push_back(std::move(inner));
    } else {
      expr->otherwise = block();
    }
  }
  brackets = outer;
  return expr;
}

ExprPtr Parser::primary() {
  Position at = here();
  const Token &token = peek();
  switch (token.kind) {
  case Token::Integer:
  case Token::Float:
    return number();
  case Token::String:
    return make(Expr::String, at, take().text);
  case Token::Name:
    if (token.text == "if")
      return conditional();
    return make(Expr::Name, at, name("an expression"));
  case Token::Symbol:
    if (token.text == "[")
      return list();
    if (token.text == "(") {
      take();
      ++brackets;
      ExprPtr inner = expression();
      expect(")", "after the expression");
      --brackets;
      return inner;
    }
    [[fallthrough]];
  case Token::End:
    unexpected("an expression");
  }
  llvm_unreachable("every kind of token is handled");
}

} // namespace nacre::graph_frontend
