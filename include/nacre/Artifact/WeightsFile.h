//===- WeightsFile.h - the weights image as a side file ---------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_WEIGHTSFILE_H
#define NACRE_ARTIFACT_WEIGHTSFILE_H

#include "nacre/Codegen/Code.h"

namespace nacre::artifact {

/// Fills `image`, of code.weightsBytes zeroed bytes, with the segments. Of
/// weights in mapped files, and of an image that is a mapped file itself, only
/// the segment at work is held in memory.
void writeWeightsImage(const CompiledCode &code, uint8_t *image,
                       bool imageIsFile = false);

/// Writes a safetensors file with one tensor `weights` of u8, aligned to 64
/// bytes in the file, and the model's name and version as metadata.
llvm::Error writeWeightsFile(const CompiledCode &code, llvm::StringRef model,
                             llvm::StringRef path);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_WEIGHTSFILE_H
