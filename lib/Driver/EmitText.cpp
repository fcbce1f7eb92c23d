//===- EmitText.cpp - a phase's result as text ----------------------------===//

#include "EmitText.h"
#include "Data.h"
#include "mlir/IR/OperationSupport.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Frontend/OnnxExport.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

llvm::Error checkEmitName(StringRef name, const Target &target) {
  std::vector<std::string> known = {"import", "fuse", "schedule", "onnx"};
  llvm::append_range(known, target.textPhases());
  if (name.empty() || llvm::is_contained(known, name))
    return llvm::Error::success();
  return fail(ExitUsage, "--emit: no phase '" + name + "', expected " +
                             enumeration(known));
}

static bool isStdout(StringRef output) {
  return output.empty() || output == "-";
}

llvm::Error needFile(StringRef output) {
  if (output == "-")
    return fail(ExitUsage, "-o: '-' is stdout, where only --emit writes to");
  return llvm::Error::success();
}

static llvm::Error
writeText(StringRef output,
          llvm::function_ref<void(llvm::raw_ostream &)> write) {
  if (!isStdout(output))
    return withCode(ExitUsage, artifact::writeFile(output, write));
  write(llvm::outs());
  return finishOutput();
}

llvm::Expected<std::string> onnxOf(const Program &program) {
  mlir::ModuleOp module = *program.module;
  DiagnosticLog log(*module.getContext());
  if (failed(fuse::canonicalize(module)))
    return fail(ExitBug, log.lines());
  fuse::raiseContraction(module);
  if (failed(fuse::canonicalize(module)))
    return fail(ExitBug, log.lines());
  std::vector<std::string> errors;
  mlir::FailureOr<std::string> bytes =
      onnx_frontend::exportModel(program, errors);
  if (failed(bytes))
    return fail(ExitModel, errors);
  return *bytes;
}

llvm::Error emitModule(Program &program, StringRef output) {
  mlir::Operation *module = program.module->getOperation();
  if (isStdout(output) || program.weights->entries().empty()) {
    module->removeAttr("lazy.weights_file");
    int64_t weights = 0;
    module->walk([&](lazy::WeightOp) { ++weights; });
    if (weights)
      llvm::errs() << "nacre: without the values of " << weights
                   << (weights == 1 ? " weight" : " weights")
                   << ", which -o FILE writes beside the text\n";
  } else {
    llvm::SmallString<128> file(output);
    llvm::sys::path::replace_extension(file, "safetensors");
    std::string error;
    if (failed(program.weights->save(file, error)))
      return fail(ExitUsage, error);
    module->setAttr("lazy.weights_file",
                    mlir::StringAttr::get(module->getContext(),
                                          llvm::sys::path::filename(file)));
  }
  return writeText(output, [&](llvm::raw_ostream &os) {
    mlir::OpPrintingFlags flags;
    flags.useLocalScope();
    module->print(os, flags);
    os << "\n";
  });
}

llvm::Error emitText(mlir::MLIRContext &context, ModelSource &source,
                     const Toolchain &tools, const CompileOptions &options) {
  std::optional<Phase> phase = phaseNamed(options.emit);
  if (phase && source.phase() > *phase)
    return fail(ExitUsage, Twine("--emit: the model is already past phase '") +
                               options.emit + "'");
  if (options.emit == "onnx") {
    if (options.output.empty())
      return fail(ExitUsage, "--emit onnx: -o says no file");
    if (source.phase() != Phase::Import)
      return fail(ExitUsage, "--emit onnx: the model is past phase 'import'");
    llvm::Expected<Program> program =
        source.program(context, source.givenDims());
    if (!program)
      return program.takeError();
    llvm::Expected<std::string> bytes = onnxOf(*program);
    if (!bytes)
      return bytes.takeError();
    return writeText(options.output,
                     [&](llvm::raw_ostream &os) { os << *bytes; });
  }
  if (!phase) {
    Toolchain asked = tools;
    asked.options.keepKernelText = true;
    llvm::Expected<Compiled> compiled =
        compileSource(context, source, source.givenDims(), asked);
    if (!compiled)
      return compiled.takeError();
    llvm::Expected<std::string> text =
        tools.target->text(options.emit, compiled->code);
    if (!text)
      return text.takeError();
    return writeText(options.output,
                     [&](llvm::raw_ostream &os) { os << *text; });
  }

  llvm::Expected<Program> program = source.program(context, source.givenDims());
  if (!program)
    return program.takeError();
  PhaseTimes times;
  if (llvm::Error error = lower(*program, source.phase(), *phase, tools, times))
    return error;
  return emitModule(*program, options.output);
}

} // namespace nacre::driver
