//===- ParseFile.cpp - declarations and statements ------------------------===//
#include "Parser.h"

using llvm::StringRef;

namespace nacre::graph_frontend {

//===----------------------------------------------------------------------===//
// Types and parameters
//===----------------------------------------------------------------------===//

TypeExpr Parser::type() {
  TypeExpr type;
  type.at = here();
  type.element = name("a type");
  if (!peek().is("[") || peek().lineStart)
    return type;
  take();
  ++brackets;
  type.shaped = true;
  if (accept("...")) {
    type.rest = true;
    if (!peek().is("]"))
      expect(",", "after '...'");
  }
  while (!peek().is("]")) {
    type.dims.push_back(expression());
    if (!accept(","))
      break;
  }
  expect("]", "after the extents");
  --brackets;
  return type;
}

std::vector<Parameter> Parser::parameters() {
  std::vector<Parameter> list;
  expect("(", "before the parameters");
  ++brackets;
  while (!peek().is(")")) {
    Parameter parameter;
    parameter.at = here();
    parameter.name = name("the name of a parameter");
    for (const Parameter &other : list)
      if (other.name == parameter.name)
        reject(parameter.at,
               "parameter " + quote(parameter.name) + " is there twice");
    if (accept(":"))
      parameter.type = type();
    if (accept("="))
      parameter.fallback = expression();
    else if (!list.empty() && list.back().fallback)
      reject(parameter.at, "parameter " + quote(parameter.name) +
                               " needs a default, as one before it has one");
    list.push_back(std::move(parameter));
    if (!accept(","))
      break;
  }
  expect(")", "after the parameters");
  --brackets;
  return list;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

void Parser::endOfStatement() {
  if (accept(";") || peek().lineStart || peek().is("}"))
    return;
  unexpected("the end of the statement");
}

Statement Parser::forLoop() {
  Statement loop;
  loop.kind = Statement::For;
  loop.at = here();
  take();
  loop.names.push_back(name("the name of a loop variable"));
  expect("in", "after the loop variable");
  loop.value = expression();
  loop.block = block();
  return loop;
}

/// param NAME: TYPE = VALUE
Statement Parser::stored(Statement::Kind kind) {
  Statement made;
  made.kind = kind;
  take();
  made.at = here();
  made.names.push_back(name("a name"));
  expect(":", "and a type after the name");
  made.type = type();
  expect("=", "and an initial value after the type");
  made.value = expression();
  return made;
}

Statement Parser::statement() {
  if (peek().is("for"))
    return forLoop();
  if (peek().is("param"))
    return stored(Statement::Param);
  if (peek().is("state"))
    return stored(Statement::State);
  Statement made;
  made.at = here();
  if (peek().kind == Token::Name) {
    unsigned ahead = 1;
    while (peek(ahead).is(",") && peek(ahead + 1).kind == Token::Name)
      ahead += 2;
    if (peek(ahead).is("=") && !peek(ahead).lineStart) {
      made.kind = Statement::Assign;
      do
        made.names.push_back(name("a name"));
      while (accept(","));
      expect("=", "after the name");
      made.value = expression();
      return made;
    }
    if (peek(1).is("<-")) {
      made.kind = Statement::Update;
      made.names.push_back(name("the name of a state"));
      take();
      made.value = expression();
      return made;
    }
  }
  made.kind = Statement::Evaluate;
  made.value = expression();
  return made;
}

//===----------------------------------------------------------------------===//
// The train block
//===----------------------------------------------------------------------===//

/// lora rank = 8, alpha = 16 on "pattern"
Statement Parser::lora() {
  Statement made;
  made.kind = Statement::Pattern;
  made.at = here();
  made.names.push_back(take().text);
  while (!peek().is("on")) {
    std::string option = name("rank = NUMBER");
    expect("=", "after the option");
    made.options.emplace_back(option, expression());
    if (!accept(","))
      break;
  }
  expect("on", "and a pattern of parameter names");
  made.value = expression();
  return made;
}

void Parser::trainStatement(Block &block) {
  Statement made;
  made.at = here();
  const Token &word = peek(), &after = peek(1);
  if (word.kind != Token::Name || after.is("=") || after.is(",") ||
      after.is("<-") || after.lineStart) {
    block.push_back(statement());
    return;
  }
  if (word.text == "data") {
    take();
    do {
      Statement input;
      input.kind = Statement::Data;
      input.at = here();
      input.names.push_back(name("the name of an input"));
      expect(":", "and a type after the name of an input");
      input.type = type();
      block.push_back(std::move(input));
    } while (accept(","));
    return;
  }
  if (word.text == "lora") {
    block.push_back(lora());
    return;
  }
  if (word.text == "loss" || word.text == "optimizer") {
    made.kind = word.text == "loss" ? Statement::Loss : Statement::Optimizer;
    take();
  } else if (word.text == "metric") {
    made.kind = Statement::Metric;
    take();
    made.names.push_back(name("the name of a metric"));
    expect("=", "after the name of a metric");
  } else if (word.text == "clip") {
    made.kind = Statement::Setting;
    made.names.push_back(take().text);
    made.names.push_back(name("norm or value"));
    expect("=", "after norm or value");
  } else if (llvm::is_contained(
                 {"accumulate", "precision", "loss_scale", "seed"},
                 word.text)) {
    made.kind = Statement::Setting;
    made.names = {take().text, ""};
  } else if (word.text == "learn" || word.text == "freeze") {
    made.kind = Statement::Pattern;
    made.names.push_back(take().text);
  } else {
    block.push_back(statement());
    return;
  }
  made.value = expression();
  block.push_back(std::move(made));
}

/// Goes on at the next line of this block, or at the brace that ends it.
void Parser::recover(unsigned outer) {
  depth = outer;
  brackets = 0;
  unsigned braces = 0;
  while (!atEnd()) {
    if (peek().is("}") && braces-- == 0)
      return;
    braces += peek().is("{");
    take();
    if (braces == 0 && peek().lineStart)
      return;
  }
}

Block Parser::block(bool train) {
  Nest nest(*this);
  expect("{", "");
  Block statements;
  while (!peek().is("}") && !atEnd()) {
    unsigned outer = depth;
    size_t before = next;
    try {
      if (train)
        trainStatement(statements);
      else
        statements.push_back(statement());
      endOfStatement();
    } catch (const Problem &problem) {
      diagnostics.report(problem);
      recover(outer);
      if (next == before)
        take();
    }
  }
  expect("}", "at the end of the block");
  return statements;
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

Import Parser::import() {
  Import made;
  take();
  made.at = here();
  if (peek().kind != Token::String)
    unexpected("the name of an .ngl or .onnx file in quotes");
  made.path = take().text;
  expect("as", "and a name");
  made.name = name("a name");
  endOfStatement();
  return made;
}

std::unique_ptr<Declaration> Parser::declaration() {
  auto made = std::make_unique<Declaration>();
  std::string word = take().text;
  made->kind = word == "fn"      ? Declaration::Function
               : word == "layer" ? Declaration::Layer
                                 : Declaration::Model;
  made->at = here();
  made->name =
      name("the name of the " + llvm::Twine(word == "fn" ? "function" : word));
  made->parameters = parameters();
  if (accept("->")) {
    auto result = [&] {
      std::string label;
      if (peek(1).is(":")) {
        label = name("the name of a result");
        take();
      }
      made->results.emplace_back(label, type());
    };
    if (accept("(")) {
      ++brackets;
      do
        result();
      while (accept(","));
      expect(")", "after the results");
      --brackets;
    } else {
      result();
    }
  }
  made->body = block();
  return made;
}

File Parser::file() {
  File made;
  made.source = &source;
  while (!atEnd()) {
    size_t before = next;
    try {
      if (peek().is("import")) {
        made.imports.push_back(import());
      } else if (peek().is("fn") || peek().is("layer") || peek().is("model")) {
        made.declarations.push_back(declaration());
      } else if (peek().is("train") && peek(1).is("{")) {
        if (made.hasTrain)
          reject(here(), "there is a train block already");
        made.trainAt = here();
        made.hasTrain = true;
        take();
        made.train = block(/*train=*/true);
      } else if (peek().kind == Token::Name && peek(1).is("=")) {
        made.constants.push_back(statement());
        endOfStatement();
      } else {
        unexpected("import, fn, layer, model, train or NAME = VALUE");
      }
    } catch (const Problem &problem) {
      diagnostics.report(problem);
      // Go on at the next declaration.
      depth = brackets = 0;
      if (next == before)
        take();
      while (!atEnd() &&
             !(peek().lineStart &&
               (peek().is("import") || peek().is("fn") || peek().is("layer") ||
                peek().is("model") || (peek().is("train") && peek(1).is("{")))))
        take();
    }
  }
  return made;
}

static bool tooLong(const Source &source, Diagnostics &diagnostics) {
  if (source.text.size() <= largestText)
    return false;
  diagnostics.report(llvm::Twine(source.name) + ": is longer than " +
                     llvm::Twine(largestText) + " bytes");
  return true;
}

File parseFile(const Source &source, Diagnostics &diagnostics) {
  if (tooLong(source, diagnostics))
    return {};
  return Parser(source, diagnostics).file();
}

ExprPtr parseExpression(const Source &source, Diagnostics &diagnostics) {
  if (tooLong(source, diagnostics))
    return nullptr;
  Parser parser(source, diagnostics);
  try {
    ExprPtr expr = parser.expression();
    if (!parser.atEnd())
      parser.unexpected("the end of the text");
    return expr;
  } catch (const Problem &problem) {
    diagnostics.report(problem);
    return nullptr;
  }
}

} // namespace nacre::graph_frontend
