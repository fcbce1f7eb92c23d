//===- Printer.h - what is the same in all C-like languages -----*- C++ -*-===//
//
// A kernel arrives as a func.func:
//
//   arguments   buffers memref<NxT> with `nacre.space`; the status
//   memref<1xi32>
//               without; an index for each symbolic dim; the index of the
//               work-group; the index of the work-item in its group
//   body        scf.for, if, while; arith, math, vector; memref.load and store
//               of buffers and of one-dimensional allocas; gpu.barrier
//
// and is printed one operation after the other. A value is a piece of text: the
// name of a variable, or an expression that waits for its only use. Waiting is
// sound as values are pure and variables keep theirs until the block ends.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_TEXT_PRINTER_H
#define NACRE_CODEGEN_TEXT_PRINTER_H

#include "Names.h"
#include "Text.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace nacre::codegen {

/// Longest line, without indentation, that is not broken into variables.
inline constexpr size_t longLine = 84;

/// How tightly an expression binds, loosest first. Stricter than C: operands of
/// shifts and bit operations are in parentheses unless unary, as WGSL wants.
enum class Level {
  Select,
  Or,
  And,
  Bits,
  Compare,
  Shift,
  Sum,
  Product,
  Unary,
  Primary
};

struct Expr {
  std::string text;
  Level level = Level::Primary;
  bool isUnsigned = false; ///< of the unsigned type of its width
  bool isConstant = false; ///< made of literals only
  bool isVariable = false; ///< the name of a variable that can be assigned to
};

/// A buffer argument of a kernel.
struct Buffer {
  mlir::BlockArgument arg;
  mlir::Type element;
  bool weights = false, write = false, noalias = false;
  int64_t align = 1;    ///< bytes, of the first element
  unsigned chunks = 1;  ///< of weights that it may lie across
  int64_t chunkSet = 0; ///< equal where buffers begin in one chunk
  unsigned binding = 0; ///< of WGSL: the first
  std::string name;
};

/// Weights that share their bindings, as they begin in one chunk.
struct ChunkSet {
  int64_t number;
  unsigned buffer; ///< one of them
  unsigned chunks, binding;
};

/// The arguments of a kernel, by what they are for.
struct Signature {
  explicit Signature(mlir::func::FuncOp kernel);
  llvm::SmallVector<Buffer> buffers;
  llvm::SmallVector<ChunkSet> chunkSets;
  mlir::BlockArgument status; ///< null when not used
  llvm::SmallVector<mlir::BlockArgument> dims;
  mlir::BlockArgument group, item;
  int64_t groupSize = 1;
  std::optional<int64_t> groups;
  bool usesMemory = false;
  unsigned statusBinding = 0;
};

/// Arrays of a kernel that a work-group shares.
bool isShared(mlir::memref::AllocaOp array);

class Printer {
public:
  virtual ~Printer() = default;
  llvm::FailureOr<std::string> render(mlir::ModuleOp module);

protected:
  //===-- the language ----------------------------------------------------===//
  virtual llvm::StringRef language() const = 0;
  /// What stands before all kernels; asked for when they have been printed.
  virtual std::string preamble() = 0;
  /// The name of a type; empty where the language has none.
  virtual std::string typeName(mlir::Type type) const = 0;
  virtual std::string unsignedName(mlir::Type type) const = 0;
  virtual Expr cast(llvm::StringRef type, const Expr &value) const = 0;
  /// Same bits, another type.
  virtual Expr bitcast(mlir::Type type, const Expr &value) const = 0;
  virtual std::string literal(const llvm::APInt &value,
                              bool isUnsigned) const = 0;
  virtual std::string literal(const llvm::APFloat &value) = 0;
  virtual Expr select(const Expr &condition, const Expr &yes, const Expr &no,
                      mlir::Type conditionType) const = 0;
  virtual Expr construct(mlir::Type type,
                         llvm::ArrayRef<std::string> parts) const = 0;
  /// The low `bits` of an int, as a signed number.
  virtual Expr signExtend(const Expr &value, unsigned bits) const = 0;
  /// Function of a math operation, by its name ("math.exp"); empty for none.
  virtual llvm::StringRef function(llvm::StringRef op) const = 0;
  /// Signed sums and products wrap, and need no detour over unsigned ones.
  virtual bool signedWraps() const = 0;
  /// An error in an expression of literals stops the compiler, as does a
  /// division by a literal 0.
  virtual bool foldsLiterals() const = 0;
  virtual bool amountIsUnsigned() const = 0; ///< of shifts
  /// `!=` holds where an operand is no number.
  virtual bool differsFromNan() const = 0;
  /// The declaration of a variable up to its `=`.
  virtual std::string declaration(mlir::Type type, llvm::StringRef name,
                                  bool isMutable) const = 0;
  virtual llvm::StringRef endlessLoop() const = 0;
  virtual llvm::StringRef barrier() const = 0;
  virtual std::string privateArray(mlir::Type element, int64_t count,
                                   llvm::StringRef name) const = 0;
  virtual std::string loadBuffer(const Buffer &buffer, const Expr &index,
                                 mlir::Type type, bool zeroExtends,
                                 bool aligned) = 0;
  virtual std::string storeBuffer(const Buffer &buffer, const Expr &index,
                                  mlir::Type type, const Expr &value,
                                  bool aligned) = 0;
  virtual std::string loadVector(mlir::memref::AllocaOp array,
                                 llvm::StringRef name, const Expr &index,
                                 mlir::VectorType type, bool aligned) = 0;
  /// Prints whole lines.
  virtual void storeVector(mlir::memref::AllocaOp array, llvm::StringRef name,
                           const Expr &index, const Expr &value,
                           mlir::VectorType type, bool aligned) = 0;
  virtual std::string setStatus(llvm::StringRef value) = 0;
  /// Prints up to the body's first line.
  virtual void openKernel(mlir::func::FuncOp kernel, Signature &signature,
                          llvm::ArrayRef<mlir::memref::AllocaOp> shared) = 0;
  virtual void openHelper(mlir::func::FuncOp helper, llvm::StringRef result,
                          llvm::ArrayRef<std::string> names) = 0;
  /// The struct that a helper function with several results gives.
  virtual std::string resultStruct(llvm::StringRef name,
                                   mlir::TypeRange types) const = 0;
  /// A line that declares a variable of such a struct, with `init` if not
  /// empty.
  virtual std::string structVariable(llvm::StringRef type, llvm::StringRef name,
                                     llvm::StringRef init) const = 0;

  //===-- for the languages -----------------------------------------------===//
  void line(const llvm::Twine &text);
  std::string paren(const Expr &value, Level least) const;
  Expr binary(llvm::StringRef symbol, Level level, const Expr &a,
              const Expr &b) const;
  Expr raw(mlir::Value value);
  /// The text of a value; signed where it is an integer.
  Expr use(mlir::Value value);
  void set(mlir::Value value, Expr expr) { exprs[value] = std::move(expr); }

  mlir::ModuleOp module;
  Names names;
  unsigned indent = 0;

private:
  // Printer.cpp: functions.
  mlir::LogicalResult kernel(mlir::func::FuncOp op);
  mlir::LogicalResult helper(mlir::func::FuncOp op);
  mlir::LogicalResult helpersOf(mlir::func::FuncOp op);
  mlir::LogicalResult returns(mlir::func::ReturnOp op);
  mlir::LogicalResult call(mlir::func::CallOp op);
  mlir::LogicalResult block(mlir::Block &block);

  // Statements.cpp: control flow and memory.
  mlir::LogicalResult statement(mlir::Operation *op);
  mlir::LogicalResult loop(mlir::scf::ForOp op);
  mlir::LogicalResult loop(mlir::scf::WhileOp op);
  mlir::LogicalResult branch(mlir::scf::IfOp op);
  mlir::LogicalResult load(mlir::Operation *op, mlir::Value array,
                           mlir::ValueRange indices);
  mlir::LogicalResult store(mlir::Operation *op, mlir::Value value,
                            mlir::Value array, mlir::ValueRange indices);
  mlir::LogicalResult assign(mlir::ValueRange values,
                             llvm::ArrayRef<std::string> targets);
  std::string loopVariable(mlir::Value init, mlir::Value arg,
                           mlir::Operation *loop, mlir::Value next);
  mlir::LogicalResult declareMutable(mlir::Type type, llvm::StringRef name,
                                     mlir::Value init);

  // Expressions.cpp: pure operations.
  mlir::LogicalResult value(mlir::Operation *op);
  llvm::FailureOr<Expr> expression(mlir::Operation *op);
  llvm::FailureOr<Expr> integer(mlir::Operation *op);
  llvm::FailureOr<Expr> vector(mlir::Operation *op);
  bool isPure(mlir::Operation *op) const;

  // Conversions.cpp
  llvm::FailureOr<Expr> conversion(mlir::Operation *op);
  llvm::FailureOr<Expr> compare(mlir::arith::CmpIOp op);
  llvm::FailureOr<Expr> compare(mlir::arith::CmpFOp op);

  // Operands.cpp: what stands in expressions.
  Expr useUnsigned(mlir::Value value);
  std::string operand(mlir::Value value, Level least = Level::Select) {
    return paren(use(value), least);
  }
  Expr call(llvm::StringRef function, mlir::ValueRange operands);
  Expr constant(mlir::Value value, bool isUnsigned);
  /// Gives the longest waiting operand a name; false when none waits.
  bool nameLongestOperand(mlir::Operation *op);
  void nameOperand(mlir::Value value);
  std::string declare(mlir::Value value, const Expr &expr);
  Expr toSigned(Expr expr, mlir::Type type) const;
  mlir::LogicalResult unknown(mlir::Operation *op) const;

  llvm::DenseMap<mlir::Value, Expr> exprs;
  /// Values that got a variable, and what they were before: outside the block
  /// that declares it, a variable is not.
  std::vector<std::pair<mlir::Value, Expr>> renamed;
  llvm::DenseMap<mlir::Value, Buffer *> buffers;
  llvm::DenseSet<mlir::Operation *> printed; ///< helper functions
  std::string out;
};

/// An index, or an integer that is no truth value.
bool isInteger(mlir::Type type);
/// Whether `text` is a name, a part of one, or a number.
bool isWord(llvm::StringRef text);
/// Whether `value` is a multiple of `n` whatever the variables are.
bool isMultipleOf(mlir::Value value, int64_t n);
/// The shortest decimal that reads back as `value`, finite, with a point or an
/// exponent.
std::string shortest(const llvm::APFloat &value);
/// 0x7fc00000
std::string hex(const llvm::APInt &value);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_TEXT_PRINTER_H
