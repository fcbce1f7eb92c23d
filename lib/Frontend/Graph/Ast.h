//===- Ast.h - a file as it is written --------------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_AST_H
#define NACRE_LIB_FRONTEND_GRAPH_AST_H

#include "Source.h"
#include <memory>

namespace nacre::graph_frontend {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Statement;
using Block = std::vector<Statement>;

/// `f32[N, 3]`, `T[..., C]`, `int`; the element name says which.
struct TypeExpr {
  Position at;
  std::string element; ///< empty: no type was written
  bool shaped = false;
  bool rest = false; ///< the first entry is `...`
  std::vector<ExprPtr> dims;
  explicit operator bool() const { return !element.empty(); }
};

struct Expr {
  enum Kind {
    Integer,
    Float,
    String,
    Name,
    List,          ///< [parts]
    Comprehension, ///< [parts[0] for text in parts[1]]
    Unary,         ///< text parts[0]
    Binary,        ///< parts[0] text parts[1]; and, or and ranges too
    Call,          ///< parts[0](parts[1..]), `keywords` beside the arguments
    Index,         ///< parts[0][parts[1..]]
    Slice,         ///< parts[0]:parts[1]:parts[2], each may be null
    Rest,          ///< ...
    Attribute,     ///< parts[0].text
    If             ///< if parts[0] block else otherwise
  };
  Kind kind;
  Position at;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<ExprPtr> parts;
  std::vector<std::string> keywords;
  Block block, otherwise;
  bool hasElse = false;
  unsigned height = 1; ///< of the tree
};

struct Statement {
  enum Kind {
    Evaluate,  ///< value
    Assign,    ///< names = value
    Param,     ///< param names[0]: type = value
    State,     ///< state names[0]: type = value
    Update,    ///< names[0] <- value
    For,       ///< for names[0] in value block
    Data,      ///< data names[0]: type; of a train block, as all below
    Loss,      ///< loss value
    Metric,    ///< metric names[0] = value
    Optimizer, ///< optimizer value
    Setting,   ///< clip, accumulate, precision, loss_scale, seed: names[0],
               ///< names[1] the word before '=', value
    Pattern    ///< learn, freeze: names[0], value; lora: arguments in `value`
  };
  Kind kind;
  Position at;
  std::vector<std::string> names;
  TypeExpr type;
  ExprPtr value;
  std::vector<std::pair<std::string, ExprPtr>> options; ///< of lora
  Block block;
};

struct Parameter {
  Position at;
  std::string name;
  TypeExpr type;
  ExprPtr fallback; ///< null: it must be given
};

/// A function, layer or model.
struct Declaration {
  enum Kind { Function, Layer, Model } kind;
  Position at;
  std::string name;
  std::vector<Parameter> parameters;
  /// One without a name in most cases.
  std::vector<std::pair<std::string, TypeExpr>> results;
  Block body;
};

/// import "path" as name; an ONNX model, or another file of the language
struct Import {
  Position at;
  std::string path, name;
};

struct File {
  const Source *source = nullptr;
  std::vector<Import> imports;
  Block constants; ///< Assign only
  std::vector<std::unique_ptr<Declaration>> declarations;
  Block train;
  bool hasTrain = false;
  Position trainAt;
};

/// What a text may be long; a network of a thousand lines has 40 kB.
constexpr size_t largestText = 4 << 20;

/// Parses a file; mistakes are reported and what they are in is left out.
File parseFile(const Source &source, Diagnostics &diagnostics);

/// Parses a text that is one expression; null after an error.
ExprPtr parseExpression(const Source &source, Diagnostics &diagnostics);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_AST_H
