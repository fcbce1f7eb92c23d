//===- CpuTarget.cpp - machine code of any processor LLVM knows -----------===//

#include "Cpu.h"
#include "Disassemble.h"
#include "Files.h"
#include "NativeModel.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace nacre {

namespace {
class CpuTarget : public Target {
public:
  StringRef name() const override { return "cpu"; }
  StringRef description() const override { return "machine code, by LLVM"; }

  llvm::Expected<MachineDescription>
  describe(CodegenOptions &options) const override {
    return cpu::describeMachine(options);
  }
  llvm::Expected<CompiledCode>
  emit(Program &program, const CodegenOptions &options) const override {
    return emitNative(program, options);
  }
  /// Every program: nothing bounds machine code but memory.
  llvm::Error accept(Program &, const CodegenOptions &) const override {
    return llvm::Error::success();
  }
  std::vector<std::string> textPhases() const override {
    return {"llvm", "asm"};
  }
  llvm::Expected<std::string> text(StringRef phase,
                                   const CompiledCode &code) const override {
    if (phase == "asm")
      return cpu::disassemble(code);
    return code.kernelText;
  }
  void report(const CompiledCode &code, Json &json) const override {
    json["triple"] = code.triple;
    json["cpu"] = code.cpu;
    json["features"] = code.features;
    json["code_bytes"] = code.object.size();
  }

  llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                  CodegenOptions &options) const override {
    return cpu::place(asked, options);
  }
  llvm::Error write(CompiledCode &code, Program &program,
                    const CodegenOptions &options, const ArtifactOptions &asked,
                    Artifacts &artifacts) const override {
    return cpu::write(code, program, options, asked.source, artifacts);
  }
  llvm::Expected<std::vector<std::string>>
  findRuntime(StringRef folder) const override {
    return cpu::findRuntime(folder);
  }
  llvm::Error linkExecutable(const CompiledCode &code,
                             const CodegenOptions &options,
                             llvm::ArrayRef<std::string> runtime,
                             StringRef output) const override {
    return cpu::linkExecutable(code, options, runtime, output);
  }
  llvm::Expected<bool> inspect(StringRef path, Json &json) const override {
    if (!path.ends_with(".o") && !path.ends_with(".so"))
      return false;
    if (llvm::Error error = cpu::describeObject(path, json))
      return error;
    return true;
  }
  llvm::Expected<std::unique_ptr<LoadedModel>>
  load(const CompiledCode &code, const CodegenOptions &options,
       int64_t threads) const override {
    return cpu::loadModel(code, options, threads);
  }
};
} // namespace

const Target &cpuTarget() {
  static const CpuTarget target;
  return target;
}

} // namespace nacre
