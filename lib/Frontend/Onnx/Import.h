//===- Import.h - the state of one import -----------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_IMPORT_H
#define NACRE_LIB_FRONTEND_ONNX_IMPORT_H

#include "BoundedDims.h"
#include "Datum.h"
#include "Lists.h"
#include "ModelFile.h"
#include "NodeLog.h"
#include "TensorData.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Program.h"
#include "llvm/ADT/DenseMap.h"

namespace nacre::onnx_frontend {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

class Importer;
class Node;

/// What a function that is being made takes from the values around it.
class Captures {
public:
  Captures(Importer &importer, mlir::Block *body)
      : importer(importer), body(body) {}
  /// The value inside that stands for one outside.
  mlir::Value take(mlir::Value outside);

  Importer &importer;
  mlir::Block *const body;
  llvm::SmallVector<mlir::Value> taken; ///< outside, as the last arguments

private:
  llvm::DenseMap<mlir::Value, mlir::Value> inside;
};

/// The names visible at a node. A null datum is one whose node was blocked:
/// what depends on it is skipped without a second message.
struct Scope {
  const Scope *outer = nullptr;
  /// Set where this scope is a function of its own: what is found outside is
  /// captured.
  Captures *captures = nullptr;
  llvm::StringMap<Datum> values;
  /// Inside a function: attributes of the call, and the function's opsets.
  const onnx::NodeProto *call = nullptr;
  const Scope *callScope = nullptr;
  const llvm::StringMap<int64_t> *opsets = nullptr;

  /// What the name stands for; nullopt if it is unknown here.
  std::optional<Datum> find(llvm::StringRef name) const;
};

/// Everything the import of one model shares.
class Importer {
public:
  Importer(mlir::MLIRContext &context, std::shared_ptr<ModelFile> file,
           const ImportOptions &options, Errors &errors);

  /// The whole model; failure after any error.
  mlir::LogicalResult run();

  void importNodes(const Nodes &nodes, Scope &scope);
  /// Initializers of a graph become values of `scope`.
  /// `raw` has the raw data that lies beside the graph, by initializer.
  void importInitializers(const onnx::GraphProto &graph, Scope &scope,
                          llvm::ArrayRef<llvm::StringRef> raw = {});

  /// A tensor as a value: a splat when it has one element that a double holds
  /// exactly, else a weight called after `name`.
  mlir::Value constant(mlir::Location loc, llvm::StringRef name, Tensor tensor);
  /// Strings by their codes in the program's table, i32.
  mlir::Value codesOf(mlir::Location loc, llvm::StringRef name,
                      const StringTensor &strings);
  /// The tensor behind a value that depends on constants only.
  std::optional<Tensor> constantValue(mlir::Value value);
  /// Runs `import` with new operations going to the end of another block.
  void inBlock(mlir::Block *block, llvm::function_ref<void()> import);
  /// Takes back the messages since there were `before`, of an attempt to
  /// import. Functions that it made are erased at the end.
  void forgive(size_t before) {
    errors.list.resize(before);
    log.forgive(before);
  }

  /// `first` and then `rest` along `axis`, where `first` is what a state holds:
  /// the slices of `rest` are written behind it, in the state. Null where it is
  /// no such thing.
  mlir::Value appended(mlir::Location loc, mlir::Value first, mlir::Value rest,
                       int64_t axis);

  std::shared_ptr<ModelFile> file;
  const ImportOptions &options;
  Errors &errors;
  TensorSource source;
  Program program;
  mlir::OpBuilder builder;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  NodeLog log; ///< kept where options.coverage is set
  BoundedDims dims{builder, *program.weights};

private:
  void importNode(const onnx::NodeProto &node, int index, Scope &scope);
  void logRead(const onnx::NodeProto &node, const Scope &scope);
  void importOp(Node &node, void (*importer)(Node &));
  void callFunction(const onnx::FunctionProto &function,
                    const onnx::NodeProto &node, Scope &scope);
  void checkSizes(mlir::Operation *before);
  void makeArguments(Scope &scope);
  void addArguments(const onnx::ValueInfoProto &input);
  Extents extentsOf(const Signature &signature, mlir::RankedTensorType type);
  void describe(const Extents &declared, const Extents &extents,
                llvm::function_ref<void(llvm::StringRef, mlir::Attribute)> set);
  void needStaticInputs(const onnx::NodeProto &node, const Scope &scope);
  std::vector<NamedTensor> results(Scope &scope);
  void finish(llvm::ArrayRef<NamedTensor> results);

  struct Argument {
    std::string name;
    bool strings;
    Extents extents;  ///< empty: static
    Extents declared; ///< without the meaning of dims named as sums
  };
  std::optional<Extent> sumNamed(llvm::StringRef name);
  mlir::Value spreadArgument(mlir::Value given, Argument &argument);
  std::vector<Argument> arguments; ///< the inputs' tensors, in order

  /// An input whose next value is an output.
  struct State {
    std::string input, output;
    mlir::RankedTensorType type; ///< with room for what an input has
    Extents extents;             ///< of the input as the model has it
    int64_t axis = -1;           ///< along which it grows; -1: it does not
    mlir::Value argument{};      ///< of `type`, or with room for the next value
  };
  void addState(const onnx::ValueInfoProto &input);
  mlir::Value stateAsInput(const State &state);
  State *stateBehind(mlir::Value v);
  mlir::Value wholeOf(mlir::Location loc, mlir::Value v, int64_t axis,
                      int64_t room);
  bool isWrittenInto(mlir::Value v, const State &state);
  void checkState(const State &state, mlir::Value next);
  std::vector<State> states; ///< arguments after those of `arguments`
  /// Inputs and how many of the arguments each one is.
  std::vector<std::pair<Signature, size_t>> inputs;
  int32_t codeOf(llvm::StringRef string);
  std::vector<std::string> strings; ///< by their codes
  llvm::StringMap<int32_t> codes;
  llvm::DenseMap<mlir::Value, Tensor> memo;
  mlir::Block *body = nullptr;
  /// Nodes of bodies that are imported again and again count each time.
  int64_t nodesImported = 0;
};

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_IMPORT_H
