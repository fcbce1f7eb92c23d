//===- NodeModel.cpp - a bundle run by node -------------------------------===//
//
// WebGPU lives in JavaScript. A bundle is written to a scratch folder beside
// the runner of runtime/webgpu, and node runs it; tensors pass as raw files.
//
//===----------------------------------------------------------------------===//
#include "Wgsl.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
namespace nacre::wgsl {
namespace {

class NodeModel : public LoadedModel {
public:
  explicit NodeModel(const CompiledCode &code)
      : LoadedModel(code), kernelCount(code.kernels.size()) {}
  llvm::Error create(const CompiledCode &code, StringRef name);
  llvm::Error run(Call &call) override {
    return start(call, 0, false).takeError();
  }
  llvm::Expected<std::vector<double>> measure(Call &call, double seconds,
                                              size_t least) override;
  llvm::Expected<std::vector<std::vector<double>>>
  measureKernels(Call &call, double seconds) override;
  std::string device() const override { return adapter; }

private:
  llvm::Expected<Json> start(Call &call, double seconds, bool profile);

  const size_t kernelCount;
  artifact::ScratchFolder folder;
  std::string node, root, adapter;
};

llvm::Error NodeModel::create(const CompiledCode &code, StringRef name) {
  auto found = llvm::sys::findProgramByName("node");
  if (!found)
    return fail(ExitUsage, "target 'wgsl' runs through node, which is not "
                           "installed (Debian: apt-get install nodejs)");
  node = *found;
  if (llvm::Error error = folder.create())
    return error;
  // The folder removes the files that it was asked for.
  for (StringRef file : {"manifest.json", "kernels.wgsl", "weights.safetensors",
                         "stdout", "stderr"})
    folder.file(file);
  root = StringRef(folder.file("x")).drop_back(2).str();
  if (llvm::Error error = codegen::writeBundle(code, kernelsFile, name, root))
    return error;
  for (const RuntimeFile &file : runtimeFiles())
    if (llvm::Error error = artifact::writeFile(
            folder.file(file.name),
            [&](llvm::raw_ostream &os) { os << file.text; },
            artifact::Durability::Scratch))
      return error;
  return llvm::Error::success();
}

constexpr int signalled = -2; // as ExecuteAndWait has it

/// Whether node.mjs came to its end: it writes its line last, after the
/// outputs. A signal that ends node behind that is of the teardown of Dawn or a
/// driver, and takes nothing from what was computed.
bool isDone(const Json &report, int code) {
  return report.is_object() && (code == 0 || code == signalled) &&
         report.value("status", Json()) == "OK";
}

std::string contentOf(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

llvm::Expected<Json> NodeModel::start(Call &call, double seconds,
                                      bool profile) {
  for (auto [i, tensor] : llvm::enumerate(call.inputs)) {
    std::string path = folder.file(("input_" + Twine(i) + ".bin").str());
    if (llvm::Error error = artifact::writeFile(
            path,
            [&, &tensor = tensor](llvm::raw_ostream &os) {
              os.write(reinterpret_cast<const char *>(tensor.bytes),
                       tensor.byteCount());
            },
            artifact::Durability::Scratch))
      return error;
  }
  // Outputs of an earlier run are not to be taken for those of this one.
  for (size_t i = 0; i < call.outputs.size(); ++i)
    llvm::sys::fs::remove(folder.file(("output_" + Twine(i) + ".bin").str()));
  Json dims = Json::object();
  for (auto [name, extent] : llvm::zip(dimNames, call.dims))
    dims[name] = extent;
  std::string script = root + "/node.mjs", text = dims.dump(),
              repeat = std::to_string(seconds), out = root + "/stdout",
              err = root + "/stderr";
  llvm::SmallVector<StringRef> args = {
      node, script, root, "--inputs", root, "--outputs", root, "--dims", text};
  if (seconds > 0)
    args.append({"--repeat", repeat});
  if (profile)
    args.push_back("--profile");
  // Redirecting does not shorten what an earlier run has left.
  for (const std::string &file : {out, err})
    llvm::sys::fs::remove(file);
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(out),
                                          StringRef(err)};
  std::string message;
  int code = llvm::sys::ExecuteAndWait(node, args, std::nullopt, redirects,
                                       /*SecondsToWait=*/0, /*MemoryLimit=*/0,
                                       &message);
  std::string report = contentOf(out), errors = contentOf(err);
  Json json = Json::parse(report, nullptr, /*allow_exceptions=*/false);
  if (!isDone(json, code)) {
    StringRef line = StringRef(errors).trim();
    size_t at = line.rfind("error: ");
    if (at != StringRef::npos)
      line = line.drop_front(at + 7);
    line = line.take_front(2000);
    if (message.empty())
      message = "ended with exit code " + std::to_string(code);
    std::string what = line.empty() ? message : line.str();
    if (code == signalled && at == StringRef::npos && !line.empty())
      what = message + ": " + what;
    // What is missing on this machine is no fault of the model.
    bool missing = code == 3 ||
                   (json.is_object() && json.value("status", "") == "E_DEVICE");
    return fail(missing ? ExitUsage : ExitModel, "node: " + what);
  }
  if (json.contains("adapter") && json["adapter"].is_string())
    adapter = json["adapter"].get<std::string>();
  for (auto [i, tensor] : llvm::enumerate(call.outputs)) {
    std::string data =
        contentOf(root + "/output_" + std::to_string(i) + ".bin");
    if (int64_t(data.size()) != tensor.byteCount())
      return fail(ExitModel, "node: output " + Twine(i) + " has " +
                                 Twine(data.size()) + " bytes, expected " +
                                 Twine(tensor.byteCount()));
    std::memcpy(const_cast<uint8_t *>(tensor.bytes), data.data(), data.size());
  }
  return json;
}

llvm::Expected<std::vector<double>>
NodeModel::measure(Call &call, double seconds, size_t least) {
  auto json = start(call, std::max(seconds, 1e-3), false);
  if (!json)
    return json.takeError();
  std::vector<double> samples;
  for (const Json &ms : (*json)["run_ms"])
    samples.push_back(ms.get<double>() * 1e3);
  // The first run warms up, as long as enough are left.
  if (samples.size() > std::max<size_t>(least, 1))
    samples.erase(samples.begin());
  return samples;
}

llvm::Expected<std::vector<std::vector<double>>>
NodeModel::measureKernels(Call &call, double) {
  std::vector<std::vector<double>> samples;
  auto json = start(call, 0, true);
  if (!json)
    return json.takeError();
  const Json &kernels = (*json)["kernels"];
  if (!kernels.is_array() || kernels.size() != kernelCount)
    return samples;
  for (const Json &kernel : kernels)
    samples.push_back({kernel.value("ms", 0.0) * 1e3});
  return samples;
}

} // namespace

llvm::Expected<std::unique_ptr<LoadedModel>> loadModel(const CompiledCode &code,
                                                       StringRef name) {
  auto model = std::make_unique<NodeModel>(code);
  if (llvm::Error error = model->create(code, name))
    return error;
  return std::unique_ptr<LoadedModel>(std::move(model));
}

} // namespace nacre::wgsl
