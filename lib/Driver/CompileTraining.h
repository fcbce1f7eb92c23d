//===- CompileTraining.h - a training object from its programs --*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_COMPILETRAINING_H
#define NACRE_LIB_DRIVER_COMPILETRAINING_H

#include "Session.h"
#include "nacre/Artifact/TrainingHeader.h"
#include "nacre/Autodiff/Training.h"

namespace nacre::driver {

/// `nacre compile --train`.
llvm::Error compileTraining(const CompileOptions &options);

/// The programs of a training, compiled. The symbol of each is NAME_ROLE.
struct CompiledTraining {
  struct Part {
    std::string role;
    CodegenOptions options;
    Compiled compiled;
  };
  std::vector<Part> parts;            ///< init first, eval last
  llvm::StringMap<std::string> kinds; ///< of the states
  std::vector<artifact::TrainingPart> table() const;
};

/// Compiles every program for `tools`, weights embedded as `options` say.
llvm::Expected<CompiledTraining>
compilePrograms(autodiff::TrainingPrograms programs, const Toolchain &tools);

/// Writes one object and its header or, for a target of bundles, a folder with
/// a bundle a program and training.json. Else exit code 2.
llvm::Expected<Artifacts> writeTraining(CompiledTraining &training,
                                        const Toolchain &tools,
                                        const ArtifactOptions &asked);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_COMPILETRAINING_H
