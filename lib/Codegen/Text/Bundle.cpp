//===- Bundle.cpp - kernels as text and the plan that runs them -----------===//
#include "Bundle.h"
#include "../Lower/LowerProgram.h"
#include "Text.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Artifact/CName.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>
extern "C" {
#include "sha256.h"
}

using namespace mlir;
using Json = nlohmann::ordered_json;
namespace nacre::codegen {
namespace {

/// Every input and output starts at a multiple of these bytes.
constexpr uint64_t memoryAlignment = 256;

class BundleEmitter {
public:
  BundleEmitter(Program &program, const TextLanguage &language, StringRef name)
      : program(program), language(language), name(name) {}
  llvm::Expected<CompiledCode> run();

private:
  void placeSignature();
  void nameFunctions();
  uint64_t memoryOffset(const BufferRef &ref) const;
  Json describe(const TensorInfo &tensor, uint64_t offset) const;
  Json launch(const KernelCall &call, const KernelInfo &info);
  void atMost(StringRef kernel, StringRef what, uint64_t value, uint64_t limit);

  Program &program;
  const TextLanguage &language;
  StringRef name;
  CompiledCode code;
  LoweredProgram lowered;
  SmallVector<uint64_t> inputAt, outputAt;
  uint64_t memoryBytes = 0;
  llvm::StringMap<KernelUse> uses; ///< by function
  std::vector<std::string> refusals;
  DeviceLimits used;
};

/// Inputs and outputs lie behind the arena.
void BundleEmitter::placeSignature() {
  uint64_t at = code.arenaBytes;
  for (auto [list, offsets] :
       {std::pair(&code.inputs, &inputAt), std::pair(&code.outputs, &outputAt)})
    for (const TensorInfo &tensor : *list) {
      at = llvm::alignTo(at, memoryAlignment);
      offsets->push_back(at);
      at += tensor.byteCount();
    }
  memoryBytes = llvm::alignTo(at, memoryAlignment);
}

uint64_t BundleEmitter::memoryOffset(const BufferRef &ref) const {
  uint64_t base = ref.space == "input"    ? inputAt[ref.slot]
                  : ref.space == "output" ? outputAt[ref.slot]
                                          : 0;
  return base + ref.byteOffset;
}

/// In hexadecimal. LLVM's own hash is wrong from 512 MiB on (LLVM 22 counts
/// bits in 32 bits); this one is the runtime's, which checks it.
std::string sha256(StringRef bytes) {
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  nacre_sha256_add(&hash, bytes.data(), bytes.size());
  return nacre_sha256_end(&hash).text;
}

std::string amount(double n) {
  const char *units[] = {"", "k", "M", "G", "T"};
  unsigned unit = 0;
  for (; n >= 1000 && unit + 1 < std::size(units); ++unit)
    n /= 1000;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g ", n) << units[unit];
  return text;
}

/// Functions get the name of their first kernel and a comment for readers.
void BundleEmitter::nameFunctions() {
  artifact::NameScope scope;
  llvm::StringMap<SmallVector<unsigned>> callsOf;
  for (auto [i, call] : llvm::enumerate(lowered.calls))
    callsOf[call.function].push_back(i);
  for (auto function : lowered.module->getOps<func::FuncOp>()) {
    const SmallVector<unsigned> &users = callsOf[function.getName()];
    const KernelInfo &info = code.kernels[users.front()];
    std::string fresh = artifact::cIdentifier(info.name);
    if (isReservedName(fresh) || StringRef(fresh).starts_with("nacre_"))
      fresh = "k_" + fresh;
    fresh = scope.add(fresh);
    std::string comment;
    llvm::raw_string_ostream text(comment);
    text << artifact::commentText(info.computes) << "\n"
         << amount(info.flops) << "FLOP, " << amount(info.bytes) << "B";
    if (users.size() > 1) {
      text << "; also";
      for (unsigned user : ArrayRef(users).drop_front().take_front(8))
        text << ' ' << artifact::commentText(code.kernels[user].name);
      if (users.size() > 9)
        text << " and " << users.size() - 9 << " more";
    }
    for (unsigned user : users)
      lowered.calls[user].function = fresh;
    function.setName(fresh);
    function->setAttr("nacre.comment",
                      StringAttr::get(function.getContext(), comment));
  }
}

void BundleEmitter::atMost(StringRef kernel, StringRef what, uint64_t value,
                           uint64_t limit) {
  if (limit && value > limit)
    refusals.push_back((kernel + ": needs " + llvm::Twine(value) + " " + what +
                        ", the limit is " + llvm::Twine(limit))
                           .str());
}

Json BundleEmitter::describe(const TensorInfo &tensor, uint64_t offset) const {
  Json json = {{"name", tensor.name},
               {"dtype", tensor.dtypeText()},
               {"shape", tensor.shape}};
  if (llvm::any_of(tensor.dimNames,
                   [](const std::string &dim) { return !dim.empty(); })) {
    Json dims = Json::array();
    for (const std::string &dim : tensor.dimNames)
      dims.push_back(dim.empty() ? -1
                                 : int(llvm::find(code.dimNames, dim) -
                                       code.dimNames.begin()));
    json["dims"] = dims;
  }
  json["offset"] = offset;
  json["bytes"] = tensor.byteCount();
  return json;
}

Json BundleEmitter::launch(const KernelCall &call, const KernelInfo &info) {
  auto function = lowered.module->lookupSymbol<func::FuncOp>(call.function);
  const KernelUse &use = uses.find(call.function)->second;
  Json json = {
      {"name", info.name},           {"entry", call.function},
      {"computes", info.computes},   {"flops", info.flops},
      {"bytes", info.bytes},         {"tasks", call.tasks},
      {"task_dim", call.taskSymbol}, {"tasks_per_group", call.perGroup},
      {"local", {call.group, 1, 1}}, {"status", use.status}};
  uint64_t tasks = call.tasks;
  if (call.taskSymbol >= 0)
    tasks *= code.boundOf(code.dimNames[call.taskSymbol]);
  uint64_t groups = llvm::divideCeil(tasks, call.perGroup);
  used.groups = std::max(used.groups, groups);
  // Launches are folded into two dimensions.
  uint64_t limit = language.limits.groups;
  atMost(info.name, "work-groups", groups, limit * limit);

  if (!language.chunkBytes) {
    Json buffers = Json::array();
    for (const BufferRef &ref : call.buffers) {
      bool weights = ref.space == "weights";
      buffers.push_back(
          {{"space", weights ? "weights" : "memory"},
           {"offset", weights ? uint64_t(ref.byteOffset) : memoryOffset(ref)},
           {"bytes", ref.bytes},
           {"write", ref.write}});
    }
    json["buffers"] = buffers;
  } else {
    Json bindings = Json::array(), params = Json::array();
    auto chunkOf = [&](const BufferRef &ref) {
      return ref.byteOffset / language.chunkBytes;
    };
    for (const KernelUse::Binding &binding : use.bindings) {
      switch (binding.space) {
      case KernelUse::Binding::Memory:
        bindings.push_back({{"space", "memory"}});
        break;
      case KernelUse::Binding::Status:
        bindings.push_back({{"space", "status"}});
        break;
      case KernelUse::Binding::Weights:
        bindings.push_back(
            {{"space", "weights"},
             {"chunk", chunkOf(call.buffers[binding.buffer]) + binding.chunk}});
      }
    }
    for (auto [i, ref] : llvm::enumerate(call.buffers)) {
      auto type = cast<MemRefType>(function.getArgumentTypes()[i]);
      uint64_t at = ref.space == "weights"
                        ? ref.byteOffset - chunkOf(ref) * language.chunkBytes
                        : memoryOffset(ref);
      params.push_back(at / (type.getElementTypeBitWidth() / 8));
    }
    json["bindings"] = bindings;
    json["params"] = params;
    atMost(info.name, "storage buffers", bindings.size(),
           language.limits.storageBuffers);
    used.storageBuffers =
        std::max<uint64_t>(used.storageBuffers, bindings.size());
    atMost(info.name, "bytes of parameters",
           4 * (params.size() + call.symbols.size()),
           language.limits.uniformBytes);
  }
  json["dims"] = call.symbols;
  atMost(info.name, "bytes of work-group memory", use.workgroupBytes,
         language.limits.workgroupBytes);
  atMost(info.name, "items in a work-group", call.group,
         language.limits.invocations);
  used.workgroupBytes = std::max(used.workgroupBytes, use.workgroupBytes);
  used.invocations = std::max<uint64_t>(used.invocations, call.group);
  return json;
}

llvm::Expected<CompiledCode> BundleEmitter::run() {
  auto result = lowerProgram(program, "k", code, language.chunkBytes);
  if (!result)
    return result.takeError();
  lowered = std::move(*result);
  if (code.dimsAreData)
    return fail(ExitModel, name + ": extents that the run decides on more than "
                                  "a leading axis need --target cpu");
  placeSignature();
  nameFunctions();
  // Addresses inside a kernel are 32 bits wide.
  for (auto [call, info] : llvm::zip(lowered.calls, code.kernels))
    for (const BufferRef &ref : call.buffers)
      atMost(info.name, "bytes in one tensor", ref.bytes,
             std::numeric_limits<int32_t>::max());
  if (!refusals.empty())
    return fail(ExitLimit, refusals);
  if (failed(decompose(*lowered.module, language.lacks)) ||
      failed(verifyDecomposed(*lowered.module, language.lacks)))
    return llvm::createStringError("kernels could not be decomposed");
  for (auto function : lowered.module->getOps<func::FuncOp>())
    if (function->hasAttr("nacre.kernel"))
      uses[function.getName()] = kernelUse(function);
  Json launches = Json::array();
  for (auto [call, info] : llvm::zip(lowered.calls, code.kernels))
    launches.push_back(launch(call, info));
  used.bindingBytes = memoryBytes;
  if (language.chunkBytes)
    used.bindingBytes =
        std::max(memoryBytes, std::min(code.weightsBytes, language.chunkBytes));
  atMost("the model", "bytes of working memory in one buffer", memoryBytes,
         language.limits.bindingBytes);
  if (!refusals.empty())
    return fail(ExitLimit, refusals);
  auto text = renderedText(language.render(*lowered.module));
  if (!text)
    return text.takeError();
  code.kernelText = std::move(*text);

  Json json = {{"nacre_bundle", 1},
               {"target", language.target.str()},
               {"name", name.str()}};
  Json inputs = Json::array(), outputs = Json::array(), dims = Json::array();
  for (auto [tensor, at] : llvm::zip(code.inputs, inputAt))
    inputs.push_back(describe(tensor, at));
  for (auto [tensor, at] : llvm::zip(code.outputs, outputAt))
    outputs.push_back(describe(tensor, at));
  for (const std::string &dim : code.dimNames)
    dims.push_back({{"name", dim}, {"bound", code.boundOf(dim)}});
  json["inputs"] = inputs;
  json["outputs"] = outputs;
  json["dims"] = dims;
  if (!code.strings.empty())
    json["strings"] = code.strings;
  json["memory_bytes"] = memoryBytes;
  json["weights_bytes"] = code.weightsBytes;
  if (language.chunkBytes)
    json["chunk_bytes"] = language.chunkBytes;
  json["files"] = {{"kernels", {{"name", language.kernelsFile.str()}}}};
  json["limits"] = {{"storage_buffers", used.storageBuffers},
                    {"binding_bytes", used.bindingBytes},
                    {"workgroup_bytes", used.workgroupBytes},
                    {"invocations", used.invocations},
                    {"groups", used.groups}};
  json["kernels"] = launches;
  auto &kernels = json["files"]["kernels"];
  kernels["bytes"] = code.kernelText.size();
  kernels["sha256"] = sha256(code.kernelText);
  code.manifest = json.dump(1) + "\n";
  return std::move(code);
}

} // namespace

llvm::Expected<CompiledCode>
emitBundle(Program &program, const TextLanguage &language, StringRef name) {
  return BundleEmitter(program, language, name).run();
}

llvm::Expected<std::string> renderedText(llvm::FailureOr<std::string> text) {
  if (failed(text))
    return llvm::createStringError("kernels could not be printed");
  return std::move(*text);
}

llvm::Expected<std::string> placeBundle(const ArtifactOptions &asked,
                                        const CodegenOptions &options) {
  std::string folder = asked.output.empty() ? options.symbol : asked.output;
  StringRef extension = llvm::sys::path::extension(folder);
  bool isFolder = llvm::sys::fs::is_directory(folder);
  if (!isFolder && (llvm::sys::fs::exists(folder) || extension == ".o" ||
                    extension == ".so"))
    return fail(ExitUsage,
                "-o: '" + folder + "' is a file, a bundle is a folder");
  if (std::error_code code = llvm::sys::fs::create_directories(
          folder, /*IgnoreExisting=*/true, llvm::sys::fs::all_all))
    return fail(ExitUsage, folder + ": cannot write: " + code.message());
  return folder;
}

std::string fileIn(StringRef folder, const llvm::Twine &name) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  return path.str().str();
}

llvm::Error writeBundle(const CompiledCode &code, StringRef kernelsFile,
                        StringRef name, StringRef folder) {
  auto in = [&](StringRef file) { return fileIn(folder, file); };
  Json manifest = Json::parse(code.manifest);
  if (code.weightsBytes) {
    std::string path = in("weights.safetensors");
    if (llvm::Error error = artifact::writeWeightsFile(code, name, path))
      return error;
    auto written =
        llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false);
    if (!written)
      return fail(ExitUsage,
                  path + ": cannot read: " + written.getError().message());
    auto &weights = manifest["files"]["weights"];
    weights["name"] = "weights.safetensors";
    weights["bytes"] = (*written)->getBufferSize();
    weights["sha256"] = sha256((*written)->getBuffer());
  }
  if (llvm::Error error =
          artifact::writeFile(in(kernelsFile), [&](llvm::raw_ostream &os) {
            os << code.kernelText;
          }))
    return error;
  return artifact::writeFile(in("manifest.json"), [&](llvm::raw_ostream &os) {
    os << manifest.dump(1) << "\n";
  });
}

} // namespace nacre::codegen
