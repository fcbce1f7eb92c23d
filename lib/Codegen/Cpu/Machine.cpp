//===- Machine.cpp - what a CPU offers ------------------------------------===//
#include "Cpu.h"
#include "nacre/Failure/Failure.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <unistd.h>

namespace nacre {

static void initialiseTargets() {
  static bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)once;
}

namespace codegen {
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(const CodegenOptions &options) {
  initialiseTargets();
  llvm::Triple triple(options.triple);
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return llvm::createStringError("unknown target triple '%s'",
                                   options.triple.c_str());
  // Asked before a machine is made, which would complain in its own words.
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!options.cpu.empty() && known && !known->isCPUStringValid(options.cpu))
    return llvm::createStringError("unknown cpu '%s' for %s",
                                   options.cpu.c_str(), options.triple.c_str());
  llvm::TargetOptions targetOptions;
  if (triple.isRISCV64()) // what every distribution links with
    targetOptions.MCOptions.ABIName = "lp64d";
  targetOptions.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  targetOptions.FunctionSections = true;
  auto level = options.optLevel == 0   ? llvm::CodeGenOptLevel::None
               : options.optLevel == 1 ? llvm::CodeGenOptLevel::Less
               : options.optLevel == 2 ? llvm::CodeGenOptLevel::Default
                                       : llvm::CodeGenOptLevel::Aggressive;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, options.cpu, options.features, targetOptions, llvm::Reloc::PIC_,
      std::nullopt, level));
  if (!machine)
    return llvm::createStringError("no code generator for '%s'",
                                   options.triple.c_str());
  return machine;
}
} // namespace codegen

llvm::Expected<MachineDescription>
cpu::describeMachine(CodegenOptions &options) {
  initialiseTargets();
  bool tripleGiven = !options.triple.empty();
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (!tripleGiven)
    options.triple = host.str();
  bool sameProcessor =
      llvm::Triple(llvm::Triple::normalize(options.triple)).getArch() ==
      host.getArch();
  if (options.cpu.empty())
    options.cpu = sameProcessor ? "host" : "generic";
  bool isHost = options.cpu == "host";
  if (isHost && !sameProcessor)
    return fail(ExitUsage,
                "--cpu: 'host' is another processor than " + options.triple);
  options.triple = llvm::Triple::normalize(options.triple);
  if (isHost) {
    options.cpu = llvm::sys::getHostCPUName().str();
    if (options.features.empty()) {
      std::vector<std::string> features;
      for (auto &feature : llvm::sys::getHostCPUFeatures())
        if (feature.second)
          features.push_back("+" + feature.first().str());
      llvm::sort(features);
      options.features = llvm::join(features, ",");
    }
  }
  if (llvm::Triple(options.triple).isRISCV64() &&
      (options.cpu.empty() || options.cpu == "generic")) {
    options.cpu = "generic-rv64";
    options.features = "+m,+a,+f,+d,+c" +
                       (options.features.empty() ? "" : "," + options.features);
  }
  auto machine = codegen::makeTargetMachine(options);
  if (!machine)
    return machine.takeError();
  const llvm::MCSubtargetInfo &info = *(*machine)->getMCSubtargetInfo();
  auto has = [&](llvm::StringRef feature) {
    return info.checkFeatures(("+" + feature).str());
  };
  MachineDescription d;
  d.branches = true;
  d.dotProducts = codegen::hasDotProducts(**machine);
  d.name = (tripleGiven ? options.triple + ", " : "") + "cpu " + options.cpu +
           (isHost ? " (host)" : "");
  llvm::Triple triple(options.triple);
  if (triple.isX86()) {
    if (has("avx512f") && has("avx512vl") && has("avx512bw")) {
      d.vectorBytes = 64;
      d.vectorRegisters = 32;
      d.l2Bytes = 1 << 20;
    } else if (has("avx2")) {
      d.vectorBytes = 32;
      d.vectorRegisters = 16;
    }
    d.hasFma = has("fma");
    d.winograd = d.vectorBytes >= 32;
  } else if (triple.isAArch64()) {
    d.vectorBytes = 16;
    d.vectorRegisters = 32;
  } else if (triple.isRISCV()) {
    d.vectorBytes = has("v") ? 16 : 4;
    d.vectorRegisters = has("v") ? 32 : 24;
  } else if (triple.isWasm()) {
    d.vectorBytes = has("simd128") ? 16 : 4;
    d.vectorRegisters = 16;
    d.hasFma = false;
  } else {
    d.vectorBytes = 4; // scalar
    d.vectorRegisters = 12;
    d.l2Bytes = 64 << 10;
  }
  // Of this very processor the second cache's size is known, not assumed.
  if (isHost)
    if (long bytes = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
        bytes >= (128 << 10) && bytes <= (4 << 20))
      d.l2Bytes = bytes;
  return d;
}

} // namespace nacre
