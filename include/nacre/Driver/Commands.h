//===- Commands.h - the verbs of the command line ---------------*- C++ -*-===//
//
// One function a verb, one struct of options each. Results go to stdout, the
// line of defaults and progress to stderr.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_DRIVER_COMMANDS_H
#define NACRE_DRIVER_COMMANDS_H

#include "nacre/Failure/Failure.h"
#include <cstdint>
#include <optional>

namespace nacre::driver {

/// What every verb takes.
struct ModelOptions {
  std::string model; ///< .onnx, the graph language (.ngl) or lazy IR (.mlir)
  std::string parameters; ///< .safetensors with the parameters of an .ngl
  std::vector<std::string> dims; ///< "NAME=N", or "NAME<=N": stays symbolic
  std::vector<std::string> fix;  ///< "INPUT=FILE" or "INPUT=NUMBER": constants
  std::vector<std::string> states; ///< "OUTPUT=INPUT": the next run's input
  std::string from;                ///< phase whose text the model is
  std::string target;              ///< empty: the first one
  std::string triple;              ///< empty: the host's
  std::string cpu;      ///< empty: the host's, or generic for another processor
  std::string features; ///< LLVM feature string
  unsigned optLevel = 2;
  int64_t threads = 0; ///< 0: one per processor
  /// Memory between kernels: "64M", "1.5G", bytes; empty: any.
  std::string memoryBudget;
  std::string schedules;  ///< file of schedules to take; empty: none
  double tune = 0;        ///< seconds to look for faster schedules
  std::string tuneLog;    ///< file for those that are found; empty: none
  bool groups = true;     ///< kernels may run in groups, slice by slice
  bool strictFp = false;  ///< sums of the model's own products only
  std::string name;       ///< C name; empty: from the model's file name
  bool interpret = false; ///< by the reference interpreter, nothing compiled
  // Guards against hostile ONNX files.
  bool allowHardlinks = false; ///< external data with several names is read
  int64_t maxNodes = 1000000;  ///< nodes after inlining of functions
  int64_t maxFoldBytes = int64_t(64) << 20; ///< one folded constant
  bool json = false;
};

/// What a training is made of beside the model.
struct TrainingModelOptions : ModelOptions {
  std::optional<int64_t> batch; ///< extent of the data's leading open dim
  std::string optimizer, loss;  ///< empty: as the model says
  std::vector<std::string> learn, freeze; ///< patterns of parameter names
  std::optional<int64_t> lora;            ///< rank of adapters
  std::optional<int64_t> microBatches;    ///< to a step; else as the model says
  /// How ranks talk: "mpi", or the path of a plug-in (nacre/collective.h);
  /// empty: this process trains alone.
  std::string ranks;
};

struct CompileOptions : TrainingModelOptions {
  bool train = false; ///< a training object; the options above need it
  std::optional<int64_t> steps; ///< the end of its learning rate's schedule
  std::string output;           ///< folder or file, as the target likes
  std::string weights;          ///< embed or file; empty: the target's choice
  std::string emit;    ///< import, fuse, schedule or a phase of the target
  std::string depfile; ///< make rule of what the artefact depends on
};

struct BuildOptions : ModelOptions {
  std::string output;
  std::string runtime; ///< folder of the runtime's archives; empty: ../lib
};

struct RunOptions : ModelOptions {
  std::vector<std::string> inputs; ///< NAME=FILE.npy, FILE.pb or random
  std::string data, outputDir;
  uint64_t seed = 0;
  /// Tokens to generate, 0: run once. Then `inputs` is the prompt.
  int64_t generate = 0;
  double temperature = 0;
  int64_t topK = 0;      ///< 0: all
  int64_t endToken = -1; ///< which ends a row
};

struct VerifyOptions : ModelOptions {
  std::vector<std::string> data;
  double rtol = 1e-3;
  double atol = 1e-5;   ///< times the output's largest magnitude
  int64_t outliers = 0; ///< elements outside the tolerance that pass
  bool reference = false;
  uint64_t seed = 0;
};

struct BenchOptions : ModelOptions {
  std::string data;
  double minTime = 1; ///< seconds
  uint64_t seed = 0;
  std::string html; ///< file of a page
};

struct InspectOptions : ModelOptions {
  /// Which ops are read and what blocks the others; without a model all ops
  /// that the compiler reads.
  bool coverage = false;
  std::string html;
};

/// `model` is a graph language file, an ONNX file or textual programs of
/// training.
struct TrainOptions : TrainingModelOptions {
  std::string data, valid;       ///< .npz or .safetensors
  std::optional<int64_t> steps;  ///< either these
  std::optional<int64_t> epochs; ///< or these
  std::optional<uint64_t> seed;  ///< of the weights, the order, the dropout
  bool fastSums = false;         ///< sums between ranks in any order
  bool shardOptimizer = false;   ///< each rank has a part of its states
  std::string checkpoint;
  int64_t checkpointEvery = 0; ///< steps; 0: at the end of each epoch
  bool resume = false;
  std::string log;       ///< .csv or .jsonl
  std::string curve;     ///< .svg
  int64_t evalEvery = 0; ///< steps; 0: at the end of each epoch
  std::string output;    ///< .safetensors or .onnx
};

llvm::Error compile(const CompileOptions &options);
llvm::Error build(const BuildOptions &options);
llvm::Error run(const RunOptions &options);
llvm::Error verify(const VerifyOptions &options);
llvm::Error bench(const BenchOptions &options);
llvm::Error inspect(const InspectOptions &options);
llvm::Error train(const TrainOptions &options);

} // namespace nacre::driver

#endif // NACRE_DRIVER_COMMANDS_H
