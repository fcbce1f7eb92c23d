//===- Onnx.h - ONNX files to lazy IR ---------------------------*- C++ -*-===//
#ifndef NACRE_FRONTEND_ONNX_H
#define NACRE_FRONTEND_ONNX_H

#include "nacre/Frontend/OnnxCoverage.h"
#include "nacre/Lazy/Program.h"
#include "llvm/ADT/StringMap.h"

namespace nacre::onnx_frontend {

/// Strings in row-major order, which are known when a model is imported. Those
/// that only the run knows are tensors of codes (nacre/Lazy/Signature.h).
struct StringTensor {
  std::vector<int64_t> shape;
  std::vector<std::string> values;
};

struct ImportOptions {
  /// Values of dimension names; an unnamed input dim is called INPUT.AXIS.
  llvm::StringMap<int64_t> dims;
  /// Names that stay symbolic, with their bounds.
  llvm::StringMap<int64_t> symbolicDims;
  /// Symbolic extents on any axis: the program is made for the bounds, its
  /// inputs and outputs are vectors, and the dims are further inputs
  /// (docs/dims.md). Without it they must be leading ones.
  bool boundedDims = false;
  /// With boundedDims the least extents, 1 where a name is missing.
  llvm::StringMap<int64_t> leastDims;
  /// Inputs that are constants of this compilation: they are not inputs of the
  /// program.
  llvm::StringMap<Tensor> fixed;
  llvm::StringMap<StringTensor> fixedStrings;
  /// Inputs whose next value is an output: states of the program. By input.
  llvm::StringMap<std::string> states;
  int64_t maxFoldBytes = int64_t(64) << 20;
  int64_t maxNodes = 1000000;
  bool allowHardlinks = false;
  /// For a training, whose steps must not draw the same numbers each time.
  bool training = false;
  /// Where set, the import says there which nodes it has read, whether it
  /// succeeds or not. Nothing is said of a file that is no model.
  Coverage *coverage = nullptr;
};

/// What a tensor may be inside of.
enum class Wrapping : uint8_t { Optional, Sequence };

/// One input or output as the file declares it. A dim is its value, or -1 with
/// its name (declared, or INPUT.AXIS).
struct Signature {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> dims;
  std::vector<std::string> dimNames;
  /// From the outside in; empty for a tensor. `dtype` and `dims` are then
  /// those of the tensors within.
  std::vector<Wrapping> wrapping{};
  bool ranked = true;   ///< false: no shape is declared
  bool strings = false; ///< of strings, whose codes are i32
};

/// The tensors that an input or output NAME is: itself, or of a sequence of n
/// NAME.0 to NAME.(n-1). An optional is a sequence of at most one, and
/// elements may be sequences again. The lengths are the values of NAME in
/// `dims`; the dims of an element are open under its own name, ELEMENT.AXIS,
/// where no value is declared. An element whose rank is not declared has as
/// many as `dims` has values for. Gives false, and in `reason` what is
/// missing, when a length is not given or above kMaxListLength.
bool listTensors(const Signature &signature,
                 const llvm::StringMap<int64_t> &dims,
                 std::vector<Signature> &tensors, std::string &reason);
/// Reads the tensor of strings in a .pb file (ONNX TensorProto).
mlir::FailureOr<StringTensor> readStringFile(llvm::StringRef path,
                                             std::string &error);
constexpr int64_t kMaxListLength = 4096;

/// The signature of element i of a list.
Signature listElement(const Signature &list, int64_t i);

/// What a model has, for `inspect` and for binding dims; needs no dims bound.
struct ModelInfo {
  std::string producer;
  int64_t irVersion = 0;
  std::vector<std::pair<std::string, int64_t>> opsets;
  std::vector<Signature> inputs, outputs;
  std::vector<std::pair<std::string, int64_t>> opCounts;
  int64_t nodeCount = 0, parameterCount = 0;
  std::vector<std::string> externalFiles;
};

/// Reads the signature. Problems go to `errors`, one per line of the
/// diagnostic, each like
/// `model.onnx: node 'conv1' (Conv, opset 13): strides[0] is 0, must be > 0`.
mlir::FailureOr<ModelInfo> readInfo(llvm::StringRef path,
                                    std::vector<std::string> &errors,
                                    const ImportOptions &options = {});

/// Imports a model. All blockers are reported at once in `errors`; on failure
/// nothing is returned.
mlir::FailureOr<Program> import(mlir::MLIRContext &context,
                                llvm::StringRef path,
                                const ImportOptions &options,
                                std::vector<std::string> &errors);

} // namespace nacre::onnx_frontend

#endif // NACRE_FRONTEND_ONNX_H
