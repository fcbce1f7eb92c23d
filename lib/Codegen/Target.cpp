//===- Target.cpp - what targets do unless they do it their own way -------===//

#include "nacre/Codegen/Target.h"
#include "nacre/Failure/Failure.h"

using llvm::StringRef;

namespace nacre {

llvm::Error Target::refuseProcessor(const CodegenOptions &options) const {
  for (auto [flag, value] : {std::pair("--triple", &options.triple),
                             std::pair("--cpu", &options.cpu),
                             std::pair("--features", &options.features)})
    if (!value->empty())
      return fail(ExitUsage, StringRef(flag) + ": target '" + name() +
                                 "' has no such option");
  return llvm::Error::success();
}

llvm::Error Target::accept(Program &program,
                           const CodegenOptions &options) const {
  return emit(program, options).takeError();
}

llvm::Expected<std::string> Target::render(mlir::ModuleOp) const {
  return fail(ExitUsage, "target '" + name() + "' prints no kernels");
}

llvm::Expected<std::vector<std::string>> Target::findRuntime(StringRef) const {
  return fail(ExitUsage, "target '" + name() +
                             "' makes no executables, use nacre compile");
}

llvm::Error Target::linkExecutable(const CompiledCode &, const CodegenOptions &,
                                   llvm::ArrayRef<std::string>,
                                   StringRef) const {
  llvm_unreachable("findRuntime has refused");
}

} // namespace nacre
