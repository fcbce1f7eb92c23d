//===- LoadModel.h - from a file to a program -------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_LOADMODEL_H
#define NACRE_LIB_DRIVER_LOADMODEL_H

#include "Strings.h"
#include "nacre/Driver/Commands.h"
#include "nacre/Driver/Pipeline.h"
#include "nacre/Frontend/Graph.h"

namespace nacre::driver {

using onnx_frontend::ModelInfo;
using onnx_frontend::Signature;
using Dims = llvm::StringMap<int64_t>;

/// A model file whose signature is known and whose dims may still be open.
class ModelSource {
public:
  static llvm::Expected<ModelSource> open(mlir::MLIRContext &context,
                                          const ModelOptions &options);

  /// The tensors that the program takes, without fixed inputs. A sequence or
  /// an optional whose length is not known yet stands as it is declared.
  llvm::ArrayRef<Signature> inputs() const { return info.inputs; }
  /// The same as the file declares them: sequences are one.
  llvm::ArrayRef<Signature> declaredInputs() const { return declared; }
  /// Takes the lengths of sequences that a set of data has, in place of those
  /// of the set before.
  llvm::Error bindLengths(const Dims &lengths);
  /// An error when there is an input of unknown length.
  llvm::Error checkInputs() const;
  const ModelInfo &modelInfo() const { return info; }
  /// The texts of all data that has been read for this model.
  Strings &strings() { return texts; }
  /// Inputs that --state made states, as the file declares them.
  llvm::ArrayRef<Signature> states() const { return kept; }
  bool isOnnx() const { return kind == Kind::Onnx; }
  bool isText() const { return kind == Kind::Text; }
  /// The phase that made this text, or Import.
  Phase phase() const { return startPhase; }
  /// Values and bounds given with --dim.
  const Dims &givenDims() const { return given; }
  const Dims &symbolicDims() const { return symbolic; }
  const Dims &leastDims() const { return least; }
  /// Inputs of the file that --fix made constants: their places among all
  /// inputs, in order, and values.
  struct FixedInput {
    size_t place;
    Signature signature;
    Tensor value; ///< without bytes for strings
  };
  llvm::ArrayRef<FixedInput> fixedInputs() const { return fixed; }
  /// Files the result depends on.
  llvm::ArrayRef<std::string> files() const { return dependencies; }

  /// The program with `dims` bound. Of textual IR it can be had once. Of an
  /// ONNX model `coverage` gets which nodes were read.
  llvm::Expected<Program> program(mlir::MLIRContext &context, const Dims &dims,
                                  onnx_frontend::Coverage *coverage = nullptr);

private:
  llvm::Error fixInputs(llvm::ArrayRef<std::string> texts);
  llvm::Error keepStates(llvm::ArrayRef<std::string> texts);
  llvm::Error fixStrings(const Signature &input, llvm::StringRef path);
  llvm::Error checkDimNames() const;
  void expandInputs();

  std::string path, name;
  ModelInfo info; ///< without fixed inputs
  Strings texts;
  std::vector<Signature> declared;
  std::vector<std::string> unbound; ///< why inputs cannot be bound yet
  std::vector<FixedInput> fixed;
  std::vector<Signature> kept;
  Program text;
  enum class Kind { Onnx, Graph, Text } kind = Kind::Onnx;
  std::string parameters; ///< checkpoint of a graph's parameters, or empty
  Phase startPhase = Phase::Import;
  Dims asked;                  ///< with --dim and --fix
  Dims given, symbolic, least; ///< `given` with the lengths that data has
  onnx_frontend::ImportOptions limits; ///< without dims
  std::vector<std::string> dependencies;
};

/// An error unless there is a file at `path`.
llvm::Error checkReadable(llvm::StringRef path);

/// Parses --dim: "NAME=N", "NAME<=N" and "NAME=LEAST..MOST".
llvm::Error readDims(const ModelOptions &options, Dims &given, Dims &symbolic,
                     Dims &least);

/// The values of all open dims: those given, and those that `tensors` (in
/// order of `inputs`; one without bytes is not known yet) have. All tensors
/// that do not fit are reported.
llvm::Expected<Dims> bindDims(llvm::ArrayRef<Signature> inputs,
                              llvm::ArrayRef<Tensor> tensors, const Dims &given,
                              const Dims &symbolic, const Dims &least);

/// "[N, 3]"
std::string shapeText(const Signature &signature);
using nacre::shapeText;

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_LOADMODEL_H
