//===- Evaluator.h - running a text, which makes operations -----*- C++ -*-===//
//
// The language is run at compile time: numbers, lists, loops and calls are
// evaluated here, and what is done to tensors becomes lazy operations. Two
// programs are made at once: `main` by the statements, and `init` by the
// initial values of parameters and states.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_GRAPH_EVALUATOR_H
#define NACRE_LIB_FRONTEND_GRAPH_EVALUATOR_H

#include "Datum.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Frontend/Graph.h"
#include "nacre/Lazy/Build.h"
#include "llvm/Support/GlobPattern.h"
#include <map>

namespace nacre::graph_frontend {

/// A program in the making.
struct Emission {
  Program program;
  mlir::func::FuncOp main;
  mlir::Block *body = nullptr;
  mlir::OpBuilder builder;
  mlir::Value seed, step; ///< scalars of i64 behind random numbers
  uint32_t site = 0;      ///< the next place that draws some

  Emission(mlir::MLIRContext &context, llvm::StringRef name);
};

/// A tensor that outlives a run.
struct StateVariable {
  std::string name;
  autodiff::StateKind kind;
  mlir::RankedTensorType type;
  mlir::Value argument; ///< of main
  mlir::Value initial;  ///< in init
  mlir::Value now;      ///< what reading it gives
  bool updated = false;
};

/// A name space of parameters: one call of a layer.
struct Scope {
  std::string prefix; ///< with a final dot, or empty
  llvm::StringSet<> taken;
};

/// One call in progress.
struct Frame {
  llvm::StringMap<Datum> variables;
  const Declaration *declaration = nullptr; ///< null: a train block, constants
  Frame *caller = nullptr;
  Position call;
  Scope *scope = nullptr;
  std::vector<int64_t> loops; ///< turns of the loops around, for names
  bool prelude = false;
  const Library *library = nullptr; ///< of the text; null: the main file's
};

/// A pattern of names; the glob refers to the text.
struct NamePattern {
  std::unique_ptr<std::string> text;
  llvm::GlobPattern glob;
};

/// Low-rank adapters beside the parameters that fit a pattern.
struct Adapters {
  NamePattern pattern;
  int64_t rank = 0;
  double scale = 1;
  bool used = false;
};

/// How parameters become states.
struct LearningRules {
  std::vector<NamePattern> learn, freeze;
  std::vector<Adapters> adapters;
};

/// What a file and the prelude declare.
struct Library {
  const File *file = nullptr;
  std::string folder; ///< of the file, where imports are looked for
  /// The prelude's also as `prelude.NAME`, which a file cannot replace.
  llvm::StringMap<const Declaration *> declarations;
  llvm::StringMap<const Import *> imports;
  llvm::StringMap<const Library *> files; ///< of the imports in the language
  /// Of the main file: all other ones, each behind what it imports.
  std::vector<const Library *> imported;
};

class Evaluator {
public:
  Evaluator(mlir::MLIRContext &context, const Library &library,
            const onnx_frontend::ImportOptions &limits,
            Diagnostics &diagnostics, llvm::StringRef name, bool training);

  // Statements, Evaluate.cpp
  Datum run(const Block &block, Frame &frame);
  /// Does `action` for a statement; a problem is reported, and the names that
  /// the statement was to give a value are marked. False after a problem.
  bool attempt(const Statement &statement, Frame &frame,
               llvm::function_ref<void()> action);
  void execute(const Statement &statement, Frame &frame, Datum &value,
               bool last);
  Datum evaluate(const Expr &expr, Frame &frame);
  /// The constants of all files, into `constants`.
  void runConstants();
  /// What the file of a text declares, and its constants.
  const Library &libraryOf(const Frame &frame) const {
    return frame.library ? *frame.library : library;
  }
  bool isConstant(llvm::StringRef name, const Frame &frame) const;

  // Calls, Call.cpp
  Datum call(const Callee &callee, std::vector<Datum> positional,
             std::vector<std::pair<std::string, Datum>> named, Position at,
             Frame &frame);

  // Types, Types.cpp
  /// Binds free names in `type` to what `datum` has; a problem when they
  /// differ.
  void match(const TypeExpr &type, const Datum &datum, Frame &frame,
             Position at, const llvm::Twine &what);
  /// The type of a stored tensor: everything in it must be known.
  mlir::RankedTensorType storedType(const TypeExpr &type, Frame &frame);
  /// The type of an input; open dims come from the options.
  mlir::RankedTensorType inputType(const TypeExpr &type, Frame &frame,
                                   llvm::StringRef input);

  // Parameters and states, States.cpp
  void store(const Statement &statement, Frame &frame);
  void update(const Statement &statement, Frame &frame);
  /// A state called `name` whose initial value is `initial`, in init.
  size_t addState(const std::string &name, autodiff::StateKind kind,
                  mlir::RankedTensorType type, mlir::Value initial,
                  Position at);
  /// A parameter as the rules have it: frozen, adapted or learning. Returns
  /// the tensor that stands for it.
  mlir::Value addParameter(const std::string &name, mlir::RankedTensorType type,
                           mlir::Value initial, Position at);
  std::string uniqueName(Frame &frame, const std::string &base, bool given,
                         Position at);
  /// A data argument of main; the states' follow all of them.
  mlir::Value addInput(mlir::RankedTensorType type, Position at);

  // Operators, Operators.cpp
  Datum binary(llvm::StringRef op, const Datum &a, const Datum &b, Position at);
  Datum unary(llvm::StringRef op, const Datum &a, Position at);
  Datum index(const Datum &base, const Expr &expr, Frame &frame);
  Datum attribute(const Datum &base, const Expr &expr);

  // Imports, OnnxFunction.cpp
  Datum callImport(const Import &import, llvm::ArrayRef<Datum> arguments,
                   Position at);

  // Making operations
  lazy::Build build(Position at) {
    return {current->builder, at.location(&context)};
  }
  /// Checks what was made against the limits.
  Datum made(mlir::Value value, Position at);
  /// The tensor, when it belongs to the program that is being made.
  mlir::Value usable(const Datum &datum, Position at);
  /// A tensor of this element type from a tensor or a number.
  mlir::Value asTensor(const Datum &datum, mlir::Type element, Position at);
  void countStep(Position at, int64_t count = 1);
  [[noreturn]] void problem(Position at, const llvm::Twine &text) {
    reject(at, text);
  }

  mlir::MLIRContext &context;
  const Library &library;
  const onnx_frontend::ImportOptions &limits;
  Diagnostics &diagnostics;
  bool training;
  Emission main, init;
  Emission *current = &main;
  std::vector<std::unique_ptr<StateVariable>> states;
  llvm::StringMap<size_t> stateNumbers;
  llvm::StringMap<Datum> sharedParameters; ///< as their layers see them
  LearningRules rules;
  std::map<const Library *, llvm::StringMap<Datum>> constants;
  llvm::DenseMap<const Source *, const Library *> importedTexts;
  const Declaration *mainModel = nullptr;
  /// Models that were called: their parameters are shared by further calls.
  llvm::SmallPtrSet<const Declaration *, 4> calledModels;
  bool sharing = false; ///< inside a further call

private:
  Datum evaluateAny(const Expr &expr, Frame &frame);
  void loop(const Statement &statement, Frame &frame);
  Datum lookUp(const Expr &name, Frame &frame);
  Datum lookUpIn(const ImportedFile &file, const Expr &expr);
  Datum callExpr(const Expr &expr, Frame &frame);
  Datum callDeclaration(const Declaration &callee,
                        std::vector<Datum> positional,
                        std::vector<std::pair<std::string, Datum>> named,
                        Position at, Frame &frame);
  void report(const Problem &problem, const Frame &frame);

  unsigned depth = 0;
  int64_t steps = 0;
};

/// The largest tensor, as for ONNX models.
constexpr int64_t maxTensorBytes = int64_t(1) << 36;
constexpr int64_t maxListLength = 1 << 16;
constexpr unsigned maxListDepth = 32;
constexpr unsigned maxDepth = 400; ///< of evaluations one inside another

/// The shape with 1 for open extents, to count what is known.
llvm::SmallVector<int64_t> withoutOpen(llvm::ArrayRef<int64_t> shape);

/// An integer from a datum; `what` says what for.
int64_t integerOf(const Datum &datum, Position at, const llvm::Twine &what);

} // namespace nacre::graph_frontend

#endif // NACRE_LIB_FRONTEND_GRAPH_EVALUATOR_H
