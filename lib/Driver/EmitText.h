//===- EmitText.h - a phase's result as text --------------------*- C++ -*-===//
#ifndef NACRE_LIB_DRIVER_EMITTEXT_H
#define NACRE_LIB_DRIVER_EMITTEXT_H

#include "Session.h"

namespace nacre::driver {

/// Whether `name` is empty or can be asked of --emit for that target.
llvm::Error checkEmitName(llvm::StringRef name, const Target &target);

/// An error where `output`, of artefacts that are files, stands for stdout.
llvm::Error needFile(llvm::StringRef output);

/// Prints the program after options.emit on stdout, or writes it to
/// options.output, then with the weights beside it, ready for --from. An output
/// of "-" is stdout too.
llvm::Error emitText(mlir::MLIRContext &context, ModelSource &source,
                     const Toolchain &tools, const CompileOptions &options);

/// Prints a program, or writes it to `output` with its weights beside it. On
/// stdout the values of weights are left out, which is said on stderr.
llvm::Error emitModule(Program &program, llvm::StringRef output);

/// An imported program as the bytes of an ONNX file.
llvm::Expected<std::string> onnxOf(const Program &program);

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_EMITTEXT_H
