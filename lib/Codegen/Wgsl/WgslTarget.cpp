//===- WgslTarget.cpp - bundles for WebGPU --------------------------------===//
#include "Wgsl.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Codegen/Target.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
namespace nacre {
namespace {

/// The defaults of the WebGPU specification (section 3.6.2, "Limits"): what
/// every implementation grants without being asked.
const codegen::DeviceLimits webgpuDefaults = {
    .storageBuffers = 8,
    .bindingBytes = uint64_t(128) << 20,
    .workgroupBytes = 16 << 10,
    .invocations = 256,
    .uniformBytes = 64 << 10,
    .groups = 65535,
};

class WgslTarget : public Target {
public:
  StringRef name() const override { return "wgsl"; }
  StringRef description() const override {
    return "a bundle for WebGPU, in browsers and node";
  }

  llvm::Expected<MachineDescription>
  describe(CodegenOptions &options) const override {
    if (llvm::Error error = refuseProcessor(options))
      return error;
    MachineDescription machine;
    machine.name = "wgsl, WebGPU's default limits";
    machine.vectorBytes = 4;
    machine.groupItems = 256;
    machine.localBytes = 16 << 10;
    // An integrated GPU. More items with less work each would suit large ones,
    // which are waiting for the next launch anyway.
    machine.computeUnits = 4;
    // Barriers cost more than they bring on small problems, above all on
    // software adapters.
    machine.minStagedFlops = 2e8;
    machine.minSharedSteps = 512;
    return machine;
  }

  llvm::Expected<CompiledCode>
  emit(Program &program, const CodegenOptions &options) const override {
    codegen::TextLanguage language;
    language.target = name();
    language.kernelsFile = wgsl::kernelsFile;
    language.lacks.f64 = language.lacks.i64 = true;
    language.lacks.reliableNaN = false;
    // WGSL has no erf, and promises little of the others: an exponential may be
    // off by 3 + 2|x| units and nothing is said of NaN and infinities, u32
    // becomes either neighbour in f32.
    for (StringRef op :
         {"math.erf", "math.exp", "math.log", "math.tanh", "math.powf",
          "math.sin", "math.cos", "arith.remf", "arith.uitofp"})
      language.lacks.ops.insert(op);
    language.limits = webgpuDefaults;
    language.chunkBytes = webgpuDefaults.bindingBytes;
    auto render = [&](mlir::ModuleOp module) {
      return codegen::renderWgsl(module, language.chunkBytes);
    };
    language.render = render;
    return codegen::emitBundle(program, language, options.symbol);
  }
  llvm::Expected<std::string> render(mlir::ModuleOp module) const override {
    return codegen::renderedText(
        codegen::renderWgsl(module, webgpuDefaults.bindingBytes));
  }
  std::vector<std::string> textPhases() const override { return {"wgsl"}; }

  llvm::Expected<Artifacts> place(const ArtifactOptions &asked,
                                  CodegenOptions &options) const override {
    if (!asked.weights.empty())
      return fail(ExitUsage, "--weights: target 'wgsl' has no such option");
    auto folder = codegen::placeBundle(asked, options);
    if (!folder)
      return folder.takeError();
    auto in = [&](const llvm::Twine &file) {
      return codegen::fileIn(*folder, file);
    };
    options.embedWeights = false;
    options.weightsFile = "weights.safetensors";
    Artifacts artifacts = {{"manifest", in("manifest.json")},
                           {"kernels_file", in(wgsl::kernelsFile)},
                           {"weights_file", in("weights.safetensors")},
                           {"module", in("model.mjs")},
                           {"types", in("model.d.mts")}};
    for (const wgsl::RuntimeFile &file : wgsl::runtimeFiles())
      if (file.inBundle)
        artifacts.push_back({file.name.str(), in(file.name)});
    return artifacts;
  }

  llvm::Error write(CompiledCode &code, Program &,
                    const CodegenOptions &options, const ArtifactOptions &,
                    Artifacts &artifacts) const override {
    StringRef folder = llvm::sys::path::parent_path(artifacts[0].second);
    if (llvm::Error error = codegen::writeBundle(code, wgsl::kernelsFile,
                                                 options.symbol, folder))
      return error;
    auto write = [](StringRef path, StringRef text) {
      return artifact::writeFile(path,
                                 [&](llvm::raw_ostream &os) { os << text; });
    };
    if (llvm::Error error =
            write(artifacts[3].second, wgsl::moduleText(options.symbol)))
      return error;
    if (llvm::Error error =
            write(artifacts[4].second, wgsl::typesText(code, options.symbol)))
      return error;
    size_t next = 5;
    for (const wgsl::RuntimeFile &file : wgsl::runtimeFiles())
      if (file.inBundle)
        if (llvm::Error error = write(artifacts[next++].second, file.text))
          return error;
    if (!code.weightsBytes)
      artifacts.erase(artifacts.begin() + 2);
    return llvm::Error::success();
  }

  llvm::Expected<std::unique_ptr<LoadedModel>>
  load(const CompiledCode &code, const CodegenOptions &options,
       int64_t) const override {
    return wgsl::loadModel(code, options.symbol);
  }
};

} // namespace

const Target &wgslTarget() {
  static const WgslTarget target;
  return target;
}

} // namespace nacre
