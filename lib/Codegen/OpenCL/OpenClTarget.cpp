//===- OpenClTarget.cpp - bundles for OpenCL devices ----------------------===//
#include "OpenCl.h"
#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Codegen/Target.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
namespace nacre {
namespace {

class OpenClTarget : public Target {
public:
  StringRef name() const override { return "opencl"; }
  StringRef description() const override {
    return "a bundle for any OpenCL 1.2 device";
  }

  llvm::Expected<MachineDescription>
  describe(CodegenOptions &options) const override {
    if (llvm::Error error = refuseProcessor(options))
      return error;
    MachineDescription machine;
    machine.name = "opencl 1.2";
    machine.vectorBytes = 4;
    machine.groupItems = 256;
    machine.localBytes = 32 << 10; // the least that OpenCL 1.2 promises
    machine.computeUnits = 128;
    return machine;
  }

  llvm::Expected<CompiledCode>
  emit(Program &program, const CodegenOptions &options) const override {
    codegen::TextLanguage language;
    language.target = name();
    language.kernelsFile = opencl::kernelsFile;
    language.limits.workgroupBytes = 32 << 10;
    language.limits.invocations = 256;
    language.render = codegen::renderOpenCl;
    auto code = codegen::emitBundle(program, language, options.symbol);
    if (!code)
      return code.takeError();
    code->madeFor = "OpenCL 1.2 devices";
    code->deviceArena = true;
    auto object = opencl::emitObject(*code, options);
    if (!object)
      return object.takeError();
    code->object = std::move(*object);
    return code;
  }
  llvm::Expected<std::string> render(mlir::ModuleOp module) const override {
    return codegen::renderedText(codegen::renderOpenCl(module));
  }
  std::vector<std::string> textPhases() const override { return {"cl"}; }

  llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                  CodegenOptions &options) const override {
    auto folder = codegen::placeBundle(asked, options);
    if (!folder)
      return folder.takeError();
    auto in = [&](const llvm::Twine &file) {
      return codegen::fileIn(*folder, file);
    };
    options.embedWeights = asked.weights == "embed";
    options.weightsFile = "weights.safetensors";
    return Artifacts{{"manifest", in("manifest.json")},
                     {"kernels_file", in(opencl::kernelsFile)},
                     {"weights_file", in("weights.safetensors")},
                     {"header", in(options.symbol + ".h")},
                     {"object", in(options.symbol + ".o")}};
  }

  llvm::Error write(CompiledCode &code, Program &,
                    const CodegenOptions &options, const ArtifactOptions &asked,
                    Artifacts &artifacts) const override {
    StringRef folder = llvm::sys::path::parent_path(artifacts[0].second);
    if (llvm::Error error = codegen::writeBundle(code, opencl::kernelsFile,
                                                 options.symbol, folder))
      return error;
    if (llvm::Error error =
            artifact::writeFile(artifacts[3].second, [&](auto &os) {
              artifact::writeCHeader(os, code, options, asked.source);
            }))
      return error;
    if (llvm::Error error =
            opencl::writeObject(code, options, artifacts[4].second))
      return error;
    if (!code.weightsBytes)
      artifacts.erase(artifacts.begin() + 2);
    return llvm::Error::success();
  }

  llvm::Expected<std::unique_ptr<LoadedModel>> load(const CompiledCode &code,
                                                    const CodegenOptions &,
                                                    int64_t) const override {
    return opencl::loadModel(code);
  }
};

} // namespace

const Target &openclTarget() {
  static const OpenClTarget target;
  return target;
}

} // namespace nacre
