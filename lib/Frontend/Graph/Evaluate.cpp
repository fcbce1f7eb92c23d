//===- Evaluate.cpp - statements and expressions --------------------------===//
#include "Builtins.h"
#include "nacre/Failure/Failure.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

Emission::Emission(mlir::MLIRContext &context, StringRef name)
    : builder(&context) {
  mlir::Location loc = builder.getUnknownLoc();
  program.name = name.str();
  program.module = mlir::ModuleOp::create(loc);
  builder.setInsertionPointToEnd(program.module->getBody());
  main = mlir::func::FuncOp::create(builder, loc, "main",
                                    builder.getFunctionType({}, {}));
  main.setPublic();
  body = main.addEntryBlock();
  builder.setInsertionPointToEnd(body);
}

Evaluator::Evaluator(mlir::MLIRContext &context, const Library &library,
                     const onnx_frontend::ImportOptions &limits,
                     Diagnostics &diagnostics, StringRef name, bool training)
    : context(context), library(library), limits(limits),
      diagnostics(diagnostics), training(training), main(context, name),
      init(context, name) {
  for (const Library *file : library.imported)
    importedTexts[file->file->source] = file;
}

void Evaluator::countStep(Position at, int64_t count) {
  // An operation takes a few steps, so both limits follow from one number.
  steps += count;
  if (steps > 20 * limits.maxNodes) {
    Problem problem{at, ("the program is longer than " +
                         Twine(20 * limits.maxNodes) +
                         " steps when its loops are unrolled (--max-nodes)")
                            .str()};
    problem.fatal = true;
    throw problem;
  }
}

/// A mistake inside the prelude is shown where the user's text called it.
void Evaluator::report(const Problem &problem, const Frame &frame) {
  Problem shown = problem;
  if (problem.at.source && problem.at.source->prelude)
    for (const Frame *at = &frame; at; at = at->caller)
      if (at->declaration && at->call.source && !at->call.source->prelude) {
        shown.at = at->call;
        shown.text = quote(at->declaration->name) + ": " + problem.text;
        break;
      }
  diagnostics.report(shown);
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

bool Evaluator::attempt(const Statement &statement, Frame &frame,
                        llvm::function_ref<void()> action) {
  try {
    countStep(statement.at);
    action();
    return true;
  } catch (Problem &problem) {
    report(problem, frame);
    problem.quiet = true;
    if (problem.fatal || diagnostics.full()) {
      problem.fatal = true;
      throw;
    }
    for (const std::string &name : statement.names)
      if (statement.kind != Statement::Update)
        frame.variables[name] = Poison{};
    return false;
  }
}

Datum Evaluator::run(const Block &block, Frame &frame) {
  Datum value = Nothing{};
  for (const Statement &statement : block) {
    value = Nothing{};
    if (!attempt(statement, frame, [&] {
          execute(statement, frame, value, &statement == &block.back());
        }))
      value = Poison{};
  }
  return value;
}

void Evaluator::execute(const Statement &statement, Frame &frame, Datum &value,
                        bool last) {
  switch (statement.kind) {
  case Statement::Evaluate:
    value = evaluate(*statement.value, frame);
    if (!last && !value.is<Nothing>())
      problem(statement.at, "the value of this is not used; give it a name");
    return;
  case Statement::Assign: {
    Datum given = evaluate(*statement.value, frame);
    if (given.is<Nothing>() && statement.value->kind != Expr::Name)
      problem(statement.value->at, "this has no value");
    if (statement.names.size() == 1) {
      frame.variables[statement.names[0]] = std::move(given);
      return;
    }
    if (!given.isList() || given.list().size() != statement.names.size())
      problem(statement.at, "expected " + Twine(statement.names.size()) +
                                " values, got " + describe(given));
    for (auto [name, item] : llvm::zip_equal(statement.names, given.list()))
      frame.variables[name] = item;
    return;
  }
  case Statement::Param:
  case Statement::State:
    return store(statement, frame);
  case Statement::Update:
    return update(statement, frame);
  case Statement::For:
    return loop(statement, frame);
  default:
    problem(statement.at, "this belongs into a train block");
  }
}

void Evaluator::loop(const Statement &statement, Frame &frame) {
  Datum over = evaluate(*statement.value, frame);
  if (!over.isList())
    problem(statement.value->at,
            "expected a range or a list to loop over, got " + describe(over));
  frame.loops.push_back(0);
  for (const Datum &item : over.list()) {
    frame.variables[statement.names[0]] = item;
    Datum value = run(statement.block, frame);
    if (!value.is<Nothing>() && !value.is<Poison>()) {
      frame.loops.pop_back();
      problem(statement.block.back().at,
              "the value of this is not used; give it a name");
    }
    ++frame.loops.back();
  }
  frame.loops.pop_back();
}

void Evaluator::runConstants() {
  auto runIn = [&](const Library &of) {
    Frame frame;
    frame.library = &of;
    if (of.file)
      run(of.file->constants, frame);
    constants[&of] = std::move(frame.variables);
  };
  for (const Library *file : library.imported)
    runIn(*file);
  runIn(library);
}

bool Evaluator::isConstant(StringRef name, const Frame &frame) const {
  auto at = constants.find(&libraryOf(frame));
  return !frame.prelude && at != constants.end() && at->second.contains(name);
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

Datum Evaluator::lookUp(const Expr &name, Frame &frame) {
  StringRef text = name.text;
  const Library &library = libraryOf(frame);
  Datum found = Nothing{};
  if (auto at = frame.variables.find(text); at != frame.variables.end()) {
    found = at->second;
  } else if (isConstant(text, frame)) {
    found = constants[&library].find(text)->second;
  } else if (auto at = library.files.find(text);
             !frame.prelude && at != library.files.end()) {
    return ImportedFile{library.imports.find(text)->second, at->second};
  } else if (auto at = library.imports.find(text);
             !frame.prelude && at != library.imports.end()) {
    return Callee{nullptr, nullptr, at->second};
  } else if (auto at = library.declarations.find(
                 frame.prelude ? ("prelude." + text).str() : text.str());
             at != library.declarations.end()) {
    return Callee{at->second};
  } else if (const Builtin *builtin = findBuiltin(text)) {
    return Callee{nullptr, builtin};
  } else if (text == "true" || text == "false") {
    return text == "true";
  } else if (text == "none") {
    return Nothing{};
  } else if (text == "training") {
    return training;
  } else if (text == "pi") {
    return 3.14159265358979323846;
  } else if (text == "inf") {
    return std::numeric_limits<double>::infinity();
  } else if (std::optional<DType> dtype = dtypeNamed(text)) {
    return *dtype;
  } else {
    std::vector<std::string> known = builtinNames();
    for (const auto &entry : frame.variables)
      known.push_back(entry.getKey().str());
    for (const auto &entry : library.declarations)
      if (!entry.getKey().contains('.'))
        known.push_back(entry.getKey().str());
    llvm::sort(known);
    std::string meant = suggestion(text, known);
    problem(name.at,
            "unknown name " + quote(text) +
                (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  }
  if (found.is<Poison>())
    throw Problem{name.at, "", /*quiet=*/true};
  if (found.is<StateName>())
    return TensorValue{states[found.as<StateName>().index]->now};
  return found;
}

/// A constant, function, layer or model that another file declares.
Datum Evaluator::lookUpIn(const ImportedFile &file, const Expr &expr) {
  const llvm::StringMap<Datum> &values = constants[file.library];
  if (auto at = values.find(expr.text); at != values.end()) {
    if (at->second.is<Poison>())
      throw Problem{expr.at, "", /*quiet=*/true};
    return at->second;
  }
  std::vector<std::string> known;
  for (const auto &declaration : file.library->file->declarations) {
    if (declaration->name == expr.text)
      return Callee{declaration.get()};
    known.push_back(declaration->name);
  }
  for (const auto &entry : values)
    known.push_back(entry.getKey().str());
  llvm::sort(known);
  std::string meant = suggestion(expr.text, known);
  problem(expr.at,
          quote(file.import->path) + " does not declare " + quote(expr.text) +
              (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
}

/// The truth of a condition that decides what is made.
static bool truth(const Datum &datum, Position at) {
  if (datum.isTensor())
    reject(at, "a condition must be known at compile time; where(CONDITION, A, "
               "B) chooses between elements");
  if (!datum.is<bool>())
    reject(at, "expected true or false, got " + describe(datum));
  return datum.as<bool>();
}

Datum Evaluator::evaluate(const Expr &expr, Frame &frame) {
  countStep(expr.at);
  Datum value = evaluateAny(expr, frame);
  if (value.isList()) {
    // Copying a long list costs; freeing a deep one goes down its depth.
    countStep(expr.at, value.list().size() / 16);
    if (value.list().depth > maxListDepth)
      problem(expr.at, "lists nest deeper than " + Twine(maxListDepth));
  }
  return value;
}

Datum Evaluator::evaluateAny(const Expr &expr, Frame &frame) {
  struct Deeper {
    unsigned &depth;
    ~Deeper() { --depth; }
  } deeper{++depth};
  if (depth > maxDepth)
    problem(expr.at, "calls and expressions nest deeper than " +
                         Twine(maxDepth) + "; does a function call itself?");
  switch (expr.kind) {
  case Expr::Integer:
    return expr.integer;
  case Expr::Float:
    return expr.number;
  case Expr::String:
    return expr.text;
  case Expr::Name:
    return lookUp(expr, frame);
  case Expr::List: {
    List items;
    for (const ExprPtr &part : expr.parts)
      items.push_back(evaluate(*part, frame));
    return listOf(std::move(items));
  }
  case Expr::Comprehension: {
    Datum over = evaluate(*expr.parts[1], frame);
    if (!over.isList())
      problem(expr.parts[1]->at,
              "expected a range or a list to loop over, got " + describe(over));
    List items;
    frame.loops.push_back(0);
    for (const Datum &item : over.list()) {
      frame.variables[expr.text] = item;
      try {
        items.push_back(evaluate(*expr.parts[0], frame));
      } catch (const Problem &) {
        frame.loops.pop_back();
        throw;
      }
      ++frame.loops.back();
    }
    frame.loops.pop_back();
    return listOf(std::move(items));
  }
  case Expr::Unary:
    return unary(expr.text, evaluate(*expr.parts[0], frame), expr.at);
  case Expr::Binary: {
    Datum a = evaluate(*expr.parts[0], frame);
    // What follows from the left side alone needs no right one.
    if (a.is<bool>() && (expr.text == "and" || expr.text == "or") &&
        a.as<bool>() == (expr.text == "or"))
      return a;
    return binary(expr.text, a, evaluate(*expr.parts[1], frame), expr.at);
  }
  case Expr::Call:
    return callExpr(expr, frame);
  case Expr::Index:
    return index(evaluate(*expr.parts[0], frame), expr, frame);
  case Expr::Attribute:
    return attribute(evaluate(*expr.parts[0], frame), expr);
  case Expr::If: {
    bool holds = truth(evaluate(*expr.parts[0], frame), expr.parts[0]->at);
    if (!holds && !expr.hasElse)
      return Nothing{};
    Datum value = run(holds ? expr.block : expr.otherwise, frame);
    if (value.is<Poison>())
      throw Problem{expr.at, "", /*quiet=*/true};
    return value;
  }
  case Expr::Slice:
  case Expr::Rest:
    problem(expr.at, "expected an expression");
  }
  llvm_unreachable("every kind of expression is handled");
}

Datum Evaluator::callExpr(const Expr &expr, Frame &frame) {
  Datum callee = evaluate(*expr.parts[0], frame);
  if (!callee.is<Callee>())
    problem(expr.at, "expected a function to call, got " + describe(callee));
  std::vector<Datum> positional;
  std::vector<std::pair<std::string, Datum>> named;
  for (size_t i = 1; i < expr.parts.size(); ++i) {
    Datum value = evaluate(*expr.parts[i], frame);
    if (expr.keywords[i - 1].empty())
      positional.push_back(std::move(value));
    else
      named.emplace_back(expr.keywords[i - 1], std::move(value));
  }
  Datum value = call(callee.as<Callee>(), std::move(positional),
                     std::move(named), expr.at, frame);
  if (value.is<Poison>())
    throw Problem{expr.at, "", /*quiet=*/true};
  return value;
}

//===----------------------------------------------------------------------===//
// Making operations
//===----------------------------------------------------------------------===//

Datum Evaluator::made(mlir::Value value, Position at) {
  mlir::RankedTensorType type = lazy::tensorType(value);
  if (type.getRank() > lazy::maxRank)
    problem(at, "the result has " + Twine(type.getRank()) + " axes, at most " +
                    Twine(lazy::maxRank) + " are supported");
  std::optional<int64_t> bytes =
      byteSize(lazy::boundedShape(type), dtypeOf(type.getElementType()));
  // What a view repeats is not stored.
  mlir::Operation *op = value.getDefiningOp();
  bool view = op && mlir::isa<lazy::ViewOpInterface>(op);
  if (!bytes || (*bytes > maxTensorBytes && !view))
    problem(at, "the result, " + describe(type) + ", takes more than " +
                    Twine(maxTensorBytes) + " bytes");
  return TensorValue{value};
}

mlir::Value Evaluator::usable(const Datum &datum, Position at) {
  mlir::Value value = datum.tensor();
  if (value.getParentBlock() != current->body)
    problem(at, current == &init
                    ? "an initial value cannot depend on what a run computes"
                    : "this value belongs to the initial values, not to a run");
  return value;
}

mlir::Value Evaluator::asTensor(const Datum &datum, mlir::Type element,
                                Position at) {
  if (datum.isTensor())
    return usable(datum, at);
  if (datum.is<bool>())
    return build(at).splat(element, datum.as<bool>());
  if (!datum.isNumber())
    problem(at, "expected a tensor or a number, got " + describe(datum));
  double number = datum.number();
  if (!mlir::isa<mlir::FloatType>(element)) {
    if (datum.is<double>() && number != std::trunc(number))
      problem(at, "a tensor of " + lazy::elementName(element) +
                      " cannot hold " + describe(datum) +
                      "; cast the tensor first");
    if (std::abs(number) > 0x1p53)
      problem(at, describe(datum) + " is above 2^53");
  }
  return build(at).splat(element, number);
}

llvm::SmallVector<int64_t> withoutOpen(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> known(shape);
  for (int64_t &extent : known)
    if (mlir::ShapedType::isDynamic(extent))
      extent = 1;
  return known;
}

int64_t integerOf(const Datum &datum, Position at, const Twine &what) {
  if (datum.is<OpenExtent>())
    reject(at, what + " depends on the open extent " +
                   quote(datum.as<OpenExtent>().symbol) +
                   "; bind it with --dim " +
                   datum.as<OpenExtent>().symbol.str() + "=VALUE");
  if (!datum.is<int64_t>())
    reject(at, what + " must be an integer, got " + describe(datum));
  return datum.as<int64_t>();
}

} // namespace nacre::graph_frontend
