//===- Target.h - what code can be made for ---------------------*- C++ -*-===//
//
// One class a target, in its own folder of lib/Codegen, and one row of
// TargetRegistry.cpp; nobody else knows its name. Errors that carry no exit
// code of their own (nacre/Failure/Failure.h) get the one said at the function.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_TARGET_H
#define NACRE_CODEGEN_TARGET_H

#include "nacre/Codegen/LoadedModel.h"
#include <nlohmann/json_fwd.hpp>

namespace nacre {

/// Files of a compilation: what they are ("object", "weights_file") and paths.
/// The first stands for all of them, in reports and make rules.
using Artifacts = std::vector<std::pair<std::string, std::string>>;

/// What `nacre compile` was told about them.
struct ArtifactOptions {
  std::string output;  ///< -o; empty: the current folder
  std::string weights; ///< embed or file; empty: the target's choice
  std::string source;  ///< the model's file name, for comments
};

class Target {
public:
  virtual ~Target() = default;
  virtual llvm::StringRef name() const = 0;
  /// A few words for --help.
  virtual llvm::StringRef description() const = 0;

  /// Checks the options, refuses those it has no use for and
  /// fills in the rest; says what it generates for. Else exit code 2.
  virtual llvm::Expected<MachineDescription>
  describe(CodegenOptions &options) const = 0;
  /// Code for a program after the schedule phase. The weights of `program`
  /// must outlive the segments.
  virtual llvm::Expected<CompiledCode>
  emit(Program &program, const CodegenOptions &options) const = 0;
  /// An error when this target cannot take a program after the schedule phase;
  /// says why.
  virtual llvm::Error accept(Program &program,
                             const CodegenOptions &options) const;
  /// What `--emit` can print beyond the common phases, and the text of one.
  /// `code` was made with keepKernelText.
  virtual std::vector<std::string> textPhases() const = 0;
  virtual llvm::Expected<std::string> text(llvm::StringRef /*phase*/,
                                           const CompiledCode &code) const {
    return code.kernelText;
  }
  /// The text of kernels that are already lowered and decomposed, for tests of
  /// the printing; an error where this target prints none.
  virtual llvm::Expected<std::string> render(mlir::ModuleOp module) const;
  /// Adds what is particular to this target to a report: "triple", "cpu".
  virtual void report(const CompiledCode &, nlohmann::ordered_json &) const {}

  /// Chooses the files and makes their folder, before anything is compiled;
  /// sets embedWeights and weightsFile. Else exit code 2.
  virtual llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                          CodegenOptions &options) const = 0;
  /// Writes them and strikes off the list what was not needed; may let go of
  /// the program as soon as the weights are written. Else exit code 2.
  virtual llvm::Error write(CompiledCode &code, Program &program,
                            const CodegenOptions &options,
                            const ArtifactOptions &asked,
                            Artifacts &artifacts) const = 0;
  /// An executable: the files of the runtime it is linked with, searched in
  /// `folder` or beside this program, and the link. Else exit code 2.
  virtual llvm::Expected<std::vector<std::string>>
  findRuntime(llvm::StringRef folder) const;
  virtual llvm::Error linkExecutable(const CompiledCode &code,
                                     const CodegenOptions &options,
                                     llvm::ArrayRef<std::string> runtime,
                                     llvm::StringRef output) const;
  /// Describes an artefact at `path` in `json`; false when it is none of this
  /// target's.
  virtual llvm::Expected<bool>
  inspect(llvm::StringRef /*path*/, nlohmann::ordered_json & /*json*/) const {
    return false;
  }

  /// Makes code of `emit`, embedWeights off, ready to run on `threads` threads
  /// (those who have no use for the number ignore it). Else exit code 3.
  virtual llvm::Expected<std::unique_ptr<LoadedModel>>
  load(const CompiledCode &code, const CodegenOptions &options,
       int64_t threads) const = 0;

protected:
  /// An error unless --triple, --cpu and --features are empty.
  llvm::Error refuseProcessor(const CodegenOptions &options) const;
};

/// The targets of this build.
std::vector<const Target *> targets();
/// The target of that name (empty: the first), or an error that lists those
/// there are.
llvm::Expected<const Target *> findTarget(llvm::StringRef name);

} // namespace nacre

#endif // NACRE_CODEGEN_TARGET_H
