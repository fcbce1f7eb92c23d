//===- Data.h - tensors of runs: files, random, reports ---------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_DATA_H
#define NACRE_LIB_DRIVER_DATA_H

#include "LoadModel.h"
#include <nacre/runtime.h>
#include <nlohmann/json_fwd.hpp>

namespace nacre::driver {

/// The tensor of what the runtime's readers made, which it frees.
Tensor owned(const nacre_array &array);

/// Reads a .npy or .pb (ONNX TensorProto) file, one of strings as their codes
/// where `strings` is given.
llvm::Expected<Tensor> readTensor(llvm::StringRef path,
                                  Strings *strings = nullptr);

/// Bytes from a .npy file, which has no names for the narrow types, as elements
/// of such a type; other tensors as they are.
Tensor asElements(const Tensor &bytes, DType dtype);

/// The inputs of a data folder, DIR/input_0.npy or .pb and so on, with the
/// tensors of a sequence one after the other; binds the lengths of sequences.
/// An error unless there is one for each input, and fixed ones have the value
/// they were fixed to. A folder may leave these out.
llvm::Expected<std::vector<Tensor>> readInputs(llvm::StringRef folder,
                                               ModelSource &source);

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// The tensors of a data folder's outputs with their names.
llvm::Expected<NamedTensors> readOutputs(llvm::StringRef folder,
                                         ModelSource &source);

/// The next 64 bits of SplitMix64, after Steele, Lea and Flood, "Fast
/// Splittable Pseudorandom Number Generators" (OOPSLA 2014).
uint64_t splitMix(uint64_t &state);

/// The same values on every machine: floats in [-1, 1), integers of 8 bits
/// and fewer over their range, wider ones and bools 0 or 1 (they are mostly
/// indices and masks).
Tensor randomTensor(DType dtype, llvm::ArrayRef<int64_t> shape, uint64_t seed);

/// Random values for every input that has no bytes yet; all open dims must be
/// in `dims` (or symbolic: then their bound).
llvm::Error fillRandom(llvm::ArrayRef<Signature> inputs,
                       std::vector<Tensor> &tensors, const Dims &dims,
                       const Dims &symbolic, uint64_t seed);

/// Writes DIR/output_N.npy and DIR/outputs.json; makes the folder.
llvm::Error writeOutputs(llvm::StringRef folder,
                         llvm::ArrayRef<TensorInfo> signature,
                         llvm::ArrayRef<Tensor> outputs,
                         const Strings &strings);

/// Prints JSON, indented, on stdout.
void printJson(const nlohmann::ordered_json &json);

/// Flushes stdout; an error when it could not be written.
llvm::Error finishOutput();

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_DATA_H
